import { availableParallelism } from 'node:os';
import { initialise, initialiserRange, type ParameterSpec, type Parameters } from '../model/parameters';
import { counterDropout, type Dropout } from '../model/random';
import type { ModelConfig } from '../model/config';
import type { Value } from '../onnx/graph';
import { sameShape, tensor, type Tensor } from '../onnx/types';
import { hash32, permute } from '../shared/random';
import { STEP_KEY, stepKey } from '../train/compile';
import { learningRateAt } from '../train/schedule';
import { TrainingState } from '../train/state';
import { createStepper } from '../train/stepper';

export interface Tuning {
  readonly config: Pick<ModelConfig, 'hiddenSize'>;
  readonly specs: readonly ParameterSpec[];
  /** Where parameters start; those that are not here, or have another shape, start as in pre-training, from the seed. */
  readonly from: ReadonlyMap<string, Tensor>;
  /** Scalar. */
  readonly loss: (parameters: Parameters, dropout: Dropout) => Value;
  /** What the loss is fed with in a step (from 0). */
  readonly feeds: (step: number) => ReadonlyMap<string, Tensor>;
  readonly steps: number;
  readonly learningRate: number;
  /** Fraction of the steps. */
  readonly warmup: number;
  readonly weightDecay: number;
  readonly seed: number;
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Small work ends sooner on two threads, and leaves the others to what else goes on. */
export const THREADS = Math.min(2, availableParallelism());

const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, gradientClip: 1 };
/** What a step's random choices follow from, besides the seed. */
const DRAW = { step: 40, order: 41 } as const;

/**
 * Trains parameters on the loss of a downstream task: AdamW, gradient clipping, a learning rate that rises and then falls to 0 in a straight line. A pure
 * function of what it is given, as pre-training is.
 *
 * @returns all parameters as they are then
 */
export async function tune({ config, specs, from, loss, feeds, seed, threads, signal, ...options }: Tuning): Promise<Map<string, Tensor>> {
  const state = new TrainingState(specs);
  for (const spec of specs) {
    const into = state.parameters.get(spec.name)!;
    const known = from.get(spec.name);
    if (known && sameShape(known.shape, spec.shape)) into.data.set(known.data as never);
    else initialise(into, spec, seed, initialiserRange(config as ModelConfig));
  }
  const losses = {
    specs,
    losses: (parameters: Parameters) => [{ name: 'task', weight: 1, loss: loss(parameters, counterDropout(stepKey())) }],
  };
  const stepper = await createStepper(losses, { ...ADAM, weightDecay: options.weightDecay }, state, { threads: threads ?? THREADS });
  try {
    for (let step = 0; step < options.steps; step++) {
      signal?.throwIfAborted();
      const learningRate = learningRateAt(step, { ...options, schedule: 'linear' });
      const key = tensor('uint32', [], [hash32(seed, DRAW.step, step)]);
      await stepper.steps([{ feeds: new Map([...feeds(step), [STEP_KEY, key]]), t: [step + 1], learningRate }]);
    }
  } finally {
    await stepper.release();
  }
  return new Map(state.parameters);
}

/** Numbers of the examples of a step's batch: all examples in each pass, in an order of its own. */
export function drawBatch(examples: number, batch: number, step: number, seed: number): number[] {
  return Array.from({ length: batch }, (_, i) => {
    const at = step * batch + i;
    return permute(at % examples, examples, hash32(seed, DRAW.order, Math.floor(at / examples)));
  });
}

/** Steps of so many passes over the examples. */
export const stepsOf = (examples: number, batch: number, epochs: number): number => Math.max(1, Math.ceil((examples * epochs) / batch));

import type { Outputs, Value } from '../onnx/graph';
import { bytesOf, peakOf, type Peak } from '../onnx/memory';
import type { ModelConfig } from '../model/config';
import type { Instance } from '../objectives';
import { formatLarge } from '../shared/format';
import { compileEvaluation, parametersOf, trainingLosses } from './compile';
import { targetOf, type Provider, type SessionOptions } from './device';
import { cachedGraphs, isCached } from './gradient-cache';
import { isDivided } from './micro-batches';
import type { Plan } from './plan';
import { updatesItself } from './state';
import { compileGradients, compileStep } from './step';
import type { OptimiserOptions } from './stepper';

/** What a run needs on its device, in bytes. */
export interface MemoryNeed {
  readonly parameters: number;
  /** AdamW's two. */
  readonly moments: number;
  readonly gradients: number;
  /** What the sessions hold: everything between inputs and outputs, forwards and backwards. */
  readonly activations: number;
  /** The largest kinds of activations at the peak of the largest step. */
  readonly kinds: Readonly<Record<'logits' | 'attention', number>>;
}

export const totalOf = ({ parameters, moments, gradients, activations }: MemoryNeed): number =>
  parameters + moments + gradients + activations;

/** What a trainer takes before all that, its text being read and its state still to come: Node, this program, the tokenizer. */
const TRAINER = 120e6;

/** What a process takes that does nothing but train, in bytes. */
export const trainerNeed = (need: MemoryNeed): number => TRAINER + totalOf(need);

/**
 * By how much a session's memory outgrows the values that live in it at once (more where layers are computed again, since ONNX Runtime's order is not
 * ours), what a session takes before it runs, and what the process takes besides for the runtime, batches, checkpoints and JavaScript, in bytes: chosen so
 * that the estimate of whole runs is 1.0 to 1.3 times what they take (`bench/README.md`).
 */
const [KEPT, RECOMPUTED, SESSION, PROCESS] = [1.25, 1.5, 6e6, 80e6];

/** Copies of parameters and moments that a device holds: on CUDA the steps of a run are the turns of a Scan, which carries its state twice over. */
const STATE_COPIES: Readonly<Record<Provider, number>> = { cpu: 1, cuda: 4, webgpu: 2 };

/** What training by a plan needs, from the graphs that it will run. Compiles them. */
export function memoryNeed(config: ModelConfig, plan: Plan, optimiser: OptimiserOptions, options: SessionOptions): MemoryNeed {
  const { provider = 'cpu', precision } = options;
  const target = targetOf(options);
  const specs = parametersOf(config, plan.instances);
  const parameters = specs.reduce((sum, { shape }) => sum + bytesOf({ dtype: 'float32', shape }), 0);
  const inGraph = provider !== 'cpu' || !updatesItself(specs);
  const direct = (set: readonly Instance[]): Outputs => {
    const losses = trainingLosses(config, set, optimiser.recompute);
    return inGraph ? compileStep({ ...losses, ...optimiser }, target, precision) : compileGradients(losses, target, precision);
  };
  let copies = inGraph ? 0 : 1;
  const steps = plan.sets.flatMap((set) => {
    if (!set.some((instance) => isCached(instance) || isDivided(instance))) return [direct(set)];
    // Each source keeps gradients of its own, and those of what it computes piece by piece.
    copies += set.length > 1 ? 2 * set.length : 1;
    return set.flatMap((instance) =>
      isCached(instance)
        ? cachedGraphs(config, instance, options, optimiser.recompute)
        : [direct([isDivided(instance) ? instance.parts.instance : instance])],
    );
  });
  const evaluations = plan.instances.flatMap((instance) =>
    // Close to the graphs of its steps, of which only the last goes backwards.
    isCached(instance)
      ? cachedGraphs(config, instance, options).slice(0, 2)
      : [compileEvaluation(config, isDivided(instance) && instance.parts.metrics ? instance.parts.instance : instance, target, precision)],
  );
  const peaks = [...steps, ...evaluations].map(peakOf);
  const growth = optimiser.recompute ? RECOMPUTED : KEPT;
  const largest = peaks.reduce((a, b) => (b.bytes > a.bytes ? b : a));
  return {
    parameters: STATE_COPIES[provider] * parameters,
    moments: STATE_COPIES[provider] * 2 * parameters,
    gradients: copies * parameters,
    activations: peaks.reduce((sum, { bytes }) => sum + SESSION + growth * bytes, PROCESS),
    kinds: kindsOf(largest, config),
  };
}

function kindsOf({ live }: Peak, { vocabularySize }: ModelConfig): MemoryNeed['kinds'] {
  const sum = (is: (value: Value) => boolean): number => live.filter(is).reduce((bytes, value) => bytes + bytesOf(value), 0);
  return {
    logits: sum(({ shape }) => shape.at(-1) === vocabularySize),
    // Queries, keys and values have four axes as well, and are small beside the scores of long sequences.
    attention: sum(({ rank }) => rank === 4),
  };
}

const inBytes = (bytes: number): string => `${formatLarge(bytes)}B`;

/** Such as `3.1 GB of 22 GB: parameters 0.2 GB, moments 0.4 GB, gradients 0.2 GB, activations 2.4 GB (logits 0.9 GB, attention 0.6 GB)`. */
export function describeNeed(need: MemoryNeed, available: number | undefined): string {
  const { parameters, moments, gradients, activations, kinds } = need;
  const parts = Object.entries({ parameters, moments, gradients, activations }).map(([name, bytes]) => `${name} ${inBytes(bytes)}`);
  const largest = Object.entries(kinds).flatMap(([name, bytes]) => (bytes > 0 ? [`${name} ${inBytes(bytes)}`] : []));
  const of = available === undefined ? '' : ` of ${inBytes(available)}`;
  return `${inBytes(totalOf(need))}${of}: ${parts.join(', ')}${largest.length > 0 ? ` (${largest.join(', ')})` : ''}`;
}

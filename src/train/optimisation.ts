import { tensor, type Tensor } from '../onnx/types';
import type { ModelConfig } from '../model/config';
import type { Instance } from '../objectives';
import type { Batch } from '../objectives/objective';
import { UserError } from '../shared/errors';
import { feedsOf, parametersOf, STEP_KEY, trainingLosses, weightName } from './compile';
import type { SessionOptions } from './device';
import { cachedGradients, isCached } from './gradient-cache';
import { directGradients, summedGradients, type GradientSource } from './gradients';
import { dividedGradients, isDivided } from './micro-batches';
import { keyOf, type Part, type Plan } from './plan';
import type { TrainingState } from './state';
import {
  createStepper,
  fusedStepper,
  type GroupOf,
  type OptimiserOptions,
  type Scalars,
  type StepInput,
  type Stepper,
  type TrainingDevice,
} from './stepper';

/** One step of a plan. */
export interface Step {
  readonly parts: readonly Part[];
  /** A batch of each part. */
  readonly batches: readonly Batch[];
  /** From which all that is random in the step follows. */
  readonly key: number;
  readonly learningRate: number;
}

/** A set of objectives that is trained together. */
interface Ensemble {
  readonly stepper: Stepper;
  /** For each group of its parameters the keys of the sets that train them: as often as those were trained, they were updated. */
  readonly trainedBy: readonly (readonly string[])[];
}

/**
 * Trains what a plan says. Every set of objectives has a step of its own; parameters that a step does not train rest, with their moments, and AdamW
 * counts the updates of each, as PyTorch does.
 */
export class Optimisation {
  /** How often each set has been trained. */
  readonly #counts = new Map<string, number>();
  /** The one that has the state as it is now, if it is not in the {@link TrainingState}. */
  #at: Stepper | undefined;

  private constructor(
    private readonly plan: Plan,
    private readonly ensembles: ReadonlyMap<string, Ensemble>,
  ) {}

  /** @throws UserError (code `device`) when the device cannot do what the objectives ask for */
  static async create(
    config: ModelConfig,
    plan: Plan,
    optimiser: OptimiserOptions,
    state: TrainingState,
    session: TrainingDevice,
  ): Promise<Optimisation> {
    const ensembles = new Map<string, Ensemble>();
    for (const set of plan.sets) {
      const { trainedBy, groupOf } = groups(config, plan, set);
      const stepper = set.some((instance) => isCached(instance) || isDivided(instance))
        ? fusedStepper(await sourceInParts(config, set, optimiser.recompute, state, session), optimiser, state, groupOf)
        : await createStepper(trainingLosses(config, set, optimiser.recompute), optimiser, state, session, groupOf);
      ensembles.set(keyOf(set), { stepper, trainedBy });
    }
    return new Optimisation(plan, ensembles);
  }

  /** Goes on from the {@link TrainingState} as it is, counting as after so many steps. */
  goOnFrom(steps: number): void {
    this.#at = undefined;
    this.#counts.clear();
    for (let step = 0; step < steps; step++) this.#count(keyOf(this.plan.setAt(step)));
  }

  /** What a person should know of how the device does the steps, each thing once. */
  get notices(): ReadonlySet<string> {
    return new Set([...this.ensembles.values()].flatMap(({ stepper: { notice } }) => notice ?? []));
  }

  /** How many steps that train these objectives suit the device at once. */
  chunkOf(set: readonly Instance[]): number {
    return this.ensembles.get(keyOf(set))!.stepper.chunk;
  }

  /** Does steps one after another that all train the same objectives. */
  async steps(steps: readonly Step[]): Promise<Scalars[]> {
    const own = keyOf(steps[0]!.parts.map(({ instance }) => instance));
    const { stepper, trainedBy } = this.ensembles.get(own)!;
    if (this.#at !== stepper) {
      await this.#at?.download();
      await stepper.upload();
      this.#at = stepper;
    }
    const inputs = steps.map(({ parts, batches, key, learningRate }): StepInput => {
      this.#count(own);
      const feeds = new Map<string, Tensor>([
        [STEP_KEY, tensor('uint32', [], [key])],
        ...parts.map(({ instance, weight }) => [weightName(instance.type), tensor('float32', [], [weight])] as const),
        ...parts.flatMap(({ instance }, i) => feedsOf(instance.type, batches[i]!)),
      ]);
      return { feeds, t: trainedBy.map((sets) => sets.reduce((sum, each) => sum + (this.#counts.get(each) ?? 0), 0)), learningRate };
    });
    return stepper.steps(inputs);
  }

  /** Brings what the steps have done into the {@link TrainingState}. */
  async download(): Promise<void> {
    await this.#at?.download();
  }

  #count(set: string): void {
    this.#counts.set(set, (this.#counts.get(set) ?? 0) + 1);
  }

  async release(): Promise<void> {
    for (const { stepper } of this.ensembles.values()) await stepper.release();
  }
}

/** The parameters of a set in groups by the sets of the plan that train them. */
function groups(config: ModelConfig, plan: Plan, set: readonly Instance[]): { trainedBy: string[][]; groupOf: GroupOf } {
  const members = plan.sets.map((each) => [keyOf(each), new Set(parametersOf(config, each).map(({ name }) => name))] as const);
  const trainers = (parameter: string): string[] => members.flatMap(([key, names]) => (names.has(parameter) ? [key] : []));
  const trainedBy = [...new Map(parametersOf(config, set).map(({ name }) => [trainers(name).join(), trainers(name)])).values()];
  const numbers = new Map(trainedBy.map((sets, group) => [sets.join(), group]));
  return { trainedBy, groupOf: (parameter) => numbers.get(trainers(parameter).join())! };
}

/** Objectives whose batches are computed in parts or with a gradient cache, and the others of the set beside them. */
async function sourceInParts(
  config: ModelConfig,
  set: readonly Instance[],
  recompute: boolean | undefined,
  state: TrainingState,
  session: SessionOptions,
): Promise<GradientSource> {
  if (state.gradients.size === 0)
    throw new UserError(
      'The model is too large for a gradient cache or micro-batches.',
      'Set "gradientCache" to 0 and "training.microBatches" to 1, or choose a smaller model.',
      'device',
    );
  const sources = new Map<string, GradientSource>();
  for (const instance of set) {
    const source = isCached(instance)
      ? await cachedGradients(config, instance, recompute, state, session)
      : isDivided(instance)
        ? await dividedGradients(config, instance, recompute, state, session)
        : await directGradients(trainingLosses(config, [instance], recompute), state, session);
    sources.set(instance.type, source);
  }
  return sources.size === 1 ? [...sources.values()][0]! : summedGradients(sources);
}

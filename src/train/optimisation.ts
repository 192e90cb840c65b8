import { tensor, type Tensor } from '../onnx/types';
import type { ModelConfig } from '../model/config';
import type { Instance } from '../objectives';
import type { Batch } from '../objectives/objective';
import { UserError } from '../shared/errors';
import { feedsOf, parametersOf, STEP_KEY, trainingLosses, weightName } from './compile';
import type { SessionOptions } from './device';
import { cachedGradients, isCached } from './gradient-cache';
import { directGradients, summedGradients, type GradientSource } from './gradients';
import { keyOf, type Part, type Plan } from './plan';
import type { TrainingState } from './state';
import { createStepper, fusedStepper, type GroupOf, type OptimiserOptions, type Stepper } from './stepper';

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
    session: SessionOptions,
  ): Promise<Optimisation> {
    const ensembles = new Map<string, Ensemble>();
    for (const set of plan.sets) {
      const { trainedBy, groupOf } = groups(config, plan, set);
      const stepper = set.some(isCached)
        ? fusedStepper(await cachedSource(config, set, state, session), optimiser, state, groupOf)
        : await createStepper(trainingLosses(config, set), optimiser, state, session, groupOf);
      ensembles.set(keyOf(set), { stepper, trainedBy });
    }
    return new Optimisation(plan, ensembles);
  }

  /** Counts as after so many steps. */
  countFrom(steps: number): void {
    this.#counts.clear();
    for (let step = 0; step < steps; step++) this.#count(keyOf(this.plan.setAt(step)));
  }

  /**
   * @param parts the objectives of the step
   * @param batches a batch of each
   * @param key from which all that is random in the step follows
   * @returns the scalars of {@link Stepper.step}
   */
  async step(parts: readonly Part[], batches: readonly Batch[], key: number, learningRate: number): Promise<ReadonlyMap<string, number>> {
    const set = parts.map(({ instance }) => instance);
    const own = keyOf(set);
    const { stepper, trainedBy } = this.ensembles.get(own)!;
    this.#count(own);
    const feeds = new Map<string, Tensor>([
      [STEP_KEY, tensor('uint32', [], [key])],
      ...parts.map(({ instance, weight }) => [weightName(instance.type), tensor('float32', [], [weight])] as const),
      ...set.flatMap(({ type }, i) => feedsOf(type, batches[i]!)),
    ]);
    const t = trainedBy.map((sets) => sets.reduce((sum, each) => sum + (this.#counts.get(each) ?? 0), 0));
    return stepper.step(feeds, t, learningRate);
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

/** Objectives with a gradient cache, and the others of the set beside them. */
async function cachedSource(
  config: ModelConfig,
  set: readonly Instance[],
  state: TrainingState,
  session: SessionOptions,
): Promise<GradientSource> {
  if (state.gradients.size === 0)
    throw new UserError('The model is too large for a gradient cache.', 'Set "gradientCache" to 0, or choose a smaller model.', 'device');
  const sources = new Map<string, GradientSource>();
  for (const instance of set) {
    const source = isCached(instance)
      ? await cachedGradients(config, instance, state, session)
      : await directGradients(trainingLosses(config, [instance]), state, session);
    sources.set(instance.type, source);
  }
  return sources.size === 1 ? [...sources.values()][0]! : summedGradients(sources);
}

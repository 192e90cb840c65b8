import { performance } from 'node:perf_hooks';
import type { ModelConfig } from '../model/config';
import type { Instance } from '../objectives';
import { flopsOf, productsOf } from '../onnx/flops';
import { median } from '../shared/statistics';
import { trainingLosses } from './compile';
import { batchesOf } from './feeder-protocol';
import { cachedFlops, isCached } from './gradient-cache';
import { keyOf, stepKeyAt, type Plan } from './plan';
import type { TrainingSession } from './session';
import { compileGradients } from './step';

/** What one step with each set of objectives costs, by the set's key. */
export type Costs = ReadonlyMap<string, number>;

/** FLOP of the matrix products of a step, forwards and backwards; the update, evaluations and all that is no matrix product are not counted. */
export const flopCosts = (config: ModelConfig, plan: Plan): Costs => new Map(plan.sets.map((set) => [keyOf(set), setFlops(config, set)]));

/** How a graph is written does not change its products, so the plainest way is counted, whatever the device. */
const TARGET = 'cpu';

function setFlops(config: ModelConfig, set: readonly Instance[]): number {
  const direct = set.filter((instance) => !isCached(instance));
  // Where one objective has a gradient cache, each is differentiated by itself, as `Optimisation` does.
  const together = direct.length === set.length ? [direct] : direct.map((instance) => [instance]);
  return (
    set.filter(isCached).reduce((sum, instance) => sum + cachedFlops(config, instance, {}), 0) +
    together.reduce(
      (sum, group) => sum + (group.length > 0 ? flopsOf(productsOf(compileGradients(trainingLosses(config, group), TARGET))) : 0),
      0,
    )
  );
}

const WARM_UP_STEPS = 2;
const MEASURED_STEPS = 7;

/** Median seconds of a step, by doing some; the model is brought back to its beginning afterwards. @param session compiled */
export async function secondCosts(session: TrainingSession, steps: number): Promise<Costs> {
  const { plan, corpus, experiment } = session.setup;
  const costs = new Map<string, number>();
  for (const set of plan.sets) {
    const at = firstStepOf(plan, keyOf(set), steps);
    const seconds: number[] = [];
    while (at !== undefined && seconds.length < WARM_UP_STEPS + MEASURED_STEPS) {
      const batches = batchesOf(plan, corpus.dataset.train, at);
      const start = performance.now();
      await session.optimisation.steps([{ parts: plan.at(at), batches, key: stepKeyAt(experiment.seed, at), learningRate: 0 }]);
      seconds.push((performance.now() - start) / 1000);
    }
    costs.set(keyOf(set), seconds.length > 0 ? median(seconds.slice(WARM_UP_STEPS)) : 0);
  }
  session.reset();
  return costs;
}

/** The first step with these objectives; undefined when the plan is too short for one. */
function firstStepOf(plan: Plan, key: string, steps: number): number | undefined {
  for (let step = 0; step < steps; step++) if (keyOf(plan.setAt(step)) === key) return step;
  return undefined;
}

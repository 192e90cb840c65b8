import { UserError } from '../shared/errors';
import { parametersOf } from './compile';
import type { SessionOptions } from './device';
import { MEMORY_HINT } from './device-memory';
import { describeNeed, memoryNeed, totalOf, type MemoryNeed } from './memory';
import { planOf } from './recipe';
import type { Setup } from './setup';
import { updatesItself } from './state';

/** How a run is fitted into the memory of its device. */
export interface MemoryPlan {
  readonly need: MemoryNeed;
  /** Bytes that are free; undefined where that is not known. */
  readonly available: number | undefined;
  /** Parts that each batch is computed in. */
  readonly microBatches: number;
}

/**
 * Compares what a run needs with what is there, and divides batches into as few micro-batches as make it fit. With a number of them asked for in the
 * experiment it is not more than compared.
 *
 * @param capacity bytes that the device has: by these batches are divided. What other programs take differs from time to time, and a run that is repeated must
 *   be the same
 * @param recorded number of micro-batches that a run which goes on has
 * @returns the setup with its batches divided, and the plan in it
 * @throws UserError (code `memory`) with the numbers when it does not fit; (code `experiment`) when batches cannot be divided as asked
 */
export function planMemory(
  setup: Setup,
  options: SessionOptions,
  { capacity, available }: { readonly capacity: number | undefined; readonly available: number | undefined },
  recorded?: number,
): Setup {
  const { training } = setup.experiment;
  const wanted = recorded ?? training.microBatches;
  const [first, ...more] = wanted === undefined ? offered(setup) : [requireDivisor(setup, wanted)];
  const divided = (microBatches: number): Setup & { readonly memory: MemoryPlan } => {
    const parts = inMicroBatches(setup, microBatches);
    return { ...parts, memory: { need: memoryNeed(parts.config, parts.plan, training, options), available, microBatches } };
  };
  const hasRoom = ({ memory }: { readonly memory: MemoryPlan }): boolean => totalOf(memory.need) <= (capacity ?? Infinity);

  const whole = divided(first!);
  if (hasRoom(whole) || training.microBatches !== undefined) return whole;
  let best = more.length > 0 ? divided(more.at(-1)!) : whole;
  if (!hasRoom(best)) throw tooLarge({ ...best.memory, available: capacity });
  // The more parts, the less they take; each number has graphs of its own, which take a while to compile: so what is left is halved.
  for (let [from, to] = [0, more.length - 1]; from < to;) {
    const middle = Math.floor((from + to) / 2);
    const tried = divided(more[middle]!);
    if (hasRoom(tried)) [best, to] = [tried, middle];
    else from = middle + 1;
  }
  return best;
}

export const fits = ({ need, available = Infinity }: MemoryPlan): boolean => totalOf(need) <= available;

/** Such as `about 3.1 GB of 22 GB: parameters 0.2 GB, …, with each batch in 4 micro-batches`. */
export const describeMemory = ({ need, available, microBatches }: MemoryPlan): string =>
  `about ${describeNeed(need, available)}${microBatches > 1 ? `, with each batch in ${microBatches} micro-batches` : ''}`;

const tooLarge = (plan: MemoryPlan): UserError =>
  new UserError(
    `The run does not fit into memory: it needs ${describeMemory(plan)}.`,
    `${MEMORY_HINT} With a number in "training.microBatches" it is tried all the same.`,
    'memory',
  );

function inMicroBatches(setup: Setup, microBatches: number): Setup {
  const recipe = { ...setup.recipe, microBatches };
  const plan = planOf(recipe);
  return { ...setup, recipe, plan, instances: plan.instances };
}

/** The gradients of parts are added up outside a graph, for which the largest models have no room. */
const offered = (setup: Setup): number[] => (updatesItself(parametersOf(setup.config, setup.instances)) ? divisorsOf(setup) : [1]);

/** Into how many parts every batch that can be divided can be, the fewest first. */
function divisorsOf({ instances }: Setup): number[] {
  const rows = instances.flatMap(({ division }) => division?.rows ?? []);
  const most = rows.length > 0 ? Math.min(...rows) : 1;
  return Array.from({ length: most }, (_, i) => i + 1).filter((count) => rows.every((each) => each % count === 0));
}

function requireDivisor(setup: Setup, count: number): number {
  const possible = divisorsOf(setup);
  if (possible.includes(count)) return count;
  throw new UserError(
    `training.microBatches is ${count}, and the batches of this experiment cannot be divided into as many equal parts.`,
    possible.length > 1
      ? `Use ${possible.slice(1, -1).join(', ')}${possible.length > 2 ? ' or ' : ''}${possible.at(-1)}, or leave it out.`
      : 'Leave it out.',
    'experiment',
  );
}

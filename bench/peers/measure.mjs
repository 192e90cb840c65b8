import { setTimeout as sleep } from 'node:timers/promises';
import { Contender } from './contender.mjs';

/** First steps, whose losses are compared; allocations and caches settle in them. */
const CHECKED_STEPS = 5;
const FEWEST_TURNS = 5;
/** Worker threads go on spinning after a step; the next contender's turn begins when they sleep. */
const PAUSE = 300;
const LONGEST_STEP = 60_000;

/** A contender whose losses are not ours: it computes something else. */
export class Disagreement extends Error {}

/**
 * Steps of several contenders in turn, each in a process of its own, so that a change of the machine's speed meets all.
 *
 * @param entrants each with `spec`, how it is started, and `threads`
 * @returns for each `name`, `versions`, `threads`, the first steps' `losses`, and `times`: the milliseconds of its step in each turn
 */
export async function takeTurns(entrants, folder, seconds) {
  const contenders = [];
  try {
    for (const { spec, threads } of entrants) contenders.push(await Contender.start(spec, folder, threads));
    const results = [];
    for (const contender of contenders) {
      const { name, versions, threads } = contender;
      results.push({ name, versions, threads, losses: await firstLosses(contender), times: [] });
    }
    const end = performance.now() + 1000 * seconds;
    for (let turn = 0; turn < FEWEST_TURNS || performance.now() < end; turn++) {
      // Each goes first in its share of the turns.
      for (let i = 0; i < contenders.length; i++) {
        const next = (turn + i) % contenders.length;
        await sleep(PAUSE);
        // The first step after a rest wakes threads up and fills caches; in training, steps follow each other.
        await contenders[next].step();
        results[next].times.push((await contenders[next].step()).ms);
      }
    }
    return results;
  } finally {
    for (const contender of contenders) await contender.quit();
  }
}

async function firstLosses(contender) {
  const losses = [];
  while (losses.length < CHECKED_STEPS) {
    const { ms, loss } = await contender.step();
    // The first may compile.
    if (losses.length > 0 && ms > LONGEST_STEP) throw new Error(`too slow: ${Math.round(ms / 1000)} s a step`);
    losses.push(loss);
  }
  return losses;
}

/** Holds losses against ours. With dropout each draws masks of its own, so that only the first step says something, and roughly. */
export function checkLosses(ours, peer, dropout) {
  const [count, tolerance] = dropout > 0 ? [1, 0.05] : [CHECKED_STEPS, 1e-3];
  for (let i = 0; i < count; i++) {
    const [expected, loss] = [ours.losses[i], peer.losses[i]];
    // Written so that NaN disagrees.
    if (!(Math.abs(loss - expected) <= tolerance * expected)) throw new Disagreement(`step ${i + 1} has loss ${loss}, ours ${expected}`);
  }
}

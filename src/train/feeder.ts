import { Worker } from 'node:worker_threads';
import { isAdded } from '../objectives';
import type { Batch } from '../objectives/objective';
import { UserError } from '../shared/errors';
import { batchesOf, type FeederMessage, type FeederStart } from './feeder-protocol';
import program from './feeder-worker?thread';
import type { Recipe } from './recipe';
import type { Setup } from './setup';

/** Steps whose batches are kept ready. */
const AHEAD = 4;

/** The batches of a run, step after step. */
export interface Feeder {
  /** The batches of the next step. @throws UserError when the text gives none */
  readonly next: () => Promise<readonly Batch[]>;
  readonly close: () => Promise<void>;
}

/** @param from the first step, from 0 */
export function createFeeder({ recipe, plan, corpus }: Setup, from: number): Feeder {
  if (!recipe.objectives.some(isAdded)) return new ThreadFeeder(recipe, from);
  // Functions do not cross to a thread.
  let step = from;
  return { next: () => Promise.resolve(batchesOf(plan, corpus.dataset.train, step++)), close: () => Promise.resolve() };
}

/** Makes them on a thread of its own, a few ahead of the step in hand. */
export class ThreadFeeder implements Feeder {
  readonly #worker: Worker;
  readonly #ready: FeederMessage[] = [];
  #waiting: ((message: FeederMessage) => void) | undefined;

  /** @param from the first step, from 0 */
  constructor(recipe: Recipe, from: number) {
    this.#worker = new Worker(program, { eval: true, workerData: { recipe, from } satisfies FeederStart });
    this.#worker.on('message', (message: FeederMessage) => this.#receive(message));
    this.#worker.on('error', ({ message }) => this.#receive({ error: { message: `Batches cannot be made: ${message}` } }));
    this.#worker.postMessage(AHEAD);
  }

  #receive(message: FeederMessage): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting(message);
    else this.#ready.push(message);
  }

  async next(): Promise<readonly Batch[]> {
    const message = this.#ready.shift() ?? (await new Promise<FeederMessage>((resolve) => (this.#waiting = resolve)));
    if ('error' in message) {
      const { message: text, hint, code } = message.error;
      throw code === undefined ? new Error(text) : new UserError(text, hint, code);
    }
    this.#worker.postMessage(1);
    return message.batches;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

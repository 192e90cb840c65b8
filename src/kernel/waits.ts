import { inspect } from 'node:util';

/** So many are kept before it is looked which of them are settled. */
const LEAST = 1_000;

interface Wait {
  readonly promise: Promise<unknown>;
  readonly reject: (reason: unknown) => void;
}

/**
 * The promises that a cell awaits, each of which an interruption rejects.
 *
 * `Promise.race` with one promise that rejects does the same, and keeps all that was ever raced against it: a cell of millions of awaits runs out of
 * memory. Each promise here has one reaction, and that is what makes it: the runtime follows it to name the cell in a stack.
 */
export class Waits {
  #open: Wait[] = [];
  #room = LEAST;

  /** What a promise resolves to, unless all are rejected before. */
  race(promise: unknown): Promise<unknown> {
    if (this.#open.length >= this.#room) {
      this.#open = this.#open.filter((wait) => isPending(wait.promise));
      this.#room = LEAST + 2 * this.#open.length;
    }
    const { promise: raced, resolve, reject } = withResolvers();
    this.#open.push({ promise: raced, reject });
    Promise.resolve(promise).then(resolve, reject);
    return raced;
  }

  rejectAll(reason: unknown): void {
    for (const { reject } of this.#open.splice(0)) reject(reason);
  }
}

function withResolvers(): Wait & { readonly resolve: (value: unknown) => void } {
  let [resolve, reject]: [(value: unknown) => void, Wait['reject']] = [() => undefined, () => undefined];
  const promise = new Promise((...both) => ([resolve, reject] = both));
  return { promise, resolve, reject };
}

/** No other way to ask a promise answers at once. */
const isPending = (promise: Promise<unknown>): boolean =>
  inspect(promise, { depth: 0, customInspect: false, maxArrayLength: 0, maxStringLength: 0 }).includes('<pending>');

import { hash32, permute } from '../shared/random';

/** Examples of which a batch takes some: sentences, pairs of sentences, or rows of a table. */
export interface Examples<T> {
  readonly count: number;
  /** An example, or undefined if it is none (too short, or the last of its document). */
  readonly get: (index: number) => T | undefined;
  /** The texts of an example that may stand only once in a batch. */
  readonly texts: (example: T) => readonly Int32Array[];
}

/**
 * The examples of a batch, no text of which stands in it twice: numbers `first`, `first` + 1, … of an order that visits each once an epoch; what does not
 * do is replaced from a second order, so that batches do not run into each other. At least one example must do, see `requireExamples`.
 *
 * @param order key of an epoch's order; of the second one for epoch −1
 */
export function drawExamples<T>({ count, get, texts }: Examples<T>, batch: number, first: number, order: (epoch: number) => number): T[] {
  const drawn: T[] = [];
  const seen = new Set<string>();
  // A text comes twice only where there are too few others.
  const patience = 50 * batch;
  for (let attempt = 0; drawn.length < batch; attempt++) {
    const visit = attempt < batch ? first + attempt : hash32(order(-1), first, attempt);
    const example = get(permute(visit % count, count, order(Math.floor(visit / count))));
    if (example === undefined) continue;
    const names = texts(example).map((text) => text.join());
    if (attempt < patience && names.some((name) => seen.has(name))) continue;
    names.forEach((name) => seen.add(name));
    drawn.push(example);
  }
  return drawn;
}

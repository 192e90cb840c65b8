/** A pair of token ids as one exact number: ids stay below 2²⁶. */
const SHIFT = 2 ** 26;

export interface Pair {
  readonly pair: number;
  readonly left: number;
  readonly right: number;
}

interface Entry {
  readonly pair: number;
  readonly count: number;
}

/**
 * Frequencies of token pairs and the most frequent of them: a binary heap whose entries may be out of date and are checked when they surface.
 * Of equally frequent pairs the one with the lowest ids comes first.
 */
export class PairQueue {
  readonly #counts = new Map<number, number>();
  readonly #heap: Entry[] = [];
  /** Pairs that occur more often than their entries say. */
  readonly #risen = new Set<number>();

  /** Adds `change` to the pair's frequency and returns the pair's key. */
  change(left: number, right: number, change: number): number {
    const pair = left * SHIFT + right;
    const count = (this.#counts.get(pair) ?? 0) + change;
    if (count > 0) this.#counts.set(pair, count);
    else this.#counts.delete(pair);
    // A fallen count needs no entry of its own: the old one surfaces too early and is pushed back then.
    if (change > 0) this.#risen.add(pair);
    return pair;
  }

  /** Removes the most frequent pair from the heap; undefined when no pair occurs any more. */
  take(): Pair | undefined {
    for (const pair of this.#risen) {
      const count = this.#counts.get(pair);
      if (count !== undefined) this.#push({ pair, count });
    }
    this.#risen.clear();
    for (let top = this.#pop(); top; top = this.#pop()) {
      const count = this.#counts.get(top.pair);
      if (count === top.count) return { pair: top.pair, left: Math.floor(top.pair / SHIFT), right: top.pair % SHIFT };
      if (count !== undefined && count < top.count) this.#push({ pair: top.pair, count });
    }
    return undefined;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): Entry | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

const before = (a: Entry, b: Entry): boolean => a.count > b.count || (a.count === b.count && a.pair < b.pair);

import { hash32, uniform } from '../../../src/shared/random';

/** A seeded source of random test data. `SEED=n` replays a failure. */
export class Random {
  #count = 0;

  constructor(readonly seed: number) {}

  /** Uniform in [low, high). */
  number(low: number, high: number): number {
    return low + (high - low) * uniform(this.seed, this.#count++);
  }

  /** Uniform among low…high. */
  integer(low: number, high: number): number {
    return low + (hash32(this.seed, this.#count++) % (high - low + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)]!;
  }

  shape(rank: number, most = 4): number[] {
    return Array.from({ length: rank }, () => this.integer(1, most));
  }

  numbers(count: number, low: number, high: number): number[] {
    return Array.from({ length: count }, () => this.number(low, high));
  }

  permutation(count: number): number[] {
    const items = Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.integer(0, i);
      [items[i], items[j]] = [items[j]!, items[i]!];
    }
    return items;
  }
}

export const seedOfRun = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** Of fuzzers: the same in every run, so that a change fails for what it changes. `SEED=$RANDOM` looks further. */
export const seedOfFuzzing = Number(process.env.SEED ?? 1);

import { describe, expect, it } from 'vitest';
import { comparePairs, seedsNeeded, type Row } from '../../../src/compare/statistics';
import { pairedT } from '../../../src/probe/statistics';
import { hash32, uniform } from '../../../src/shared/random';

const row = (variant: string, values: readonly number[]): Row => ({ variant, values: new Map(values.map((value, seed) => [seed, value])) });

/** Standard normal numbers (Box & Muller, 1958). */
const normal = (key: number, index: number): number =>
  Math.sqrt(-2 * Math.log(1 - uniform(key, 2 * index))) * Math.cos(2 * Math.PI * uniform(key, 2 * index + 1));

describe('comparePairs', () => {
  it("is Student's paired t-test for two variants", () => {
    const [a, b] = [
      [0.71, 0.74, 0.69],
      [0.68, 0.7, 0.67],
    ];
    const [pair] = comparePairs([row('a', a), row('b', b)], 'higher');
    expect(pair!.p).toBeCloseTo(pairedT(a.map((value, i) => value - b[i]!)).p, 12);
    expect(pair).toMatchObject({ wins: 3, losses: 0, seeds: 3 });
    expect(pair!.difference).toBeCloseTo(0.03, 12);
    expect(pair!.low).toBeLessThan(0.03);
  });

  it('turns the sign where less is better', () => {
    const [pair] = comparePairs([row('a', [10, 11]), row('b', [20, 22])], 'lower');
    expect(pair!.difference).toBeCloseTo(10.5, 12);
    expect(pair!.wins).toBe(2);
  });

  it('pairs values by seed, and leaves out seeds that one of the two lacks', () => {
    const b: Row = {
      variant: 'b',
      values: new Map([
        [2, 0.1],
        [0, 0.3],
      ]),
    };
    const [pair] = comparePairs([row('a', [0.5, 0.9, 0.4]), b], 'higher');
    expect(pair!.seeds).toBe(2);
    expect(pair!.difference).toBeCloseTo((0.2 + 0.3) / 2, 12);
  });

  it('claims nothing of one seed, nor of variants that agree to the last digit', () => {
    expect(comparePairs([row('a', [0.9]), row('b', [0.1])], 'higher')[0]).toMatchObject({ p: 1, adjusted: 1 });
    expect(comparePairs([row('a', [0.5, 0.5]), row('b', [0.5, 0.5])], 'higher')[0]).toMatchObject({ p: 1, difference: 0 });
  });

  it('takes the spread of a pair with one seed from the other pairs: it is not known to be none', () => {
    const once: Row = { variant: 'once', values: new Map([[0, 0.9]]) };
    const pairs = comparePairs([row('a', [0.5, 0.6, 0.4]), row('b', [0.4, 0.7, 0.2]), once], 'higher');
    expect(pairs[1]).toMatchObject({ a: 'a', b: 'once', seeds: 1, p: 1 });
    expect(pairs[1]!.deviation).toBeCloseTo(pairs[0]!.deviation, 12);
  });

  it('takes no spread below what one test example counts for', () => {
    const rows = [row('a', [0.51, 0.51, 0.51]), row('b', [0.5, 0.5, 0.5])];
    expect(comparePairs(rows, 'higher')[0]!.p).toBeLessThan(1e-6);
    expect(comparePairs(rows, 'higher', 0.01)[0]!.p).toBeGreaterThan(0.05);
  });

  it('adds the test of sign flips from six seeds on', () => {
    const values = [1, 2, 3, 4, 5, 6];
    expect(comparePairs([row('a', values.slice(0, 5)), row('b', [0, 0, 0, 0, 0])], 'higher')[0]).not.toHaveProperty('permutation');
    expect(
      comparePairs(
        [
          row('a', values),
          row(
            'b',
            values.map(() => 0),
          ),
        ],
        'higher',
      )[0]!.permutation,
    ).toBeCloseTo(2 / 64, 12);
  });

  it('says how many seeds a difference of that size takes', () => {
    // The fewest with a power of 0.8 in 200,000 simulated tests each: 0.75 and 0.80 with 9 and 10, 0.796 and 0.807 with 33 and 34, 0.76 and 0.91 with 4 and 5.
    expect([1, 0.5, 2].map((difference) => seedsNeeded({ difference, deviation: 1 }))).toEqual([10, 34, 5]);
    expect(seedsNeeded({ difference: 0, deviation: 1 })).toBe(Infinity);
  });
});

describe('the power check, on simulated comparisons of 7 variants and 3 seeds', () => {
  const TRIES = 1000;
  const simulate = (key: number, means: readonly number[], deviations: readonly number[]): Row[] =>
    means.map((mean, v) => {
      // What a seed does to all variants alike does not count.
      const shared = (seed: number): number => 0.03 * normal(hash32(key, 7), seed);
      return row(
        `v${v}`,
        [0, 1, 2].map((seed) => mean + shared(seed) + deviations[v]! * normal(hash32(key, v), seed)),
      );
    });
  const equal = Array.from({ length: 7 }, () => 0.7);
  const quiet = equal.map(() => 0.01);

  it('finds no difference between variants that are the same in at least 9 of 10', () => {
    const false_ = Array.from({ length: TRIES }, (_, i) =>
      comparePairs(simulate(i, equal, quiet), 'higher').some(({ adjusted }) => adjusted < 0.05),
    );
    expect(false_.filter(Boolean).length / TRIES).toBeLessThan(0.06);
  });

  it('nor when one of them is three times as noisy', () => {
    const noisy = quiet.map((deviation, v) => (v === 0 ? 3 * deviation : deviation));
    const found = Array.from({ length: TRIES }, (_, i) =>
      comparePairs(simulate(i, equal, noisy), 'higher').some(({ adjusted }) => adjusted < 0.05),
    );
    expect(found.filter(Boolean).length / TRIES).toBeLessThan(0.1);
  });

  it('finds one that is broken worse than all others, every time, where the plain paired t-test hardly does', () => {
    const broken = equal.map((mean, v) => (v === 6 ? mean - 0.1 : mean));
    let [found, plain] = [0, 0];
    for (let i = 0; i < 200; i++) {
      const rows = simulate(i, broken, quiet);
      if (
        comparePairs(rows, 'higher')
          .filter(({ b }) => b === 'v6')
          .every(({ adjusted, difference }) => adjusted < 0.05 && difference > 0)
      )
        found++;
      const worst = rows.at(-1)!;
      const all = rows.slice(0, -1).map((other) => pairedT([0, 1, 2].map((seed) => other.values.get(seed)! - worst.values.get(seed)!)).p);
      if (all.every((p) => p < 0.05 / 21)) plain++;
    }
    expect(found).toBeGreaterThan(190);
    expect(plain).toBeLessThan(20);
  });
});

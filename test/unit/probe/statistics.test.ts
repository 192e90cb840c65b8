import { describe, expect, test } from 'vitest';
import oracle from '../../oracle/probes.json';
import { pearson, pearsonOf, ranks, spearman, spearmanOf } from '../../../src/probe/correlation';
import { bootstrap, holm, meanOf, pairedPermutation, pairedT, tInterval } from '../../../src/probe/statistics';

describe('correlations', () => {
  test.each(oracle.correlations)('are those of SciPy ($a.length pairs)', ({ a, b, ...scipy }) => {
    expect(pearson(a, b)).toBeCloseTo(scipy.pearson, 12);
    expect(spearman(a, b)).toBeCloseTo(scipy.spearman, 12);
    expect([...ranks(b)]).toEqual(scipy.ranks);
  });

  test('have the bootstrap intervals of SciPy, but for the luck of the draw', () => {
    for (const { a, b, intervals } of oracle.correlations) {
      for (const [name, of] of [
        ['pearson', pearsonOf],
        ['spearman', spearmanOf],
      ] as const) {
        const scipy = (intervals as Record<string, number[]>)[name];
        if (!scipy) continue;
        const { low, high } = bootstrap(a.length, of(a, b), { resamples: 4000, seed: 3 });
        const width = scipy[1]! - scipy[0]!;
        expect(Math.abs(low - scipy[0]!) / width).toBeLessThan(0.05);
        expect(Math.abs(high - scipy[1]!) / width).toBeLessThan(0.05);
      }
    }
  });

  test('of a list that does not vary are 0', () => {
    expect(pearson([1, 1, 1], [1, 2, 3])).toBe(0);
    expect(spearman([1, 2, 3], [5, 5, 5])).toBe(0);
  });
});

describe('intervals', () => {
  test.each(oracle.means)("Student's interval of $values.length values is SciPy's", ({ values, t }) => {
    const { low, high } = tInterval(values);
    expect(low).toBeCloseTo(t[0]!, 10);
    expect(high).toBeCloseTo(t[1]!, 10);
  });

  test('of a single value is the value', () => {
    expect(tInterval([3])).toEqual({ value: 3, low: 3, high: 3 });
  });

  test("a mean's bootstrap is SciPy's but for the luck of the draw, and a function of the seed alone", () => {
    const { values, bootstrap: scipy } = oracle.means.at(-1)! as { values: number[]; bootstrap: number[] };
    const draw = (seed: number) => bootstrap(values.length, meanOf(values), { seed, resamples: 20_000 });
    const { value, low, high } = draw(1);
    expect(value).toBeCloseTo(values.reduce((a, b) => a + b) / values.length, 12);
    const width = scipy[1]! - scipy[0]!;
    expect(Math.abs(low - scipy[0]!) / width).toBeLessThan(0.03);
    expect(Math.abs(high - scipy[1]!) / width).toBeLessThan(0.03);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });
});

describe('paired tests', () => {
  test.each(oracle.paired)('are those of SciPy ($differences.length differences)', ({ differences, ...scipy }) => {
    const { t, p } = pairedT(differences);
    expect(t).toBeCloseTo(scipy.t, 9);
    expect(p).toBeCloseTo(scipy.tP, 9);
    expect(pairedPermutation(differences)).toBeCloseTo(scipy.permutationP, scipy.exact ? 12 : 1.5);
  });

  test('find nothing where nothing differs', () => {
    expect(pairedT([0, 0, 0]).p).toBe(1);
    expect(pairedPermutation([0, 0, 0])).toBe(1);
  });

  test('reach the same p-value by counting and by drawing', () => {
    const few = [0.9, -0.2, 0.4, 0.7, 0.1, 0.3, -0.5, 0.8, 0.2, 0.6, -0.1, 0.3, 0.4, -0.6, 0.5, 0.2];
    // A difference of 0 changes no sum, and makes one too many to count.
    expect(pairedPermutation([...few, 0])).toBeCloseTo(pairedPermutation(few), 2);
  });

  test('Holm multiplies the smallest by all and never lets a larger p-value end below a smaller', () => {
    expect(holm([0.01, 0.04, 0.03, 0.005]).map((p) => Number(p.toFixed(6)))).toEqual([0.03, 0.06, 0.06, 0.02]);
    expect(holm([0.5, 0.9])).toEqual([1, 1]);
    expect(holm([])).toEqual([]);
  });
});

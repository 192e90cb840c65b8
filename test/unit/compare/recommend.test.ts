import { describe, expect, it } from 'vitest';
import { recommend } from '../../../src/compare/recommend';
import { comparePairs } from '../../../src/compare/statistics';
import { paretoFront } from '../../../src/shared/pareto';
import { meanCourse } from '../../../src/compare/curves';
import type { ComparedProbe } from '../../../src/shared/comparison-types';
import { tInterval } from '../../../src/probe/statistics';

const probe: ComparedProbe = {
  name: 'mood',
  type: 'classification',
  metric: 'accuracy',
  better: 'higher',
  leaks: {},
  floor: { value: 0.5, by: 'the commonest label' },
};

function recommended(values: Readonly<Record<string, readonly number[]>>, of = probe) {
  const sign = of.better === 'higher' ? -1 : 1;
  const means = Object.entries(values).map(([variant, list]) => ({ variant, ...tInterval(list), list }));
  const order = [...means].sort((a, b) => sign * (a.value - b.value)).map(({ variant }) => variant);
  const cells = means.map(({ variant, value, low, high, list }) => ({
    variant,
    probe: of.name,
    result: { mean: value, low, high, values: [...list] },
    rank: order.indexOf(variant) + 1,
  }));
  const rows = Object.entries(values).map(([variant, list]) => ({ variant, values: new Map(list.map((value, seed) => [seed, value])) }));
  return recommend(of, cells, comparePairs(rows, of.better), Math.max(...Object.values(values).map(({ length }) => length)));
}

describe('a recommendation', () => {
  it('names the best and by how much it is ahead, where that is sure', () => {
    const found = recommended({ MLM: [0.7, 0.71, 0.69], both: [0.8, 0.812, 0.789] });
    expect(found).toMatchObject({ variant: 'both', certainty: 'clear', rivals: [] });
    expect(found.text).toBe('both: accuracy 80.0, better than MLM by 10.0 ± 0.4 points in 3 of 3 seeds.');
  });

  it('names what the best cannot be told from, and how many seeds it would take', () => {
    const found = recommended({ worst: [0.6, 0.61, 0.6], MLM: [0.79, 0.8, 0.8], both: [0.8, 0.81, 0.795] });
    expect(found).toMatchObject({ variant: 'both', certainty: 'tied', rivals: ['MLM'] });
    expect(found.text).toMatch(
      /^both: accuracy 80\.2, better than worst by .* seeds\. It cannot be told from MLM with these 3 seeds\. .*about \d+ seeds would tell\.$/,
    );
  });

  it('claims nothing of one seed', () => {
    const found = recommended({ MLM: [0.6], both: [0.9] });
    expect(found.certainty).toBe('unknown');
    expect(found.text).toMatch(/Whether that is luck cannot be told/);
  });

  it('says when nothing is better than no model at all', () => {
    expect(recommended({ MLM: [0.5, 0.52, 0.49], both: [0.51, 0.5, 0.52] }).text).toMatch(
      /not even both is surely better than the commonest label/,
    );
  });

  it('takes the lowest where less is better, in its own unit', () => {
    const found = recommended(
      { MLM: [20, 21, 20.5], 'MLM + SOP': [40, 42, 41] },
      { ...probe, floor: undefined, better: 'lower', metric: 'perplexity', type: 'perplexity' },
    );
    expect(found).toMatchObject({ variant: 'MLM', certainty: 'clear' });
    expect(found.text).toMatch(/perplexity 20\.5, better than MLM \+ SOP by 20\.5 ± \d/);
  });
});

describe('the Pareto front', () => {
  it('holds those that no other beats on both tasks', () => {
    const places = [
      { variant: 'a', x: 1, y: 3 },
      { variant: 'b', x: 2, y: 2 },
      { variant: 'c', x: 1.5, y: 1.5 },
      { variant: 'd', x: 3, y: 0 },
    ];
    expect(paretoFront(places, 'higher', 'higher').map(({ variant }) => variant)).toEqual(['a', 'b', 'd']);
    expect(paretoFront(places, 'lower', 'lower').map(({ variant }) => variant)).toEqual(['a', 'c', 'd']);
  });
});

describe('a learning curve', () => {
  it('is the mean over seeds at steps that all have reached', () => {
    const course = (losses: readonly number[]) => ({
      evaluations: losses.map((mlm, i) => ({ step: 10 * i, tokens: 100 * i, seconds: i, eval: { mlm } })),
      probes: [],
    });
    expect(meanCourse([course([4, 2]), course([6, 4, 1])], 5)).toEqual([
      { step: 0, tokens: 0, flops: 0, values: { mlm: 5 } },
      { step: 10, tokens: 100, flops: 50, values: { mlm: 3 } },
    ]);
  });
});

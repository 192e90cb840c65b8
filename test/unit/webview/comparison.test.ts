import { describe, expect, it } from 'vitest';
import type { ComparisonReport } from '../../../src/shared/comparison-types';
import { curveNames, curvePlot, endsOf, pairsOf, paretoPlaces, rowsOf } from '../../../webview/comparison/model';

const accuracy = { name: 'mood', type: 'classification', metric: 'accuracy', better: 'higher', leaks: {} } as const;
const perplexity = { name: 'text', type: 'perplexity', metric: 'perplexity', better: 'lower', leaks: {} } as const;
const mean = (value: number, reach: number): object => ({ mean: value, low: value - reach, high: value + reach, values: [value, value] });

const report = {
  variants: [{ name: 'A' }, { name: 'B' }, { name: 'C' }, { name: 'D' }],
  probes: [accuracy, perplexity],
  cells: [
    { variant: 'A', probe: 'mood', result: mean(0.7, 0.1), rank: 1 },
    { variant: 'B', probe: 'mood', result: mean(0.65, 0.05), rank: 2 },
    { variant: 'C', probe: 'mood', result: mean(0.4, 0.05), rank: 3 },
    { variant: 'D', probe: 'mood', why: 'it has no sentence vectors' },
    { variant: 'A', probe: 'text', result: mean(60, 5), rank: 2 },
    { variant: 'B', probe: 'text', result: mean(40, 5), rank: 1 },
    { variant: 'C', probe: 'text', result: { mean: 90, low: 90, high: 90, values: [90] }, rank: 3 },
  ],
  recommendations: [
    { probe: 'mood', variant: 'A', certainty: 'tied', rivals: ['B'], text: '' },
    { probe: 'text', variant: 'B', certainty: 'clear', rivals: [], text: '' },
  ],
  pairs: [
    { probe: 'mood', a: 'A', b: 'B', difference: 0.05, low: -0.02, high: 0.12, wins: 2, seeds: 3, p: 0.2, adjusted: 0.4 },
    { probe: 'mood', a: 'C', b: 'A', difference: -0.3, low: -0.4, high: -0.2, wins: 0, seeds: 3, p: 0.0001, adjusted: 0.0003 },
    { probe: 'text', a: 'A', b: 'B', difference: -20, low: -20, high: -20, wins: 0, seeds: 1, p: 1, adjusted: 1 },
  ],
  curves: [
    {
      variant: 'A',
      points: [
        { step: 1, tokens: 1, flops: 1e12, values: { mlm: 6, mood: 0.5 } },
        { step: 2, tokens: 2, flops: 2e12, values: { mlm: 5, mood: 0.7 } },
      ],
    },
    {
      variant: 'B',
      points: [
        { step: 1, tokens: 1, flops: 1.5e12, values: { mlm: 6.5, once: 1 } },
        { step: 2, tokens: 2, flops: 2e12, values: { mlm: 5.5 } },
      ],
    },
  ],
} as unknown as ComparisonReport;

describe('the table of a comparison', () => {
  it('says of each cell its value, interval and rank, and marks the best and what cannot be told from it', () => {
    const [a, b, c] = rowsOf(report).map(({ cells }) => cells);
    expect(a![0]).toMatchObject({ value: '70.0', interval: '60.0 to 80.0', rank: 1, mark: 'best' });
    expect(b![0]).toMatchObject({ value: '65.0', rank: 2, mark: 'tied' });
    expect(c![0]).not.toHaveProperty('mark');
    expect(b![1]).toMatchObject({ value: '40.0', mark: 'best' });
  });

  it('shows no interval of one seed, and says why a cell is empty', () => {
    const rows = rowsOf(report);
    expect(rows[2]!.cells[1]).toMatchObject({ value: '90.0' });
    expect(rows[2]!.cells[1]).not.toHaveProperty('interval');
    expect(rows[3]!.cells).toEqual([{ probe: accuracy, why: 'it has no sentence vectors' }, { probe: perplexity }]);
  });

  it('places the intervals of a column on one scale', () => {
    const whiskers = rowsOf(report).map(({ cells }) => cells[0]!.whisker);
    expect(whiskers[0]).toMatchObject({ high: 1 });
    expect(whiskers[2]).toMatchObject({ low: 0 });
    expect(whiskers[1]!.mean).toBeCloseTo((0.65 - 0.35) / (0.8 - 0.35), 9);
    const alone = { ...report, cells: [{ variant: 'C', probe: 'text', result: { mean: 9, low: 9, high: 9, values: [9] }, rank: 1 }] };
    expect(rowsOf(alone)[2]!.cells[1]!.whisker).toEqual({ low: 0.5, mean: 0.5, high: 0.5 });
  });
});

describe('the differences', () => {
  it('put the better variant first and the surest pair on top, and leave out what one seed says', () => {
    expect(pairsOf(report, accuracy)).toEqual([
      { better: 'A', than: 'C', by: '30.0 ± 10.0 points', ahead: '3 of 3', p: '<0.001', adjusted: '<0.001', told: true },
      { better: 'A', than: 'B', by: '5.0 ± 7.0 points', ahead: '2 of 3', p: '0.200', adjusted: '0.400', told: false },
    ]);
    expect(pairsOf(report, perplexity)).toEqual([]);
  });
});

describe('the learning curves', () => {
  it('offer probes first, and only what has a course', () => {
    expect(curveNames(report)).toEqual(['mood', 'mlm']);
  });

  it('put variants with points at different places into one plot', () => {
    const plot = curvePlot(report, 'mlm');
    expect(plot.steps).toEqual([1e12, 1.5e12, 2e12]);
    expect(plot.series).toEqual([
      { label: 'A', role: 0, values: [6, null, 5] },
      { label: 'B', role: 1, values: [null, 6.5, 5.5] },
    ]);
    expect(plot.across!(1.5e12)).toBe('1.5 TFLOP');
    expect(curvePlot(report, 'mood').series.map(({ label }) => label)).toEqual(['A']);
  });
});

describe('the picture of two tasks', () => {
  it('holds the variants with a value on both, and says which no other beats', () => {
    const places = paretoPlaces(report, accuracy, perplexity);
    expect(places.map(({ variant, front }) => [variant, front])).toEqual([
      ['A', true],
      ['B', true],
      ['C', false],
    ]);
    expect(places[0]!.words).toBe('accuracy 70.0, perplexity 60.0');
    expect(endsOf(report, perplexity)).toEqual(['35.0', '90.0']);
    expect(endsOf({ ...report, cells: [] }, perplexity)).toBeUndefined();
  });
});

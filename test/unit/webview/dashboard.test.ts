import { describe, expect, it } from 'vitest';
import type { Baseline } from '../../../src/shared/types';
import { furtherMetrics, History } from '../../../src/shared/learning-curves';

const unigram: Baseline = { metric: 'mlm', value: 6, by: 'word frequencies alone', better: 'lower' };
const chance: Baseline = { metric: 'nsp.accuracy', value: 0.5, by: 'chance', better: 'higher' };

function history(): History {
  const made = new History();
  made.add([
    { step: 0, tokens: 0, seconds: 0, eval: { mlm: 7, 'mlm.masked': 7.5, nsp: 0.7, 'nsp.accuracy': 0.4, unigram: 6 } },
    { step: 1, tokens: 8, seconds: 1, loss: { mlm: 7, total: 7 }, dataWait: 0.2 },
    { step: 2, tokens: 8, seconds: 2, loss: { nsp: 0.7, total: 0.7 }, dataWait: 0.4 },
    { step: 3, tokens: 8, seconds: 3, loss: { mlm: 5, total: 5 }, gradientNorms: { mlm: 2, nsp: 0.5 } },
    { step: 3, tokens: 8, seconds: 3, eval: { mlm: 5, 'mlm.masked': 5.5, nsp: 0.6, 'nsp.accuracy': 0.8, unigram: 6 } },
  ]);
  return made;
}

describe('the history of a run', () => {
  it('knows all objectives, in turns or not', () => {
    expect(history().objectives).toEqual(['mlm', 'nsp']);
  });

  it('forgets what a run does again', () => {
    const made = history();
    made.add([{ step: 2, tokens: 8, seconds: 4, loss: { nsp: 0.5, total: 0.5 } }]);
    const [plot] = made.plots('nsp', [], 3);
    expect(plot!.steps).toEqual([0, 1, 2]);
    expect(made.last!.step).toBe(2);
  });

  it('draws the baseline of a loss with the loss', () => {
    const [loss, ...others] = history().plots('mlm', [unigram, chance], 3);
    expect(others).toEqual([]);
    expect(loss).toMatchObject({ title: 'Loss', steps: [0, 1, 2, 3] });
    expect(loss!.series.map(({ role, values }) => [role, values])).toEqual([
      ['noise', [null, 7, null, 5]],
      ['training', [null, expect.closeTo(7, 9), null, expect.closeTo(5.885, 3)]],
      ['held-out', [7, null, null, 5]],
      ['baseline', [6, 6, 6, 6]],
    ]);
    expect(loss!.series.at(-1)!.label).toBe('word frequencies alone');
  });

  it('draws the baseline of another metric with that metric, in a plot of its own', () => {
    const [loss, accuracy] = history().plots('nsp', [unigram, chance], 3);
    expect(loss!.series.map(({ role }) => role)).not.toContain('baseline');
    expect(accuracy).toMatchObject({
      title: 'Accuracy',
      series: [
        { role: 'held-out', values: [0.4, null, null, 0.8] },
        { role: 'baseline', label: 'chance', values: [0.5, 0.5, 0.5, 0.5] },
      ],
    });
  });

  it('draws the gradient norms of several objectives on a logarithmic scale, and none of one', () => {
    expect(history().gradientNorms(3)).toMatchObject({
      logarithmic: true,
      series: [
        { label: 'mlm', values: [null, null, null, 2] },
        { label: 'nsp', values: [null, null, null, 0.5] },
      ],
    });
    expect(new History().gradientNorms(3)).toBeUndefined();
  });

  it('averages how long steps waited for data', () => {
    expect(history().dataWait).toBeCloseTo(0.3, 12);
    expect(new History().dataWait).toBeUndefined();
  });

  it('lists metrics without a plot beside it', () => {
    const { evaluation } = history();
    expect(furtherMetrics(evaluation, 'mlm', [unigram, chance])).toEqual([['masked', 5.5]]);
    expect(furtherMetrics(evaluation, 'nsp', [unigram, chance])).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { outcomeRecord, outcomeTable, resultTable } from '../../../src/cli/results';
import type { Done } from '../../../src/shared/trainer-protocol';

const done: Done = {
  run: '/runs/1',
  steps: 10,
  reason: 'completed',
  loss: {},
  eval: { mlm: 4.5, nsp: 0.69, 'nsp.accuracy': 0.45, unigram: 6 },
  baselines: [
    { metric: 'mlm', value: 6, by: 'word frequencies alone', better: 'lower' },
    { metric: 'nsp.accuracy', value: 0.5, by: 'chance', better: 'higher' },
  ],
};

describe('the table of results', () => {
  it('sets each metric against its baseline and says whether it is beaten, whichever way is better', () => {
    expect(resultTable(done).split('\n').slice(0, 3)).toEqual([
      'objective  metric    baseline  by                      model  margin',
      'mlm        loss         6.000  word frequencies alone  4.500  +1.500  beaten',
      'nsp        accuracy     0.500  chance                  0.450  -0.050  not beaten',
    ]);
  });

  it('has every experiment of several, those that failed or were not run too', () => {
    const outcomes = [
      { experiment: 'a/mlm-nsp.lab.json', seconds: 61.2, done },
      { experiment: 'b.lab.json', seconds: 1, error: 'No file matches.' },
      { experiment: 'c.lab.json', seconds: 0 },
      { experiment: 'd.lab.json', seconds: 3, done: { ...done, reason: 'stopped' as const, steps: 4 } },
    ];
    const rows = outcomeTable(outcomes).split('\n').slice(1, 7);
    expect(rows.map((row) => row.split(/ {2,}/).slice(0, 2))).toEqual([
      ['mlm-nsp', 'mlm'],
      ['mlm-nsp', 'nsp'],
      ['b', 'failed'],
      ['c', 'not run'],
      ['d (stopped at step 4)', 'mlm'],
      ['d (stopped at step 4)', 'nsp'],
    ]);
    expect(rows[0]).toMatch(/beaten +61$/);
    expect(outcomes.map(outcomeRecord)).toMatchObject([
      {
        experiment: 'a/mlm-nsp.lab.json',
        seconds: 61.2,
        run: '/runs/1',
        results: [{ objective: 'mlm', margin: 1.5 }, { objective: 'nsp' }],
      },
      { experiment: 'b.lab.json', error: 'No file matches.' },
      { experiment: 'c.lab.json', seconds: 0 },
      { reason: 'stopped', steps: 4 },
    ]);
  });
});

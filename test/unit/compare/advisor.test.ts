import { describe, expect, it } from 'vitest';
import { advise } from '../../../src/compare/advisor';
import { objectives } from '../../../src/objectives';
import { Task, type ComparisonReport } from '../../../src/shared/comparison-types';

describe('the advisor', () => {
  it.each(Task.options)('names objectives that there are for %s, with reasons and papers', (task) => {
    const known = objectives.map(({ type }) => type);
    const advice = advise(task, {});
    expect(advice.length).toBeGreaterThan(2);
    for (const { objectives: types, reason, papers } of advice) {
      expect(known).toEqual(expect.arrayContaining([...types]));
      expect(reason).not.toBe('');
      expect(papers.length).toBeGreaterThan(0);
    }
  });

  it('puts what the data does not admit last, and says why', () => {
    expect(advise('pair', { documents: true })[0]).toMatchObject({ objectives: ['mlm', 'sop'], admissible: true });
    const without = advise('pair', { documents: false });
    expect(without[0]).toMatchObject({ objectives: ['mlm'], admissible: true });
    expect(without.slice(-2)).toMatchObject([
      { objectives: ['mlm', 'sop'], admissible: false, why: expect.stringContaining('documents') as string },
      { objectives: ['mlm', 'nsp'], admissible: false },
    ]);
  });

  it('puts measured ranks beside, of the same objectives and the same task alone', () => {
    const report = {
      name: 'mine',
      variants: [
        { name: 'both', objectives: ['contrastive', 'mlm'] },
        { name: 'MLM', objectives: ['mlm'] },
      ],
      probes: [
        { name: 'sts', type: 'similarity' },
        { name: 'mood', type: 'classification' },
      ],
      cells: [
        { variant: 'both', probe: 'sts', rank: 1 },
        { variant: 'MLM', probe: 'sts', rank: 2 },
        { variant: 'MLM', probe: 'mood', rank: 1 },
      ],
      pairs: [{ probe: 'sts', a: 'MLM', b: 'both', adjusted: 0.3 }],
    } as unknown as ComparisonReport;
    const found = advise('similarity', {}, [report]);
    expect(found.find(({ objectives: types }) => types.length === 2)!.measured).toEqual([
      { comparison: 'mine', probe: 'sts', variant: 'both', rank: 1, of: 2, tied: 1 },
    ]);
    expect(found.find(({ objectives: types }) => types.join() === 'mlm')!.measured).toEqual([
      { comparison: 'mine', probe: 'sts', variant: 'MLM', rank: 2, of: 2, tied: 1 },
    ]);
    expect(found.find(({ objectives: types }) => types.join() === 'seq2seq')).not.toHaveProperty('measured');
  });

  it('does not take the measurement of one kind of an objective for another', () => {
    const report = {
      name: 'mine',
      variants: [{ name: 'SimCSE', objectives: ['contrastive'], kinds: ['dropout'] }],
      probes: [{ name: 'sts', type: 'similarity' }],
      cells: [{ variant: 'SimCSE', probe: 'sts', rank: 1 }],
      pairs: [],
    } as unknown as ComparisonReport;
    const found = advise('similarity', { pairs: true }, [report]).filter(({ objectives: types }) => types.join() === 'contrastive');
    expect(found.map(({ title, measured }) => [title, measured?.length ?? 0])).toEqual([
      ['Contrastive learning on pairs', 0],
      ['Contrastive learning by dropout', 1],
    ]);
  });
});

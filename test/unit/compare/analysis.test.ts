import { describe, expect, it } from 'vitest';
import { analyse } from '../../../src/compare/analysis';
import { markdownOf } from '../../../src/compare/markdown';
import { ComparisonPlan } from '../../../src/compare/plan';
import { MemberRecord } from '../../../src/compare/record';
import type { ProbeResult } from '../../../src/shared/probe-types';

const SEEDS = [1, 2, 3];

interface Asked {
  readonly values: readonly (number | undefined)[];
  readonly question?: string;
  readonly vocabulary?: string;
  readonly leaks?: ProbeResult['leaks'];
  readonly state?: 'waiting' | 'failed';
}

/** A report of variants on one probe. A value that is undefined belongs to a member that is not done. */
function reportOf(probe: 'perplexity' | 'similarity', variants: Readonly<Record<string, Asked>>) {
  const [main, better] = probe === 'perplexity' ? (['perplexity', 'lower'] as const) : (['spearman', 'higher'] as const);
  const members = Object.keys(variants).flatMap((variant) => SEEDS.map((seed) => ({ id: `${variant}-${seed}`, variant, seed })));
  const plan = ComparisonPlan.parse({
    name: 'c',
    createdAt: '2026-11-26T00:00:00.000Z',
    command: 'objective-lab compare c.compare.json',
    base: '.',
    budget: { flops: 1e12 },
    seeds: SEEDS,
    probes: [{ type: probe, name: 'task', ...(probe === 'similarity' && { file: 'pairs.tsv' }) }],
    executor: { kind: 'local' },
    variants: Object.entries(variants).map(([name, { vocabulary = 'v' }]) => ({
      name,
      slug: name,
      experiment: { objectives: [{ type: 'mlm' }] },
      steps: 10,
      flops: 1e12,
      tokens: 1e6,
      parameters: 1000,
      vocabulary,
    })),
    members,
  });
  const records = members.map(({ id, variant, seed }) => {
    const { values, question, leaks = {}, state = 'waiting' } = variants[variant]!;
    const value = values[SEEDS.indexOf(seed)];
    if (value === undefined) return MemberRecord.parse({ id, state });
    const result: ProbeResult = {
      type: probe,
      name: 'task',
      main,
      better,
      metrics: { [main]: { value, low: value - 0.1, high: value + 0.1 } },
      ...(question !== undefined && { question }),
      examples: 100,
      leaks,
      notes: [],
      seconds: 1,
    };
    return MemberRecord.parse({ id, state: 'done', outcomes: [{ result }] });
  });
  const report = analyse(plan, records, []);
  return { report, page: markdownOf(report, new Map()), said: report.recommendations[0]! };
}

describe('numbers that answer different questions', () => {
  const hidden = { question: 'hidden tokens' };
  const next = { question: 'next tokens' };

  it('have no order: a causal perplexity is not better than a masked one', () => {
    const { report, said, page } = reportOf('perplexity', {
      MLM: { values: [22, 22.4, 22.8], ...hidden },
      both: { values: [30, 30.2, 30.1], ...hidden },
      CLM: { values: [18, 17, 18.2], ...next },
    });
    expect(said).toMatchObject({ variant: '', certainty: 'unknown', rivals: [] });
    expect(said.text).toMatch(
      /^No variant can be called the best: .* Of hidden tokens: MLM: perplexity 22\.4, better than both by .* Of next tokens: CLM: perplexity 17\.7, the only one that has a value\.$/,
    );
    expect(report.pairs.map(({ a, b }) => [a, b])).toEqual([['MLM', 'both']]);
    expect(report.probes[0]!.mixed).toBe(true);
    expect(report.cells.map(({ rank }) => rank)).toEqual([undefined, undefined, undefined]);
    expect(page).toContain('| CLM | 17.7 (16.1 to 19.3) |');
    expect(page).not.toContain('**17.7');
  });

  it('nor have perplexities of different vocabularies; what is measured by people alone has', () => {
    const values = [0.5, 0.51, 0.52];
    const variants = { small: { values, vocabulary: 'a' }, large: { values: values.map((value) => value + 0.2), vocabulary: 'b' } };
    const { said, report } = reportOf('perplexity', variants);
    expect(said.certainty).toBe('unknown');
    expect(said.text).toContain('in vocabulary 2: large');
    expect(report.pairs).toEqual([]);
    expect(reportOf('similarity', variants).said).toMatchObject({ variant: 'large', certainty: 'clear' });
  });

  it('are corrected for all pairs of the task together', () => {
    const values = { a: [10, 11, 10.5], b: [12, 12.2, 12.6] };
    const alone = reportOf('perplexity', { a: { values: values.a, ...hidden }, b: { values: values.b, ...hidden } }).report.pairs[0]!;
    const [first] = reportOf('perplexity', {
      a: { values: values.a, ...hidden },
      b: { values: values.b, ...hidden },
      c: { values: values.a, ...next },
      d: { values: values.b, ...next },
    }).report.pairs;
    expect(first!.p).toBeCloseTo(alone.p, 12);
    expect(first!.adjusted).toBeCloseTo(2 * alone.p, 12);
  });
});

describe('a comparison that is not whole', () => {
  it('calls nothing clear while a variant has no value yet, and says who lacks what', () => {
    const { said, report } = reportOf('similarity', {
      good: { values: [0.8, 0.81, 0.8] },
      bad: { values: [0.4, 0.41, undefined] },
      open: { values: [undefined, undefined, undefined] },
    });
    expect(said).toMatchObject({ variant: 'good', certainty: 'tied', rivals: ['open'] });
    expect(said.text).toContain('Not all have a value for each of the 3 seeds: bad has 2 and open has none.');
    expect(report.cells[2]!.why).toBe('no member is done yet');
  });

  it('does not wait for one whose members all failed', () => {
    const { said, report } = reportOf('similarity', {
      good: { values: [0.8, 0.81, 0.8] },
      bad: { values: [0.4, 0.41, 0.4] },
      broken: { values: [undefined, undefined, undefined], state: 'failed' },
    });
    expect(said).toMatchObject({ variant: 'good', certainty: 'clear', rivals: [] });
    expect(report.cells[2]!.why).toBe('all its members failed');
  });

  it('does not say that the best mean is ahead of one that wins in every seed of both', () => {
    // The third seed is easy, and only one of them has it.
    const { said } = reportOf('similarity', {
      lucky: { values: [0.5, 0.5, 0.95] },
      steady: { values: [0.6, 0.6, undefined] },
      third: { values: [0.1, 0.1, 0.1] },
    });
    expect(said.variant).toBe('lucky');
    expect(said.text).not.toMatch(/better than steady/);
    expect(said.rivals).toContain('steady');
    expect(said.text).not.toMatch(/by -|by −/);
  });
});

describe('leaks', () => {
  it('are those of the variant that has met most, and none are told as well', () => {
    const values = [0.5, 0.51, 0.52];
    const { report, page } = reportOf('similarity', {
      a: { values, leaks: { corpus: 0, training: 0 } },
      b: { values, leaks: { corpus: 7, training: 0 } },
    });
    expect(report.probes[0]!.leaks).toEqual({ corpus: 7, training: 0 });
    expect(page).toContain(
      'task: of the test examples, 7 stand in the pre-training text, none stand among those that the probe learns from.',
    );
  });
});

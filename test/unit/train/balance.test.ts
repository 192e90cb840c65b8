import { describe, expect, it } from 'vitest';
import { Balance } from '../../../src/train/balance';

/** The warnings of many steps, with the step after which each came. */
function observe(
  steps: number,
  norms: (step: number) => Record<string, number>,
  losses: (step: number) => Record<string, number> = () => ({ mlm: 7, contrastive: 3, nsp: 0.7 }),
): [step: number, warning: string][] {
  const balance = new Balance();
  return Array.from({ length: steps }, (_, i) => i + 1).flatMap((step): [number, string][] => {
    const warning = balance.observe(norms(step), losses(step));
    return warning === undefined ? [] : [[step, warning]];
  });
}

describe('the balance of objectives', () => {
  it('warns once, after fifty steps, and names the loud one, the quiet one and the factor', () => {
    const warnings = observe(200, () => ({ mlm: 0.1, contrastive: 3, nsp: 1 }));
    expect(warnings.map(([step]) => step)).toEqual([50]);
    expect(warnings[0]![1]).toMatch(/^"contrastive" drowns "mlm": its gradient is 30 times as long over 50 steps/);
    expect(warnings[0]![1]).toContain('Raise the weight of "mlm", or lower that of "contrastive".');
  });

  it('is silent up to twenty times', () => {
    expect(observe(500, () => ({ mlm: 1, contrastive: 19.9 }))).toEqual([]);
    expect(observe(500, () => ({ mlm: 1, contrastive: 20.1 }))).toHaveLength(1);
  });

  it('judges by many steps: one wild step says nothing', () => {
    expect(observe(50, (step) => ({ mlm: 1, contrastive: step === 7 ? 1e9 : 1 }))).toEqual([]);
  });

  it('notices a balance that is lost later', () => {
    expect(observe(300, (step) => ({ mlm: 1, contrastive: step <= 100 ? 1 : 1000 })).map(([step]) => step)).toEqual([150]);
  });

  it('compares the objectives of one phase alone', () => {
    const small = 1e-3;
    expect(
      observe(70, (step): Record<string, number> => (step <= 30 ? { mlm: small, nsp: small } : { mlm: small, contrastive: small })),
    ).toEqual([]);
  });

  it('warns of a gradient that is nothing at all', () => {
    expect(observe(50, () => ({ mlm: 1, contrastive: 0 }))[0]![1]).toMatch(/^"mlm" drowns "contrastive"/);
  });

  it('lets an objective be quiet that has been learned', () => {
    const norms = (): Record<string, number> => ({ mlm: 1, contrastive: 0.01 });
    expect(observe(200, norms, (step) => ({ mlm: 7, contrastive: step < 30 ? 3 : 1.4 }))).toEqual([]);
    expect(observe(200, norms, (step) => ({ mlm: 7, contrastive: step < 30 ? 3 : 1.6 }))).toHaveLength(1);
  });

  it('has nothing to say of steps with one objective', () => {
    expect(observe(200, () => ({}))).toEqual([]);
    expect(observe(200, (step) => (step % 2 ? { mlm: 1 } : { contrastive: 1000 }))).toEqual([]);
  });
});

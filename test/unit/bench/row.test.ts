import { expect, it, vi } from 'vitest';
import { measureRow } from '../../../src/bench/row';
import { compileGradients } from '../../../src/train/step';

vi.mock(import('../../../src/train/step'), async (original) => {
  const step = await original();
  return { ...step, compileGradients: vi.fn(step.compileGradients) };
});

it('a row of several threads profiles the one graph that it times', async () => {
  const row = await measureRow({ preset: 'tiny', objectives: ['mlm'], dropout: 0, threads: 2, seconds: 0 });
  expect(vi.mocked(compileGradients).mock.calls.map(([, target]) => target)).toEqual(['multicore']);
  // With several threads rows are added by the one of both that loses none of them.
  expect(Object.keys(row.operators)).toContain('ScatterElements');
  expect(Object.keys(row.operators)).not.toContain('ScatterND');
  expect(Object.values(row.operators).reduce((a, b) => a + b)).toBeCloseTo(1, 6);
}, 60_000);

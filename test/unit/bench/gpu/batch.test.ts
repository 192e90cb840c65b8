import { expect, it } from 'vitest';
import { batchFor } from '../../../../src/bench/gpu/batch';

const MIB = 2 ** 20;

it('a step of the GPU benchmark has as many sequences as fit well with the largest model', () => {
  const of = (memory: number, ...presets: ('mini' | 'base')[]): number => batchFor(memory * MIB, presets, 0);
  // As nvidia-smi has them: an H100, an A100 of 40 GB, a T4, and a card on which nothing fits.
  expect([81_559, 40_960, 15_360, 500].map((memory) => of(memory, 'mini', 'base'))).toEqual([256, 128, 16, 2]);
  expect(of(15_360, 'mini')).toBe(256);
});

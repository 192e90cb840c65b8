import { describe, expect, it } from 'vitest';
import { DivergenceWatch } from '../../../src/train/divergence';

/** Feeds a watch with the losses of one objective. */
function observe(losses: readonly number[], gradientNorm = 1): void {
  const watch = new DivergenceWatch();
  losses.forEach((mlm, i) => watch.observe(i + 1, { mlm, total: mlm }, gradientNorm));
}
const repeat = (loss: number, times: number): number[] => Array.from({ length: times }, () => loss);

describe('a run diverges', () => {
  it.each([
    ['a loss that is no number', [8, NaN], 'The loss of "mlm" is no longer a number at step 2.', 1],
    ['one that is infinite', [8, 7, Infinity], 'The loss of "mlm" is no longer a number at step 3.', 2],
    [
      'one that stays at many times what it began with',
      [...repeat(8, 10), ...repeat(40, 10)],
      'The loss of "mlm" diverges: it is 27.2 over the 10 steps up to step 16, and was 8.00 at first.',
      10,
    ],
  ])('with %s', (_, losses, message, goodUntil) => {
    expect(() => observe(losses)).toThrow(expect.objectContaining({ message, code: 'diverged', goodUntil }));
  });

  it('with a gradient that is no number', () => {
    expect(() => observe([8], NaN)).toThrow('The gradient of "mlm" is no longer a number at step 1.');
  });

  it.each([
    ['falls', [...repeat(8, 10), ...repeat(2, 100)]],
    ['jumps once', [...repeat(8, 20), 100, ...repeat(8, 20)]],
    ['begins near zero', [...repeat(0.01, 10), ...repeat(0.9, 50)]],
  ])('not with a loss that %s', (_, losses) => {
    expect(() => observe(losses)).not.toThrow();
  });

  it('never for the sum alone, whose weights move', () => {
    const watch = new DivergenceWatch();
    for (let step = 1; step < 100; step++) expect(() => watch.observe(step, { mlm: 5, total: 5 * step }, 1)).not.toThrow();
  });
});

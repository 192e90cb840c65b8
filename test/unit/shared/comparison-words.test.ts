import { describe, expect, it } from 'vitest';
import { gap, shown } from '../../../src/shared/comparison-words';

describe('values of probes', () => {
  it.each([
    [0.7823, { metric: 'accuracy', better: 'higher' }, '78.2'],
    [26.54, { metric: 'chrf', better: 'higher' }, '26.5'],
    [12.345, { metric: 'perplexity', better: 'lower' }, '12.3'],
  ] as const)('%d of %j is %s', (value, probe, text) => {
    expect(shown(value, probe)).toBe(text);
  });

  it('differ by points, or by their own unit', () => {
    const probe = { name: 'a', type: 'a', leaks: {} };
    expect(gap(0.021, 0.008, { ...probe, metric: 'accuracy', better: 'higher' })).toBe('2.1 ± 0.8 points');
    expect(gap(2.1, 0.8, { ...probe, metric: 'bleu', better: 'higher' })).toBe('2.1 ± 0.8 points');
    expect(gap(2.1, 0.8, { ...probe, metric: 'perplexity', better: 'lower' })).toBe('2.10 ± 0.800');
  });
});

import { describe, expect, it } from 'vitest';
import { offeredVariants, parseBudget } from '../../../src/host/compare/choices';

describe('the form of a comparison', () => {
  it('offers every objective alone, and the combinations of those that there are', () => {
    const names = offeredVariants([{ type: 'mlm' }, { type: 'contrastive' }, { type: 'clm' }]).map(({ name }) => name);
    expect(names).toEqual(['mlm', 'contrastive', 'clm', 'mlm + contrastive']);
  });

  it.each([
    ['1e13 flops', { unit: 'flops', amount: 1e13 }],
    [' 5000000 Tokens ', { unit: 'tokens', amount: 5_000_000 }],
    ['2.5 seconds', { unit: 'seconds', amount: 2.5 }],
  ])('reads the budget %s', (text, budget) => {
    expect(parseBudget(text)).toEqual(budget);
  });

  it.each(['', '0 flops', '-1 flops', '1.2.3 flops', '5 hours', '1e999 flops', 'flops'])('knows that "%s" is no budget', (text) => {
    expect(parseBudget(text)).toBeUndefined();
  });
});

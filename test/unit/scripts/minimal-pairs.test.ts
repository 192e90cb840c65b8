import { describe, expect, it } from 'vitest';
import { breakAgreement, minimalPairs, swapArticle } from '../../../scripts/lib/minimal-pairs.mjs';

describe('minimal pairs', () => {
  it('put an article after its word, the same one each time, and leave all else', () => {
    expect(swapArticle('He stood on the deck at last.')).toBe('He stood on deck the at last.');
    const sentence = 'He saw the ship and the sea and a whale there.';
    const bad = swapArticle(sentence)!;
    expect(bad).toBe(swapArticle(sentence));
    expect([
      'He saw ship the and the sea and a whale there.',
      'He saw the ship and sea the and a whale there.',
      'He saw the ship and the sea and whale a there.',
    ]).toContain(bad);
  });

  it.each([
    'The ship sails on.',
    'He saw the ship.',
    'He saw the ship, and fled.',
    'He saw the Pequod there.',
    'It is the only ship of its kind.',
    'It is a really good ship.',
    'It is part of the continuing work of men.',
    'They breathe another air.',
  ])('leave alone where a swap would be good English, or change more than the order: %s', (sentence) => {
    expect(swapArticle(sentence)).toBeUndefined();
  });

  it.each([
    ['The/at old/jj man/nn was/bedz there/rb ./.', 'The/at old/jj man/nn were/bedz there/rb ./.'],
    ['These/dts men/nns are/ber old/jj ./.', 'These/dts men/nns is/ber old/jj ./.'],
    ['\tHis/pp$ games/nns have/hv ended/vbn ./.', 'His/pp$ games/nns has/hv ended/vbn ./.'],
  ])('break the agreement of %s', (good, bad) => {
    expect(breakAgreement(good)).toBe(bad);
  });

  it.each([
    ['a noun that is not the head', 'The/at size/nn of/in ships/nns are/ber known/vbn ./.'],
    ['a noun of either number', 'The/at crew/nn was/bedz there/rb ./.'],
    ['a condition', 'If/cs the/at man/nn was/bedz there/rb ./.'],
    ['a verb that shows no number', 'The/at man/nn went/vbd ./.'],
    ['a verb further on', 'The/at man/nn often/rb is/bez there/rb ./.'],
    ['adjectives alone', 'The/at old/jj'],
    ['nothing', ''],
  ])('leave %s alone', (_, tagged) => {
    expect(breakAgreement(tagged)).toBeUndefined();
  });

  it('are of the sentences that a rule applies to', () => {
    const spoil = (text: string): string | undefined => (text === 'a' ? 'b' : undefined);
    expect(minimalPairs(['a', 'c'], spoil, (text) => text.toUpperCase())).toEqual([{ good: 'A', bad: 'B' }]);
  });
});

import { describe, expect, it } from 'vitest';
import { splitUnits } from '../../../src/text/sentences';
import { Tokenizer } from '../../../src/text/tokenizer';
import { MAX_WORD_CHARACTERS, WordCounts } from '../../../src/text/wordpiece';

/** A piece of a corpus has some millions of characters, and a line or a word may be all of it. */
const LONG = 4 << 20;
const UNITS = ['x', 'x ', '- ', '\u0301', '😀', '中', '"', '[MASK]'];

describe('a line of some millions of characters', () => {
  it.each(UNITS)('is cut and counted: %j', (unit) => {
    const line = unit.repeat(LONG / unit.length);
    for (const kind of ['sentence', 'line', 'paragraph'] as const) expect(splitUnits(line, kind).length).toBeLessThan(line.length);
    for (const lowercase of [true, false]) {
      const words = new WordCounts(lowercase);
      words.add(line);
      expect(words.entries().length).toBeLessThan(4);
    }
  });

  it('of one word is the unknown token', async () => {
    const tokenizer = await Tokenizer.train(['a x'], { vocabularySize: 20, lowercase: true });
    const [ids] = await tokenizer.encodeBatch(['x'.repeat(LONG)]);
    expect(Array.from(ids!)).toEqual([tokenizer.special.unk]);
  });
});

describe('a word that is too long to be learnt', () => {
  it('does not teach its parts, while what follows counts', () => {
    const longest = 'x'.repeat(MAX_WORD_CHARACTERS);
    const words = new WordCounts(true);
    words.add(`${longest} ${longest}y ${longest.repeat(3)}y.z ${longest}x! b ${'😀'.repeat(MAX_WORD_CHARACTERS)}c`);
    expect(words.entries()).toEqual([
      ['!', 1],
      ['.', 1],
      ['b', 1],
      [longest, 1],
      ['z', 1],
    ]);
  });
});

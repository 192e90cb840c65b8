import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Tokenizer } from '../../../src/text/tokenizer';
import { detached, WordCache } from '../../../src/text/word-cache';
import { Random } from '../support/random';
import { folderOf } from './folder';

/** Blanks of every kind, marks that combine, letters whose small form depends on their place, controls, halves of pairs, and what BERT sets apart. */
const CHARACTERS = [
  ...Array.from(' \t\n\r\v\f\u0085\u00a0\u2003\u2028\u3000\u200b\u200d\ufeff\u0000\u0007\u00ad\ufffd'),
  ...Array.from('aAbBzéÉσςΣİıßﬁŒ09.,!-_#[]$’—\u0301\u0323\u0345\u1100\u1161\u11a8한中文𠀀かが😀'),
  '\ud83d',
  '\udc00',
];

function text(random: Random, length: number): string {
  return Array.from({ length }, () => (random.integer(0, 3) === 0 ? ' ' : random.pick(CHARACTERS))).join('');
}

let texts: string[];
let tokenizer: Tokenizer;
const oneByOne = (): Promise<Int32Array[]> => Promise.all(texts.map(async (each) => (await tokenizer.encode(each)).ids));

beforeAll(async () => {
  const random = new Random(11);
  texts = Array.from({ length: 3000 }, () => text(random, random.integer(0, 40)));
  tokenizer = await Tokenizer.train(texts, { vocabularySize: 400, lowercase: true });
});

describe('encoding by words', () => {
  it.each([true, false])('gives what encoding whole texts gives (lowercase: %s)', async (lowercase) => {
    tokenizer = await Tokenizer.train(texts, { vocabularySize: 400, lowercase });
    const whole = await oneByOne();
    expect(await tokenizer.encodeBatch(texts)).toEqual(whole);
    // Now every word is known.
    expect(await tokenizer.encodeBatch(texts)).toEqual(whole);
  });

  it('encodes a word once', async () => {
    const asked: string[] = [];
    const cache = new WordCache((words) => {
      asked.push(...words);
      return tokenizer.encodeBatch(words);
    });
    await cache.encode(['one two one', 'two\tthree']);
    await cache.encode(['three one']);
    expect(asked).toEqual(['one', 'two', 'three']);
  });

  it('takes texts without blanks, however long', async () => {
    const [ids] = await tokenizer.encodeBatch(['中文'.repeat(200_000)]);
    expect(ids).toHaveLength(400_000);
  });

  it('is the same while words are forgotten, and when calls overlap', async () => {
    let asked = 0;
    const cache = new WordCache((words) => {
      asked += words.length;
      return tokenizer.encodeBatch(words);
    }, 1000);
    const parts = Array.from({ length: 6 }, (_, i) => texts.slice(i * 500, (i + 1) * 500));
    const together = await Promise.all(parts.map((part) => cache.encode(part)));
    expect(together.flat()).toEqual(await oneByOne());
    const before = asked;
    expect(await cache.encode(parts[0]!)).toEqual(together[0]);
    expect(asked).toBeGreaterThan(before);
  });

  it('is left to tokenizers that see a word at a time: added tokens may hold blanks', async () => {
    const added = { id: 400, content: 'two words', single_word: false, lstrip: false, rstrip: false, normalized: false, special: false };
    const json = JSON.parse(tokenizer.json) as { added_tokens: object[] };
    json.added_tokens.push(added);
    const other = Tokenizer.load(join(folderOf({ 'tokenizer.json': JSON.stringify(json) }), 'tokenizer.json'));
    expect(Array.from((await other.encodeBatch(['two words']))[0]!)).toEqual([400]);
  });
});

describe('a detached text', () => {
  it.each(['', 'plain', 'naïve', '中文', '\ud800x', '😀'])('is the same text: %j', (each) => expect(detached(each)).toBe(each));
});

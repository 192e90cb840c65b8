import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Span } from '../../../src/shared/types';
import { splitUnits } from '../../../src/text/sentences';
import { Tokenizer } from '../../../src/text/tokenizer';
import { seedOfFuzzing } from '../support/random';

/** What is hard about text: characters that grow, shrink, split or join when they are lower-cased, stripped or normalised. */
const PIECES = [
  ...['the', 'whale', 'Whale', 'a', 'I', '.', '!', ',', '-', '1851', '[MASK]', '[SEP]', '[UNK]', '##a', "don't"],
  ...[
    ' ',
    '  ',
    '\t',
    '\n',
    '\r\n',
    '\r',
    '\n\n',
    '\u00a0',
    '\u2028',
    '\u2029',
    '\u0085',
    '\u3000',
    '\u200b',
    '\u200d',
    '\u00ad',
    '\ufeff',
  ],
  ...['\0', '\u0001', '\u001f', '\u007f', '\ufffd', '\ufffe', '\ud800', '\udc00', '\udbff', '\udfff'],
  ...['İ', 'ı', 'ß', 'ẞ', 'ﬁ', 'ﬃ', 'ŉ', 'ǰ', 'ΐ', 'Σ', 'ς', 'Å', 'Å', 'Ω', 'Ĳ', 'ǅ'],
  ...['é', 'e\u0301', 'ñ', 'n\u0303', 'ü', 'u\u0308\u0304', 'o\u0323\u0302', '\u0301', '\u0308\u0301', 'a\u20dd', 'a\ufe0f'],
  ...['한국어', '\u1112\u1161\u11ab', '가\u11a8', '\u1100\u1161', '中文', '𠀀', '日本語', 'がぎ', 'か\u3099', 'ｶﾞ'],
  ...['שלום', 'שָׁלוֹם', 'مرحبا', 'مَرْحَبًا', '\u202e', '\u202c', '\u2066', 'हिन्दी', 'ไทย', 'ตัว', 'བོད'],
  ...['😀', '🐳', '👩‍👩‍👧', '🏴‍☠️', '🇩🇪', '👍🏽', '1️⃣', '𝔘', '𝐀', '\u{10ffff}', '\u{1d15e}'],
];
const texts = fc.array(fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...PIECES) }, fc.string({ unit: 'binary', maxLength: 4 })), {
  maxLength: 24,
});

/** How often a line is repeated that is long without end. */
const LINES = 30_000;

const parameters = { seed: seedOfFuzzing, numRuns: 1500, endOnFailure: process.env.SEED === undefined };

/** Whether a place stands between the two halves of one character. */
const splits = (text: string, at: number): boolean =>
  /[\ud800-\udbff]/.test(text.charAt(at - 1)) && /[\udc00-\udfff]/.test(text.charAt(at));

function checkPlaces(text: string, spans: readonly Span[]): void {
  let [start, end] = [0, 0];
  for (const span of spans) {
    expect(span.start).toBeGreaterThanOrEqual(start);
    expect(span.end).toBeGreaterThanOrEqual(Math.max(span.start, end));
    expect(span.end).toBeLessThanOrEqual(text.length);
    for (const place of [span.start, span.end]) expect(splits(text, place), `a character is split at ${place}`).toBe(false);
    ({ start, end } = span);
  }
}

/** A text as BERT's normaliser leaves it, without what it drops: what tokens spell. */
const plain = (text: string, lowercase: boolean): string => {
  const clean = text.replace(/[\p{C}\p{Z}\s\ufffd]/gu, '');
  return lowercase
    ? clean
        .normalize('NFD')
        .replace(/\p{Mn}/gu, '')
        .toLowerCase()
        .normalize('NFD')
        .replace(/\p{Mn}/gu, '')
    : clean;
};

/**
 * Whether a token is what a text becomes; or a part of it, and of nothing less: one Hangul syllable is three letters once accents are stripped, and
 * tokens may begin and end between them.
 */
function standsFor(covered: string, token: string, lowercase: boolean): boolean {
  const [whole, part] = [plain(covered, lowercase), plain(token, lowercase)];
  if (whole === part) return true;
  const characters = Array.from(covered.replace(/\p{Mn}+$/u, ''));
  const less = [characters.slice(1), characters.slice(0, -1)].map((some) => plain(some.join(''), lowercase));
  return lowercase && whole.includes(part) && !less.some((some) => some.includes(part));
}

describe(`places of tokens (SEED=${seedOfFuzzing})`, { timeout: 120_000 }, () => {
  const tokenizers = new Map<boolean, Tokenizer>();
  beforeAll(async () => {
    for (const lowercase of [true, false]) {
      const words = await Tokenizer.train([PIECES.filter((piece) => piece.isWellFormed()).join(' ')], { vocabularySize: 400, lowercase });
      tokenizers.set(lowercase, words);
    }
  });

  it.each([true, false])('are exact, in order and between characters, lower-cased: %s', async (lowercase) => {
    const tokenizer = tokenizers.get(lowercase)!;
    await fc.assert(
      fc.asyncProperty(texts, async (pieces) => {
        const text = pieces.join('');
        const { ids, spans } = await tokenizer.encode(text);
        checkPlaces(text, spans);
        spans.forEach(({ start, end }, i) => {
          expect(end).toBeGreaterThan(start);
          const token = tokenizer.token(ids[i]!);
          const covered = text.slice(start, end);
          // A mark behind it is dropped with the accents, and belongs to the bracket that it stands on.
          if (token === '[MASK]') expect(covered.replace(/\p{Mn}+$/u, '')).toBe('[MASK]');
          else if (!tokenizer.isSpecial(ids[i]!))
            expect(standsFor(covered, token.replace(/^##(?!$)/, ''), lowercase), `${token} for ${covered}`).toBe(true);
        });
      }),
      parameters,
    );
  });

  it('of one long line are exact from its first token to its last', async () => {
    const line = 'The whale 😀 İstanbul, a café: 中文! '.repeat(LINES);
    expect(line.length).toBeGreaterThan(1e6);
    const { ids, spans } = await tokenizers.get(true)!.encode(line);
    const period = spans.findIndex(({ start }) => start >= line.length / LINES);
    expect(ids).toHaveLength(period * LINES);
    for (let i = 0; i < spans.length; i += 997) {
      const [first, span] = [spans[i % period]!, spans[i]!];
      const shift = Math.floor(i / period) * (line.length / LINES);
      expect(span).toEqual({ start: first.start + shift, end: first.end + shift });
    }
  });
});

describe(`places of sentences, lines and paragraphs (SEED=${seedOfFuzzing})`, () => {
  it.each(['sentence', 'line', 'paragraph'] as const)('are exact and lose nothing but blanks and markup: %s', (unit) => {
    fc.assert(
      fc.property(texts, (pieces) => {
        const text = pieces.join('');
        const units = splitUnits(text, unit);
        checkPlaces(text, units);
        let end = 0;
        for (const each of units) {
          expect(each.text).toBe(text.slice(each.start, each.end));
          expect(each.text).toBe(each.text.trim());
          expect(each.text).not.toBe('');
          expect(each.start).toBeGreaterThanOrEqual(end);
          // Rules and fences are left out as whole lines.
          if (unit !== 'line') expect(text.slice(end, each.start)).toMatch(/^[\s\-=*_|:+`~]*$/);
          else expect(text.slice(end, each.start).trim()).toBe('');
          ({ end } = each);
        }
      }),
      parameters,
    );
  });
});

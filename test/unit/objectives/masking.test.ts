import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maskSequence, STANDARD_MASKING, type MaskingOptions, type Replacement } from '../../../src/objectives/masking';
import { highestOf, rampAt } from '../../../src/objectives/ramp';
import { hash32 } from '../../../src/shared/random';
import { FIRST_WORD, mean, special, vocabularyFor } from './fixtures';

const vocabulary = vocabularyFor(1000);

/** [CLS], words with a [SEP] among them, [SEP]. */
const sequence = (length: number): Int32Array =>
  Int32Array.from({ length }, (_, i) =>
    i === 0 ? special.cls : i === length - 1 || i === 9 ? special.sep : FIRST_WORD + ((i * 37) % 995),
  );

/** Tokens of which those with an even id continue a word. */
const pieces = vocabularyFor(1000, { startsWord: (id) => id % 2 === 1 });
/** Words of one to four tokens: 1, 2, 3, 4, 1, 2, … */
const wordSequence = (length: number): Int32Array => {
  const ids: number[] = [special.cls];
  for (let word = 0; ids.length < length - 1; word++)
    for (let i = 0; i <= word % 4 && ids.length < length - 1; i++) ids.push(101 + 2 * (word % 400) + (i === 0 ? 0 : 1));
  return Int32Array.from([...ids, special.sep]);
};
const wordsIn = (ids: Int32Array): number[][] => {
  const words: number[][] = [];
  ids.forEach((id, i) => {
    if (pieces.isSpecial(id)) return;
    if (pieces.startsWord(id)) words.push([i]);
    else words.at(-1)!.push(i);
  });
  return words;
};

const KINDS = ['mask', 'random', 'keep'] as const;
const shares = (hidden: readonly { replacement: Replacement }[]): number[] =>
  KINDS.map((kind) => hidden.filter(({ replacement }) => replacement === kind).length / hidden.length);

describe('masking', () => {
  const custom = { mask: 0.5, random: 0.2, keep: 0.3 };
  for (const [unit, replace] of [
    ['token', STANDARD_MASKING.replace],
    ['token', custom],
    ['word', STANDARD_MASKING.replace],
    ['span', custom],
  ] as const) {
    it(`replaces ${JSON.stringify(replace)} of 100,000 hidden tokens within 0.01, by the ${unit}`, () => {
      const ids = sequence(128);
      const hidden = [];
      for (let key = 0; hidden.length < 100_000; key++) {
        const masked = maskSequence(ids, { ...STANDARD_MASKING, rate: 0.5, unit, replace }, vocabulary, hash32(1, key));
        for (const each of masked.hidden) {
          const shown = masked.inputIds[each.position]!;
          const right =
            each.replacement === 'mask' ? shown === special.mask : each.replacement === 'keep' ? shown === each.label : shown >= FIRST_WORD;
          if (!right || each.label !== ids[each.position]) expect.fail(`${each.replacement} shows ${shown} for ${each.label}`);
          hidden.push(each);
        }
      }
      shares(hidden).forEach((share, i) => expect(Math.abs(share - replace[KINDS[i]!])).toBeLessThan(0.01));
    });
  }

  it('hides the rate asked for, never a special token, and marks exactly what it hid', () => {
    for (const favour of ['none', 'rare'] as const) {
      for (const rate of [0.15, 0.4, 0.85]) {
        for (let key = 0; key < 100; key++) {
          const ids = sequence(66);
          const { hidden, mask, inputIds } = maskSequence(ids, { ...STANDARD_MASKING, rate, favour }, vocabulary, key);
          expect(hidden).toHaveLength(Math.round(rate * 64));
          expect(hidden.every(({ label }) => label >= FIRST_WORD)).toBe(true);
          expect([...mask.keys()].filter((i) => mask[i])).toEqual(hidden.map(({ position }) => position));
          expect(ids.every((id, i) => mask[i] === 1 || inputIds[i] === id)).toBe(true);
        }
      }
    }
  });

  it('never hides a special token that an objective added, nor draws one as a replacement', () => {
    const sentinels = vocabularyFor(20, { specials: [17, 18, 19] });
    const ids = Int32Array.from([special.cls, 5, 17, 6, 18, 7, 19, 8, special.unk, 9, special.sep]);
    for (const unit of ['token', 'word', 'span'] as const) {
      for (let key = 0; key < 300; key++) {
        const replace = { mask: 0, random: 1, keep: 0 };
        const { hidden, inputIds } = maskSequence(ids, { ...STANDARD_MASKING, unit, rate: 0.5, replace }, sentinels, key);
        expect(hidden.length).toBeGreaterThan(0);
        for (const { position, label } of hidden) {
          expect(sentinels.isSpecial(label)).toBe(false);
          expect(sentinels.isSpecial(inputIds[position]!)).toBe(false);
        }
      }
    }
  });

  it('hides every place equally often', () => {
    const counts = new Array<number>(66).fill(0);
    const ids = sequence(66);
    for (let key = 0; key < 10_000; key++)
      for (const { position } of maskSequence(ids, STANDARD_MASKING, vocabulary, hash32(5, key)).hidden) counts[position]!++;
    const places = counts.filter((_, i) => i !== 0 && i !== 9 && i !== 65);
    for (const count of places) expect(Math.abs(count / mean(places) - 1)).toBeLessThan(0.085);
  });

  it('is a pure function of its key', () => {
    const options = fc.record({
      rate: fc.double({ min: 0.01, max: 0.9, noNaN: true }),
      unit: fc.constantFrom('token' as const, 'word' as const, 'span' as const),
      favour: fc.constantFrom('none' as const, 'rare' as const),
      meanSpan: fc.double({ min: 1, max: 10, noNaN: true }),
    });
    fc.assert(
      fc.property(options, fc.integer({ min: 8, max: 90 }), fc.nat(), (given, length, key) => {
        const draw = (at: number) => maskSequence(wordSequence(length), { ...STANDARD_MASKING, ...given }, pieces, at);
        const { hidden, mask } = draw(key);
        expect(draw(key)).toEqual(draw(key));
        expect(mask.reduce((a, b) => a + b, 0)).toBe(hidden.length);
        expect(hidden.length).toBeLessThanOrEqual(Math.max(1, Math.round(given.rate * (length - 2))));
        expect(hidden.every(({ position }, i) => i === 0 || position > hidden[i - 1]!.position)).toBe(true);
      }),
      { numRuns: 300 },
    );
    const drawn = new Set(
      Array.from({ length: 50 }, (_, key) => maskSequence(sequence(66), STANDARD_MASKING, vocabulary, key).mask.join()),
    );
    expect(drawn.size).toBe(50);
  });
});

describe('whole-word masking', () => {
  const options: MaskingOptions = { ...STANDARD_MASKING, unit: 'word' };

  it('hides all tokens of a word or none, and the rate asked for', () => {
    for (const length of [34, 66, 130]) {
      const ids = wordSequence(length);
      const words = wordsIn(ids);
      for (let key = 0; key < 200; key++) {
        const { mask, hidden } = maskSequence(ids, options, pieces, key);
        for (const word of words) expect(new Set(word.map((i) => mask[i])).size).toBe(1);
        expect(hidden).toHaveLength(Math.round(0.15 * (length - 2)));
      }
    }
  });

  it('takes a continuation at the beginning of a window, or after a special token, for a word of its own', () => {
    const ids = Int32Array.from([special.cls, 6, 8, 7, special.sep, 10, 12, special.sep]);
    const seen = new Set<string>();
    for (let key = 0; key < 200; key++) seen.add([...maskSequence(ids, { ...options, rate: 0.34 }, pieces, key).mask].join(''));
    // Two of the six places: the first two tokens, or the last two; a word of one token leaves a place that nothing fits.
    expect([...seen].sort()).toEqual(['00000110', '00010000', '01100000']);
  });
});

describe('span masking', () => {
  const options: MaskingOptions = { ...STANDARD_MASKING, unit: 'span', rate: 0.01 };
  const runsOf = (mask: Uint8Array): number[] =>
    [...mask]
      .join('')
      .split(/0+/)
      .filter(Boolean)
      .map((run) => run.length);

  // Few spans in a long sequence, so that they seldom meet.
  for (const meanSpan of [1, 3, 5]) {
    it(`draws runs of geometric lengths, at most ten: ${meanSpan} in the mean`, () => {
      const ids = sequence(60_002);
      const lengths = Array.from({ length: 14 }, (_, key) =>
        runsOf(maskSequence(ids, { ...options, meanSpan }, vocabulary, key).mask),
      ).flat();
      const p = 1 / meanSpan;
      const likelihood = Array.from({ length: 10 }, (_, i) => p * (1 - p) ** i);
      const whole = likelihood.reduce((a, b) => a + b);
      likelihood.forEach((each, i) => {
        const share = lengths.filter((length) => length === i + 1).length / lengths.length;
        expect(Math.abs(share - each / whole), `runs of ${i + 1}`).toBeLessThan(0.03);
      });
      const expected = likelihood.reduce((sum, each, i) => sum + (each / whole) * (i + 1), 0);
      expect(Math.abs(mean(lengths) / expected - 1)).toBeLessThan(0.05);
      // SpanBERT's own number.
      if (meanSpan === 5) expect(expected).toBeCloseTo(3.8, 2);
    });
  }

  it('never splits a word, and gives all tokens of a run the same replacement', () => {
    const ids = wordSequence(402);
    const words = wordsIn(ids);
    for (let key = 0; key < 200; key++) {
      const { mask, hidden } = maskSequence(ids, { ...options, rate: 0.03, meanSpan: 3 }, pieces, key);
      for (const word of words) expect(new Set(word.map((i) => mask[i])).size).toBe(1);
      const kinds = new Map(hidden.map(({ position, replacement }) => [position, replacement]));
      for (const word of words) expect(new Set(word.map((i) => kinds.get(i))).size).toBe(1);
    }
    const mixed = Array.from({ length: 300 }, (_, key) => {
      const { hidden } = maskSequence(sequence(402), { ...options, rate: 0.01, meanSpan: 5 }, vocabulary, key);
      return hidden.slice(1).map(({ position, replacement }, i) => ({
        same: replacement === hidden[i]!.replacement,
        neighbours: position === hidden[i]!.position + 1,
      }));
    }).flat();
    const agreeing = mixed.filter(({ neighbours }) => neighbours);
    expect(agreeing.length).toBeGreaterThan(300);
    // Two runs that happen to touch may differ; tokens drawn one by one would agree in 66 %.
    expect(agreeing.filter(({ same }) => same).length / agreeing.length).toBeGreaterThan(0.97);
  });

  it('hides the rate asked for', () => {
    for (let key = 0; key < 100; key++)
      expect(maskSequence(sequence(130), { ...options, rate: 0.15 }, vocabulary, key).hidden).toHaveLength(Math.round(0.15 * 128));
  });
});

describe('masking that favours rare tokens', () => {
  // Token 5 is a hundred times as frequent as token 6.
  const skewed = vocabularyFor(10, { count: (id) => (id === 5 ? 100 : 1) });
  const ids = Int32Array.from([special.cls, ...Array.from({ length: 40 }, (_, i) => (i % 2 ? 6 : 5)), special.sep]);
  const shareOfRare = (favour: MaskingOptions['favour'], unit: MaskingOptions['unit']): number => {
    const labels = Array.from(
      { length: 500 },
      (_, key) => maskSequence(ids, { ...STANDARD_MASKING, favour, unit }, skewed, key).hidden,
    ).flat();
    return labels.filter(({ label }) => label === 6).length / labels.length;
  };

  for (const unit of ['token', 'word'] as const) {
    it(`hides rare ones more often, by the square root of their frequency: ${unit}`, () => {
      expect(Math.abs(shareOfRare('none', unit) - 0.5)).toBeLessThan(0.03);
      // Weights of 10 to 1 for the first draw; a little less once some of the rare ones are gone.
      expect(shareOfRare('rare', unit)).toBeGreaterThan(0.85);
      expect(shareOfRare('rare', unit)).toBeLessThan(0.93);
    });
  }
});

describe('the masking rate', () => {
  it('moves in a straight line from the first step to the last', () => {
    const rate = { from: 0.3, to: 0.1 };
    for (const [step, share] of [0.3, 0.25, 0.2, 0.15, 0.1].entries()) expect(rampAt(rate, step, 5)).toBeCloseTo(share, 12);
    expect(rampAt(rate, 9, 5)).toBeCloseTo(0.1, 12);
    expect(rampAt(rate, 0, 1)).toBeCloseTo(0.3, 12);
    expect(rampAt(0.2, 3, 5)).toBe(0.2);
  });

  it('is at its highest at one of its ends', () => {
    expect(highestOf({ from: 0.3, to: 0.1 })).toBe(0.3);
    expect(highestOf({ from: 0.1, to: 0.3 })).toBe(0.3);
    expect(highestOf(0.2)).toBe(0.2);
  });
});

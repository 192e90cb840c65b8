import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { corruptSpans, deleteTokens, infill, shuffleSentences } from '../../../src/objectives/denoising';
import { mean } from './fixtures';

const MASK = 4;
const SENTINELS = Array.from({ length: 40 }, (_, i) => 1000 + i);
const isSentinel = (id: number): boolean => id >= 1000;
const keys = (count: number): number[] => Array.from({ length: count }, (_, i) => i * 2_654_435);

const text = fc.array(fc.integer({ min: 5, max: 999 }), { minLength: 1, maxLength: 120 }).map((ids) => Int32Array.from(ids));
const rate = fc.double({ min: 0.01, max: 0.9, noNaN: true });
const meanSpan = fc.double({ min: 1, max: 20, noNaN: true });
/** Distinct tokens, so that one sees where each has gone. */
const counting = (length: number): Int32Array => Int32Array.from({ length }, (_, i) => 5 + i);

/** Lists of tokens, each with the sentinel before it; what stands before the first has none. */
function sections(ids: Int32Array): Map<number | undefined, number[]> {
  const found = new Map<number | undefined, number[]>([[undefined, []]]);
  let current: number | undefined;
  for (const id of ids) {
    if (isSentinel(id)) {
      expect(found.has(id)).toBe(false);
      found.set((current = id), []);
    } else found.get(current)!.push(id);
  }
  return found;
}

/** The text, the sentinels of the source replaced by the spans of the target. */
function filledIn(source: Int32Array, target: Int32Array): number[] {
  const spans = sections(target);
  return [...source].flatMap((id) => (isSentinel(id) ? spans.get(id)! : [id]));
}

describe("T5's span corruption", () => {
  it('loses nothing: the spans in the places of their sentinels are the text', () => {
    fc.assert(
      fc.property(text, rate, meanSpan, fc.nat(), fc.integer({ min: 1, max: 40 }), (ids, share, span, key, available) => {
        const { source, target } = corruptSpans(ids, { rate: share, meanSpan: span }, SENTINELS.slice(0, available), key);
        expect(filledIn(source, target)).toEqual([...ids]);
        const spans = sections(target);
        expect(spans.get(undefined)).toEqual([]);
        spans.delete(undefined);
        // The sentinels come in their order, in both, and each stands for something.
        expect([...spans.keys()]).toEqual(SENTINELS.slice(0, spans.size));
        expect([...source].filter(isSentinel)).toEqual([...spans.keys()]);
        expect([...spans.values()].every((each) => each.length > 0)).toBe(true);
        expect(spans.size).toBeLessThanOrEqual(available);
        expect(ids.length < 2 || !isSentinel(source[0]!)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('corrupts the share asked for, in spans of the mean length asked for, never next to each other', () => {
    for (const options of [
      { rate: 0.15, meanSpan: 3 },
      { rate: 0.3, meanSpan: 2 },
      { rate: 0.5, meanSpan: 8 },
    ]) {
      for (const key of keys(100)) {
        const { source, target } = corruptSpans(counting(200), options, SENTINELS, key);
        const spans = [...sections(target).values()].slice(1);
        expect(spans.flat()).toHaveLength(Math.round(200 * options.rate));
        expect(spans).toHaveLength(Math.min(SENTINELS.length, Math.round((200 * options.rate) / options.meanSpan)));
        expect([...source].some((id, i) => isSentinel(id) && isSentinel(source[i + 1] ?? 0))).toBe(false);
      }
    }
  });

  it('corrupts every place but the first equally often', () => {
    const counts = new Array<number>(40).fill(0);
    for (const key of keys(8000)) {
      const { target } = corruptSpans(counting(40), { rate: 0.25, meanSpan: 2 }, SENTINELS, key);
      for (const id of target) if (!isSentinel(id)) counts[id - 5]!++;
    }
    expect(counts[0]).toBe(0);
    const middle = counts.slice(6, 34);
    for (const count of middle) expect(Math.abs(count / mean(middle) - 1)).toBeLessThan(0.12);
  });

  it('is a pure function of its key, and differs between keys', () => {
    const draw = (key: number): string => corruptSpans(counting(60), { rate: 0.3, meanSpan: 3 }, SENTINELS, key).source.join();
    expect(draw(1)).toBe(draw(1));
    expect(new Set(keys(100).map(draw)).size).toBeGreaterThan(95);
  });
});

describe("BART's infilling", () => {
  /** For a text that counts: what each mask stands for, which lies between the tokens around it. */
  const hiddenBy = (source: Int32Array, length: number): number[][] =>
    [...source].flatMap((id, i) => {
      const [before, after] = [source[i - 1] ?? 4, source[i + 1] ?? 5 + length];
      return id === MASK ? [Array.from({ length: after - before - 1 }, (_, k) => before + 1 + k)] : [];
    });

  it('loses nothing: the text is the source with the missing tokens in the place of each mask', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 120 }), rate, meanSpan, fc.nat(), (length, share, span, key) => {
        const { source, target } = infill(counting(length), { rate: share, meanSpan: span }, MASK, key);
        const hidden = hiddenBy(source, length);
        expect([...source].flatMap((id) => (id === MASK ? hidden.shift()! : [id]))).toEqual([...counting(length)]);
        expect([...target]).toEqual([...counting(length)]);
      }),
      { numRuns: 1000 },
    );
  });

  it('never has two masks in a row, which would be one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 120 }), rate, meanSpan, fc.nat(), (length, share, span, key) => {
        const { source } = infill(counting(length), { rate: share, meanSpan: span }, MASK, key);
        expect([...source].some((id, i) => id === MASK && source[i + 1] === MASK)).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  it('hides the share asked for in spans of about Poisson length, some of them of none', () => {
    const spans = keys(400).flatMap((key) => {
      const ids = counting(300);
      const { source } = infill(ids, { rate: 0.2, meanSpan: 3 }, MASK, key);
      const words = [...source].filter((id) => id !== MASK);
      expect(words).toHaveLength(300 - 60);
      return hiddenBy(source, 300).map((span) => span.length);
    });
    expect(mean(spans)).toBeGreaterThan(2.6);
    expect(mean(spans)).toBeLessThan(3.1);
    const share = (length: number): number => spans.filter((each) => each === length).length / spans.length;
    [0.0498, 0.1494, 0.224, 0.224, 0.168, 0.1008].forEach((likelihood, length) =>
      expect(Math.abs(share(length) - likelihood), `spans of ${length}`).toBeLessThan(0.03),
    );
  });
});

describe('token deletion', () => {
  it('keeps the order of what is left, at least one token', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), rate, fc.nat(), (length, share, key) => {
        const { source, target } = deleteTokens(counting(length), share, key);
        expect([...target]).toEqual([...counting(length)]);
        expect(source.length).toBeGreaterThan(0);
        expect([...source]).toEqual([...new Set(source)].sort((a, b) => a - b));
        expect([...source].every((id) => target.includes(id))).toBe(true);
      }),
    );
  });

  it('deletes the share asked for, every place equally often', () => {
    for (const share of [0.1, 0.6]) {
      const kept = new Array<number>(50).fill(0);
      for (const key of keys(4000)) for (const id of deleteTokens(counting(50), share, key).source) kept[id - 5]!++;
      expect(Math.abs(mean(kept) / 4000 - (1 - share))).toBeLessThan(0.01);
      for (const count of kept) expect(Math.abs(count / 4000 - (1 - share))).toBeLessThan(0.04);
    }
  });
});

describe('sentence permutation', () => {
  it('has the same sentences whole, and writes them in order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 8 }), fc.nat(), (lengths, key) => {
        // Each sentence has a first token of its own, which tells its number.
        const sentences = lengths.map((length, i) => Int32Array.from({ length }, (_, j) => 100 * (i + 1) + j));
        const { source, target } = shuffleSentences(sentences, key);
        expect([...target]).toEqual(sentences.flatMap((sentence) => [...sentence]));
        const order = [...source].filter((id) => id % 100 === 0).map((id) => id / 100 - 1);
        expect([...order].sort()).toEqual(sentences.map((_, i) => i));
        expect([...source]).toEqual(order.flatMap((i) => [...sentences[i]!]));
      }),
    );
  });

  it('draws every order equally often', () => {
    const counts = new Map<string, number>();
    for (const key of keys(6000)) {
      const order = shuffleSentences(
        [1, 2, 3].map((id) => Int32Array.of(id)),
        key,
      ).source.join();
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count / 1000 - 1)).toBeLessThan(0.15);
  });
});

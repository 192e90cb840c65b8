import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeIntensity, INTENSITIES, intensityOf } from '../../../src/host/editor/intensity';
import { marksOf, moved } from '../../../src/host/editor/marks';
import type { Change } from '../../../src/host/editor/passages';

describe('The intensity of a surprisal', () => {
  it('is the class whose odds it reaches', () => {
    const classes = [0, 0.69, Math.log(2), 2.3, Math.log(10), Math.log(100), Math.log(1_000), Math.log(10_000), 50].map(intensityOf);
    expect(classes).toEqual([0, 0, 1, 1, 2, 3, 4, 5, 5]);
    expect(intensityOf(-1e-9)).toBe(0);
  });

  it('is described in nats and as probabilities', () => {
    expect(INTENSITIES.map((_, i) => describeIntensity(i))).toEqual([
      { nats: 'below 0.69', probability: 'more than 1 in 2' },
      { nats: '0.69–2.30', probability: '1 in 2 to 1 in 10' },
      { nats: '2.30–4.61', probability: '1 in 10 to 1 in 100' },
      { nats: '4.61–6.91', probability: '1 in 100 to 1 in 1,000' },
      { nats: '6.91–9.21', probability: '1 in 1,000 to 1 in 10,000' },
      { nats: '9.21 or more', probability: 'at most 1 in 10,000' },
    ]);
  });
});

/** The words that marks cover. */
const words = (text: string): { start: number; end: number; level: number }[] =>
  [...text.matchAll(/\S+/g)].map(({ index, 0: word }) => ({ start: index, end: index + word.length, level: 1 }));

describe('Marks', () => {
  const text = 'the white whale dived';

  it('before a change stay, behind it move, and grow with what is typed inside', () => {
    const change: Change = { offset: 6, removed: 0, inserted: 2 };
    expect(moved(words(text), change).map(({ start, end }) => [start, end])).toEqual([
      [0, 3],
      [4, 11],
      [12, 17],
      [18, 23],
    ]);
  });

  it('do not grow at their edges', () => {
    expect(moved(words('ab'), { offset: 2, removed: 0, inserted: 3 })).toEqual(words('ab'));
    expect(moved(words('ab'), { offset: 0, removed: 0, inserted: 3 })).toEqual([{ start: 3, end: 5, level: 1 }]);
  });

  it('go with the text they cover', () => {
    expect(moved(words(text), { offset: 2, removed: 13, inserted: 1 }).map(({ start, end }) => [start, end])).toEqual([
      [0, 2],
      [4, 9],
    ]);
  });

  it('that a change does not touch cover the same words afterwards', () => {
    const edit = fc.tuple(fc.nat(text.length), fc.nat(text.length), fc.constantFrom('', ' ', ' and a ', '🐋'));
    fc.assert(
      fc.property(edit, ([a, b, inserted]) => {
        const [offset, behind] = [Math.min(a, b), Math.max(a, b)];
        const after = text.slice(0, offset) + inserted + text.slice(behind);
        const untouched = words(text).filter(({ start, end }) => end < offset || start > behind);
        const found = moved(words(text), { offset, removed: behind - offset, inserted: inserted.length });
        const covered = found.map(({ start, end }) => after.slice(start, end));
        for (const { start, end } of untouched) expect(covered).toContain(text.slice(start, end));
        for (const { start, end } of found) expect(end).toBeGreaterThan(start);
      }),
    );
  });

  it('of a passage that is not scored yet are those from before', () => {
    const passages = [
      { start: 10, end: 15, text: 'first' },
      { start: 20, end: 26, text: 'second' },
    ];
    const before = [
      { start: 11, end: 14, level: 3 },
      { start: 21, end: 25, level: 4 },
      { start: 90, end: 95, level: 5 },
    ];
    const known = (passage: { text: string }) =>
      passage.text === 'second'
        ? { words: [{ start: 1, end: 6, surprisal: Math.log(10), pieces: 2 }], depth: 'exact' as const }
        : undefined;
    expect(marksOf(passages, known, before)).toEqual([
      { start: 11, end: 14, level: 3 },
      { start: 21, end: 26, level: 2 },
    ]);
  });

  it('of a passage that is scored in part are those from before, but for its words', () => {
    const before = [11, 15, 19].map((start) => ({ start, end: start + 3, level: 3 }));
    const part = { words: [{ start: 4, end: 8, surprisal: 0, pieces: 1 }], depth: 'part' as const };
    expect(marksOf([{ start: 10, end: 30, text: '' }], () => part, before)).toEqual([
      before[0],
      { start: 14, end: 18, level: 0 },
      before[2],
    ]);
  });
});

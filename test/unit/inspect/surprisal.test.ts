import { describe, expect, it } from 'vitest';
import { hiddenRows, scoredWindows } from '../../../src/inspect/surprisal';

/** One part a token; a sentence ends with every seventh. */
const tokens = (count: number) => Array.from({ length: count }, (_, from) => ({ from, to: from + 1 }));
const ends = ({ to }: { to: number }): boolean => to % 7 === 0;

describe('the windows of a text', () => {
  it.each([
    [5, 30],
    [30, 30],
    [31, 30],
    [200, 30],
    [200, 14],
  ])('score each of %i tokens once, %i at a time, with context on both sides', (count, size) => {
    const windows = scoredWindows(tokens(count), count, size, ends);
    expect(windows.flatMap(({ parts }) => parts)).toEqual(tokens(count));
    for (const { from, to, parts } of windows) {
      expect(to - from).toBe(Math.min(size, count));
      const margin = Math.floor(size / 8);
      expect(parts[0]!.from).toBeGreaterThanOrEqual(from === 0 ? 0 : from + margin);
      expect(parts.at(-1)!.to).toBeLessThanOrEqual(to === count ? count : to - margin);
    }
  });

  it('go over to the next at the end of a sentence, so that an edit leaves those far from it alone', () => {
    const before = scoredWindows(tokens(200), 200, 30, ends);
    expect(before.slice(0, -1).every(({ parts }) => ends(parts.at(-1)!))).toBe(true);
    // A word more in the first sentence: what stands behind it moves by one.
    const after = scoredWindows(tokens(201), 201, 30, ({ from, to }) => from > 6 && ends({ to: to - 1 }));
    const shifted = after.map(({ from, parts }) => [from - 1, parts[0]!.from - 1, parts.length]);
    const kept = before.filter(({ from, parts }) => shifted.some((each) => each.join() === [from, parts[0]!.from, parts.length].join()));
    expect(kept.length).toBeGreaterThanOrEqual(before.length - 2);
  });

  it('cut where no sentence ends', () => {
    const windows = scoredWindows(tokens(100), 100, 30, () => false);
    expect(windows.map(({ parts }) => parts.length)).toEqual([24, 24, 24, 24, 4]);
  });
});

describe('the rows of a window', () => {
  const ids = Int32Array.from([10, 11, 12, 13, 14, 15]);
  const parts = [
    { from: 0, to: 1 },
    { from: 1, to: 4 },
    { from: 5, to: 6 },
  ];

  it('ask for every token once, with itself and what follows in its word hidden', () => {
    const rows = hiddenRows(ids, parts, 99, parts.length).map(({ ids: row, slots, labels }) => [[...row], slots, labels]);
    expect(rows).toEqual([
      [[99, 11, 12, 13, 14, 15], [0], [10]],
      [[10, 99, 99, 99, 14, 15], [1], [11]],
      [[10, 11, 12, 13, 14, 99], [5], [15]],
      [[10, 11, 99, 99, 14, 15], [2], [12]],
      [[10, 11, 12, 99, 14, 15], [3], [13]],
    ]);
  });

  it('hide several words at once in an estimate', () => {
    const rows = hiddenRows(ids, parts, 99, 2).map(({ ids: row, slots }) => [[...row], slots]);
    expect(rows).toEqual([
      [
        [99, 11, 12, 13, 14, 99],
        [0, 5],
      ],
      [[10, 99, 99, 99, 14, 15], [1]],
      [[10, 11, 99, 99, 14, 15], [2]],
      [[10, 11, 12, 99, 14, 15], [3]],
    ]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { augment, type Augmentation } from '../../../src/objectives/augment';
import { mean } from './fixtures';

const counting = (length: number): Int32Array => Int32Array.from({ length }, (_, i) => i);
const nothing: Augmentation = { deletion: 0, crop: 1, swaps: 0 };
const views = (options: Partial<Augmentation>, count: number, length: number): number[][] =>
  Array.from({ length: count }, (_, key) => [...augment(counting(length), { ...nothing, ...options }, key * 7919)]);

describe('augmentation', () => {
  it('changes nothing when nothing is asked for', () => {
    for (const view of views({}, 20, 12)) expect(view).toEqual([...counting(12)]);
  });

  it('crops to a cut-out of the share asked for, every place of which may be its beginning', () => {
    const cuts = views({ crop: 0.6 }, 300, 10);
    for (const cut of cuts) expect(cut).toEqual(Array.from({ length: 6 }, (_, i) => cut[0]! + i));
    expect(new Set(cuts.map((cut) => cut[0]))).toEqual(new Set([0, 1, 2, 3, 4]));
  });

  it('deletes each token with the probability asked for, in order', () => {
    const left = views({ deletion: 0.3 }, 1000, 20);
    expect(Math.abs(mean(left.map((view) => view.length)) / 20 - 0.7)).toBeLessThan(0.01);
    for (const view of left) expect(view).toEqual([...view].sort((a, b) => a - b));
  });

  it('lets two neighbouring spans of the same length change places', () => {
    const swapped = views({ swaps: 1 }, 300, 16);
    for (const view of swapped) {
      const moved = [...view.keys()].filter((i) => view[i] !== i);
      const [first, length] = [moved[0]!, moved.length / 2];
      expect(moved).toEqual(Array.from({ length: 2 * length }, (_, i) => first + i));
      expect(moved.map((i) => view[i])).toEqual([...moved.slice(length), ...moved.slice(0, length)]);
      expect(length).toBeLessThanOrEqual(4);
    }
    expect(new Set(swapped.map((view) => view.filter((id, i) => id !== i).length / 2))).toEqual(new Set([1, 2, 3, 4]));
    expect(new Set(views({ swaps: 3 }, 50, 16).map(String)).size).toBeGreaterThan(45);
  });

  it('leaves at least one token, invents none, and is a pure function of its key', () => {
    const options = fc.record({
      deletion: fc.double({ min: 0, max: 0.9, noNaN: true }),
      crop: fc.double({ min: 0.1, max: 1, noNaN: true }),
      swaps: fc.integer({ min: 0, max: 10 }),
    });
    fc.assert(
      fc.property(options, fc.integer({ min: 1, max: 40 }), fc.nat(), (given, length, key) => {
        const view = augment(counting(length), given, key);
        expect(view.length).toBeGreaterThan(0);
        expect(new Set(view).size).toBe(view.length);
        expect([...view].every((id) => id < length)).toBe(true);
        expect(augment(counting(length), given, key)).toEqual(view);
      }),
      { numRuns: 300 },
    );
  });
});

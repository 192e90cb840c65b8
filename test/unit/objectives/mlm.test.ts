import { describe, expect, it } from 'vitest';
import type { Batch } from '../../../src/objectives/objective';
import type { Split } from '../../../src/text/dataset';
import { countingSplit, create, FIRST_WORD, plain, rowsOf, special, sum } from './fixtures';

const LENGTH = 32;
const split = countingSplit(2000);
const mlm = (options: object, context = {}) => create({ type: 'mlm', batchSize: 4, sequenceLength: LENGTH, ...options }, context);

/** The sequences of a batch with the hidden tokens in their places. */
const restored = ({ inputIds, slots, labels, weights }: Batch): number[][] => {
  const rows = rowsOf(inputIds!);
  const each = slots!.shape[1]!;
  const [places, wanted, used] = [plain(slots!), plain(labels!), plain(weights!)];
  places.forEach((place, i) => {
    if (used[i]! > 0) rows[Math.floor(i / each)]![place] = wanted[i]!;
  });
  return rows;
};
const hiddenCounts = ({ slots, weights }: Batch): number[] => {
  const used = plain(weights!).map((weight) => Number(weight > 0));
  const each = slots!.shape[1]!;
  return Array.from({ length: slots!.shape[0]! }, (_, row) => sum(used.slice(row * each, (row + 1) * each)));
};

describe('mlm batches', () => {
  it('visit every window of the corpus once an epoch', () => {
    const windows = Math.floor(split.tokenCount / (LENGTH - 2));
    const seen: number[] = [];
    for (let step = 0; step < windows; step++) {
      const batch = mlm({}).batch(split, step);
      expect(sum(plain(batch.weights!))).toBeCloseTo(1, 5);
      for (const row of restored(batch)) {
        expect([row[0], row.at(-1)]).toEqual([special.cls, special.sep]);
        seen.push(row[1]! - FIRST_WORD);
      }
    }
    // As many steps as windows, with four rows each, are four epochs; the stream repeats after 995 tokens.
    const starts = Array.from({ length: windows }, (_, window) => ((LENGTH - 2) * window) % 995);
    const sorted = (values: number[]): number[] => [...values].sort((a, b) => a - b);
    for (let epoch = 0; epoch < 4; epoch++) expect(sorted(seen.slice(epoch * windows, (epoch + 1) * windows))).toEqual(sorted(starts));
    const epochs = new Set([0, 1, 2, 3].map((epoch) => seen.slice(epoch * windows, (epoch + 1) * windows).join()));
    expect(epochs.add(starts.join()).size).toBe(5);
  });

  it('are masked anew each time a window comes round, or always in the same way', () => {
    const windows = Math.floor(split.tokenCount / (LENGTH - 2));
    const masksOf = (dynamic: boolean): Map<string, Set<string>> => {
      const masks = new Map<string, Set<string>>();
      for (let step = 0; step < windows; step++) {
        const batch = mlm({ dynamic }).batch(split, step);
        const shown = rowsOf(batch.inputIds!);
        restored(batch).forEach((row, i) => masks.set(row.join(), (masks.get(row.join()) ?? new Set()).add(shown[i]!.join())));
      }
      return masks;
    };
    expect([...masksOf(false).values()].every((seen) => seen.size === 1)).toBe(true);
    expect([...masksOf(true).values()].every((seen) => seen.size > 1)).toBe(true);
  });

  it('hide what the rate of their step asks for, in slots for the highest', () => {
    const rate = { from: 0.1, to: 0.5 };
    const instance = mlm({ rate }, { steps: 5 });
    expect(instance.feeds.slots!.shape).toEqual([4, 15]);
    for (let step = 0; step < 5; step++) {
      const batch = instance.batch(split, step);
      expect(hiddenCounts(batch)).toEqual(new Array(4).fill(Math.round((0.1 + 0.1 * step) * 30)));
      expect(sum(plain(batch.weights!))).toBeCloseTo(1, 5);
    }
    expect(hiddenCounts(mlm({ rate: 0.4 }, { steps: 5 }).batch(split, 3))).toEqual(new Array(4).fill(12));
  });

  it('are judged on the same held-out masks whatever seed and masking, and on those that show [MASK] alone', () => {
    const batchSize = 32;
    const held = mlm({ batchSize }).evaluationBatch(split, 3);
    const otherwise = { batchSize, rate: { from: 0.1, to: 0.4 }, unit: 'span', favour: 'rare', dynamic: false };
    expect(mlm({ ...otherwise, replace: { mask: 0.5, random: 0.5, keep: 0 } }, { seed: 9 }).evaluationBatch(split, 3)).toEqual(held);
    expect(mlm({ batchSize }).evaluationBatch(split, 4)).not.toEqual(held);
    expect(held.slots!.shape).toEqual([32, Math.round(0.15 * 30)]);
    const ids = rowsOf(held.inputIds!);
    const [labels, masked] = [plain(held.labels!), plain(held.maskedWeights!)];
    const shown = rowsOf(held.slots!).flatMap((slots, row) => slots.map((slot) => ids[row]![slot]));
    shown.forEach((id, i) => expect(masked[i]! > 0).toBe(id === special.mask));
    expect(sum(masked)).toBeCloseTo(1, 5);
    expect(shown.some((id, i) => id === labels[i])).toBe(true);
  });

  it('are refused for a corpus smaller than a sequence', () => {
    const small: Split = { ...split, tokenCount: 10 };
    expect(() => mlm({}).check(small, split)).toThrow(/too small.*training part has 10 tokens.*takes 30/);
    expect(() => mlm({}).check(split, { ...small, name: 'heldOut' })).toThrow(/held-out part/);
  });
});

import { describe, expect, it } from 'vitest';
import { createObjective, ObjectiveOptions } from '../../../src/objectives';
import { maskSequence, type MaskingOptions, type Replacement } from '../../../src/objectives/mlm';
import { hash32 } from '../../../src/shared/random';
import type { Split } from '../../../src/text/dataset';

const special = { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 };
const vocabularySize = 1000;
const standard: MaskingOptions = { rate: 0.15, replace: { mask: 0.8, random: 0.1, keep: 0.1 } };

const sequence = (length: number): Int32Array =>
  Int32Array.from({ length }, (_, i) =>
    i === 0 ? special.cls : i === length - 1 ? special.sep : i === 9 ? special.sep : 5 + ((i * 37) % 995),
  );

describe('masking', () => {
  for (const replace of [standard.replace, { mask: 0.5, random: 0.2, keep: 0.3 }]) {
    it(`replaces ${JSON.stringify(replace)} of 100,000 hidden tokens within 0.01`, () => {
      const counts: Record<Replacement, number> = { mask: 0, random: 0, keep: 0 };
      let total = 0;
      for (let key = 0; total < 100_000; key++) {
        const ids = sequence(128);
        const masked = maskSequence(ids, { rate: 0.15, replace }, special, vocabularySize, hash32(1, key));
        for (const { position, label, replacement } of masked.hidden) {
          counts[replacement]++;
          total++;
          expect(label).toBe(ids[position]);
          if (replacement === 'mask') expect(masked.inputIds[position]).toBe(special.mask);
          if (replacement === 'keep') expect(masked.inputIds[position]).toBe(label);
          if (replacement === 'random') expect(masked.inputIds[position]).toBeGreaterThan(4);
        }
      }
      for (const kind of ['mask', 'random', 'keep'] as const) expect(Math.abs(counts[kind] / total - replace[kind])).toBeLessThan(0.01);
    });
  }

  it('hides the rate asked for, never a special token, and marks exactly what it hid', () => {
    for (const rate of [0.15, 0.4]) {
      for (let key = 0; key < 200; key++) {
        const ids = sequence(66);
        const { hidden, mask, inputIds } = maskSequence(ids, { ...standard, rate }, special, vocabularySize, key);
        expect(hidden).toHaveLength(Math.round(rate * 64));
        expect(hidden.every(({ label }) => label > 4)).toBe(true);
        expect([...mask.keys()].filter((i) => mask[i])).toEqual(hidden.map(({ position }) => position));
        ids.forEach((id, i) => expect(mask[i] === 1 || inputIds[i] === id).toBe(true));
      }
    }
  });

  it('hides every place equally often', () => {
    const counts = new Array<number>(66).fill(0);
    for (let key = 0; key < 20_000; key++)
      for (const { position } of maskSequence(sequence(66), standard, special, vocabularySize, hash32(5, key)).hidden) counts[position]!++;
    const places = counts.filter((_, i) => i !== 0 && i !== 9 && i !== 65);
    const mean = places.reduce((a, b) => a + b) / places.length;
    for (const count of places) expect(Math.abs(count / mean - 1)).toBeLessThan(0.06);
  });
});

const config = {
  vocabularySize,
  layers: 1,
  hiddenSize: 8,
  attentionHeads: 2,
  intermediateSize: 16,
  maxPositions: 64,
  dropout: 0.1,
  attentionDropout: 0.1,
};
const stream = Int32Array.from({ length: 2000 }, (_, i) => 5 + (i % 995));
const split: Split = {
  name: 'train',
  tokenCount: stream.length,
  sentenceCount: 0,
  documentCount: 1,
  tokens: (start, length) => stream.slice(start, start + length),
  sentence: () => new Int32Array(),
  documentOf: () => 0,
  sentencesOf: () => [0, 0],
};
const create = (options: object, seed = 1) =>
  createObjective(ObjectiveOptions.parse({ type: 'mlm', batchSize: 4, sequenceLength: 32, ...options }), { config, special, seed });
const plain = (data: ArrayLike<number | bigint>): number[] => Array.from(data, Number);

/** Where slot `i` of a batch of 32-token sequences stands among all its tokens. */
const placeOf = (position: number, i: number, [, each]: readonly number[]): number => Math.floor(i / each!) * 32 + position;

describe('mlm batches', () => {
  it('visit every window of the corpus once an epoch', () => {
    const windows = Math.floor(stream.length / 30);
    const seen = new Map<number, number>();
    for (let step = 0; step < windows; step++) {
      const { inputIds, slots, labels, weights } = create({}).batch(split, step);
      const ids = plain(inputIds!.data);
      plain(slots!.data).forEach((slot, i) => (ids[placeOf(slot, i, slots!.shape)] = plain(labels!.data)[i]!));
      expect(plain(weights!.data).reduce((a, b) => a + b)).toBeCloseTo(1, 5);
      for (let row = 0; row < 4; row++) seen.set(ids[row * 32 + 1]!, (seen.get(ids[row * 32 + 1]!) ?? 0) + 1);
    }
    // `windows` steps of 4 rows are 4 epochs, and windows start at distinct tokens but where the stream repeats.
    expect([...seen.values()].reduce((a, b) => a + b)).toBe(4 * windows);
    expect([...seen.values()].every((count) => count % 4 === 0)).toBe(true);
  });

  it('are pure functions of seed and step, and mask anew each time', () => {
    expect(create({}).batch(split, 7)).toEqual(create({}).batch(split, 7));
    expect(create({}).batch(split, 7)).not.toEqual(create({}, 2).batch(split, 7));
    expect(create({}).batch(split, 7)).not.toEqual(create({}).batch(split, 8));
  });

  it('are judged on the same held-out masks whatever seed and masking, and on those that show [MASK] alone', () => {
    const held = create({ batchSize: 32 }).evaluationBatch(split, 3);
    expect(create({ batchSize: 32, rate: 0.4, replace: { mask: 0.5, random: 0.5, keep: 0 } }, 9).evaluationBatch(split, 3)).toEqual(held);
    const ids = plain(held.inputIds!.data);
    const [slots, labels, masked] = [plain(held.slots!.data), plain(held.labels!.data), plain(held.maskedWeights!.data)];
    expect(held.slots!.shape).toEqual([32, Math.round(0.15 * 30)]);
    const shown = slots.map((slot, i) => ids[placeOf(slot, i, held.slots!.shape)]);
    shown.forEach((id, i) => expect(masked[i]! > 0).toBe(id === special.mask));
    expect(masked.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    expect(shown.some((id, i) => id === labels[i])).toBe(true);
  });

  it('need replacement rates that add up to 1', () => {
    const problem = ObjectiveOptions.safeParse({ type: 'mlm', replace: { mask: 0.8, random: 0.3, keep: 0.1 } });
    expect(problem.error?.issues[0]?.path).toEqual(['replace']);
    expect(problem.error?.issues[0]?.message).toMatch(/add up to 1/);
  });

  it('are refused for a corpus smaller than a sequence', () => {
    expect(() => create({}).check({ ...split, tokenCount: 10 }, split)).toThrow(/too small/);
  });
});

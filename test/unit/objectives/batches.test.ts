import { describe, expect, it } from 'vitest';
import { ObjectiveOptions, objectives, tokensOf, type Instance } from '../../../src/objectives';
import type { Batch } from '../../../src/objectives/objective';
import { create, plain, randomDocuments, splitOf, sum, tableOf, vocabularyFor } from './fixtures';

const rows = Array.from({ length: 40 }, (_, i) => ({
  a: [10 + i, 6],
  b: [60 + i, 7],
  c: [110 + i],
  source: [160 + i, 5],
  target: [210 + i],
}));
const table = tableOf(
  rows,
  rows.map((_, i) => i),
);
const documents = (name: 'train' | 'heldOut') =>
  splitOf(
    randomDocuments(
      8,
      () => 20,
      (key) => 5 + (key % 8),
    ),
    { name, tables: { contrastive: table, seq2seq: table } },
  );
const [split, heldOut] = [documents('train'), documents('heldOut')];

const file = { file: 'x.csv' };
/** Every objective, with every source of examples it has. */
const variants: Record<string, object> = {
  mlm: { type: 'mlm' },
  'mlm, static spans': { type: 'mlm', unit: 'span', dynamic: false },
  'mlm, rare words first': { type: 'mlm', unit: 'word', favour: 'rare', rate: { from: 0.1, to: 0.3 } },
  'contrastive by dropout': { type: 'contrastive' },
  'contrastive, adjacent': { type: 'contrastive', positives: 'adjacent' },
  'contrastive, augmented': { type: 'contrastive', positives: { from: 'augment', deletion: 0.2, crop: 0.8, swaps: 1, synonyms: 0.2 } },
  'contrastive, pairs': { type: 'contrastive', positives: { from: 'pairs', ...file, a: 'a', b: 'b' } },
  'contrastive, triplets': { type: 'contrastive', positives: { from: 'triplets', ...file, anchor: 'a', positive: 'b', negative: 'c' } },
  'contrastive, scored': { type: 'contrastive', positives: { from: 'scored', ...file, a: 'a', b: 'b', score: 's' } },
  nsp: { type: 'nsp' },
  sop: { type: 'sop' },
  'seq2seq, spans': { type: 'seq2seq', task: 'spans', rate: 0.3 },
  'seq2seq, infilling': { type: 'seq2seq', task: 'infilling' },
  'seq2seq, deletion': { type: 'seq2seq', task: 'deletion' },
  'seq2seq, permutation': { type: 'seq2seq', task: 'permutation' },
  'seq2seq, tsdae': { type: 'seq2seq', task: 'tsdae' },
  'seq2seq, pairs': { type: 'seq2seq', task: { from: 'pairs', ...file, source: 's', target: 't' } },
  clm: { type: 'clm' },
  rtd: { type: 'rtd' },
};

const typesOf = (batch: Batch): object =>
  Object.fromEntries(Object.entries(batch).map(([name, { dtype, shape }]) => [name, { dtype, shape }]));

describe.each(Object.entries(variants))('batches of %s', (_, options) => {
  const all = { batchSize: 4, sequenceLength: 24, ...options };
  const tokens = tokensOf(ObjectiveOptions.parse(all)).map((_name, i) => 1000 + i);
  const vocabulary = vocabularyFor(1010, { specials: tokens });
  const instance = (seed: number): Instance => create(all, { seed, tokens, vocabulary, types: ['mlm', 'contrastive'] });

  it('are pure functions of seed and step, and differ between both', () => {
    const [one, again, other] = [instance(1), instance(1), instance(2)];
    // Not in their order: a batch remembers nothing of those before it.
    const later = one.batch(split, 5);
    for (const step of [0, 5, 3]) expect(again.batch(split, step)).toEqual(one.batch(split, step));
    expect(one.batch(split, 5)).toEqual(later);
    expect(one.batch(split, 6)).not.toEqual(later);
    expect(other.batch(split, 5)).not.toEqual(later);
  });

  it('are held out the same whatever the seed, different ones under different numbers', () => {
    for (const index of [0, 3]) expect(instance(2).evaluationBatch(heldOut, index)).toEqual(instance(1).evaluationBatch(heldOut, index));
    expect(instance(1).evaluationBatch(heldOut, 4)).not.toEqual(instance(1).evaluationBatch(heldOut, 3));
  });

  it('have the types that the graph is told of, and ids of the vocabulary', () => {
    const made = instance(3);
    const drawn = [0, 1, 2].map((step) => made.batch(split, step));
    for (const batch of drawn) expect(typesOf(batch)).toEqual(made.feeds);
    expect(typesOf(made.evaluationBatch(heldOut, 1))).toEqual(made.evaluationFeeds);
    for (const batch of drawn)
      for (const [name, value] of Object.entries(batch))
        if (name.endsWith('Ids'))
          expect(
            plain(value).every((id) => id >= 0 && id < vocabulary.size),
            name,
          ).toBe(true);
  });

  it('are big enough a corpus, and say how much they compute', () => {
    const made = instance(1);
    expect(() => made.check(split, heldOut)).not.toThrow();
    const ids = Object.entries(made.feeds).filter(([name]) => name.endsWith('Ids') && name !== 'tokenTypeIds');
    expect(made.tokens).toBe(sum(ids.map(([, { shape }]) => shape[0]! * shape[1]!)));
  });

  it('have parameters of their own under names that are used once', () => {
    const names = instance(1).parameters.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('the objectives', () => {
  it('are all among these', () => {
    expect(new Set(Object.values(variants).map((options) => (options as { type: string }).type))).toEqual(
      new Set(objectives.map(({ type }) => type)),
    );
  });
});

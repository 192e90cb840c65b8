import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Dataset, type Split } from '../../../src/text/dataset';
import { ShardWriter } from '../../../src/text/shards';
import { folderOf } from './folder';

const SPECIAL = { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 };
type Sentences = number[][];

async function write(documents: Record<string, Sentences>, { heldOut = 0.1, seed = 1, vocabularySize = 100 } = {}): Promise<string> {
  const folder = folderOf({});
  const writer = new ShardWriter(folder, { vocabularySize, special: SPECIAL });
  for (const [name, sentences] of Object.entries(documents)) writer.append(name, sentences);
  await writer.finish(heldOut, seed);
  writer.close();
  return folder;
}

/** What a split holds, read sentence by sentence. */
const read = (split: Split): Sentences[] =>
  Array.from({ length: split.documentCount }, (_, document) => {
    const [first, end] = split.sentencesOf(document);
    return Array.from({ length: end - first }, (_, i) => Array.from(split.sentence(first + i)));
  });

/** A library of documents that differ in everything: document d has d % 5 + 1 sentences. */
const library = (count: number): Record<string, Sentences> =>
  Object.fromEntries(
    Array.from({ length: count }, (_, d) => [
      `doc-${d}.md`,
      Array.from({ length: (d % 5) + 1 }, (_, s) => Array.from({ length: 5 + s }, () => 5 + (d % 90))),
    ]),
  );

describe('Dataset', () => {
  it('gives back each document, sentence by sentence and as one stream', async () => {
    const documents = {
      'a.md': [[10, 11], [12]],
      'b.md': [[20]],
      'c.md': [
        [30, 31, 32],
        [33, 34],
      ],
    };
    const dataset = Dataset.open(await write(documents));
    for (const split of [dataset.train, dataset.heldOut]) {
      const held = dataset.info[split.name].documents.map((name) => documents[name as keyof typeof documents]);
      expect(read(split)).toEqual(held);
      expect(Array.from(split.tokens(0, split.tokenCount))).toEqual(held.flatMap((sentences) => [...sentences.flat(), SPECIAL.sep]));
      expect(split.sentenceCount).toBe(held.flat().length);
    }
    expect(dataset.train.documentCount + dataset.heldOut.documentCount).toBe(3);
    dataset.close();
  });

  it('knows which document a sentence is from', async () => {
    const { train } = Dataset.open(await write(library(50)));
    for (let document = 0; document < train.documentCount; document++) {
      const [first, end] = train.sentencesOf(document);
      for (let sentence = first; sentence < end; sentence++) expect(train.documentOf(sentence)).toBe(document);
    }
  });

  it('reads any window of a stream longer than its blocks, the same in any order', async () => {
    const stream = Array.from({ length: 60_000 }, (_, i) => 5 + ((i * 7919) % 60_000));
    const dataset = Dataset.open(await write({ a: [stream], b: [[5]] }, { vocabularySize: 70_000 }));
    const split = dataset.train.tokenCount > 100 ? dataset.train : dataset.heldOut;
    const offset = split.tokens(0, 1)[0] === stream[0] ? 0 : 2;
    for (const [start, length] of [
      [59_000, 900],
      [0, 60_000],
      [16_383, 2],
      [16_384, 16_384],
      [7, 0],
      [0, 1],
    ] as const) {
      expect(Array.from(split.tokens(start + offset, length))).toEqual(stream.slice(start, start + length));
    }
  });

  it.each([65_536, 65_537])('keeps the highest id of a vocabulary of %i', async (vocabularySize) => {
    const { train } = Dataset.open(await write({ a: [[vocabularySize - 1]], b: [[vocabularySize - 1]] }, { vocabularySize }));
    expect(Array.from(train.sentence(0))).toEqual([vocabularySize - 1]);
  });

  it('refuses what lies outside', async () => {
    const { train } = Dataset.open(await write(library(5)));
    expect(() => train.tokens(train.tokenCount - 1, 2)).toThrow(RangeError);
    expect(() => train.tokens(-1, 1)).toThrow(RangeError);
    expect(() => train.sentence(train.sentenceCount)).toThrow(RangeError);
    expect(() => train.documentOf(-1)).toThrow(RangeError);
    expect(() => train.sentencesOf(train.documentCount)).toThrow(RangeError);
  });

  it('counts the training tokens, special ones not, and knows their entropy', async () => {
    // One document is held out: both hold the same, so the counts are known.
    const dataset = Dataset.open(await write({ a: [[10, 10, 11, 12, 1]], b: [[10, 10, 11, 12, 1]] }));
    const counts = dataset.unigram();
    expect(counts).toHaveLength(100);
    expect([counts[10], counts[11], counts[12], counts[1], counts[3]]).toEqual([2, 1, 1, 0, 0]);
    expect(dataset.unigramEntropy).toBeCloseTo(1.5 * Math.LN2, 12);
  });

  it('refuses a folder with a file missing, too short, or not its own', async () => {
    for (const damage of [
      (folder: string) => truncateSync(join(folder, 'train.tokens.bin'), 4),
      (folder: string) => truncateSync(join(folder, 'heldOut.sentences.bin'), 4),
      (folder: string) => writeFileSync(join(folder, 'dataset.json'), '{}'),
    ]) {
      const folder = await write(library(5));
      damage(folder);
      expect(() => Dataset.open(folder)).toThrow(expect.objectContaining({ name: 'UserError', code: 'corpus' }));
    }
    expect(() => Dataset.open('/no/such/folder')).toThrow(expect.objectContaining({ name: 'UserError', code: 'corpus' }));
  });
});

describe('holding out', () => {
  it('takes whole documents until the fraction is reached, and no document more', async () => {
    const { info } = Dataset.open(await write(library(100), { heldOut: 0.2 }));
    const total = info.train.tokenCount + info.heldOut.tokenCount;
    expect(info.heldOut.tokenCount / total).toBeGreaterThan(0.19);
    expect(info.heldOut.tokenCount / total).toBeLessThan(0.25);
    expect(info.train.documents.filter((name) => info.heldOut.documents.includes(name))).toEqual([]);
    expect(info.heldOutBy).toBe('document');
  });

  it('depends on the seed and on the names alone, not on the order', async () => {
    const held = async (documents: Record<string, Sentences>, seed: number): Promise<string[]> =>
      Dataset.open(await write(documents, { seed })).info.heldOut.documents.toSorted();
    const reversed = Object.fromEntries(Object.entries(library(40)).reverse());
    expect(await held(reversed, 1)).toEqual(await held(library(40), 1));
    expect(await held(library(40), 2)).not.toEqual(await held(library(40), 1));
  });

  it('never takes all', async () => {
    const { train, heldOut } = Dataset.open(await write(library(2), { heldOut: 0.99 }));
    expect([train.documentCount, heldOut.documentCount]).toEqual([1, 1]);
  });

  it('takes the last tenth of the sentences of the only document', async () => {
    const dataset = Dataset.open(await write({ a: Array.from({ length: 20 }, (_, i) => [10 + i]) }));
    expect(read(dataset.heldOut)).toEqual([[[28], [29]]]);
    expect(dataset.train.sentenceCount).toBe(18);
    expect(dataset.info.heldOutBy).toBe('sentence');
  });
});

import { describe, expect, it } from 'vitest';
import { ObjectiveOptions, tokensOf } from '../../../src/objectives';
import type { Batch } from '../../../src/objectives/objective';
import {
  contextOf,
  countingSplit,
  create,
  FIRST_WORD,
  mean,
  plain,
  randomDocuments,
  rowsOf,
  special,
  splitOf,
  sum,
  tableOf,
  vocabularyFor,
} from './fixtures';

const LENGTH = 22;
const CONTENT = LENGTH - 2;
const split = countingSplit(2000);

const seq2seq = (options: object, context = {}) => create({ type: 'seq2seq', batchSize: 4, sequenceLength: LENGTH, ...options }, context);

/** What is read and what is written, without the special tokens around them; fails unless the decoder reads what it has to write, one place later. */
function textsOf(batch: Batch): { source: number[]; target: number[] }[] {
  const [masks, decoderIds, width] = [rowsOf(batch.attentionMask!), rowsOf(batch.decoderIds!), batch.decoderIds!.shape[1]!];
  const [labels, weights, words] = [plain(batch.labels!), plain(batch.weights!), plain(batch.wordWeights!)];
  expect(sum(weights)).toBeCloseTo(1, 5);
  expect(sum(words)).toBeCloseTo(1, 5);
  return rowsOf(batch.inputIds!).map((row, i) => {
    const length = sum(masks[i]!);
    expect([row[0], row[length - 1]]).toEqual([special.cls, special.sep]);
    expect(row.slice(length).every((id) => id === special.pad)).toBe(true);
    const part = (values: number[]): number[] => values.slice(i * width, (i + 1) * width);
    const written = part(weights).filter((weight) => weight > 0).length;
    expect(part(weights).every((weight, k) => weight > 0 === k < written)).toBe(true);
    const target = part(labels).slice(0, written);
    expect(target.at(-1)).toBe(special.sep);
    expect(decoderIds[i]!.slice(0, written)).toEqual([special.cls, ...target.slice(0, -1)]);
    expect(decoderIds[i]!.slice(written).every((id) => id === special.pad)).toBe(true);
    return { source: row.slice(1, length - 1), target: target.slice(0, -1) };
  });
}

const isRising = (ids: readonly number[]): boolean => ids.every((id, i) => i === 0 || id === ids[i - 1]! + 1 || id === FIRST_WORD);

describe('seq2seq batches', () => {
  it('write the spans that sentinels stand for, of which there are enough in the vocabulary', () => {
    const options = ObjectiveOptions.parse({ type: 'seq2seq', task: 'spans', sequenceLength: LENGTH, rate: 0.3, meanSpan: 2 });
    expect(tokensOf(options)).toEqual(['<extra_id_0>', '<extra_id_1>', '<extra_id_2>']);
    const tokens = [1000, 1001, 1002];
    const instance = seq2seq({ task: 'spans', rate: 0.3, meanSpan: 2 }, { tokens, vocabulary: vocabularyFor(1003, { specials: tokens }) });
    const batch = instance.batch(split, 2);
    for (const { source, target } of textsOf(batch)) {
      const spans = new Map<number, number[]>();
      for (const id of target) {
        if (tokens.includes(id)) spans.set(id, []);
        else [...spans.values()].at(-1)!.push(id);
      }
      expect([...spans.keys()]).toEqual(tokens);
      expect([...spans.values()].flat()).toHaveLength(6);
      expect(isRising(source.flatMap((id) => spans.get(id) ?? [id]))).toBe(true);
    }
    // Sentinels and the end are not among what accuracy counts.
    const [labels, words] = [plain(batch.labels!), plain(batch.wordWeights!)];
    labels.forEach((label, i) => expect(words[i]! > 0).toBe(label >= FIRST_WORD && !tokens.includes(label)));
  });

  it('leave room for the longest target: the spans, their sentinels and the end', () => {
    for (const rate of [0.05, 0.15, 0.5]) {
      for (const meanSpan of [1, 3, 7]) {
        for (const sequenceLength of [8, 23, 64]) {
          const options = { type: 'seq2seq', task: 'spans', sequenceLength, rate, meanSpan } as const;
          const count = tokensOf(ObjectiveOptions.parse(options)).length;
          const tokens = Array.from({ length: count }, (_, i) => 1000 + i);
          const instance = create({ ...options, batchSize: 4 }, { tokens, vocabulary: vocabularyFor(1100, { specials: tokens }) });
          for (let step = 0; step < 5; step++) {
            for (const { source, target } of textsOf(instance.batch(split, step))) {
              const shown = source.filter((id) => !tokens.includes(id)).length;
              const hidden = target.filter((id) => !tokens.includes(id)).length;
              expect(shown + hidden).toBe(sequenceLength - 2);
            }
          }
        }
      }
    }
  });

  for (const [task, shown] of [
    ['infilling', 0.7],
    ['deletion', 0.7],
  ] as const) {
    it(`write the whole window of which a part is hidden: ${task}`, () => {
      const instance = seq2seq({ task });
      const texts = Array.from({ length: 30 }, (_, step) => textsOf(instance.batch(split, step))).flat();
      for (const { source, target } of texts) {
        expect(target).toHaveLength(CONTENT);
        expect(isRising(target)).toBe(true);
        const words = source.filter((id) => id !== special.mask);
        expect(words.every((id, i) => i === 0 || target.indexOf(id) > target.indexOf(words[i - 1]!))).toBe(true);
        expect(source.includes(special.mask)).toBe(task === 'infilling');
      }
      expect(Math.abs(mean(texts.map(({ source }) => source.filter((id) => id !== special.mask).length)) / CONTENT - shown)).toBeLessThan(
        0.05,
      );
    });
  }

  it('write sentences of one document in order that were read in another', () => {
    const documents = splitOf(
      randomDocuments(
        10,
        () => 8,
        (key) => 3 + (key % 4),
      ),
    );
    const instance = seq2seq({ task: 'permutation' });
    const texts = Array.from({ length: 20 }, (_, step) => textsOf(instance.batch(documents, step))).flat();
    const starts = new Map(Array.from({ length: documents.sentenceCount }, (_, i) => [documents.sentence(i).slice(0, 3).join(), i]));
    const sentencesOf = (ids: readonly number[]): number[] => {
      const found: number[] = [];
      for (let at = 0; at < ids.length; at += documents.sentence(found.at(-1)!).length)
        found.push(starts.get(ids.slice(at, at + 3).join())!);
      return found;
    };
    for (const { source, target } of texts) {
      const order = sentencesOf(target);
      expect(order.length).toBeGreaterThan(1);
      expect(order).toEqual(order.map((_, i) => order[0]! + i));
      expect(documents.documentOf(order[0]!)).toBe(documents.documentOf(order.at(-1)!));
      expect(sentencesOf(source).sort((a, b) => a - b)).toEqual(order);
    }
    expect(texts.some(({ source, target }) => source.join() !== target.join())).toBe(true);
  });

  it('write whole sentences of which most tokens were deleted: tsdae', () => {
    const instance = seq2seq({ task: 'tsdae' });
    const texts = Array.from({ length: 30 }, (_, step) => textsOf(instance.batch(split, step))).flat();
    for (const { source, target } of texts) {
      expect(target).toHaveLength(10);
      expect(isRising(target)).toBe(true);
      expect(source.length).toBeGreaterThan(0);
      expect(source.every((id) => target.includes(id))).toBe(true);
    }
    expect(Math.abs(mean(texts.map(({ source }) => source.length)) / 10 - 0.4)).toBeLessThan(0.05);
  });

  it('read and write the texts of a file, cut to their lengths', () => {
    const rows = Array.from({ length: 8 }, (_, i) => ({
      source: Array.from({ length: 3 + 4 * i }, (_, k) => 100 * i + k + FIRST_WORD),
      target: Array.from({ length: 20 - i }, (_, k) => 100 * i + k + 50),
    }));
    const withTable = splitOf([[[5]]], { tables: { seq2seq: tableOf(rows) } });
    const instance = seq2seq({ task: { from: 'pairs', file: 'x.csv', source: 's', target: 't' }, targetLength: 15 });
    expect(instance.feeds.decoderIds!.shape).toEqual([4, 15]);
    const texts = [0, 1].flatMap((step) => textsOf(instance.batch(withTable, step)));
    expect(texts.map(({ source }) => Math.floor(source[0]! / 100)).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    for (const { source, target } of texts) {
      const row = rows[Math.floor(source[0]! / 100)]!;
      expect(source).toEqual(row.source.slice(0, CONTENT));
      expect(target).toEqual(row.target.slice(0, 14));
    }
  });

  it('are corrupted anew each time a text comes round', () => {
    const instance = seq2seq({ task: 'deletion', batchSize: 5 });
    const epoch = Math.floor(split.tokenCount / CONTENT) / 5;
    expect(epoch).toBe(20);
    const shown = new Map<string, Set<string>>();
    for (let step = 0; step < 3 * epoch; step++)
      for (const { source, target } of textsOf(instance.batch(split, step)))
        shown.set(target.join(), (shown.get(target.join()) ?? new Set()).add(source.join()));
    expect(shown.size).toBe(100);
    for (const sources of shown.values()) expect(sources.size).toBe(3);
  });
});

describe("the decoder's baseline", () => {
  it('is copying where most stays in its place, and else the commonest token', () => {
    const value = (task: string): { value: number; by: string } => seq2seq({ task, rate: 0.02 }).baseline(split, 0);
    // Nothing, or one token in twenty, is deleted: what follows it is one place off.
    expect(value('deletion').by).toMatch(/copying/);
    expect(value('deletion').value).toBeGreaterThan(0.6);
    const repeating = splitOf(Array.from({ length: 60 }, (_, i) => [Array.from({ length: 12 }, (_, k) => (k % 3 ? 7 : 10 + i))]));
    const commonest = seq2seq({ task: 'tsdae', rate: 0.9 }, contextOf()).baseline(repeating, 0);
    expect(commonest.by).toMatch(/commonest/);
    expect(commonest.value).toBeCloseTo(2 / 3, 6);
  });
});

import { describe, expect, it } from 'vitest';
import oracle from '../../oracle/contrastive.json';
import { grad } from '../../../src/onnx/grad';
import { input, type Value } from '../../../src/onnx/graph';
import { tensor, type Tensor } from '../../../src/onnx/types';
import { lookUp } from '../../../src/model/parameters';
import { noDropout } from '../../../src/model/random';
import type { Instance } from '../../../src/objectives';
import { evaluate, fed, type Fed } from '../support/evaluate';
import { create, FIRST_WORD, plain, rowsOf, special, splitOf, sum, tableOf, tinyModel, weightsOf } from './fixtures';
import { measure } from './recorded';

interface Recorded {
  readonly name: string;
  readonly options: object;
  readonly embeddings: { shape: number[]; data: number[] };
  readonly parameters: Record<string, { shape: number[]; data: number[] }>;
  readonly queue?: { shape: number[]; data: number[] };
  readonly scores?: number[];
  readonly loss: number;
  readonly metrics: Record<string, number>;
  readonly gradients: Record<string, { shape: number[]; data: number[] }>;
  readonly next?: { shape: number[]; data: number[] };
}

describe('the contrastive loss with all its options', () => {
  for (const recorded of oracle.objectives as unknown as Recorded[]) {
    it(`agrees with PyTorch, gradients and all: ${recorded.name}`, async () => {
      const rows = recorded.embeddings.shape[0]!;
      const batchSize = rows / (JSON.stringify(recorded.options).includes('triplets') ? 3 : 2);
      // With a gradient cache of the whole batch the loss is a function of the embeddings themselves.
      const instance = create({ type: 'contrastive', batchSize, sequenceLength: 8, gradientCache: batchSize, ...recorded.options });
      expect(instance.parameters.map(({ name, shape }) => [name, shape])).toEqual(
        Object.entries(recorded.parameters).map(([name, { shape }]) => [name, shape]),
      );
      expect(instance.buffers?.map(({ shape }) => shape)).toEqual(recorded.queue && [recorded.queue.shape]);
      const double = ({ shape, data }: { shape: number[]; data: number[] }): Fed => fed('float64', shape, data);
      const embeddings = double(recorded.embeddings);
      const parameters = new Map(Object.entries(recorded.parameters).map(([name, value]) => [name, double(value)]));
      const queue = recorded.queue && double(recorded.queue);
      const scores = recorded.scores && fed('float64', [batchSize], recorded.scores);
      const { loss, metrics, next } = instance.cached!.loss(embeddings.value, {
        parameters: lookUp(new Map([...parameters].map(([name, { value }]) => [name, value]))),
        batch: () => scores!.value,
        buffer: () => queue!.value,
        dropout: noDropout,
        key: input('key', 'uint32', []),
      });
      const leaves = new Map<string, Fed>([['embeddings', embeddings], ...parameters]);
      const gradients = grad(
        loss,
        [...leaves.values()].map(({ value }) => value),
      );
      const outputs = new Map<string, Value>([
        ['loss', loss],
        ...Object.entries(metrics!),
        ...[...leaves.keys()].map((name, i): [string, Value] => [`gradient of ${name}`, gradients[i]!]),
        ...Object.entries(next ?? {}).map(([name, value]): [string, Value] => [`next ${name}`, value]),
      ]);
      const values = await evaluate(outputs, [...leaves.values(), ...(queue ? [queue] : []), ...(scores ? [scores] : [])]);
      const near = (name: string, expected: readonly number[], digits: number): void => {
        expect(values.get(name), name).toHaveLength(expected.length);
        values.get(name)!.forEach((value, i) => expect(value, name).toBeCloseTo(expected[i]!, digits));
      };
      near('loss', [recorded.loss], 8);
      expect(Object.keys(metrics!).sort()).toEqual(Object.keys(recorded.metrics).sort());
      for (const [name, value] of Object.entries(recorded.metrics)) near(name, [value], 6);
      expect(Object.keys(recorded.gradients)).toEqual([...leaves.keys()]);
      for (const [name, { data }] of Object.entries(recorded.gradients)) near(`gradient of ${name}`, data, 8);
      if (recorded.next) near('next queue', recorded.next.data, 12);
      else expect(next).toBeUndefined();
    });
  }
});

const LENGTH = 12;

/** 60 sentences of 6 words in 6 documents, of which some are copies of one, and some too short. */
const split = splitOf(
  Array.from({ length: 6 }, (_, document) =>
    Array.from({ length: 10 }, (_, i) =>
      i === 4 ? [7] : i === 7 ? [9, 9, 9, 9, 9, 9] : [5, 6, 7, 8, 9 + document, FIRST_WORD + 10 + 10 * document + i],
    ),
  ),
);

const textsOf = (batch: { inputIds?: Tensor; attentionMask?: Tensor }): number[][] => {
  const masks = rowsOf(batch.attentionMask!);
  return rowsOf(batch.inputIds!).map((row, i) => {
    const length = sum(masks[i]!);
    expect(row[0]).toBe(special.cls);
    expect(row[length - 1]).toBe(special.sep);
    expect(row.slice(length).every((id) => id === special.pad)).toBe(true);
    expect(masks[i]!.slice(0, length).every((value) => value === 1)).toBe(true);
    return row.slice(1, length - 1);
  });
};

const contrastive = (options: object, context = {}) =>
  create({ type: 'contrastive', batchSize: 8, sequenceLength: LENGTH, ...options }, context);

describe('contrastive batches', () => {
  it('have two views of each sentence, no sentence twice and none that is too short', () => {
    for (let step = 0; step < 20; step++) {
      const texts = textsOf(contrastive({}).batch(split, step)).map((text) => text.join());
      expect(texts.slice(8)).toEqual(texts.slice(0, 8));
      expect(new Set(texts).size).toBe(8);
      expect(texts).not.toContain('7');
    }
  });

  it('have sentences that follow each other in one document, none of them twice', () => {
    for (let step = 0; step < 20; step++) {
      const texts = textsOf(contrastive({ positives: 'adjacent', batchSize: 6 }).batch(split, step));
      expect(new Set(texts.map((text) => text.join())).size).toBe(12);
      for (let i = 0; i < 6; i++) {
        const [a, b] = [texts[i]!, texts[i + 6]!];
        const places = (text: number[]): number[] =>
          Array.from({ length: split.sentenceCount }, (_, k) => k).filter((k) => split.sentence(k).join() === text.join());
        expect(places(a).some((k) => places(b).includes(k + 1) && split.documentOf(k) === split.documentOf(k + 1))).toBe(true);
      }
    }
  });

  it('cut long texts to the length of a sequence', () => {
    const long = splitOf([Array.from({ length: 20 }, (_, i) => Array.from({ length: 30 }, (_, j) => FIRST_WORD + 30 * i + j))]);
    for (const text of textsOf(contrastive({}).batch(long, 0))) expect(text).toHaveLength(LENGTH - 2);
  });

  it('have the rows of a file, each once an epoch, with their scores', () => {
    const rows = Array.from({ length: 32 }, (_, i) => ({ a: [10 + i, 6, 7], b: [110 + i, 6], c: [210 + i] }));
    const table = tableOf(
      rows,
      rows.map((_, i) => i / 4),
    );
    const file = { file: 'rows.csv' };
    const withTable = splitOf([[[5, 6, 7]]], { tables: { contrastive: table } });
    const pairs = contrastive({ positives: { from: 'pairs', a: 'a', b: 'b', ...file } });
    const triplets = contrastive({ positives: { from: 'triplets', anchor: 'a', positive: 'b', negative: 'c', ...file } });
    const scored = contrastive({ positives: { from: 'scored', a: 'a', b: 'b', score: 'score', ...file } });
    const numbers = (instance: ReturnType<typeof contrastive>, views: number): number[] =>
      Array.from({ length: 4 }, (_, step) => {
        const batch = instance.batch(withTable, step);
        const texts = textsOf(batch);
        expect(texts).toHaveLength(8 * views);
        return Array.from({ length: 8 }, (_, i) => {
          const row = texts[i]![0]! - 10;
          for (let view = 0; view < views; view++) expect(texts[view * 8 + i]).toEqual(Object.values(rows[row]!)[view]);
          if (batch.scores) expect(plain(batch.scores)[i]).toBe(row / 4);
          return row;
        });
      }).flat();
    for (const [instance, views] of [
      [pairs, 2],
      [triplets, 3],
      [scored, 2],
    ] as const)
      expect(numbers(instance, views).sort((a, b) => a - b)).toEqual(rows.map((_, i) => i));
    expect(Object.keys(pairs.feeds)).not.toContain('scores');
    expect(Object.keys(scored.feeds)).toContain('scores');
  });
});

describe('synonyms', () => {
  const options = { positives: { from: 'augment', deletion: 0, synonyms: 0.25 } };
  const instance = contrastive(options, { types: ['mlm', 'contrastive'] });

  it('take the share of the places that is asked for, each once, and none outside the text', () => {
    const batch = instance.batch(split, 3);
    const [slots, replaces] = [rowsOf(batch.slots!), rowsOf(batch.replaces!)];
    const texts = textsOf(batch);
    const counts = texts.map((text, row) => {
      const used = slots[row]!.filter((_, i) => replaces[row]![i]);
      expect(new Set(used).size).toBe(used.length);
      expect(used.every((place) => place >= 1 && place <= text.length)).toBe(true);
      expect(slots[row]!.every((place, i) => replaces[row]![i] === 1 || place === 0)).toBe(true);
      return used.length;
    });
    expect(counts).toEqual(texts.map((text) => Math.round(0.25 * text.length)));
    expect(slots[0]!.join()).not.toBe(slots[8]!.join());
  });

  it('stand in the places that the batch names, drawn from the masked predictions, through which no gradient flows', async () => {
    const config = { ...tinyModel, dropout: 0, attentionDropout: 0 };
    const [replacing, ordinary] = [options, { positives: { from: 'augment' } }].map((each) =>
      contrastive(each, { config, types: ['mlm', 'contrastive'] }),
    ) as [Instance, Instance];
    const likeliest = 50;
    const weights = weightsOf(config, replacing);
    (weights.get('cls.predictions.bias')!.data as Float32Array)[likeliest] = 1000;
    const batch = replacing.batch(split, 3);
    const [ids, slots, replaces] = [rowsOf(batch.inputIds!), rowsOf(batch.slots!), rowsOf(batch.replaces!)];
    slots.forEach((places, row) => places.forEach((place, i) => replaces[row]![i] && (ids[row]![place] = likeliest)));
    const replaced = { inputIds: tensor('int64', [16, LENGTH], ids.flat()), attentionMask: batch.attentionMask! };
    const drawn = await measure(config, replacing, weights, batch);
    const given = await measure(config, ordinary, weights, replaced);
    expect(drawn.loss).toBeCloseTo(given.loss, 5);
    expect((await measure(config, ordinary, weights, { ...replaced, inputIds: batch.inputIds! })).loss).not.toBeCloseTo(given.loss, 3);
    for (const [name, gradient] of drawn.gradients) {
      const expected = given.gradients.get(name);
      expect(expected === undefined).toBe(name.startsWith('cls.'));
      gradient.forEach((value, i) => expect(value, name).toBeCloseTo(expected?.[i] ?? 0, 4));
    }
  });

  it('are needed by nobody who does not ask for them', () => {
    expect(Object.keys(contrastive({ positives: { from: 'augment' } }).feeds)).toEqual(['inputIds', 'attentionMask']);
    expect(instance.parameters.map(({ name }) => name)).toContain('cls.predictions.transform.dense.weight');
  });
});

describe('a learned temperature', () => {
  it('begins at the one that was given', () => {
    const [spec] = contrastive({ learnTemperature: true, temperature: 0.07 }).parameters;
    expect(Math.exp(-(spec!.start as number))).toBeCloseTo(0.07, 10);
    expect(spec!.decays).toBe(false);
  });
});

describe('the baseline', () => {
  it('is one in as many candidates as there are', () => {
    const value = (options: object): number => contrastive(options).baseline(split, 0).value;
    const file = { file: 'rows.csv', a: 'a', b: 'b' };
    expect(value({})).toBeCloseTo(1 / 15, 10);
    expect(value({ positives: { from: 'pairs', ...file } })).toBeCloseTo(1 / 8, 10);
    expect(value({ positives: { from: 'triplets', file: 'x', anchor: 'a', positive: 'b', negative: 'c' } })).toBeCloseTo(1 / 16, 10);
    expect(contrastive({ positives: { from: 'scored', ...file, score: 's' } }).baseline(split, 0)).toMatchObject({
      metric: 'contrastive.order',
      value: 0.5,
    });
  });
});

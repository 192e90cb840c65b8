import { describe, expect, it } from 'vitest';
import type { Split } from '../../../src/text/dataset';
import { Evaluator } from '../../../src/train/evaluate';
import { gradientName } from '../../../src/train/step';
import { randomDocuments, splitOf, tableOf, tinyModel } from '../objectives/fixtures';
import { expectEqual, measureSteps, SmallTraining, snapshot, still, text, type Measured, type Objective } from './small-training';

const BATCH = 12;
const contrastive = (options: object): Objective => ({
  type: 'contrastive',
  batchSize: BATCH,
  sequenceLength: 12,
  temperature: 0.2,
  ...options,
});
const mlm = { type: 'mlm', batchSize: 4, sequenceLength: 16 };

const sentences = text.sentenceCount;
const rows = Array.from({ length: 40 }, (_, i) => ({ a: 3 * i, b: 3 * i + 1, c: 3 * i + 2 })).map((row) =>
  Object.fromEntries(Object.entries(row).map(([name, index]) => [name, Array.from(text.sentence(index % sentences))])),
);
const withTable: Split = {
  ...text,
  tables: new Map([
    [
      'contrastive',
      tableOf(
        rows,
        rows.map((_, i) => (i * 7) % 5),
      ),
    ],
  ]),
};

/** What some steps from the same parameters give. */
const measure = async (objectives: readonly Objective[], { steps = 1, split = withTable } = {}): Promise<Measured[]> =>
  measureSteps(await SmallTraining.start(objectives, { split }), steps);

describe('the gradient cache', () => {
  const file = { file: 'rows.csv', a: 'a', b: 'b' };
  it.each<[string, object, string[]]>([
    ['neighbouring sentences', { positives: 'adjacent' }, []],
    ['changed copies', { positives: { from: 'augment', deletion: 0.3 } }, []],
    ['pairs of a file', { positives: { from: 'pairs', ...file } }, []],
    ['triplets', { positives: { from: 'triplets', file: 'rows.csv', anchor: 'a', positive: 'b', negative: 'c' } }, []],
    ['scored pairs', { positives: { from: 'scored', ...file, score: 'score' } }, []],
    ['a learned temperature', { positives: 'adjacent', learnTemperature: true }, ['contrastive.logit_scale']],
    [
      'a projection',
      { positives: 'adjacent', projection: 'mlp' },
      [
        'contrastive.projection.0.weight',
        'contrastive.projection.0.bias',
        'contrastive.projection.2.weight',
        'contrastive.projection.2.bias',
      ],
    ],
    ['beginnings of embeddings', { positives: 'adjacent', matryoshka: [2, 4] }, []],
    ['[CLS] states and dot products', { positives: 'adjacent', pooling: 'cls', similarity: 'dot', temperature: 1 }, []],
    ['a weight that moves', { positives: 'adjacent', weight: { from: 3, to: 1 } }, []],
  ])('gives the gradient of the whole batch for %s', async (_, options, own) => {
    const [whole] = await measure([contrastive(options)]);
    for (const gradientCache of [1, 4]) {
      const [cached] = await measure([contrastive({ ...options, gradientCache })]);
      expectEqual(cached!, whole!);
    }
    const moved = [...whole!.gradients].filter(([, data]) => data.some((value) => value !== 0)).map(([name]) => name);
    expect(moved).toEqual(expect.arrayContaining(['bert.embeddings.word_embeddings.weight', ...own].map(gradientName)));
  });

  it('remembers the same earlier embeddings', async () => {
    const options = { positives: 'adjacent', queue: 30 };
    const [whole, cached] = [
      await measure([contrastive(options)], { steps: 4 }),
      await measure([contrastive({ ...options, gradientCache: 3 })], { steps: 4 }),
    ];
    whole.forEach((expected, step) => expectEqual(cached[step]!, expected));
    expect(
      whole
        .at(-1)!
        .buffers.get('contrastive:queue')!
        .every((value) => value !== 0),
    ).toBe(true);
  });

  it('works beside another objective', async () => {
    const options = { positives: 'adjacent', projection: 'linear', weight: 0.3 };
    const [whole] = await measure([mlm, contrastive(options)]);
    const [cached] = await measure([mlm, contrastive({ ...options, gradientCache: 4 })]);
    expectEqual(cached!, whole!);
    expect([...whole!.scalars.keys()]).toEqual(
      expect.arrayContaining(['loss:mlm', 'loss:contrastive', 'gradientNorm:mlm', 'gradientNorm:contrastive']),
    );
  });

  it('takes 1,024 pairs in chunks of 32 for one batch', async () => {
    const split = splitOf(
      randomDocuments(
        30,
        () => 60,
        (key) => 4 + (key % 3),
      ),
    );
    const options = { batchSize: 1024, sequenceLength: 8, positives: 'adjacent' };
    const [whole] = await measure([contrastive(options)], { split });
    const training = await SmallTraining.start([contrastive({ ...options, gradientCache: 32 })], { split });
    const loss = async (): Promise<number> => (await training.step(0, 0.01)).get('loss:contrastive')!;
    const first = await loss();
    expect(first).toBeCloseTo(whole!.scalars.get('loss:contrastive')!, 4);
    expect(await loss()).toBeLessThan(first - 0.01);
    await training.release();
  });
});

describe('the gradient cache with dropout', () => {
  const options = contrastive({ gradientCache: 4, temperature: 0.5, queue: BATCH });
  const config = { ...tinyModel, dropout: 0.5, attentionDropout: 0.3 };

  it('draws the same masks forwards and backwards: its gradient is the slope of its loss', async () => {
    const { state, ...training } = await slopes();
    const parameters = [...state.parameters];
    const before = snapshot(state.parameters);
    const norm = await training.norm();
    const gradients = snapshot(state.gradients);
    const lossAt = async (distance: number): Promise<number> => {
      for (const [name, { data }] of parameters) {
        const direction = gradients.get(gradientName(name))!;
        (data as Float32Array).set(before.get(name)!.map((value, i) => value + (distance * direction[i]!) / norm));
      }
      return training.loss();
    };
    const slope = async (h: number): Promise<number> => ((await lossAt(h)) - (await lossAt(-h))) / (2 * h);
    const extrapolated = (4 * (await slope(0.005)) - (await slope(0.01))) / 3;
    expect(extrapolated / norm).toBeCloseTo(1, 2);
    await training.release();
  });

  async function slopes(): Promise<{
    state: SmallTraining['state'];
    norm: () => Promise<number>;
    loss: () => Promise<number>;
    release: () => Promise<void>;
  }> {
    const training = await SmallTraining.start([contrastive({ gradientCache: 4, temperature: 0.5 })], { config });
    const scalar = async (name: string): Promise<number> => (await training.step(0, 0, 5)).get(name)!;
    return {
      state: training.state,
      norm: () => scalar('gradientNorm'),
      loss: () => scalar('loss:contrastive'),
      release: () => training.release(),
    };
  }

  it('gives the same bits for the same key, and others for another', async () => {
    const training = await SmallTraining.start([contrastive({ gradientCache: 4 })], { config });
    const gradients = async (key: number): Promise<Map<string, Float32Array>> => {
      await training.step(0, 0, key);
      return snapshot(training.state.gradients);
    };
    const [first, again, other] = [await gradients(1), await gradients(1), await gradients(2)];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    await training.release();
  });

  it('draws other masks for each chunk', async () => {
    // One sentence alone: its embeddings differ by their masks. The queue shows them.
    const split = splitOf([[[10, 11, 12, 13, 14]]]);
    const training = await SmallTraining.start([options], { config, split });
    await training.step(0);
    const queue = training.state.buffers.get('contrastive:queue')!.data as Float32Array;
    const width = queue.length / BATCH;
    const embeddings = Array.from({ length: BATCH }, (_, i) => queue.slice(i * width, (i + 1) * width).join());
    expect(new Set(embeddings).size).toBe(BATCH);
    await training.release();
  });
});

describe('held-out batches', () => {
  const measured = async (options: object): Promise<Record<string, number>> => {
    const { config, plan, state } = await SmallTraining.start([contrastive(options)], { config: tinyModel, split: withTable });
    const evaluator = new Evaluator(config, plan.instances, { heldOut: withTable, unigramEntropy: 1 }, state.parameters);
    await evaluator.compile({});
    const results = await evaluator.evaluate();
    await evaluator.release();
    return results!;
  };
  const file = { file: 'rows.csv', a: 'a', b: 'b' };

  it.each<[string, object]>([
    ['neighbouring sentences, with a queue', { positives: 'adjacent', queue: 20, projection: 'mlp' }],
    ['scored pairs', { positives: { from: 'scored', ...file, score: 'score' } }],
  ])('are measured in chunks as they are at once: %s', async (_, options) => {
    const [whole, cached] = [await measured(options), await measured({ ...options, gradientCache: 4 })];
    expect(Object.keys(cached)).toEqual(Object.keys(whole));
    expect(Object.keys(whole).length).toBeGreaterThan(2);
    for (const [name, value] of Object.entries(whole)) expect(cached[name], name).toBeCloseTo(value, 5);
  });
});

it('a gradient cache needs room for the gradients beside the parameters', async () => {
  const start = SmallTraining.start([contrastive({ positives: 'adjacent', gradientCache: 4 })], { config: still, inGraph: true });
  await expect(start).rejects.toMatchObject({
    name: 'UserError',
    code: 'device',
    hint: expect.stringContaining('gradientCache') as string,
  });
});

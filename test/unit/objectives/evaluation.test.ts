import { describe, expect, it } from 'vitest';
import { serialise } from '../../../src/onnx/serialise';
import { tensor } from '../../../src/onnx/types';
import type { Instance } from '../../../src/objectives';
import { compileEvaluation, feedsOf, STEP_KEY } from '../../../src/train/compile';
import { Session } from '../../../src/train/device';
import { create, randomDocuments, splitOf, tinyModel, weightsOf } from './fixtures';
import { measure } from './recorded';

const config = { ...tinyModel, dropout: 0.2, attentionDropout: 0.2 };
const split = splitOf(
  randomDocuments(
    6,
    () => 10,
    (key) => 5 + (key % 8),
  ),
  { name: 'heldOut' },
);

/** The held-out loss and metrics under several keys. */
async function evaluated(instance: Instance, keys: readonly number[]): Promise<number[][]> {
  const session = await Session.create(serialise(compileEvaluation(config, instance, 'cpu')));
  const feeds = new Map([...weightsOf(config, instance), ...feedsOf(instance.type, instance.evaluationBatch(split, 0))]);
  const results: number[][] = [];
  for (const key of keys) {
    const outputs = await session.run(feeds.set(STEP_KEY, tensor('uint32', [], [key])));
    results.push([...outputs.values()].map(({ data }) => Number(data[0])));
  }
  await session.release();
  return results;
}

describe('held-out losses', () => {
  const sizes = { batchSize: 4, sequenceLength: 24 };

  for (const options of [
    { type: 'mlm' },
    { type: 'clm' },
    { type: 'nsp' },
    { type: 'sop' },
    { type: 'contrastive', positives: 'adjacent' },
    { type: 'seq2seq', task: 'deletion' },
    { type: 'seq2seq', task: 'tsdae' },
  ]) {
    it(`are measured without dropout, which training has: ${Object.values(options).join(', ')}`, async () => {
      const instance = create({ ...sizes, ...options }, { config });
      const [one, other] = await evaluated(instance, [1, 2]);
      expect(other).toEqual(one);
      expect(one!.every(Number.isFinite)).toBe(true);
      const batch = instance.batch(split, 0);
      const losses = await Promise.all([1, 2].map((key) => measure(config, instance, weightsOf(config, instance), batch, key)));
      expect(losses[0]!.loss).not.toBe(losses[1]!.loss);
    });
  }

  it('are measured with it where it makes the two views, which would else be one', async () => {
    const instance = create({ ...sizes, type: 'contrastive' }, { config });
    const [one, again, other] = await evaluated(instance, [1, 1, 2]);
    expect(again).toEqual(one);
    expect(other).not.toEqual(one);
  });

  it('draw the tokens of the generator, and nothing else, by the key', async () => {
    const instance = create({ ...sizes, type: 'rtd' }, { config });
    const results = await evaluated(instance, [1, 2, 3]);
    const generator =
      1 +
      Object.keys((await measure(config, instance, weightsOf(config, instance), instance.batch(split, 0))).metrics).indexOf('generator');
    expect(new Set(results.map((each) => each[generator])).size).toBe(1);
    expect(new Set(results.map((each) => each[0])).size).toBe(3);
  });

  it('compare held-out texts with each other alone, and with nothing that was remembered', async () => {
    const plain = await evaluated(create({ ...sizes, type: 'contrastive', positives: 'adjacent', temperature: 1 }, { config }), [1]);
    const queued = create({ ...sizes, type: 'contrastive', positives: 'adjacent', temperature: 1, queue: 8 }, { config });
    expect(await evaluated(queued, [1])).toEqual(plain);
  });
});

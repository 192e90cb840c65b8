import { describe, expect, it } from 'vitest';
import { Evaluator } from '../../../src/train/evaluate';
import { gradientName } from '../../../src/train/step';
import { tinyModel } from '../objectives/fixtures';
import { expectEqual, measureSteps, SmallTraining, snapshot, text, type Measured, type Objective } from './small-training';

const mlm = { type: 'mlm', batchSize: 8, sequenceLength: 16, rate: 0.3 };
const contrastive = { type: 'contrastive', batchSize: 8, sequenceLength: 12, positives: 'adjacent' };
const nsp = { type: 'nsp', batchSize: 8, sequenceLength: 24 };
const rtd = { type: 'rtd', batchSize: 8, sequenceLength: 16 };
const seq2seq = { type: 'seq2seq', batchSize: 8, sequenceLength: 16, task: 'deletion' };

/** What the generator of `rtd` draws is random in each part: here it can draw nothing but one token. */
const CERTAIN = 10;
async function start(objectives: readonly Objective[], microBatches: number): Promise<SmallTraining> {
  const training = await SmallTraining.start(objectives, { microBatches });
  const bias = training.state.parameters.get('generator_lm_head.bias');
  if (bias) bias.data[CERTAIN] = 50;
  return training;
}

const measure = async (objectives: readonly Objective[], microBatches: number): Promise<Measured> =>
  (await measureSteps(await start(objectives, microBatches)))[0]!;

describe('batches in parts', () => {
  it.each<[string, Objective[]]>([
    ['mlm', [mlm]],
    ['clm', [{ type: 'clm', batchSize: 8, sequenceLength: 16 }]],
    ['nsp', [nsp]],
    ['sop', [{ ...nsp, type: 'sop' }]],
    ['seq2seq', [seq2seq]],
    ['rtd', [rtd]],
    ['contrastive, by its gradient cache', [contrastive]],
    ['a sum of objectives', [mlm, { ...nsp, weight: { from: 3, to: 1 } }, { ...contrastive, weight: 0.3 }]],
  ])('give loss and gradient of the whole: %s', async (_, objectives) => {
    const whole = await measure(objectives, 1);
    expect([...whole.gradients.values()].filter((data) => data.some((value) => value !== 0)).length).toBeGreaterThan(20);
    for (const microBatches of [2, 4]) expectEqual(await measure(objectives, microBatches), whole);
  });

  it('weigh as much as they have to tell: places without a label count in no part', async () => {
    // Sentences of different lengths leave some rows with more to write than others.
    const objective = { ...seq2seq, task: 'tsdae' };
    expectEqual(await measure([objective], 4), await measure([objective], 1));
  });

  it('draw dropout masks of their own, the same ones for the same key', async () => {
    const config = { ...tinyModel, dropout: 0.3 };
    const gradients = async (key: number): Promise<Float32Array> => {
      const training = await SmallTraining.start([mlm], { config, microBatches: 4 });
      await training.step(0, 0, key);
      await training.release();
      return snapshot(training.state.gradients).get(gradientName('bert.embeddings.word_embeddings.weight'))!;
    };
    const [first, again, other] = [await gradients(1), await gradients(1), await gradients(2)];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it.each<[string, Objective]>([
    ['mlm', mlm],
    ['seq2seq', seq2seq],
    ['nsp', nsp],
    ['rtd, whose metrics are no means, as a whole', rtd],
  ])('measure held-out text as the whole does: %s', async (_, objective) => {
    const evaluate = async (microBatches: number): Promise<Record<string, number>> => {
      const { config, plan, state } = await start([objective], microBatches);
      const evaluator = new Evaluator(config, plan.instances, { heldOut: text, unigramEntropy: 1 }, state.parameters);
      await evaluator.compile({});
      const results = await evaluator.evaluate();
      await evaluator.release();
      return results!;
    };
    const [whole, divided] = [await evaluate(1), await evaluate(4)];
    expect(Object.keys(divided)).toEqual(Object.keys(whole));
    for (const [name, value] of Object.entries(whole)) expect(divided[name], name).toBeCloseTo(value, 5);
  });
});

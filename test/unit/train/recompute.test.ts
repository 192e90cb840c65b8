import { expect, it } from 'vitest';
import { trainingLosses } from '../../../src/train/compile';
import { compileGradients } from '../../../src/train/step';
import { peakOf } from '../../../src/onnx/memory';
import { tinyModel } from '../objectives/fixtures';
import { measureSteps, SmallTraining, snapshot, type Objective } from './small-training';

/** With dropout: masks that are drawn again must be the same ones. */
const config = { ...tinyModel, layers: 3, dropout: 0.1, attentionDropout: 0.1 };
const mlm = { type: 'mlm', batchSize: 8, sequenceLength: 32 };
const nsp = { type: 'nsp', batchSize: 8, sequenceLength: 24 };
const contrastive = { type: 'contrastive', batchSize: 4, sequenceLength: 12, positives: 'adjacent' };

it.each<[string, Objective[]]>([
  ['mlm', [mlm]],
  ['clm', [{ ...mlm, type: 'clm' }]],
  ['nsp', [nsp]],
  ['seq2seq', [{ ...mlm, type: 'seq2seq', task: 'deletion' }]],
  ['rtd', [{ ...mlm, type: 'rtd' }]],
  ['contrastive', [contrastive]],
  ['contrastive, with a gradient cache', [{ ...contrastive, gradientCache: 2 }]],
  ['a sum of objectives', [mlm, nsp, contrastive]],
])('layers that are computed again give the same bits: %s', async (_, objectives) => {
  const [kept, again] = await Promise.all(
    [false, true].map(async (recompute) => measureSteps(await SmallTraining.start(objectives, { config, recompute }))),
  );
  expect([...kept![0]!.gradients.values()].every((data) => data.every(Number.isFinite))).toBe(true);
  expect(again).toEqual(kept);
});

it('layers that are computed again give the same bits where the update is part of the graph', async () => {
  const updated = async (recompute: boolean): Promise<unknown> => {
    const training = await SmallTraining.start([mlm], { config, recompute, inGraph: true });
    await training.step(0, 0.01);
    await training.release();
    return [snapshot(training.state.parameters), snapshot(training.state.optimiser)];
  };
  expect(await updated(true)).toEqual(await updated(false));
});

it('layers that are computed again need less memory, the more the more layers there are', async () => {
  const training = await SmallTraining.start([{ ...mlm, batchSize: 32 }], { config: { ...config, layers: 8 } });
  const { config: model, plan } = training;
  await training.release();
  const peak = (recompute: boolean): number => peakOf(compileGradients(trainingLosses(model, plan.instances, recompute), 'cpu')).bytes;
  expect(peak(true)).toBeLessThan(0.4 * peak(false));
});

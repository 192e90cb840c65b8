import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generate } from '../../../src/inspect/generate';
import { Writer } from '../../../src/inspect/writer';
import { openModel } from '../../../src/inspect/model';
import { input } from '../../../src/onnx/graph';
import * as ops from '../../../src/onnx/ops';
import { optimise } from '../../../src/onnx/optimise';
import { serialise } from '../../../src/onnx/serialise';
import { tensor } from '../../../src/onnx/types';
import { encode } from '../../../src/model/encoder';
import { lmLogits } from '../../../src/model/heads';
import { lookUp, parameterInputs } from '../../../src/model/parameters';
import { noDropout } from '../../../src/model/random';
import { Session } from '../../../src/train/device';
import { train } from '../../../src/train/loop';
import { makeWorkspace } from '../support/workspace';

const LENGTH = 16;
const model = { layers: 2, hiddenSize: 64, attentionHeads: 2, maxPositions: 64, dropout: 0, attentionDropout: 0 };
const training = { steps: 300, device: 'cpu', evaluateEvery: 1000, checkpointEvery: 1000, learningRate: 0.003 };
const options = { beams: 1, lengthPenalty: 1 };

const workspaces: { remove: () => void }[] = [];
async function trained(objective: object, steps = training.steps): Promise<string> {
  const workspace = makeWorkspace({ model, objectives: [objective], training: { ...training, steps } });
  workspaces.push(workspace);
  return (await train({ experiment: workspace.experiment })).run;
}
afterAll(() => workspaces.forEach(({ remove }) => remove()));

describe('a causal language model', () => {
  let run: string;
  beforeAll(async () => {
    run = await trained({ type: 'clm', batchSize: 16, sequenceLength: LENGTH });
  });

  it('goes on in the language that it has read', async () => {
    const [best] = await generate(run, 'A gull watched', options);
    expect(best!.text).toMatch(/^(the whale|a sailor|the old captain|our ship|the grey sea|a gull|the harpooneer|the mate) /);
  });

  it('writes with its cache what it would write by reading everything again for every token', async () => {
    const { config, parameters, tokenizer, writing } = openModel(run);
    const { cls, sep, pad } = tokenizer.special;
    const specs = [...parameters].map(([name, { shape }]) => ({ name, shape, start: 0, decays: false }));
    const values = lookUp(parameterInputs(specs));
    const states = encode(config, values, { inputIds: input('ids', 'int64', [1, LENGTH]) }, noDropout, { causal: true });
    const session = await Session.create(serialise(optimise(new Map([['likeliest', ops.argMax(lmLogits(config, values, states), -1)]]))));
    const ids = [cls, ...(await tokenizer.encode('A sailor')).ids];
    const begun = ids.length;
    while (ids.length < writing!.longest) {
      const padded = tensor('int64', [1, LENGTH], [...ids, ...new Array<number>(LENGTH - ids.length).fill(pad)]);
      const next = Number((await session.run(new Map([...parameters, ['ids', padded]]))).get('likeliest')!.data[ids.length - 1]);
      if (next === sep) break;
      ids.push(next);
    }
    await session.release();
    expect(ids.length).toBeGreaterThan(begun);
    expect((await generate(run, 'A sailor', options))[0]!.ids).toEqual(ids.slice(begun));
  });

  it('gives as many texts as there are beams, the best no worse than the greedy one', async () => {
    const [greedy] = await generate(run, 'Our ship', { ...options, lengthPenalty: 0 });
    const several = await generate(run, 'Our ship', { beams: 4, lengthPenalty: 0 });
    expect(several).toHaveLength(4);
    expect(several[0]!.logProbability).toBeGreaterThanOrEqual(greedy!.logProbability - 1e-4);
  });

  it.each([1, 3])('writes several texts side by side as it writes each alone, with %i beams', async (beams) => {
    const model = openModel(run);
    const texts = ['A sailor', 'Our ship', 'The mate'];
    const sources = await Promise.all(texts.map(async (text) => (await model.tokenizer.encode(text)).ids));
    const writer = await Writer.open(model, model.writing!, { texts: 4, beams });
    const together = await writer.write(sources, { lengthPenalty: 1 });
    await writer.release();
    const alone = await Promise.all(texts.map((text) => generate(run, text, { beams, lengthPenalty: 1 })));
    expect(together.map((found) => found.map(({ ids }) => ids))).toEqual(alone.map((found) => found.map(({ ids }) => ids)));
  });

  it('writes no more tokens than it may', async () => {
    expect((await generate(run, 'The', { ...options, longest: 3 }))[0]!.ids).toHaveLength(3);
  });

  it('is not taken for one of masked tokens, although its head is the same', () => {
    expect(openModel(run).predicts).toBe(false);
  });

  it('says so when the beginning leaves no room', async () => {
    await expect(generate(run, 'the '.repeat(40), options)).rejects.toThrow(/The text has 40 tokens, and this model reads at most 14/);
  });
});

describe('a sequence-to-sequence model', () => {
  it.each([
    ['infilling', { task: 'infilling', rate: 0.15 }],
    ['tsdae', { task: 'tsdae' }],
  ])('writes sentences of its language when it was trained by %s', async (_, task) => {
    const run = await trained({ type: 'seq2seq', batchSize: 16, sequenceLength: LENGTH, ...task });
    const [best, second] = await generate(run, 'The old captain feared a gull at dawn.', { beams: 2, lengthPenalty: 1 });
    expect(best!.text).toMatch(/^(the|a|our) .*(watched|followed|feared|forgot|remembered|passed|called|struck) (the|a|our) /);
    expect(second!.score).toBeLessThanOrEqual(best!.score);
  });

  it('writes the hidden words after their sentinels when it was trained by spans', async () => {
    const run = await trained({ type: 'seq2seq', task: 'spans', batchSize: 16, sequenceLength: LENGTH });
    const [best] = await generate(run, 'The old captain <extra_id_0> a gull at dawn.', options);
    expect(best!.text).toMatch(/^<extra_id_0>/);

    const model = openModel(run);
    const texts = ['The old captain <extra_id_0> a gull.', 'Our <extra_id_0> at dawn.', 'A gull <extra_id_0> the mate in the night.'];
    const sources = await Promise.all(texts.map(async (text) => (await model.tokenizer.encode(text)).ids));
    for (const beams of [1, 3]) {
      const writer = await Writer.open(model, model.writing!, { texts: 2, beams });
      const together = [...(await writer.write(sources.slice(0, 2), options)), ...(await writer.write(sources.slice(2), options))];
      await writer.release();
      for (const [i, text] of texts.entries()) {
        const alone = await generate(run, text, { beams, lengthPenalty: 1 });
        expect(together[i]!.map(({ ids }) => ids)).toEqual(alone.map(({ ids }) => ids));
      }
    }
  });
});

describe('a model that was not trained to write', () => {
  it('says which would be', async () => {
    const run = await trained({ type: 'mlm', batchSize: 8, sequenceLength: LENGTH }, 1);
    await expect(generate(run, 'The whale', options)).rejects.toThrow(/was not trained to write text/);
  });
});

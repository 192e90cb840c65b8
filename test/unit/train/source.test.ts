import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadExperiment } from '../../../src/train/experiment';
import { readPretrained } from '../../../src/model/pretrained';
import { readSafetensors } from '../../../src/model/safetensors';
import type { Tensor } from '../../../src/onnx/types';
import type { Metrics } from '../../../src/shared/types';
import { openModel } from '../../../src/inspect/model';
import { Reader } from '../../../src/inspect/reader';
import { checkpointsOf, listCheckpoints } from '../../../src/train/checkpoint';
import { compileEvaluation, feedsOf, STEP_KEY } from '../../../src/train/compile';
import { Session } from '../../../src/train/device';
import { resume, train } from '../../../src/train/loop';
import { TrainingSession } from '../../../src/train/session';
import { setUp, type Setup } from '../../../src/train/setup';
import { serialise } from '../../../src/onnx/serialise';
import { tensor } from '../../../src/onnx/types';
import { makeWorkspace } from '../support/workspace';
import { hash32 } from '../../../src/shared/random';

const FAMILIES = ['bert', 'bert-untied', 'roberta', 'distilbert', 'mpnet'] as const;
const recorded = (name: string): string => join(import.meta.dirname, '../../oracle/families', name);

const workspaces: { remove: () => void }[] = [];
afterEach(() => workspaces.splice(0).forEach(({ remove }) => remove()));

const mlm = { type: 'mlm', batchSize: 8, sequenceLength: 24 };
const training = { steps: 30, device: 'cpu', threads: 1, evaluateEvery: 30, checkpointEvery: 15, learningRate: 0.01 };

/** An experiment that goes on from a copy of a recorded model, in `model` beside it. */
function workspace(family: string, experiment: object = {}): { folder: string; experiment: string; model: string } {
  const made = makeWorkspace({ model: { from: './model' }, tokenizer: {}, objectives: [mlm], training, ...experiment });
  workspaces.push(made);
  const model = join(made.folder, 'model');
  cpSync(recorded(family), model, { recursive: true });
  return { ...made, model };
}

const open = (path: string): Promise<Setup> => setUp(loadExperiment(path), () => undefined);
/** As many as an evaluation has. */
const BATCHES = 16;
const CPU = { provider: 'cpu', reason: 'test', threads: 1, precision: 'fp32' } as const;

/** The mean loss on the fixed held-out batches of the tensors of a model, as they were read from its folder. */
async function lossOf({ config, instances, corpus }: Setup, parameters: ReadonlyMap<string, Tensor>): Promise<number> {
  const session = await Session.create(serialise(compileEvaluation(config, instances[0]!, 'cpu')));
  let sum = 0;
  for (let i = 0; i < BATCHES; i++) {
    const feeds = feedsOf('mlm', instances[0]!.evaluationBatch(corpus.dataset.heldOut, i));
    const results = await session.run(new Map([...parameters, ...feeds, [STEP_KEY, tensor('uint32', [], [hash32(31, i)])]]));
    sum += Number(results.get('loss')!.data[0]);
  }
  await session.release();
  return sum / BATCHES;
}

describe.each(FAMILIES)('training that goes on from a model: %s', (family) => {
  it("begins with the model's own loss, and lowers it", async () => {
    const { experiment, model } = workspace(family);
    const setup = await open(experiment);
    const session = new TrainingSession(setup, CPU);
    const { config, parameters } = readPretrained(model);
    expect(setup.config).toEqual(config);
    for (const [name, { data }] of session.state.parameters) expect(data, name).toEqual(parameters.get(name)!.data);
    await session.compile();
    const before = (await session.evaluator.evaluate())!.mlm!;
    expect(before).toBeCloseTo(await lossOf(setup, parameters), 5);
    await session.release();
    setup.corpus.dataset.close();

    const lines: Metrics[] = [];
    const { run } = await train({ experiment, events: { metrics: (line) => void lines.push(line) } });
    const after = lines.findLast((line) => line.eval)!.eval!.mlm!;
    expect(after).toBeLessThan(0.75 * before);

    // What it has become reads back: variant, tokenizer and all.
    const opened = openModel(run);
    expect(opened.config).toEqual(config);
    expect(opened.predicts).toBe(true);
    const mask = opened.tokenizer.token(opened.tokenizer.special.mask!);
    const predictions = await new Reader(run).fillMasks(`A sailor watched ${mask} at dawn.`, 3);
    expect(predictions[0]!.candidates).toHaveLength(3);
    expect(predictions[0]!.candidates[0]!.probability).toBeGreaterThan(1 / config.vocabularySize);
  });
});

describe('a run from a pre-trained model', () => {
  it('records which, and goes on without it, bit for bit', async () => {
    const straight = workspace('roberta');
    const { run } = await train({ experiment: straight.experiment });
    const last = (folder: string): Map<string, Tensor> =>
      readSafetensors(join(listCheckpoints(folder).at(-1)!.folder, 'model.safetensors'));
    const { resolved } = JSON.parse(readFileSync(join(run, 'experiment.json'), 'utf8')) as { resolved: { pretrained: object } };
    expect(resolved.pretrained).toEqual({ from: './model', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string });

    const broken = workspace('roberta');
    const controller = new AbortController();
    const metrics = ({ step }: Metrics): void => {
      if (step === 20) controller.abort();
    };
    const stopped = await train({ experiment: broken.experiment, signal: controller.signal, events: { metrics } });
    rmSync(broken.model, { recursive: true });
    rmSync(join(broken.folder, '.objective-lab/cache'), { recursive: true });
    await resume({ run: stopped.run });
    expect(last(stopped.run)).toEqual(last(run));
  });

  it('begins anew with the same model only, when it has no checkpoint', async () => {
    const { experiment, model, folder } = workspace('bert');
    const controller = new AbortController();
    const metrics = (): void => controller.abort();
    const { run } = await train({ experiment, signal: controller.signal, events: { metrics } });
    rmSync(checkpointsOf(run), { recursive: true });
    renameSync(model, join(folder, 'elsewhere'));
    await expect(resume({ run })).rejects.toThrow(/model has no config\.json/);
    cpSync(recorded('bert-untied'), model, { recursive: true });
    await expect(resume({ run })).rejects.toThrow(/no longer the one that the run began with/);
    rmSync(model, { recursive: true });
    renameSync(join(folder, 'elsewhere'), model);
    expect(await resume({ run })).toMatchObject({ reason: 'completed' });
  });

  it('grows the vocabulary for tokens that an objective adds, and keeps the rest', async () => {
    const objectives = [{ type: 'seq2seq', task: 'spans', batchSize: 4, sequenceLength: 24 }];
    const { experiment, model } = workspace('roberta', { objectives });
    const messages: string[] = [];
    const setup = await setUp(loadExperiment(experiment), (message) => void messages.push(message));
    const { config, parameters } = readPretrained(model);
    expect(setup.config.vocabularySize).toBeGreaterThan(config.vocabularySize);
    const words = 'bert.embeddings.word_embeddings.weight';
    const grown = new TrainingSession(setup, CPU).state.parameters.get(words)!.data as Float32Array;
    const kept = parameters.get(words)!.data;
    expect(grown.subarray(0, kept.length)).toEqual(kept);
    const added = grown.subarray(kept.length);
    expect(added.every((value) => value !== 0)).toBe(true);
    expect(messages).toContainEqual(expect.stringMatching(/^Not in the pre-trained model, and new: decoder\.bert, decoder\.cls/));
    setup.corpus.dataset.close();
  });

  it('keeps what the experiment says of dropout, and refuses what the model has itself', async () => {
    const { experiment, folder } = workspace('bert', { model: { from: './model', dropout: 0.3 } });
    const setup = await open(experiment);
    expect(setup.config).toMatchObject({ dropout: 0.3, attentionDropout: 0 });
    setup.corpus.dataset.close();
    const write = (change: object): string => {
      const path = join(folder, 'other.lab.json');
      writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(experiment, 'utf8')) as object), ...change }));
      return path;
    };
    expect(() => loadExperiment(write({ model: { from: './model', layers: 3 } }))).toThrow(
      /`model\.layers`: the model that .* has its own/,
    );
    expect(() => loadExperiment(write({ tokenizer: { vocabularySize: 100 } }))).toThrow(/`tokenizer\.vocabularySize`: the model that/);
    expect(() => loadExperiment(write({ model: { from: 7 } }))).toThrow(/`model\.from` must be/);
    await expect(open(write({ objectives: [{ ...mlm, sequenceLength: 65 }] }))).rejects.toThrow(
      /objectives\[0\]\.sequenceLength is 65, and the model \.\/model reads no more than 64/,
    );
    await expect(open(write({ model: { from: './nothing' } }))).rejects.toThrow(/nothing does not exist/);
    await expect(open(write({ model: { from: 'nothing' } }))).rejects.toThrow(/no name of the Hugging Face hub/);
  });

  it('makes a tokenizer of vocab.txt when there is no other', async () => {
    const { experiment, model } = workspace('bert');
    const { vocab } = (JSON.parse(readFileSync(join(model, 'tokenizer.json'), 'utf8')) as { model: { vocab: Record<string, number> } })
      .model;
    const whole = openModel(model).tokenizer;
    rmSync(join(model, 'tokenizer.json'));
    await expect(open(experiment)).rejects.toThrow(/neither tokenizer\.json nor vocab\.txt/);
    writeFileSync(
      join(model, 'vocab.txt'),
      `${Object.keys(vocab)
        .sort((a, b) => vocab[a]! - vocab[b]!)
        .join('\n')}\n`,
    );
    const text = 'The old Captain — naïve [MASK] 北京';
    expect(await openModel(model).tokenizer.encode(text)).toEqual(await whole.encode(text));
  });
});

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { AutoTokenizer, env, pipeline } from '@huggingface/transformers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exportModel } from '../../../src/inspect/export';
import { generate } from '../../../src/inspect/generate';
import { openModel } from '../../../src/inspect/model';
import { Reader } from '../../../src/inspect/reader';
import { readSafetensors } from '../../../src/model/safetensors';
import { readOnnxFile } from '../../../src/model/onnx-file';
import { tensor, type Tensor } from '../../../src/onnx/types';
import { listCheckpoints } from '../../../src/train/checkpoint';
import { Session } from '../../../src/train/device';
import { train } from '../../../src/train/loop';
import { makeWorkspace } from '../support/workspace';

const training = { steps: 30, device: 'cpu', threads: 1, evaluateEvery: 30, checkpointEvery: 15, learningRate: 0.003 };
const mlm = { type: 'mlm', batchSize: 8, sequenceLength: 32 };
const contrastive = { type: 'contrastive', batchSize: 4, sequenceLength: 16 };

const workspaces: ReturnType<typeof makeWorkspace>[] = [];
afterAll(() => workspaces.forEach(({ remove }) => remove()));

/** A small trained model, and where to export it. */
async function trained(objectives: object[], steps = 6): Promise<{ run: string; folder: string }> {
  const made = makeWorkspace({ objectives, training: { ...training, steps } });
  workspaces.push(made);
  return { run: (await train({ experiment: made.experiment })).run, folder: join(made.folder, 'exported') };
}

const json = (folder: string, name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>;

describe('a model of masked language modelling and contrastive learning', () => {
  let run: string;
  let folder: string;
  beforeAll(async () => {
    ({ run, folder } = await trained([mlm, { ...contrastive, weight: 0.1 }], training.steps));
    exportModel(run, folder, 'hf');
    env.allowRemoteModels = false;
    env.localModelPath = dirname(folder);
  });

  it('is a folder as Hugging Face lays it out', () => {
    expect(readdirSync(folder).sort()).toEqual(
      [
        '1_Pooling',
        'README.md',
        'config.json',
        'model.safetensors',
        'modules.json',
        'onnx',
        'sentence_bert_config.json',
        'tokenizer.json',
        'tokenizer_config.json',
      ].sort(),
    );
    expect(json(folder, 'config.json')).toMatchObject({ architectures: ['BertForMaskedLM'], model_type: 'bert', hidden_size: 32 });
    expect(json(folder, 'tokenizer_config.json')).toMatchObject({ mask_token: '[MASK]', pad_token: '[PAD]', model_max_length: 32 });
    const card = readFileSync(join(folder, 'README.md'), 'utf8');
    expect(card).toMatch(/pipeline_tag: fill-mask/);
    expect(card).toMatch(/12 documents/);
    expect(card).toMatch(/\| mlm \| \d+\.\d+ \| .*word frequencies/);
    expect(card).not.toContain(dirname(folder));
  });

  it('is read by the lab itself as the run is', async () => {
    const text = 'The old captain [MASK] the whale at dawn.';
    expect(await new Reader(folder).fillMasks(text, 5)).toEqual(await new Reader(run).fillMasks(text, 5));
  });

  it('fills masks in transformers.js with the same probabilities', async () => {
    const fill = await pipeline<'fill-mask'>('fill-mask', basename(folder), { dtype: 'fp32' });
    const reader = new Reader(run);
    for (const text of ['The old captain [MASK] the whale at dawn.', '[MASK] sea.']) {
      const [ours] = await reader.fillMasks(text, 5);
      const theirs = (await fill(text, { top_k: 5 })) as { token: number; score: number }[];
      for (const [i, { id, probability }] of ours!.candidates.entries()) {
        expect(theirs[i]!.score).toBeCloseTo(probability, 4);
        if (i === 0) expect(theirs[i]!.token).toBe(id);
      }
    }
    await fill.dispose();
  });

  it('is tokenised by transformers.js as by the lab', async () => {
    const theirs = await AutoTokenizer.from_pretrained(basename(folder));
    const { tokenizer } = openModel(run);
    const { cls, sep } = tokenizer.special;
    for (const text of ['The old captain, at dawn!', 'Café naïve 鯨 🐋', 'a [MASK] gull']) {
      const { ids } = await tokenizer.encode(text);
      expect(theirs.encode(text)).toEqual([cls, ...ids, sep]);
    }
  });

  it('embeds sentences in transformers.js, of different lengths together, with the same vectors', async () => {
    const extract = await pipeline<'feature-extraction'>('feature-extraction', basename(folder), { dtype: 'fp32' });
    const texts = ['The whale passed.', 'A gull struck the mate off the cape before the storm, and our ship followed the old captain.'];
    const theirs = (await extract(texts, { pooling: 'mean', normalize: true })).tolist() as number[][];
    const ours = await new Reader(run).embed(texts);
    for (const [i, vector] of ours.entries()) for (const [j, x] of vector.entries()) expect(theirs[i]![j]).toBeCloseTo(x, 4);
    await extract.dispose();
  });

  it('takes texts of any number and length, with and without padding', async () => {
    const session = await Session.create(readFileSync(join(folder, 'onnx', 'model.onnx')));
    const ids = [2, 9, 17, 25, 8, 3];
    const states = async (batch: number, length: number): Promise<Tensor> => {
      const row = [...ids, ...Array<number>(length - ids.length).fill(0)];
      const mask = row.map((_, i) => Number(i < ids.length));
      const whole = (values: number[]): Tensor => tensor('int64', [batch, length], Array.from({ length: batch }, () => values).flat());
      const feeds = new Map([
        ['input_ids', whole(row)],
        ['attention_mask', whole(mask)],
        ['token_type_ids', whole(row.map(() => 0))],
      ]);
      const outputs = await session.run(feeds);
      expect(outputs.get('logits')!.shape).toEqual([batch, length, openModel(run).config.vocabularySize]);
      return outputs.get('last_hidden_state')!;
    };
    const alone = (await states(1, ids.length)).data as Float32Array;
    for (const [batch, length] of [
      [1, 6],
      [3, 6],
      [2, 11],
      [5, 64],
    ] as const) {
      const { shape, data } = await states(batch, length);
      expect(shape).toEqual([batch, length, 32]);
      const last = (batch - 1) * length * 32;
      alone.forEach((x, i) => expect((data as Float32Array)[last + i]).toBeCloseTo(x, 4));
    }
    await session.release();
  });

  it('can be read into the compiler', () => {
    const path = join(folder, 'onnx', 'model.onnx');
    const shapes = Object.fromEntries(['input_ids', 'attention_mask', 'token_type_ids'].map((name) => [name, [2, 8]]));
    expect([...readOnnxFile(path, shapes).outputs.keys()]).toEqual(['logits', 'last_hidden_state']);
  });

  it('may be one of its checkpoints', () => {
    const [first] = listCheckpoints(run);
    const target = join(dirname(folder), 'checkpoint');
    exportModel(first!.folder, target, 'hf');
    expect(readFileSync(join(target, 'README.md'), 'utf8')).toContain('for 15 of 30 steps');
    expect([...readSafetensors(join(target, 'model.safetensors')).keys()]).not.toContain('contrastive:queue');
  });

  it.each([
    ['onnx', ['config.json', 'onnx', 'tokenizer.json', 'tokenizer_config.json']],
    ['safetensors', ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']],
  ] as const)('as %s alone', (format, files) => {
    const target = join(dirname(folder), format);
    mkdirSync(target);
    exportModel(run, target, format);
    expect(readdirSync(target).sort()).toEqual(files);
  });

  it('is not written over what is there', () => {
    const target = join(dirname(folder), 'taken');
    mkdirSync(target);
    writeFileSync(join(target, 'mine.txt'), 'mine');
    for (const path of [target, join(target, 'mine.txt')])
      expect(() => exportModel(run, path, 'hf')).toThrow(expect.objectContaining({ code: 'export', message: `${path} exists already.` }));
    expect(readdirSync(dirname(target))).not.toContain('taken.partial');
  });
});

const small = { batchSize: 4, sequenceLength: 32 };

describe('what another objective has trained', () => {
  const ENCODER = ['model.onnx'];
  it.each([
    ['contrastive learning', [contrastive], 'BertModel', 'bert', ENCODER, true],
    ['next-sentence prediction', [{ type: 'nsp', ...small }], 'BertForNextSentencePrediction', 'bert', ENCODER, false],
    ["both of BERT's objectives", [mlm, { type: 'nsp', ...small }], 'BertForPreTraining', 'bert', ENCODER, false],
    ['causal language modelling', [{ type: 'clm', ...small }], 'BertLMHeadModel', 'bert', ENCODER, false],
    // Sentence vectors were trained with attention to both sides, which a causal model does not have.
    ['causal and contrastive learning', [{ type: 'clm', ...small }, contrastive], 'BertLMHeadModel', 'bert', ENCODER, false],
    [
      'denoising',
      [{ type: 'seq2seq', ...small, decoderLayers: 2 }],
      'EncoderDecoderModel',
      'encoder-decoder',
      ['decoder_model.onnx', 'encoder_model.onnx'],
      false,
    ],
    ['TSDAE', [{ type: 'seq2seq', ...small, task: 'tsdae' }], 'BertModel', 'bert', ENCODER, true],
    ['replaced-token detection', [{ type: 'rtd', ...small }], 'ElectraForPreTraining', 'electra', ENCODER, false],
  ])('%s is exported as what it is', async (_, objectives, architecture, type, onnx, sentences) => {
    const { run, folder } = await trained(objectives);
    expect(exportModel(run, folder, 'hf').architecture).toBe(architecture);
    expect(json(folder, 'config.json')).toMatchObject({ architectures: [architecture], model_type: type });
    expect(readdirSync(join(folder, 'onnx')).sort()).toEqual(onnx);
    expect(existsSync(join(folder, 'modules.json'))).toBe(sentences);
    const names = [...readSafetensors(join(folder, 'model.safetensors')).keys()];
    expect(names.filter((name) => /generator|projection|queue|temperature/.test(name))).toEqual([]);
  });

  it('is said in the card where the class has no place for it', async () => {
    const { run, folder } = await trained([
      { ...contrastive, projection: 'mlp' },
      { type: 'sop', ...small },
    ]);
    exportModel(run, folder, 'hf');
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain('left away: `contrastive.projection`, `sop_classifier`.');
  });

  it('counts from the phase on in which it is trained', async () => {
    const made = makeWorkspace({
      objectives: [mlm, contrastive],
      combination: {
        kind: 'phases',
        phases: [
          { objectives: ['contrastive'], share: 0.5 },
          { objectives: ['mlm'], share: 0.5 },
        ],
      },
      training,
    });
    workspaces.push(made);
    const { run } = await train({ experiment: made.experiment });
    const [early, late] = listCheckpoints(run).map(
      ({ folder, step }) => exportModel(folder, join(made.folder, `at-${step}`), 'hf').architecture,
    );
    expect([early, late]).toEqual(['BertModel', 'BertForMaskedLM']);
  });

  it('names no folder of the machine, though a file of rows is in one', async () => {
    const made = makeWorkspace();
    workspaces.push(made);
    const file = join(made.folder, 'pairs.jsonl');
    writeFileSync(
      file,
      Array.from({ length: 40 }, (_, i) => JSON.stringify({ q: `the whale watched ${i}`, a: `the gull ${i} passed` })).join('\n'),
    );
    const experiment = JSON.parse(readFileSync(made.experiment, 'utf8')) as Record<string, unknown>;
    const objectives = [{ ...contrastive, batchSize: 2, positives: { from: 'pairs', file, a: 'q', b: 'a' } }];
    writeFileSync(made.experiment, JSON.stringify({ ...experiment, objectives, training }));
    const folder = join(made.folder, 'exported');
    exportModel((await train({ experiment: made.experiment })).run, folder, 'hf');
    const card = readFileSync(join(folder, 'README.md'), 'utf8');
    expect(card).toContain('"file":"pairs.jsonl"');
    expect(card).not.toContain(made.folder);
  });
});

describe('models that began elsewhere', () => {
  it.each([
    ['mpnet', 'MPNetForMaskedLM', 'lm_head.bias', false],
    ['roberta', 'BertForMaskedLM', 'cls.predictions.bias', true],
    ['bert-untied', 'BertForMaskedLM', 'cls.predictions.decoder.bias', true],
  ])('go on as what transformers has for them: %s', async (family, architecture, bias, types) => {
    const model = { from: resolve('test', 'oracle', 'families', family), dropout: 0.1 };
    const made = makeWorkspace({ model, tokenizer: undefined, objectives: [mlm, contrastive], training: { ...training, steps: 4 } });
    workspaces.push(made);
    const { run } = await train({ experiment: made.experiment });
    const folder = join(made.folder, 'exported');
    expect(exportModel(run, folder, 'hf').architecture).toBe(architecture);
    expect([...readSafetensors(join(folder, 'model.safetensors')).keys()]).toContain(bias);
    expect((json(folder, 'tokenizer_config.json').model_input_names as string[]).includes('token_type_ids')).toBe(types);
    // Read again by the rules of its family, it is the same model.
    const texts = ['the old sea', 'the night'];
    const [ours, again] = await Promise.all([run, folder].map((path) => new Reader(path).embed(texts)));
    ours!.forEach((vector, i) => vector.forEach((x, j) => expect(again![i]![j]).toBeCloseTo(x, 5)));
    // transformers.js runs the ONNX file by the classes of its own.
    env.allowRemoteModels = false;
    env.localModelPath = made.folder;
    const extract = await pipeline<'feature-extraction'>('feature-extraction', 'exported', { dtype: 'fp32' });
    const theirs = (await extract(texts, { pooling: 'mean', normalize: true })).tolist() as number[][];
    ours!.forEach((vector, i) => vector.forEach((x, j) => expect(theirs[i]![j]).toBeCloseTo(x, 4)));
    await extract.dispose();
  });

  it('are refused where transformers has no class for them', async () => {
    const model = { from: resolve('test', 'oracle', 'families', 'mpnet') };
    const made = makeWorkspace({
      model,
      tokenizer: undefined,
      objectives: [{ type: 'clm', ...small }],
      training: { ...training, steps: 2 },
    });
    workspaces.push(made);
    const { run } = await train({ experiment: made.experiment });
    expect(() => exportModel(run, join(made.folder, 'exported'), 'hf')).toThrow(/no class for a model that began as an MPNet/);
    expect(existsSync(join(made.folder, 'exported'))).toBe(false);
  });
});

describe('models that write', () => {
  const TEXT = 'the old captain';
  const LONGEST = 12;
  const mostLikely = (logits: Tensor): number => {
    const vocabulary = logits.shape[2]!;
    const last = (logits.data as Float32Array).subarray(-vocabulary);
    return last.indexOf(Math.max(...last));
  };
  const row = (ids: readonly number[]): Tensor => tensor('int64', [1, ids.length], ids);
  const ones = (count: number): Tensor => row(Array.from({ length: count }, () => 1));

  /** Greedy search over logits of whole texts, each a token longer than the one before, as `generate` writes with its cache. */
  async function greedy(start: readonly number[], end: number, next: (ids: readonly number[]) => Promise<Tensor>): Promise<number[]> {
    const ids = [...start];
    while (ids.length < start.length + LONGEST) {
      const id = mostLikely(await next(ids));
      if (id === end) break;
      ids.push(id);
    }
    return ids.slice(start.length);
  }

  it('are causal language models, which write the same from the ONNX file, and from the folder in the lab', async () => {
    const { run, folder } = await trained([{ type: 'clm', ...small }], training.steps);
    exportModel(run, folder, 'hf');
    const [expected] = await generate(run, TEXT, { beams: 1, longest: LONGEST, lengthPenalty: 1 });
    const { tokenizer } = openModel(run);
    const { cls, sep } = tokenizer.special;
    const session = await Session.create(readFileSync(join(folder, 'onnx', 'model.onnx')));
    const next = async (ids: readonly number[]): Promise<Tensor> => {
      const zeros = tensor('int64', [1, ids.length], new Float64Array(ids.length));
      const feeds = new Map([
        ['input_ids', row(ids)],
        ['attention_mask', ones(ids.length)],
        ['token_type_ids', zeros],
      ]);
      return (await session.run(feeds)).get('logits')!;
    };
    const start = [cls, ...(await tokenizer.encode(TEXT)).ids];
    expect(await greedy(start, sep, next)).toEqual(expected!.ids);
    await session.release();
    expect((await generate(folder, TEXT, { beams: 1, longest: LONGEST, lengthPenalty: 1 }))[0]!.ids).toEqual(expected!.ids);
    await expect(new Reader(folder).fillMasks('the [MASK] sea', 1)).rejects.toThrow(/not trained to predict masked tokens/);
  });

  it('are encoders with decoders, which write the same from their two ONNX files', async () => {
    const { run, folder } = await trained([{ type: 'seq2seq', ...small, task: 'deletion', decoderLayers: 2 }], training.steps);
    exportModel(run, folder, 'onnx');
    const [expected] = await generate(run, TEXT, { beams: 1, longest: LONGEST, lengthPenalty: 1 });
    const { tokenizer } = openModel(run);
    const { cls, sep } = tokenizer.special;
    const [encoder, decoder] = await Promise.all(
      ['encoder', 'decoder'].map((part) => Session.create(readFileSync(join(folder, 'onnx', `${part}_model.onnx`)))),
    );
    const source = [cls, ...(await tokenizer.encode(TEXT)).ids, sep];
    const zeros = tensor('int64', [1, source.length], new Float64Array(source.length));
    const read = new Map([
      ['input_ids', row(source)],
      ['attention_mask', ones(source.length)],
      ['token_type_ids', zeros],
    ]);
    const states = (await encoder!.run(read)).get('last_hidden_state')!;
    const next = async (ids: readonly number[]): Promise<Tensor> => {
      const feeds = new Map([
        ['input_ids', row(ids)],
        ['encoder_hidden_states', states],
        ['encoder_attention_mask', ones(source.length)],
      ]);
      return (await decoder!.run(feeds)).get('logits')!;
    };
    expect(await greedy([cls], sep, next)).toEqual(expected!.ids);
    await Promise.all([encoder!.release(), decoder!.release()]);
  });
});

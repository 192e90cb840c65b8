import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import oracle from '../../oracle/families.json';
import { input } from '../../../src/onnx/graph';
import { optimise } from '../../../src/onnx/optimise';
import { serialise } from '../../../src/onnx/serialise';
import { tensor, type Tensor } from '../../../src/onnx/types';
import { encode } from '../../../src/model/encoder';
import { lmLogits } from '../../../src/model/heads';
import { encoderParameters, lookUp, parameterInputs } from '../../../src/model/parameters';
import { readPretrained, type Pretrained } from '../../../src/model/pretrained';
import { noDropout } from '../../../src/model/random';
import { relativeBucket } from '../../../src/model/relative-bias';
import { encodeSafetensors, readSafetensors } from '../../../src/model/safetensors';
import { Tokenizer } from '../../../src/text/tokenizer';
import { Session } from '../../../src/train/device';
import { read } from '../objectives/recorded';

const recorded = (name: string): string => join(import.meta.dirname, '../../oracle/families', name);
const families = Object.entries(oracle.families);
const temporary = mkdtempSync(join(tmpdir(), 'objective-lab-families-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

interface Inputs {
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly token_type_ids?: number[][];
}

/** Last hidden states and logits of the tokens that are no padding, row by row. */
async function compute(
  { config, parameters, predicts }: Pretrained,
  inputs: Inputs,
): Promise<{ states: Tensor; logits: Tensor | undefined }> {
  const shape = [inputs.input_ids.length, inputs.input_ids[0]!.length];
  const specs = [...parameters].map(([name, { shape }]) => ({ name, shape, start: 0, decays: false }));
  const values = lookUp(parameterInputs(specs));
  const tokenTypeIds = inputs.token_type_ids && input('types', 'int64', shape);
  const ids = { inputIds: input('ids', 'int64', shape), attentionMask: input('mask', 'float32', shape), tokenTypeIds };
  const states = encode(config, values, ids, noDropout);
  const outputs = new Map([['states', states]]);
  if (predicts) outputs.set('logits', lmLogits(config, values, states));
  const session = await Session.create(serialise(optimise(outputs, 'cpu')));
  const feeds = new Map([
    ...[...parameters].filter(([, { dtype }]) => dtype === 'float32'),
    ['ids', tensor('int64', shape, inputs.input_ids.flat())] as const,
    ['mask', tensor('float32', shape, inputs.attention_mask.flat())] as const,
    ...(inputs.token_type_ids ? [['types', tensor('int64', shape, inputs.token_type_ids.flat())] as const] : []),
  ]);
  const results = await session.run(feeds);
  await session.release();
  const kept = inputs.attention_mask.flat();
  const unpadded = (all: Tensor): Tensor => {
    const width = all.shape[1]!;
    const rows = kept.flatMap((keep, row) => (keep ? [...(all.data as Float32Array).subarray(row * width, (row + 1) * width)] : []));
    return tensor('float32', [rows.length / width, width], rows);
  };
  const logits = results.get('logits');
  return { states: unpadded(results.get('states')!), logits: logits && unpadded(logits) };
}

function expectClose(actual: Tensor, expected: Tensor): void {
  expect(actual.shape).toEqual(expected.shape);
  const [found, wanted] = [actual.data as Float32Array, expected.data as Float32Array];
  const largest = wanted.map((value, i) => Math.abs(value - found[i]!));
  expect(Math.max(...largest)).toBeLessThan(2e-5);
}

function crossEntropy({ shape, data }: Tensor, row: number, label: number): number {
  const width = shape[1]!;
  const logits = [...(data as Float32Array).subarray(row * width, (row + 1) * width)];
  return Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[label]!;
}

/** A copy of a model folder that a test may change. */
let copies = 0;
function copyOf(name: string): string {
  const folder = join(temporary, String(copies++));
  cpSync(recorded(name), folder, { recursive: true });
  return folder;
}

function rewrite(folder: string, change: (tensors: Map<string, Tensor>) => Iterable<readonly [string, Tensor]>): void {
  const path = join(folder, 'model.safetensors');
  writeFileSync(path, Buffer.concat(encodeSafetensors(new Map(change(readSafetensors(path))))));
}

const setting = (folder: string, change: Record<string, unknown>): void => {
  const path = join(folder, 'config.json');
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), ...change }));
};

describe('a model from elsewhere', () => {
  it.each(families)(
    "has the hidden states and the logits of transformers': %s",
    async (name, { inputs, lastHiddenState, logits, labels, loss }) => {
      const model = readPretrained(recorded(name));
      const computed = await compute(model, inputs);
      expectClose(computed.states, read(lastHiddenState));
      expectClose(computed.logits!, read(logits));
      const kept = labels.flat().filter((_, i) => inputs.attention_mask.flat()[i]);
      const losses = kept.flatMap((label, row) => (label < 0 ? [] : [crossEntropy(computed.logits!, row, label)]));
      expect(losses.reduce((a, b) => a + b) / losses.length).toBeCloseTo(loss, 5);
    },
  );

  it.each(families)('is cut into tokens as transformers does it: %s', async (name, { encodings }) => {
    const tokenizer = Tokenizer.ofModel(recorded(name));
    for (const { text, ids, offsets } of encodings) {
      const encoded = await tokenizer.encode(text);
      expect([...encoded.ids], text).toEqual(ids);
      const points = Array.from(text);
      const units = (end: number): number => points.slice(0, end).join('').length;
      expect(encoded.spans, text).toEqual(offsets.map(([start, end]) => ({ start: units(start!), end: units(end!) })));
    }
  });

  it('has the same states at the positions that are wanted alone as among all: mpnet', async () => {
    const { config, parameters } = readPretrained(recorded('mpnet'));
    const { input_ids: rows, attention_mask: mask } = oracle.families.mpnet.inputs;
    const [shape, wanted] = [
      [rows.length, rows[0]!.length],
      [0, 5, 9, 3, 3, 1, 2, 13, 7],
    ];
    const specs = encoderParameters(config);
    const values = lookUp(parameterInputs(specs));
    const ids = { inputIds: input('ids', 'int64', shape), attentionMask: input('mask', 'float32', shape) };
    const slots = input('slots', 'int64', [3, 3]);
    const outputs = new Map([
      ['all', encode(config, values, ids, noDropout)],
      ['chosen', encode(config, values, ids, noDropout, { slots })],
    ]);
    const session = await Session.create(serialise(optimise(outputs, 'cpu')));
    const feeds = new Map<string, Tensor>([
      ...specs.map(({ name }) => [name, parameters.get(name)!] as const),
      ['ids', tensor('int64', shape, rows.flat())],
      ['mask', tensor('float32', shape, mask.flat())],
      ['slots', tensor('int64', [3, 3], wanted)],
    ]);
    const results = await session.run(feeds);
    await session.release();
    const width = config.hiddenSize;
    const states = results.get('all')!.data as Float32Array;
    const expected = wanted.flatMap((position, i) => {
      const row = Math.floor(i / 3) * shape[1]! + position;
      return [...states.subarray(row * width, (row + 1) * width)];
    });
    expectClose(results.get('chosen')!, tensor('float32', [wanted.length, width], expected));
  });

  it("puts distances into MPNet's buckets", () => {
    const { from, buckets } = oracle.relativeBuckets;
    expect(buckets.map((_, i) => relativeBucket(from + i, 32))).toEqual(buckets);
  });

  it('may be saved without its head and the prefix of its names, with names of before 2019 and with buffers', async () => {
    for (const name of ['bert', 'roberta', 'mpnet'] as const) {
      const folder = copyOf(name);
      const prefix = `${name}.`;
      rewrite(folder, (tensors) => [
        ...[...tensors]
          .filter(([each]) => each.startsWith(prefix))
          .map(([each, value]): [string, Tensor] => {
            const bare = each.slice(prefix.length);
            return [bare.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta'), value];
          }),
        ['embeddings.position_ids', tensor('int64', [1, 3], [0, 1, 2])],
      ]);
      const model = readPretrained(folder);
      expect(model.predicts).toBe(false);
      const { inputs, lastHiddenState } = oracle.families[name];
      expectClose((await compute(model, inputs)).states, read(lastHiddenState));
    }
  });

  it('projects by its word embeddings when config.json promises a matrix of its own and there is none, or the same', () => {
    const folder = copyOf('bert');
    setting(folder, { tie_word_embeddings: false });
    expect(readPretrained(folder)).toMatchObject({ predicts: true, config: readPretrained(recorded('bert')).config });
    rewrite(folder, (tensors) => [...tensors, ['cls.predictions.decoder.weight', tensors.get('bert.embeddings.word_embeddings.weight')!]]);
    expect(readPretrained(folder).config.variant).toBeUndefined();
  });

  it('is refused with the family and the way out', () => {
    const folder = copyOf('bert');
    setting(folder, { model_type: 'gpt2' });
    expect(() => readPretrained(folder)).toThrow(/config\.json: "model_type" is "gpt2"/);
    setting(folder, { model_type: 'bert', hidden_act: 'silu' });
    expect(() => readPretrained(folder)).toThrow(/"hidden_act": must be "gelu"/);
    setting(folder, { hidden_act: 'gelu', position_embedding_type: 'relative_key' });
    expect(() => readPretrained(folder)).toThrow(/"position_embedding_type"/);
    setting(folder, { position_embedding_type: 'absolute', intermediate_size: 25 });
    expect(() => readPretrained(folder)).toThrow(/intermediate\.dense\.weight" in .* is float32 \[24, 16\].*asks for float32 \[25, 16\]/);
    setting(folder, { intermediate_size: 24, num_hidden_layers: 3 });
    expect(() => readPretrained(folder)).toThrow(/no tensor "bert\.encoder\.layer\.2\./);
    rmSync(join(folder, 'model.safetensors'));
    expect(() => readPretrained(folder)).toThrow(/no model\.safetensors/);
    writeFileSync(join(folder, 'pytorch_model.bin'), '');
    expect(() => readPretrained(folder)).toThrow(/pickle/);
  });

  it('may not name shards outside its folder', () => {
    const folder = copyOf('distilbert');
    const index = join(folder, 'model.safetensors.index.json');
    writeFileSync(index, readFileSync(index, 'utf8').replace('model-00001', '../model-00001'));
    expect(() => readPretrained(folder)).toThrow(/index\.json is damaged/);
  });
});

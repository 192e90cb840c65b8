import { LRUCache } from 'lru-cache';
import type { ModelConfig } from '../model/config';
import { encode } from '../model/encoder';
import { pool } from '../model/heads';
import { encoderParameters, lookUp, parameterInputs } from '../model/parameters';
import { counterDropout, noDropout } from '../model/random';
import { input, type Outputs } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { tensor, type Tensor } from '../onnx/types';
import { UserError } from '../shared/errors';
import type { Geometry, TextUnit } from '../shared/types';
import type { OpenedModel } from './model';
import { batchesOf, encoderFeeds, encoderInput } from './rows';
import { runOn, type Sizes } from './sessions';

/** Bytes of embeddings that are remembered. */
const MOST_BYTES = 256 << 20;

/** Embeddings by model and text: sentences are asked for again with every look at a file. */
const known = new LRUCache<string, Float32Array>({
  maxSize: MOST_BYTES,
  sizeCalculation: ({ byteLength }, key) => byteLength + 2 * key.length,
});

/**
 * Unit embeddings [units][hidden size], mean-pooled over each text's tokens, of length 1; a text longer than the model's sequences is cut.
 *
 * @param signal ends it between two batches
 */
export async function embed(model: OpenedModel, texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
  const keyOf = (text: string): string => `${model.key} ${text}`;
  const missing = [...new Set(texts.filter((text) => !known.has(keyOf(text))))];
  const made = await forward(model, missing, 'embed', (config, sizes) => embedding(config, sizes, model.causal), [], signal);
  const fresh = new Map(missing.map((text, i) => [text, made[i]!]));
  for (const [text, vector] of fresh) known.set(keyOf(text), vector);
  return texts.map((text) => fresh.get(text) ?? known.get(keyOf(text))!);
}

/** Two views of each text under dropout, as SimCSE makes them (Gao et al., 2021, arXiv 2104.08821); undefined for a model without dropout. */
async function views(model: OpenedModel, texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[][] | undefined> {
  if (model.config.dropout === 0 && model.config.attentionDropout === 0) return undefined;
  const view = (key: number): Promise<Float32Array[]> =>
    forward(
      model,
      texts,
      'dropout',
      (config, sizes) => embedding(config, sizes, model.causal, counterDropout(input('key', 'uint32', []))),
      [['key', tensor('uint32', [], [key])]],
      signal,
    );
  return [await view(1), await view(2)];
}

const embedding = (config: ModelConfig, sizes: Sizes, causal: boolean, dropout = noDropout): Outputs => {
  const { inputIds, attentionMask } = encoderInput(sizes);
  const states = encode(config, lookUp(parameterInputs(encoderParameters(config))), { inputIds, attentionMask }, dropout, { causal });
  return new Map([['output', ops.l2Normalize(pool(states, attentionMask, 'mean'))]]);
};

async function forward(
  model: OpenedModel,
  texts: readonly string[],
  name: string,
  graph: (config: ModelConfig, sizes: Sizes) => Outputs,
  feeds: readonly [string, Tensor][],
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  const { tokenizer, context, config } = model;
  const ids = await Promise.all(texts.map(async (text) => (await tokenizer.encode(text)).ids.subarray(0, context - 2)));
  const vectors: Float32Array[] = [];
  const rows = ids.map((each) => ({ ids: each }));
  for (const batch of batchesOf(rows)) {
    signal?.throwIfAborted();
    const outputs = await runOn(
      model,
      model.causal ? `causal ${name}` : name,
      graph,
      new Map([...encoderFeeds(tokenizer, batch), ...feeds]),
    );
    const data = outputs.get('output')!.data as Float32Array;
    batch.rows.forEach(({ index }, i) => (vectors[index] = data.slice(i * config.hiddenSize, (i + 1) * config.hiddenSize)));
  }
  return vectors;
}

/** Cosine similarities [N][N] of a model's unit vectors, row-major. */
export async function similarities(model: OpenedModel, vectors: readonly Float32Array[]): Promise<Float32Array> {
  const { hiddenSize } = model.config;
  if (vectors.length === 0) return new Float32Array();
  const all = new Float32Array(vectors.length * hiddenSize);
  vectors.forEach((vector, i) => all.set(vector, i * hiddenSize));
  const outputs = await runOn(
    model,
    'similarities',
    (_, sizes) => {
      const rows = input('vectors', 'float32', [sizes.vectors, hiddenSize]);
      return new Map([['output', ops.gemm(rows, rows, undefined, { transB: 1 })]]);
    },
    new Map([['vectors', { dtype: 'float32', shape: [vectors.length, hiddenSize], data: all }]]),
  );
  return outputs.get('output')!.data as Float32Array;
}

export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/**
 * Alignment and uniformity of units (Wang & Isola, 2020, arXiv 2005.10242), over distinct texts.
 *
 * @throws UserError (code `text`) for fewer than two distinct units
 */
export async function geometry(model: OpenedModel, units: readonly TextUnit[], signal?: AbortSignal): Promise<Geometry> {
  const texts = [...new Set(units.map(({ text }) => text))];
  if (texts.length < 2) throw new UserError('The text has fewer than two different units to compare.', 'Choose a longer text.', 'text');
  const vectors = await embed(model, texts, signal);
  const [first, second] = (await views(model, texts, signal)) ?? [];
  // ‖x − y‖² = 2 − 2 x·y on the sphere.
  const distance = (a: Float32Array, b: Float32Array): number => 2 - 2 * dot(a, b);
  let closeness = 0;
  for (let i = 0; i < vectors.length; i++) for (let j = 0; j < i; j++) closeness += Math.exp(-2 * distance(vectors[i]!, vectors[j]!));
  const pairs = (vectors.length * (vectors.length - 1)) / 2;
  return {
    ...(first && second && { alignment: first.reduce((sum, vector, i) => sum + distance(vector, second[i]!), 0) / first.length }),
    uniformity: Math.log(closeness / pairs),
  };
}

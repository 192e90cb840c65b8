import type { Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { tensor } from '../onnx/types';
import { variantOf, type Activation, type ModelConfig } from './config';
import type { Dropout } from './random';
import type { Parameters } from './parameters';

/*
 * Shape suffixes: B sequences, T tokens in each (of the context), S in each (of what is computed), H hidden size, N attention heads, D = H / N,
 * I intermediate size, V vocabulary. Activations between layers are matrices, so that every linear layer is one Gemm; inside encoder and decoder
 * their rows are in the order [T, B], so that attention finds the rows of each head in place and copies no more than its result.
 */

/** What is added to the score of a position that must not be seen: enough to vanish in single precision, small enough not to overflow. */
export const UNSEEN = -1e9;

export function linear(x: Value, parameters: Parameters, name: string): Value {
  return ops.gemm(x, parameters(`${name}.weight`), parameters(`${name}.bias`), { transB: 1 });
}

export function layerNorm(x: Value, config: ModelConfig, parameters: Parameters, name: string): Value {
  return ops.layerNormalization(x, parameters(`${name}.weight`), parameters(`${name}.bias`), variantOf(config).layerNormEpsilon);
}

const ACTIVATIONS: Readonly<Record<Activation, (x: Value) => Value>> = {
  gelu: (x) => ops.gelu(x),
  gelu_new: (x) => ops.gelu(x, 'tanh'),
  relu: ops.relu,
};

export const activate = (x: Value, config: ModelConfig): Value => ACTIVATIONS[variantOf(config).activation](x);

/** What attention works with, beside the tokens. */
export interface Surroundings {
  readonly config: ModelConfig;
  readonly parameters: Parameters;
  readonly dropout: Dropout;
  readonly batch: number;
}

/** What attention finds in a context: keys and values [B, N, T, D]. */
export interface KeysValues {
  readonly keys: Value;
  readonly values: Value;
}

/** Rows [T·B, H] as [B, N, T, D], projected as a part of the attention block `name` does it. */
function project({ config, parameters, batch }: Surroundings, name: string, part: 'query' | 'key' | 'value', rows: Value): Value {
  const { attentionHeads: heads, hiddenSize } = config;
  const split = ops.reshape(linear(rows, parameters, `${name}.self.${part}`), [-1, batch, heads, hiddenSize / heads]);
  return ops.transpose(split, [1, 2, 0, 3]);
}

/** Keys and values of a context [T·B, H] for the attention block `name`. */
export const keysValues = (surroundings: Surroundings, name: string, context: Value): KeysValues => ({
  keys: project(surroundings, name, 'key', context),
  values: project(surroundings, name, 'value', context),
});

/**
 * Multi-head attention of the queries [S·B, H] over a context (Vaswani et al., 2017, arXiv 1706.03762) → [S·B, H].
 *
 * @param name of the block in Hugging Face's BERT, such as `bert.encoder.layer.0.attention`
 * @param bias added to the scores [B, N, S, T], broadcast
 */
export function attention(
  surroundings: Surroundings,
  name: string,
  site: string,
  queries: Value,
  { keys, values }: KeysValues,
  bias?: Value,
): Value {
  const { config, parameters, dropout } = surroundings;
  const q_BNSD = project(surroundings, name, 'query', queries);
  const scores_BNST = ops.fusedMatMul(q_BNSD, keys, { transB: 1, alpha: 1 / Math.sqrt(q_BNSD.shape[3]!) });
  const probabilities = ops.softmax(bias ? ops.add(scores_BNST, bias) : scores_BNST, -1);
  const mixed_BNSD = ops.matMul(dropout(probabilities, config.attentionDropout, `${site}.probabilities`), values);
  const mixed = ops.reshape(ops.transpose(mixed_BNSD, [2, 0, 1, 3]), [-1, config.hiddenSize]);
  return dropout(linear(mixed, parameters, `${name}.output.dense`), config.dropout, site);
}

/** Attention, residual and LayerNorm: one block of BERT's layers (post-LN). */
export function attentionBlock(
  surroundings: Surroundings,
  name: string,
  site: string,
  queries: Value,
  context: KeysValues,
  bias?: Value,
): Value {
  const attended = attention(surroundings, name, site, queries, context, bias);
  return layerNorm(ops.add(attended, queries), surroundings.config, surroundings.parameters, `${name}.output.LayerNorm`);
}

/** The feed-forward block of a layer, with residual and LayerNorm. */
export function feedForwardBlock({ config, parameters, dropout }: Surroundings, layer: string, site: string, x: Value): Value {
  const expanded = activate(linear(x, parameters, `${layer}.intermediate.dense`), config);
  const output = dropout(linear(expanded, parameters, `${layer}.output.dense`), config.dropout, `${site}.output`);
  return layerNorm(ops.add(output, x), config, parameters, `${layer}.output.LayerNorm`);
}

/** [B, 1, 1, T]: hides the positions at which a mask float32 [B, T] is 0. */
export function paddingBias(mask: Value): Value {
  const [batch, length] = mask.shape as [number, number];
  return ops.reshape(ops.mul(ops.sub(1, mask), UNSEEN), [batch, 1, 1, length]);
}

/** [1, 1, T, T]: each position sees itself and those before it. */
export function causalBias(length: number): Value {
  const places = (shape: number[]): Value =>
    ops.constant(
      tensor(
        'int32',
        shape,
        Array.from({ length }, (_, i) => i),
      ),
    );
  return ops.mul(ops.cast(ops.greater(places([1, 1, 1, length]), places([1, 1, length, 1])), 'float32'), UNSEEN);
}

/** Rows in the order [T, B] as rows in the order [B, T]. */
export function batchFirst(rows: Value, batch: number): Value {
  const width = rows.shape[1]!;
  return ops.reshape(ops.transpose(ops.reshape(rows, [-1, batch, width]), [1, 0, 2]), [-1, width]);
}

interface EmbedOptions {
  /** int64 [B, T]; all 0 when absent. */
  readonly tokenTypeIds?: Value | undefined;
  /** int64 [T]; 0, 1, … when absent. */
  readonly positions?: Value;
  /** Name of the word embeddings; of `prefix` when absent. */
  readonly words?: string;
}

/** Word, position and segment embeddings of ids [B, T] → [T·B, H] (BERT's, which its decoder shares). */
export function embed(
  { config, parameters, dropout }: Surroundings,
  prefix: string,
  site: string,
  inputIds: Value,
  { tokenTypeIds, positions, words = `${prefix}.word_embeddings` }: EmbedOptions = {},
): Value {
  const length = inputIds.shape[1]!;
  const table = (name: string): Value => parameters(`${name}.weight`);
  const look = (name: string, ids_BT: Value): Value => ops.gather(table(name), ops.transpose(ids_BT, [1, 0]));
  const places = table(`${prefix}.position_embeddings`);
  const places_TH = positions ? ops.gather(places, positions) : ops.slice(places, [0], [length]);
  const places_T1H = ops.reshape(places_TH, [length, 1, config.hiddenSize]);
  const words_TBH = look(words, inputIds);
  const types = `${prefix}.token_type_embeddings`;
  const sum_TBH = tokenTypeIds
    ? ops.add(ops.add(words_TBH, places_T1H), look(types, tokenTypeIds))
    : ops.add(words_TBH, ops.add(places_T1H, ops.slice(table(types), [0], [1])));
  return dropout(layerNorm(ops.reshape(sum_TBH, [-1, config.hiddenSize]), config, parameters, `${prefix}.LayerNorm`), config.dropout, site);
}

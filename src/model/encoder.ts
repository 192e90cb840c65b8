import { scope, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { tensor } from '../onnx/types';
import { LAYER_NORM_EPSILON, type ModelConfig } from './config';
import type { Dropout } from './dropout';
import type { Parameters } from './parameters';

/*
 * Shape suffixes: B sequences, T tokens in each, S of them asked for, H hidden size, N attention heads, D = H / N, I intermediate size,
 * V vocabulary. Activations between layers are matrices, so that every linear layer is one Gemm; inside the encoder their rows are in the order
 * [T, B], so that attention finds the rows of each head in place and copies no more than its result.
 */

export interface EncoderInput {
  /** int64 [B, T]. */
  readonly inputIds: Value;
  /** float32 [B, T]: 1 for a token, 0 for padding. Without it there is no padding, which saves a pass over the attention scores. */
  readonly attentionMask?: Value;
  /** int64 [B, T]; all 0 when absent. */
  readonly tokenTypeIds?: Value;
}

/** What is subtracted from the score of a padded position: enough to vanish in single precision, small enough not to overflow. */
const MASKED_SCORE = -1e9;

export function linear(x: Value, parameters: Parameters, name: string): Value {
  return ops.gemm(x, parameters(`${name}.weight`), parameters(`${name}.bias`), { transB: 1 });
}

export function layerNorm(x: Value, parameters: Parameters, name: string): Value {
  return ops.layerNormalization(x, parameters(`${name}.weight`), parameters(`${name}.bias`), LAYER_NORM_EPSILON);
}

/**
 * BERT's encoder, post-LN: the last hidden states as a matrix [B·T, H].
 *
 * @param slots int64 [B, S], positions in each sequence: the only ones whose last hidden states are wanted, as a matrix [B·S, H]. The last layer
 *   then computes those alone; of the other positions it needs no more than keys and values. Masked language modelling looks at 15 % of the
 *   positions, and so saves most of a layer.
 */
export function encode(
  config: ModelConfig,
  parameters: Parameters,
  input: EncoderInput,
  dropout: Dropout,
  site = '',
  slots?: Value,
): Value {
  return scope('encoder', () => {
    const [batch, length] = input.inputIds.shape as [number, number];
    const bias = input.attentionMask && ops.reshape(ops.mul(ops.sub(1, input.attentionMask), MASKED_SCORE), [batch, 1, 1, length]);
    let x = scope('embeddings', () => embed(config, parameters, input, dropout, `${site}embeddings`));
    const rows = slots && scope('slots', () => rowsOf(slots));
    for (let i = 0; i < config.layers; i++) {
      const name = `bert.encoder.layer.${i}`;
      x = scope(`layer.${i}`, () => {
        const wanted = rows && i === config.layers - 1 ? ops.gather(x, rows) : x;
        const attended = scope('attention', () => attention(config, parameters, name, wanted, x, bias, batch, dropout, `${site}${name}`));
        const normed = layerNorm(ops.add(attended, wanted), parameters, `${name}.attention.output.LayerNorm`);
        const expanded = scope('intermediate', () => ops.gelu(linear(normed, parameters, `${name}.intermediate.dense`)));
        const output = dropout(linear(expanded, parameters, `${name}.output.dense`), config.dropout, `${site}${name}.output`);
        return layerNorm(ops.add(output, normed), parameters, `${name}.output.LayerNorm`);
      });
    }
    if (rows && config.layers === 0) x = ops.gather(x, rows);
    const states_TBH = ops.reshape(x, [-1, batch, config.hiddenSize]);
    return ops.reshape(ops.transpose(states_TBH, [1, 0, 2]), [-1, config.hiddenSize]);
  });
}

/** The rows [S·B] of the encoder's matrices at positions [B, S]. */
function rowsOf(slots: Value): Value {
  const batch = slots.shape[0]!;
  const sequences = tensor('int64', [batch], [...Array(batch).keys()]);
  return ops.reshape(ops.add(ops.mul(ops.transpose(slots, [1, 0]), batch), ops.constant(sequences)), [-1]);
}

function embed(
  config: ModelConfig,
  parameters: Parameters,
  { inputIds, tokenTypeIds }: EncoderInput,
  dropout: Dropout,
  site: string,
): Value {
  const length = inputIds.shape[1]!;
  const table = (name: string): Value => parameters(`bert.embeddings.${name}.weight`);
  const look = (name: string, ids_BT: Value): Value => ops.gather(table(name), ops.transpose(ids_BT, [1, 0]));
  const positions_T1H = ops.reshape(ops.slice(table('position_embeddings'), [0], [length]), [length, 1, config.hiddenSize]);
  const words_TBH = look('word_embeddings', inputIds);
  const sum_TBH = tokenTypeIds
    ? ops.add(ops.add(words_TBH, positions_T1H), look('token_type_embeddings', tokenTypeIds))
    : ops.add(words_TBH, ops.add(positions_T1H, ops.slice(table('token_type_embeddings'), [0], [1])));
  const normed = layerNorm(ops.reshape(sum_TBH, [-1, config.hiddenSize]), parameters, 'bert.embeddings.LayerNorm');
  return dropout(normed, config.dropout, site);
}

/** Multi-head attention of the queries [S·B, H] over the context [T·B, H] (Vaswani et al., 2017, arXiv 1706.03762) → [S·B, H]. */
function attention(
  { attentionHeads: heads, hiddenSize, attentionDropout, dropout: rate }: ModelConfig,
  parameters: Parameters,
  name: string,
  queries: Value,
  context: Value,
  bias: Value | undefined,
  batch: number,
  dropout: Dropout,
  site: string,
): Value {
  const width = hiddenSize / heads;
  const project = (x: Value, part: string): Value =>
    ops.transpose(ops.reshape(linear(x, parameters, `${name}.attention.self.${part}`), [-1, batch, heads, width]), [1, 2, 0, 3]);
  const [q_BNSD, k_BNTD, v_BNTD] = [project(queries, 'query'), project(context, 'key'), project(context, 'value')];
  const scores_BNST = ops.fusedMatMul(q_BNSD, k_BNTD, { transB: 1, alpha: 1 / Math.sqrt(width) });
  const probabilities = ops.softmax(bias ? ops.add(scores_BNST, bias) : scores_BNST, -1);
  const mixed_BNSD = ops.matMul(dropout(probabilities, attentionDropout, `${site}.probabilities`), v_BNTD);
  const mixed = ops.reshape(ops.transpose(mixed_BNSD, [2, 0, 1, 3]), [-1, hiddenSize]);
  return dropout(linear(mixed, parameters, `${name}.attention.output.dense`), rate, `${site}.attention`);
}

import { scope, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { LAYER_NORM_EPSILON, type ModelConfig } from './config';
import type { Dropout } from './dropout';
import type { Parameters } from './parameters';

/*
 * Shape suffixes: B sequences, T tokens in each, H hidden size, N attention heads, D = H / N, I intermediate size, V vocabulary.
 * Activations between layers are matrices [B·T, H], so that every linear layer is one Gemm.
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

/** BERT's encoder, post-LN: the last hidden states as a matrix [B·T, H]. */
export function encode(config: ModelConfig, parameters: Parameters, input: EncoderInput, dropout: Dropout, site = ''): Value {
  return scope('encoder', () => {
    const [batch, length] = input.inputIds.shape as [number, number];
    const bias = input.attentionMask && ops.reshape(ops.mul(ops.sub(1, input.attentionMask), MASKED_SCORE), [batch, 1, 1, length]);
    let x = scope('embeddings', () => embed(config, parameters, input, dropout, `${site}embeddings`));
    for (let i = 0; i < config.layers; i++) {
      const name = `bert.encoder.layer.${i}`;
      x = scope(`layer.${i}`, () => {
        const attended = scope('attention', () => attention(config, parameters, name, x, bias, [batch, length], dropout, `${site}${name}`));
        const normed = layerNorm(ops.add(attended, x), parameters, `${name}.attention.output.LayerNorm`);
        const expanded = scope('intermediate', () => ops.gelu(linear(normed, parameters, `${name}.intermediate.dense`)));
        const output = dropout(linear(expanded, parameters, `${name}.output.dense`), config.dropout, `${site}${name}.output`);
        return layerNorm(ops.add(output, normed), parameters, `${name}.output.LayerNorm`);
      });
    }
    return x;
  });
}

function embed(
  config: ModelConfig,
  parameters: Parameters,
  { inputIds, tokenTypeIds }: EncoderInput,
  dropout: Dropout,
  site: string,
): Value {
  const [batch, length] = inputIds.shape as [number, number];
  const table = (name: string): Value => parameters(`bert.embeddings.${name}.weight`);
  const words_BTH = ops.gather(table('word_embeddings'), inputIds);
  const positions_TH = ops.slice(table('position_embeddings'), [0], [length]);
  const types = table('token_type_embeddings');
  const sum = tokenTypeIds
    ? ops.add(ops.add(words_BTH, positions_TH), ops.gather(types, tokenTypeIds))
    : ops.add(words_BTH, ops.add(positions_TH, ops.slice(types, [0], [1])));
  const normed = layerNorm(ops.reshape(sum, [batch * length, config.hiddenSize]), parameters, 'bert.embeddings.LayerNorm');
  return dropout(normed, config.dropout, site);
}

function attention(
  { attentionHeads: heads, hiddenSize, attentionDropout, dropout: rate }: ModelConfig,
  parameters: Parameters,
  name: string,
  x: Value,
  bias: Value | undefined,
  [batch, length]: [number, number],
  dropout: Dropout,
  site: string,
): Value {
  const width = hiddenSize / heads;
  const project = (part: string): Value =>
    ops.transpose(ops.reshape(linear(x, parameters, `${name}.attention.self.${part}`), [batch, length, heads, width]), [0, 2, 1, 3]);
  const [q_BNTD, k_BNTD, v_BNTD] = [project('query'), project('key'), project('value')];
  const scores_BNTT = ops.fusedMatMul(q_BNTD, k_BNTD, { transB: 1, alpha: 1 / Math.sqrt(width) });
  const probabilities = ops.softmax(bias ? ops.add(scores_BNTT, bias) : scores_BNTT, -1);
  const context_BNTD = ops.matMul(dropout(probabilities, attentionDropout, `${site}.probabilities`), v_BNTD);
  const context = ops.reshape(ops.transpose(context_BNTD, [0, 2, 1, 3]), [batch * length, hiddenSize]);
  return dropout(linear(context, parameters, `${name}.attention.output.dense`), rate, `${site}.attention`);
}

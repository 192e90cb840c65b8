import { scope, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { activate, batchFirst, embed, layerNorm, linear, type Surroundings } from './attention';
import { variantOf, type ModelConfig } from './config';
import { encoderStack } from './encoder';
import { LM_DECODER, LM_HEAD, WORD_EMBEDDINGS, type Parameters } from './parameters';

/**
 * The language-model head: hidden [M, H] → logits [M, V]. It is given only the positions that predict something: projecting onto the vocabulary is
 * the dearest part of a small model.
 */
export function lmLogits(config: ModelConfig, parameters: Parameters, hidden: Value, head = LM_HEAD): Value {
  return scope('head', () => {
    const wide = activate(linear(hidden, parameters, `${head}.transform.dense`), config);
    const transformed = layerNorm(wide, config, parameters, `${head}.transform.LayerNorm`);
    const tied = variantOf(config).tied || head !== LM_HEAD;
    return ops.gemm(transformed, parameters(`${tied ? WORD_EMBEDDINGS : LM_DECODER}.weight`), parameters(`${head}.bias`), { transB: 1 });
  });
}

export type Pooling = 'mean' | 'cls';

/** Sentence embeddings [B, H] from hidden states [B·T, H]: the mean over the tokens that the mask float32 [B, T] keeps, or the first token's. */
export function pool(hidden: Value, attentionMask: Value, pooling: Pooling): Value {
  return scope('pool', () => {
    const [batch, length] = attentionMask.shape as [number, number];
    const width = hidden.shape[1]!;
    const states_BTH = ops.reshape(hidden, [batch, length, width]);
    if (pooling === 'cls') return ops.reshape(ops.slice(states_BTH, [0], [1], [1]), [batch, width]);
    const counts = ops.max(ops.reduceSum(attentionMask, { axes: [1], keepdims: 1 }), 1);
    const weights_B1T = ops.reshape(ops.div(attentionMask, counts), [batch, 1, length]);
    return ops.reshape(ops.matMul(weights_B1T, states_BTH), [batch, width]);
  });
}

/** BERT's pooler: the tanh of a linear layer on the [CLS] states [B, H]. */
export const bertPooler = (parameters: Parameters, cls: Value): Value => ops.tanh(linear(cls, parameters, 'bert.pooler.dense'));

/**
 * ELECTRA's generator on inputIds int64 [B, T]: logits [B·S, V] at the positions `slots` int64 [B, S]. Its embeddings are the discriminator's, projected
 * to its own width, and its output layer is their transpose.
 */
export function generatorLogits(surroundings: Surroundings, generator: ModelConfig, inputIds: Value, slots: Value, site: string): Value {
  const { parameters, batch } = surroundings;
  return scope('generator', () => {
    const embedded = embed(surroundings, 'bert.embeddings', `${site}generator.embeddings`, inputIds);
    const narrow = linear(embedded, parameters, 'generator.embeddings_project');
    const rows = encoderStack({ ...surroundings, config: generator }, 'generator', site, narrow, undefined, { slots });
    const wide = ops.gelu(linear(batchFirst(rows, batch), parameters, 'generator_predictions.dense'));
    const transformed = layerNorm(wide, surroundings.config, parameters, 'generator_predictions.LayerNorm');
    return ops.gemm(transformed, parameters(`${WORD_EMBEDDINGS}.weight`), parameters('generator_lm_head.bias'), { transB: 1 });
  });
}

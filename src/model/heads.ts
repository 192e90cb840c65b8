import { scope, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { layerNorm, linear } from './encoder';
import type { Parameters } from './parameters';

/**
 * The masked-language-model head: hidden [M, H] → logits [M, V]. It is given the hidden positions only: projecting onto the vocabulary is the
 * dearest part of a small model, and five in six positions have nothing to predict.
 */
export function mlmLogits(parameters: Parameters, hidden: Value): Value {
  return scope('mlm', () => {
    const transformed = layerNorm(
      ops.gelu(linear(hidden, parameters, 'cls.predictions.transform.dense')),
      parameters,
      'cls.predictions.transform.LayerNorm',
    );
    return ops.gemm(transformed, parameters('bert.embeddings.word_embeddings.weight'), parameters('cls.predictions.bias'), { transB: 1 });
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

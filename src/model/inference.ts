import { input, type Outputs, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { serialiseOpen } from '../onnx/open-shapes';
import type { Tensor } from '../onnx/types';
import type { ModelConfig } from './config';
import { decode } from './decoder';
import { encode } from './encoder';
import { lmLogits } from './heads';
import type { Writing } from './incremental';
import { noDropout } from './random';
import { lookUp, type Parameters } from './parameters';

/** Weights as inputs of the graph, each under its name. */
function weightsOf(tensors: ReadonlyMap<string, Tensor>): Parameters {
  return lookUp(new Map([...tensors].map(([name, { dtype, shape }]) => [name, input(name, dtype, shape)])));
}

/** Any number of texts; the two have to have another ratio than lengths that are a few tokens apart. */
const BATCH = [7, 2] as const;

const ids = (name: string, batch: number, length: number): Value => input(name, 'int64', [batch, length]);

/**
 * An encoder as an ONNX model for texts of any number and length, with the inputs and outputs that Hugging Face's exporters give it: int64
 * `input_ids`, `attention_mask`, `token_type_ids` [batch, sequence] → float32 `last_hidden_state` [batch, sequence, hidden size], and with a
 * language-model head also `logits` [batch, sequence, vocabulary size].
 *
 * @param parameters under our names, those of the head among them if `predicts`
 * @param causal whether a position sees only those before it
 */
export function encoderModel(
  config: ModelConfig,
  parameters: ReadonlyMap<string, Tensor>,
  { predicts, causal }: { readonly predicts: boolean; readonly causal: boolean },
): Uint8Array {
  const sizes = {
    batch: { input: 'input_ids', axis: 0, between: BATCH },
    sequence: { input: 'input_ids', axis: 1, between: [config.maxPositions, config.maxPositions - 1] },
  } as const;
  const build = ({ batch, sequence }: Record<keyof typeof sizes, number>): Outputs => {
    const weights = weightsOf(parameters);
    const [inputIds, mask, tokenTypeIds] = ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => ids(name, batch, sequence));
    const read = { inputIds: inputIds!, attentionMask: ops.cast(mask!, 'float32'), tokenTypeIds };
    const states = encode(config, weights, read, noDropout, { causal });
    const apart = (rows: Value): Value => ops.reshape(rows, [batch, sequence, -1]);
    return new Map([
      ...(predicts ? [['logits', apart(lmLogits(config, weights, states))] as const] : []),
      ['last_hidden_state', apart(states)] as const,
    ]);
  };
  return serialiseOpen(sizes, build, parameters);
}

/**
 * A decoder as an ONNX model: int64 `input_ids` [batch, sequence], float32 `encoder_hidden_states` [batch, encoder sequence, hidden size] and int64
 * `encoder_attention_mask` [batch, encoder sequence] → float32 `logits` [batch, sequence, vocabulary size].
 */
export function decoderModel(config: ModelConfig, parameters: ReadonlyMap<string, Tensor>, { stack, head }: Writing): Uint8Array {
  const { hiddenSize, maxPositions: most } = config;
  const sizes = {
    batch: { input: 'input_ids', axis: 0, between: BATCH },
    sequence: { input: 'input_ids', axis: 1, between: [most, most - 1] },
    encoder_sequence: { input: 'encoder_hidden_states', axis: 1, between: [most, most - 2] },
  } as const;
  const build = ({ batch, sequence, encoder_sequence: read }: Record<keyof typeof sizes, number>): Outputs => {
    const weights = weightsOf(parameters);
    const context = ops.transpose(input('encoder_hidden_states', 'float32', [batch, read, hiddenSize]), [1, 0, 2]);
    const seen = {
      rows: ops.reshape(context, [-1, hiddenSize]),
      mask: ops.cast(ids('encoder_attention_mask', batch, read), 'float32'),
    };
    const states = decode(config, stack.layers, weights, ids('input_ids', batch, sequence), seen, noDropout);
    return new Map([['logits', ops.reshape(lmLogits(config, weights, states, head), [batch, sequence, -1])]]);
  };
  return serialiseOpen(sizes, build, parameters);
}

import { scope, segment, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { tensor } from '../onnx/types';
import { attentionBlock, batchFirst, causalBias, embed, feedForwardBlock, keysValues, paddingBias, type Surroundings } from './attention';
import type { ModelConfig } from './config';
import type { Dropout } from './random';
import type { Parameters } from './parameters';
import { relativeBias, relativeBiasAt } from './relative-bias';

export interface EncoderInput {
  /** int64 [B, T]. */
  readonly inputIds: Value;
  /** float32 [B, T]: 1 for a token, 0 for padding. Without it there is no padding, which saves a pass over the attention scores. */
  readonly attentionMask?: Value | undefined;
  /** int64 [B, T]; all 0 when absent. */
  readonly tokenTypeIds?: Value | undefined;
}

export interface EncodeOptions {
  /** Begins the names of the places at which dropout draws: encodings of one step must not draw the same masks. */
  readonly site?: string;
  /**
   * int64 [B, S], positions in each sequence: the only ones whose last hidden states are wanted, as a matrix [B·S, H]. The last layer then computes
   * those alone; of the other positions it needs no more than keys and values. Masked language modelling looks at 15 % of the positions, and so
   * saves most of a layer.
   */
  readonly slots?: Value;
  /** Whether a position sees only those before it. Cannot be combined with `slots`. */
  readonly causal?: boolean;
}

/** BERT's encoder, post-LN (Devlin et al., 2019, arXiv 1810.04805): the last hidden states as a matrix [B·T, H]. */
export function encode(
  config: ModelConfig,
  parameters: Parameters,
  input: EncoderInput,
  dropout: Dropout,
  options: EncodeOptions = {},
): Value {
  return batchFirst(encodeRows(config, parameters, input, dropout, options), input.inputIds.shape[0]!);
}

/** {@link encode} with the rows in the order [T, B], as the decoder reads them. */
export function encodeRows(
  config: ModelConfig,
  parameters: Parameters,
  { inputIds, attentionMask, tokenTypeIds }: EncoderInput,
  dropout: Dropout,
  { site = '', slots, causal = false }: EncodeOptions = {},
): Value {
  return scope('encoder', () => {
    const [batch, length] = inputIds.shape as [number, number];
    const surroundings: Surroundings = { config, parameters, dropout, batch };
    const padding = attentionMask && paddingBias(attentionMask);
    const shared = sumOf([causal ? causalBias(length) : undefined, padding]);
    const bias = sumOf([relativeBias(config, parameters, length), shared]);
    const last = slots && sumOf([relativeBiasAt(config, parameters, length, slots), shared]);
    const x = scope('embeddings', () => embed(surroundings, 'bert.embeddings', `${site}embeddings`, inputIds, { tokenTypeIds }));
    return encoderStack(surroundings, 'bert', site, x, bias, slots && { slots, bias: last });
  });
}

/** The sum of those that are there. */
const sumOf = (values: readonly (Value | undefined)[]): Value | undefined =>
  values.reduce((sum, value) => (sum && value ? ops.add(sum, value) : (sum ?? value)), undefined);

/** The only positions [B, S] whose states are wanted of the last layer, and what is added to its scores [B, N, S, T]. */
interface Wanted {
  readonly slots: Value;
  readonly bias?: Value | undefined;
}

/** The layers of an encoder on embedded rows [T·B, H] → [T·B, H], or [S·B, H] at the positions that are wanted. */
export function encoderStack(
  surroundings: Surroundings,
  prefix: string,
  site: string,
  embedded: Value,
  bias?: Value,
  last?: Wanted,
): Value {
  const { layers } = surroundings.config;
  const rows = last && scope('slots', () => rowsOf(last.slots));
  let x = embedded;
  for (let i = 0; i < layers; i++) {
    const layer = `${prefix}.encoder.layer.${i}`;
    const place = `${site}${layer}`;
    const build = (): Value => {
      const chosen = rows !== undefined && i === layers - 1;
      const wanted = chosen ? ops.gather(x, rows) : x;
      const attended = scope('attention', () => {
        const name = `${layer}.attention`;
        return attentionBlock(
          surroundings,
          name,
          `${place}.attention`,
          wanted,
          keysValues(surroundings, name, x),
          chosen ? last?.bias : bias,
        );
      });
      return scope('intermediate', () => feedForwardBlock(surroundings, layer, place, attended));
    };
    x = scope(`layer.${i}`, () => segment(build));
  }
  return rows && layers === 0 ? ops.gather(x, rows) : x;
}

/** The rows [S·B] of the encoder's matrices at positions [B, S]. */
function rowsOf(slots: Value): Value {
  const batch = slots.shape[0]!;
  const sequences = tensor('int64', [batch], [...Array(batch).keys()]);
  return ops.reshape(ops.add(ops.mul(ops.transpose(slots, [1, 0]), batch), ops.constant(sequences)), [-1]);
}

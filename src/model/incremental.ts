import { scope, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { tensor } from '../onnx/types';
import { attentionBlock, embed, feedForwardBlock, keysValues, UNSEEN, type KeysValues, type Surroundings } from './attention';
import { WORD_EMBEDDINGS } from './parameters';
import { relativeBiasAt } from './relative-bias';

/** Begins the encoder's parameter names. */
const ENCODER = 'bert';

/** Layers that write text from left to right: the decoder's, or the encoder's own when it was trained as a causal language model. */
export interface Stack {
  /** Begins their parameters' names, such as `decoder.bert`. */
  readonly prefix: string;
  readonly layers: number;
}

/** How a model writes text. */
export interface Writing {
  readonly stack: Stack;
  /** Begins its language-model head's parameters' names, such as `cls.predictions`. */
  readonly head: string;
  /** Most positions that it was trained to write, [CLS] among them. */
  readonly longest: number;
  /** The text that it reads before: its most tokens, [CLS] and [SEP] among them, and whether it sees no more of it than one pooled vector. */
  readonly reads?: { readonly length: number; readonly pooled: boolean };
}

/** What a layer looks at, beside the token that it is given. */
export interface LayerMemory {
  /** Of the positions so far, [B, N, T, D]; from the position in hand on, anything. */
  readonly own: KeysValues;
  /** Of a text that another stack has read, [1 or B, N, S, D]. */
  readonly crossed?: KeysValues | undefined;
}

/** A position's last hidden states [B, H], and what each layer has to remember for the next. */
export interface Step {
  readonly states: Value;
  readonly memory: readonly KeysValues[];
}

/**
 * One position of a stack with a key/value cache (Vaswani et al., 2017; Pope et al., 2022, arXiv 2211.05102, section 2.1): the same numbers as the whole
 * sequence gives there, at the cost of one position.
 *
 * @param surroundings `batch` is the number of sequences
 * @param inputIds int64 [B, 1]
 * @param position int64 [1]
 * @param padding [1 or B, 1, 1, S], added to the scores of cross-attention
 */
export function nextPosition(
  surroundings: Surroundings,
  { prefix, layers }: Stack,
  inputIds: Value,
  position: Value,
  memories: readonly LayerMemory[],
  padding?: Value,
): Step {
  return scope('next', () => {
    const { config, parameters } = surroundings;
    const length = memories[0]!.own.keys.shape[2]!;
    const places = ops.constant(tensor('int64', [length], [...Array(length).keys()]));
    const here_T1 = ops.reshape(ops.equal(places, position), [length, 1]);
    const unseen = ops.mul(ops.cast(ops.greater(places, position), 'float32'), UNSEEN);
    // Only the encoder has such a bias, and it writes by itself when it is a causal language model.
    const relative = prefix === ENCODER ? relativeBiasAt(config, parameters, length, ops.reshape(position, [1, 1])) : undefined;
    const bias = relative ? ops.add(relative, unseen) : unseen;
    let x = embed(surroundings, `${prefix}.embeddings`, '', inputIds, { positions: position, words: WORD_EMBEDDINGS });
    const memory: KeysValues[] = [];
    for (let i = 0; i < layers; i++) {
      const layer = `${prefix}.encoder.layer.${i}`;
      const { own, crossed } = memories[i]!;
      x = scope(`layer.${i}`, () => {
        const newest = keysValues(surroundings, `${layer}.attention`, x);
        const both: KeysValues = { keys: ops.where(here_T1, newest.keys, own.keys), values: ops.where(here_T1, newest.values, own.values) };
        memory.push(both);
        const attended = attentionBlock(surroundings, `${layer}.attention`, '', x, both, bias);
        const looked = crossed ? attentionBlock(surroundings, `${layer}.crossattention`, '', attended, crossed, padding) : attended;
        return feedForwardBlock(surroundings, layer, '', looked);
      });
    }
    return { states: x, memory };
  });
}

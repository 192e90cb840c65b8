import { scope, segment, type Value } from '../onnx/graph';
import { attentionBlock, batchFirst, causalBias, embed, feedForwardBlock, keysValues, paddingBias, type Surroundings } from './attention';
import type { ModelConfig } from './config';
import type { Dropout } from './random';
import { WORD_EMBEDDINGS, type Parameters } from './parameters';

/** Begins the decoder's parameter names, as in Hugging Face's EncoderDecoderModel. */
export const DECODER = 'decoder.bert';

/** What a decoder layer looks at besides its own tokens. */
export interface Context {
  /** Rows [T·B, H] in the order [T, B]. */
  readonly rows: Value;
  /** float32 [B, T]: 1 for a token, 0 for padding. */
  readonly mask?: Value | undefined;
}

/**
 * BERT's decoder with cross-attention, post-LN, as Rothe et al. (2020, arXiv 1907.12461) build it and Hugging Face's EncoderDecoderModel holds it. Its
 * word embeddings are the encoder's. The last hidden states of inputIds int64 [B, S] as a matrix [B·S, H]; each position sees those before it and all
 * of the context.
 */
export function decode(
  config: ModelConfig,
  layers: number,
  parameters: Parameters,
  inputIds: Value,
  context: Context,
  dropout: Dropout,
  site = '',
): Value {
  return scope('decoder', () => {
    const [batch, length] = inputIds.shape as [number, number];
    const surroundings: Surroundings = { config, parameters, dropout, batch };
    const padding = context.mask && paddingBias(context.mask);
    const order = causalBias(length);
    let x = scope('embeddings', () =>
      embed(surroundings, `${DECODER}.embeddings`, `${site}decoder.embeddings`, inputIds, { words: WORD_EMBEDDINGS }),
    );
    for (let i = 0; i < layers; i++) {
      const layer = `${DECODER}.encoder.layer.${i}`;
      const place = `${site}${layer}`;
      const build = (): Value => {
        const attend = (block: string, queries: Value, to: Value, bias?: Value): Value =>
          scope(block, () => {
            const name = `${layer}.${block}`;
            return attentionBlock(surroundings, name, `${place}.${block}`, queries, keysValues(surroundings, name, to), bias);
          });
        const crossed = attend('crossattention', attend('attention', x, x, order), context.rows, padding);
        return scope('intermediate', () => feedForwardBlock(surroundings, layer, place, crossed));
      };
      x = scope(`layer.${i}`, () => segment(build));
    }
    return batchFirst(x, batch);
  });
}

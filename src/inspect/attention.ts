import { encode } from '../model/encoder';
import { encoderParameters, lookUp, parameterInputs } from '../model/parameters';
import type { Dropout } from '../model/random';
import type { Outputs, Value } from '../onnx/graph';
import type { ModelConfig } from '../model/config';
import { UserError } from '../shared/errors';
import type { Attention, Span } from '../shared/types';
import type { OpenedModel } from './model';
import { batchesOf, encoderFeeds, encoderInput } from './rows';
import { runOn, type Sizes } from './sessions';
import { planWindows } from './windows';
import { tokensIn } from './words';

/**
 * The attention probabilities of one layer in the window around a token.
 *
 * @param hidden spans whose tokens are shown to the model as mask tokens, one each
 * @throws UserError (code `text`) for a token or a layer that there is not
 */
export async function attentionOf(
  model: OpenedModel,
  text: string,
  index: number,
  layer: number,
  hidden: readonly Span[],
): Promise<Attention> {
  const { tokenizer, config, context } = model;
  const { ids, spans } = await tokenizer.encode(text);
  if (index >= ids.length)
    throw new UserError(`The text has ${ids.length} tokens, and token ${index + 1} was asked for.`, 'They are numbered from 1.', 'text');
  if (layer >= config.layers)
    throw new UserError(
      `The model has ${config.layers} layers, and layer ${layer + 1} was asked for.`,
      'They are numbered from 1.',
      'text',
    );
  const { mask } = tokenizer.special;
  const shown = ids.slice();
  if (mask !== undefined) for (const span of hidden) shown.fill(mask, ...tokensIn(spans, span));
  const [window] = planWindows(ids.length, [index], context - 2, 1);
  const { start, end } = window!;
  const [batch] = batchesOf([{ ids: shown.subarray(start, end) }]);
  const { length } = batch!;
  const outputs = await runOn(
    model,
    `attention/${layer}`,
    (own, sizes) => attentionGraph(own, layer, sizes),
    new Map(encoderFeeds(tokenizer, batch!)),
  );
  const probabilities = outputs.get('output')!.data as Float32Array;
  const [heads, size] = [config.attentionHeads, end - start];
  const weights = new Float32Array(heads * size * size);
  for (let head = 0; head < heads; head++) {
    for (let from = 0; from < size; from++) {
      // [CLS] stands before the first token.
      const row = (head * length + from + 1) * length + 1;
      weights.set(probabilities.subarray(row, row + size), (head * size + from) * size);
    }
  }
  return { from: start, to: end, layers: config.layers, heads, weights };
}

/** Attention probabilities [B, N, T, T] of a layer. They come by where dropout would be applied to them; what follows is pruned. */
function attentionGraph(config: ModelConfig, layer: number, sizes: Sizes): Outputs {
  let found: Value | undefined;
  const listen: Dropout = (x, _, site) => {
    if (site === `bert.encoder.layer.${layer}.attention.probabilities`) found = x;
    return x;
  };
  encode(config, lookUp(parameterInputs(encoderParameters(config))), encoderInput(sizes), listen);
  if (!found) throw new Error(`No attention of layer ${layer} came by.`);
  return new Map([['output', found]]);
}

import { encode } from '../model/encoder';
import { lmLogits } from '../model/heads';
import { encoderParameters, lookUp, mlmHeadParameters, parameterInputs } from '../model/parameters';
import { noDropout } from '../model/random';
import { input } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { tensor } from '../onnx/types';
import type { OpenedModel } from './model';
import { batchesOf, encoderFeeds, encoderInput } from './rows';
import { runOn } from './sessions';

/** Whether a model was trained to predict each token from those before it, without reading another text. */
export const predictsNext = ({ writing }: Pick<OpenedModel, 'writing'>): boolean => writing !== undefined && !writing.reads;

/**
 * −log p in nats of every token of a row after [CLS], given those before it.
 *
 * @param rows content tokens, at most as many as the model's context has room for beside [CLS] and [SEP]
 * @param signal ends it between two batches
 */
export async function nextTokenLosses(model: OpenedModel, rows: readonly Int32Array[], signal?: AbortSignal): Promise<Float32Array[]> {
  const found: Float32Array[] = [];
  for (const batch of batchesOf(rows.map((ids) => ({ ids })))) {
    signal?.throwIfAborted();
    const { length } = batch;
    const labels = new Float64Array(batch.rows.length * length);
    batch.rows.forEach(({ row }, i) => labels.set(row.ids, i * length));
    const outputs = await runOn(
      model,
      'next tokens',
      (config, sizes) => {
        const parameters = lookUp(parameterInputs([...encoderParameters(config), ...mlmHeadParameters(config)]));
        const states = encode(config, parameters, encoderInput(sizes), noDropout, { causal: true });
        const wanted = ops.reshape(input('labels', 'int64', [sizes.batch, sizes.sequence]), [-1]);
        return new Map([['output', ops.crossEntropy(lmLogits(config, parameters, states), wanted)]]);
      },
      new Map([...encoderFeeds(model.tokenizer, batch), ['labels', tensor('int64', [batch.rows.length, length], labels)]]),
    );
    const losses = outputs.get('output')!.data as Float32Array;
    batch.rows.forEach(({ row, index }, i) => (found[index] = losses.slice(i * length, i * length + row.ids.length)));
  }
  return found;
}

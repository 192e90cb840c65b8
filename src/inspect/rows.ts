import { encode } from '../model/encoder';
import { lmLogits } from '../model/heads';
import { encoderParameters, lookUp, mlmHeadParameters, parameterInputs } from '../model/parameters';
import { noDropout } from '../model/random';
import { input, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { tensor, type Tensor } from '../onnx/types';
import { UserError } from '../shared/errors';
import type { OpenedModel } from './model';
import { MOST_ROWS, runOn, TOGETHER, type Sizes } from './sessions';

/** A stretch of tokens as a model reads it, without [CLS] and [SEP], and the places in it whose tokens are asked for. */
export interface Row {
  readonly ids: Int32Array;
  readonly slots: readonly number[];
}

/** A run is one native call, which nothing interrupts: about so many tokens at once. */
const TOKENS_PER_RUN = 512;

/** Rows that are read at once, padded to the longest. */
export interface Batch<R> {
  /** Tokens of the longest row, [CLS] and [SEP] among them. */
  readonly length: number;
  readonly rows: readonly { readonly row: R; readonly index: number }[];
}

/** Puts rows of similar lengths together, so that little padding is computed. */
export function batchesOf<R extends Pick<Row, 'ids'>>(rows: readonly R[]): Batch<R>[] {
  const order = rows.map((row, index) => ({ row, index })).sort((a, b) => a.row.ids.length - b.row.ids.length);
  const batches: Batch<R>[] = [];
  for (let at = 0; at < order.length;) {
    let end = at + 1;
    const lengthTo = (last: number): number => order[last - 1]!.row.ids.length + 2;
    while (end < order.length && end - at < MOST_ROWS && (end + 1 - at) * lengthTo(end + 1) <= TOKENS_PER_RUN) end++;
    batches.push({ length: lengthTo(end), rows: order.slice(at, end) });
    at = end;
  }
  return batches;
}

/** `inputIds` and `attentionMask` [B, T] of a batch: [CLS], the row, [SEP], and padding. */
export function encoderFeeds({ special }: OpenedModel['tokenizer'], { length, rows }: Batch<Pick<Row, 'ids'>>): [string, Tensor][] {
  const size = rows.length;
  const [ids, mask] = [new Float64Array(size * length).fill(special.pad), new Float64Array(size * length)];
  rows.forEach(({ row }, i) => {
    ids.set([special.cls, ...row.ids, special.sep], i * length);
    mask.fill(1, i * length, i * length + row.ids.length + 2);
  });
  return [
    ['inputIds', tensor('int64', [size, length], ids)],
    ['attentionMask', tensor('float32', [size, length], mask)],
  ];
}

export const encoderInput = ({ batch, sequence }: Pick<Sizes, 'batch' | 'sequence'>) => ({
  inputIds: input('inputIds', 'int64', [batch, sequence]),
  attentionMask: input('attentionMask', 'float32', [batch, sequence]),
});

/** @throws UserError (code `model`) for a model that was not trained to predict masked tokens */
export function maskOf({ tokenizer, predicts, folder }: OpenedModel): number {
  const { mask } = tokenizer.special;
  if (predicts && mask !== undefined) return mask;
  throw new UserError(
    `The model in ${folder} was not trained to predict masked tokens.`,
    'Choose a run whose objectives include "mlm".',
    'model',
  );
}

/**
 * Log-probabilities [V] (natural logarithm) of every token at the places that rows ask for, by row.
 *
 * @param signal ends it between two batches
 * @param options how many threads it takes
 */
export async function logProbabilities(
  model: OpenedModel,
  rows: readonly Row[],
  signal?: AbortSignal,
  options = TOGETHER,
): Promise<Float32Array[][]> {
  const found: Float32Array[][] = [];
  const take = (index: number, slots: number, { data, shape }: Tensor, first: number): void => {
    const width = shape[1]!;
    found[index] = Array.from({ length: slots }, (_, slot) =>
      logSoftmax((data as Float32Array).subarray((first + slot) * width, (first + slot + 1) * width)),
    );
  };
  await ask(model, rows, signal, 'logits', take, options);
  return found;
}

/**
 * −log p in nats of the tokens `labels[row][slot]` at the places that rows ask for.
 *
 * @param signal ends it between two batches
 * @param options how many threads it takes
 */
export async function negativeLogLikelihoods(
  model: OpenedModel,
  rows: readonly (Row & { readonly labels: readonly number[] })[],
  signal?: AbortSignal,
  options = TOGETHER,
): Promise<Float32Array[]> {
  const found: Float32Array[] = [];
  const take = (index: number, slots: number, { data }: Tensor, first: number): void => {
    found[index] = (data as Float32Array).slice(first, first + slots);
  };
  await ask(model, rows, signal, 'losses', take, options);
  return found;
}

/** Runs the masked-language-model head on all rows; `take` receives the output and the number of the row's first slot in it. */
async function ask(
  model: OpenedModel,
  rows: readonly (Row & { readonly labels?: readonly number[] })[],
  signal: AbortSignal | undefined,
  output: 'logits' | 'losses',
  take: (index: number, slots: number, result: Tensor, first: number) => void,
  options: typeof TOGETHER,
): Promise<void> {
  maskOf(model);
  for (const batch of batchesOf(rows)) {
    signal?.throwIfAborted();
    const size = batch.rows.length;
    const width = Math.max(...batch.rows.map(({ row }) => row.slots.length));
    const [slots, labels] = [new Float64Array(size * width), new Float64Array(size * width)];
    batch.rows.forEach(({ row }, i) => {
      // [CLS] stands before the first token.
      slots.set(
        row.slots.map((slot) => slot + 1),
        i * width,
      );
      labels.set(row.labels ?? [], i * width);
    });
    const outputs = await runOn(
      model,
      output,
      (config, sizes) => {
        const parameters = lookUp(parameterInputs([...encoderParameters(config), ...mlmHeadParameters(config)]));
        const asked = input('slots', 'int64', [sizes.batch, sizes.slots]);
        const logits = lmLogits(config, parameters, encode(config, parameters, encoderInput(sizes), noDropout, { slots: asked }));
        const losses = (): Value => ops.crossEntropy(logits, input('labels', 'int64', [sizes.batch * sizes.slots]));
        return new Map([['output', output === 'logits' ? logits : losses()]]);
      },
      new Map([
        ...encoderFeeds(model.tokenizer, batch),
        ['slots', tensor('int64', [size, width], slots)],
        ['labels', tensor('int64', [size * width], labels)],
      ]),
      options,
    );
    batch.rows.forEach(({ row, index }, i) => take(index, row.slots.length, outputs.get('output')!, i * width));
  }
}

function logSoftmax(logits: Float32Array): Float32Array {
  const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = logits.reduce((total, x) => total + Math.exp(x - highest), 0);
  return logits.map((x) => x - highest - Math.log(sum));
}

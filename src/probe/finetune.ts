import type { ModelConfig } from '../model/config';
import { encode } from '../model/encoder';
import { linear } from '../model/attention';
import { pool } from '../model/heads';
import { encoderParameters, linearParameters, lookUp, parameterInputs, type ParameterSpec, type Parameters } from '../model/parameters';
import { noDropout, type Dropout } from '../model/random';
import { input, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { tensor, type Tensor } from '../onnx/types';
import type { OpenedModel } from '../inspect/model';
import { batchesOf, encoderFeeds, type Batch } from '../inspect/rows';
import { runOn } from '../inspect/sessions';
import { quantile } from './statistics';
import { drawBatch, stepsOf, tune } from './tuning';

/** A text, or two with [SEP] between them, without [CLS] and the last [SEP]; `second` is where the second begins. */
interface Sequence {
  readonly ids: Int32Array;
  readonly second: number;
}

export interface FinetuneOptions {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly seed: number;
}

/** A model with a head that tells classes, and how long the sequences are that it reads. */
export interface Classifier {
  readonly model: OpenedModel;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly classes: number;
  readonly length: number;
}

const HEAD = 'probe.classifier';
const WARMUP = 0.1;
const WEIGHT_DECAY = 0.01;
/** Sequences are as long as all but so many of the examples need; longer ones are cut. */
const FITTING = 0.99;

/**
 * Trains all of a model's encoder with a linear head on the mean of its last states. Two texts are read as one sequence of two segments (Devlin et al.,
 * 2019, arXiv 1810.04805).
 *
 * @param texts of each example: one, or two
 */
export async function finetune(
  model: OpenedModel,
  texts: readonly (readonly string[])[],
  labels: readonly number[],
  classes: number,
  { epochs, batchSize, learningRate, seed }: FinetuneOptions,
  threads?: number,
  signal?: AbortSignal,
): Promise<Classifier> {
  const { config, tokenizer, context } = model;
  const whole = await sequencesOf(model, texts, context);
  const lengths = whole.map(({ ids }) => ids.length + 2).sort((a, b) => a - b);
  const length = Math.min(context, 8 * Math.ceil(quantile(lengths, FITTING) / 8));
  const sequences = await sequencesOf(model, texts, length);
  const batch = Math.min(batchSize, texts.length);
  const parameters = await tune({
    config,
    specs: specsOf(config, classes),
    from: model.parameters,
    loss: (given, dropout) => {
      const logits = logitsOf(model, given, { batch, length }, dropout);
      return ops.reduceMean(ops.crossEntropy(logits, input('labels', 'int64', [batch])));
    },
    feeds: (step) => {
      const drawn = drawBatch(texts.length, batch, step, seed);
      const rows = drawn.map((index) => ({ row: sequences[index]!, index }));
      return new Map([
        ...feedsOf(tokenizer, { length, rows }),
        [
          'labels',
          tensor(
            'int64',
            [batch],
            drawn.map((index) => labels[index]!),
          ),
        ],
      ]);
    },
    steps: stepsOf(texts.length, batch, epochs),
    learningRate,
    warmup: WARMUP,
    weightDecay: WEIGHT_DECAY,
    seed,
    threads,
    signal,
  });
  return { model, parameters, classes, length };
}

/** Logits [N, classes] of texts, row-major. */
export async function classifierLogits(
  { model, parameters, classes, length }: Classifier,
  texts: readonly (readonly string[])[],
  signal?: AbortSignal,
): Promise<Float32Array> {
  const all = new Float32Array(texts.length * classes);
  for (const batch of batchesOf(await sequencesOf(model, texts, length))) {
    signal?.throwIfAborted();
    const outputs = await runOn(
      { config: model.config, parameters },
      `classifier ${classes} ${model.causal}`,
      (_, { batch: size, sequence }) => {
        const given = lookUp(parameterInputs(specsOf(model.config, classes)));
        return new Map([['output', logitsOf(model, given, { batch: size, length: sequence }, noDropout)]]);
      },
      new Map(feedsOf(model.tokenizer, batch)),
    );
    const { data } = outputs.get('output')! as { data: Float32Array };
    batch.rows.forEach(({ index }, i) => all.set(data.subarray(i * classes, (i + 1) * classes), index * classes));
  }
  return all;
}

const specsOf = (config: ModelConfig, classes: number): ParameterSpec[] => [
  ...encoderParameters(config),
  ...linearParameters(HEAD, config.hiddenSize, classes),
];

function logitsOf(
  { config, causal }: OpenedModel,
  parameters: Parameters,
  { batch, length }: { batch: number; length: number },
  dropout: Dropout,
): Value {
  const [inputIds, tokenTypeIds] = ['inputIds', 'tokenTypeIds'].map((name) => input(name, 'int64', [batch, length]));
  const attentionMask = input('attentionMask', 'float32', [batch, length]);
  const states = encode(config, parameters, { inputIds: inputIds!, attentionMask, tokenTypeIds }, dropout, { causal });
  return linear(dropout(pool(states, attentionMask, 'mean'), config.dropout, HEAD), parameters, HEAD);
}

/** Texts as sequences of at most `length` tokens with [CLS] and [SEP]; of two the longer one is cut first. */
async function sequencesOf({ tokenizer }: OpenedModel, texts: readonly (readonly string[])[], length: number): Promise<Sequence[]> {
  return Promise.all(
    texts.map(async ([first, second]) => {
      const a = (await tokenizer.encode(first!)).ids;
      if (second === undefined) return { ids: a.subarray(0, length - 2), second: length };
      const b = (await tokenizer.encode(second)).ids;
      const room = length - 3;
      const half = Math.floor(room / 2);
      const [left, right] = [a.subarray(0, Math.max(half, room - b.length)), b.subarray(0, Math.max(half, room - a.length))];
      return { ids: Int32Array.of(...left, tokenizer.special.sep, ...right), second: left.length + 1 };
    }),
  );
}

/** With `tokenTypeIds` [B, T]: 1 from the second text on. */
function feedsOf(tokenizer: OpenedModel['tokenizer'], batch: Batch<Sequence>): [string, Tensor][] {
  const { length, rows } = batch;
  const types = new Float64Array(rows.length * length);
  rows.forEach(({ row }, i) => {
    if (row.second < row.ids.length) types.fill(1, i * length + row.second + 1, i * length + row.ids.length + 2);
  });
  return [...encoderFeeds(tokenizer, batch), ['tokenTypeIds', tensor('int64', [rows.length, length], types)]];
}

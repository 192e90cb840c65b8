import * as z from 'zod';
import type { Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { tensor, type Tensor } from '../onnx/types';
import { batchFirst } from '../model/attention';
import type { ModelConfig } from '../model/config';
import { decode, DECODER, type Context } from '../model/decoder';
import { encodeRows } from '../model/encoder';
import { lmLogits, pool } from '../model/heads';
import { DECODER_HEAD, decoderParameters } from '../model/parameters';
import { noDropout } from '../model/random';
import { hash32 } from '../shared/random';
import type { Baseline, BatchToken } from '../shared/types';
import type { Split } from '../text/dataset';
import { tableOf } from '../text/table';
import { corruptSpans, deleteTokens, infill, shuffleSentences, type Denoising } from './denoising';
import { requireExamples } from './demands';
import { drawExamples, type Examples } from './examples';
import { requireMask } from './masking-options';
import type { Batch, Instance, Loss, LossContext, Objective, ObjectiveContext } from './objective';
import { batchSize, sequenceLength, tableFields, weight } from './options';
import { normalised } from './scoring';
import { examplesOf as shownExamples, meanOf, rowOf, tokensOf } from './show';
import { checkWindows, windowCount } from './windows';

const TASKS = ['spans', 'infilling', 'deletion', 'permutation', 'tsdae'] as const;

const Options = z.strictObject({
  type: z.literal('seq2seq').describe('Sequence to sequence: a decoder writes a text that the encoder read in another form.'),
  weight,
  batchSize: batchSize(16, 'texts'),
  sequenceLength: sequenceLength(64, 'what the encoder reads'),
  task: z
    .union([
      z.enum(TASKS).meta({
        enumDescriptions: [
          'T5: spans become sentinels, and the decoder writes the spans.',
          'BART: spans become one [MASK] each, and the decoder writes the whole text.',
          'Tokens are deleted, and the decoder writes the whole text.',
          'BART: sentences are shuffled, and the decoder puts them in order.',
          'TSDAE: tokens are deleted, and the decoder writes the text from the pooled sentence vector alone.',
        ],
      }),
      z
        .strictObject({ from: z.literal('pairs'), ...tableFields({ source: 'what is read', target: 'what is to be written' }) })
        .describe('Pairs of texts from a file, such as sentences and their translations.'),
    ])
    .default('spans')
    .describe(
      'What the decoder must write: spans, infilling, deletion, permutation, tsdae, or an object { "from": "pairs", … } for texts of a file. Default: spans.',
    ),
  rate: z
    .number()
    .min(0.01)
    .max(0.9)
    .optional()
    .describe('Share of the tokens that is corrupted. Default: 0.15 for spans, 0.3 for infilling and deletion, 0.6 for tsdae.'),
  meanSpan: z.number().min(1).max(20).default(3).describe('Mean length in tokens of a corrupted span. Default: 3.'),
  targetLength: z
    .int()
    .min(8)
    .max(4096)
    .optional()
    .describe('Length in tokens of what the decoder writes, for pairs; longer texts are cut. Default: sequenceLength.'),
  decoderLayers: z.int().min(1).max(96).optional().describe("Layers of the decoder. Default: as many as the encoder's."),
});
type Options = z.infer<typeof Options>;

const RATES = { spans: 0.15, infilling: 0.3, deletion: 0.3, permutation: 0, tsdae: 0.6, pairs: 0 } as const;
/** What an example is made of, for people; the others are made of windows of the token stream. */
const WHAT = {
  pairs: 'rows in the file of pairs',
  tsdae: 'sentences of 2 tokens or more',
  permutation: 'texts of 2 sentences or more that fit into a sequence',
} as const;
/** T5's names for the sentinels; as many as can be needed. */
const MOST_SENTINELS = 100;
export const sentinelName = (i: number): string => `<extra_id_${i}>`;

const kindOf = ({ task }: Options): (typeof TASKS)[number] | 'pairs' => (typeof task === 'string' ? task : task.from);
const layersOf = ({ decoderLayers }: Options, config: ModelConfig): number => decoderLayers ?? config.layers;
const rateOf = (options: Options): number => options.rate ?? RATES[kindOf(options)];
/** Spans that a text of the longest kind can have. */
const spanCount = (options: Options): number =>
  Math.min(MOST_SENTINELS, Math.max(1, Math.round((rateOf(options) * (options.sequenceLength - 2)) / options.meanSpan)));

/**
 * Sequence-to-sequence learning with BERT's encoder and a BERT-shaped decoder that attends to it (Rothe et al., 2020): denoising as in T5, BART and
 * TSDAE, or pairs. The decoder begins with [CLS] and ends with [SEP].
 */
export const seq2seq = {
  type: 'seq2seq',
  title: 'Sequence to sequence',
  description: 'A decoder writes a text that the encoder has read in a corrupted or another form.',
  needs: 'Documents; for "pairs" a file of sources and targets.',
  goodFor: 'Generating text from text: translation, summaries, correction; tsdae for sentence embeddings.',
  papers: [
    'Raffel et al., 2020. Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer (T5). arXiv 1910.10683',
    'Lewis et al., 2020. BART: Denoising Sequence-to-Sequence Pre-training. arXiv 1910.13461',
    'Wang et al., 2021. TSDAE: Using Transformer-based Sequential Denoising Auto-Encoder. arXiv 2104.06979',
    'Rothe et al., 2020. Leveraging Pre-trained Checkpoints for Sequence Generation Tasks. arXiv 1907.12461',
  ],
  metrics: {
    accuracy:
      'Share of the target tokens that the decoder thinks most likely, given those before them; sentinels and the end are not counted.',
  },
  options: Options,
  tokens: (options) => (kindOf(options) === 'spans' ? Array.from({ length: spanCount(options) }, (_, i) => sentinelName(i)) : []),
  table: ({ task }) => (typeof task === 'string' ? undefined : { file: task.file, texts: { source: task.source, target: task.target } }),
  writing: (options, config) => ({
    stack: { prefix: DECODER, layers: layersOf(options, config) },
    head: DECODER_HEAD,
    longest: targetSize(options),
    reads: { length: options.sequenceLength, pooled: kindOf(options) === 'tsdae' },
  }),
  rowwise: { weights: ['weights', 'wordWeights'], metrics: true },
  create: createSeq2seq,
} satisfies Objective<Options>;

function createSeq2seq(options: Options, context: ObjectiveContext): Instance {
  const { batchSize: batch, sequenceLength: length } = options;
  const { config, vocabulary, tokens, seed } = context;
  const kind = kindOf(options);
  if (kind === 'infilling') requireMask(context, 'seq2seq');
  const [content, layers, written] = [length - 2, layersOf(options, config), targetSize(options)];
  const feeds: Instance['feeds'] = {
    inputIds: { dtype: 'int64', shape: [batch, length] },
    attentionMask: { dtype: 'float32', shape: [batch, length] },
    decoderIds: { dtype: 'int64', shape: [batch, written] },
    labels: { dtype: 'int64', shape: [batch * written] },
    weights: { dtype: 'float32', shape: [batch * written] },
    wordWeights: { dtype: 'float32', shape: [batch * written] },
  };

  const texts = (split: Split, key: number): Examples<Denoising> => examplesOf(split, options, content, context, key);
  const build = (split: Split, first: number, order: (epoch: number) => number, key: number): Batch =>
    assemble(drawExamples(texts(split, key), batch, first, order), feeds, context);

  const loss = ({ parameters, batch: feed, dropout }: LossContext): Loss => {
    const mask = feed('attentionMask');
    const rows = encodeRows(config, parameters, { inputIds: feed('inputIds'), attentionMask: mask }, dropout, { site: 'seq2seq/' });
    // TSDAE's decoder sees one vector for the whole text.
    const seen: Context = kind === 'tsdae' ? { rows: pool(batchFirst(rows, batch), mask, 'mean') } : { rows, mask };
    const states = decode(config, layers, parameters, feed('decoderIds'), seen, dropout, 'seq2seq/');
    const logits = lmLogits(config, parameters, states, DECODER_HEAD);
    const labels = feed('labels');
    const mean = (each: Value, weights: string): Value => ops.reduceSum(ops.mul(each, feed(weights)));
    const right = ops.cast(ops.equal(ops.argMax(logits, -1), labels), 'float32');
    const losses = ops.crossEntropy(logits, labels);
    return { loss: mean(losses, 'weights'), metrics: { accuracy: mean(right, 'wordWeights') }, parts: { losses } };
  };
  const evaluationBatch = (split: Split, index: number): Batch =>
    build(split, index * batch, (epoch) => hash32(102, epoch), hash32(103, index));

  return {
    type: 'seq2seq',
    weight: options.weight,
    parameters: decoderParameters(config, layers),
    feeds,
    evaluationFeeds: feeds,
    tokens: batch * (length + written),
    check: (train, heldOut) => {
      if (kind in WHAT) {
        requireExamples([train, heldOut], (split) => texts(split, 0), {
          objective: 'seq2seq',
          least: batch,
          what: WHAT[kind as keyof typeof WHAT],
          hint:
            kind === 'pairs'
              ? 'Add rows, or lower "batchSize".'
              : 'Add text, lower "batchSize", or choose the task "spans", which takes any text.',
        });
      } else checkWindows('seq2seq', length)(train, heldOut);
    },
    batch: (split, step) => build(split, step * batch, (epoch) => hash32(seed, 100, epoch), hash32(seed, 101, step)),
    loss,
    evaluationBatch,
    evaluation: (given) => loss({ ...given, dropout: noDropout }),
    examples: (trained) =>
      shownExamples(batch, trained, (row) => {
        const of = (each: Tensor): number[] => rowOf(each, batch, row);
        const [labels, weights, losses] = [of(trained.batch.labels!), of(trained.batch.weights!), of(trained.part('losses'))];
        const read = tokensOf(trained, of(trained.batch.inputIds!), row, (_, id) =>
          id === vocabulary.special.mask ? { mark: 'masked' } : tokens.includes(id) ? { mark: 'sentinel' } : {},
        );
        const written: BatchToken[] = labels.flatMap((id, place) =>
          weights[place] === 0
            ? []
            : [{ token: trained.token(id), mark: 'target', loss: losses[place]!, probability: Math.exp(-losses[place]!) }],
        );
        return {
          texts: [
            { role: 'encoder reads', tokens: read },
            { role: 'decoder writes', tokens: written },
          ],
          loss: meanOf(written.map((each) => each.loss!)),
        };
      }),
    baseline: (heldOut) => ({
      metric: 'seq2seq.accuracy',
      ...effortless(Array.from({ length: BASELINE_BATCHES }, (_, index) => evaluationBatch(heldOut, index))),
      better: 'higher',
    }),
  };
}

/** Positions of the decoder: the longest target and [SEP]. */
function targetSize(options: Options): number {
  const [kind, content] = [kindOf(options), options.sequenceLength - 2];
  if (kind === 'pairs') return options.targetLength ?? options.sequenceLength;
  if (kind !== 'spans') return content + 1;
  return Math.max(1, Math.round(rateOf(options) * content)) + spanCount(options) + 1;
}

/** Texts with their corruptions, a pure function of `key` and the text's number. */
function examplesOf(
  split: Split,
  options: Options,
  content: number,
  { vocabulary, tokens: sentinels }: ObjectiveContext,
  key: number,
): Examples<Denoising> {
  const kind = kindOf(options);
  const [rate, meanSpan] = [rateOf(options), options.meanSpan];
  const windows: Examples<Denoising>['get'] = (index) => {
    const ids = split.tokens(index * content, content);
    const own = hash32(key, index);
    if (kind === 'spans') return corruptSpans(ids, { rate, meanSpan }, sentinels, own);
    return kind === 'infilling' ? infill(ids, { rate, meanSpan }, vocabulary.special.mask!, own) : deleteTokens(ids, rate, own);
  };
  const sentences: Examples<Denoising>['get'] = (index) => {
    const own = hash32(key, index);
    if (kind === 'tsdae') {
      const ids = split.sentence(index).subarray(0, content);
      return ids.length < 2 ? undefined : deleteTokens(ids, rate, own);
    }
    const several = consecutive(split, index, content);
    return several.length < 2 ? undefined : shuffleSentences(several, own);
  };
  if (kind === 'pairs') {
    const table = tableOf(split, 'seq2seq');
    return {
      count: table.rows,
      get: (row) => ({ source: table.tokens(row, 'source').subarray(0, content), target: table.tokens(row, 'target') }),
      texts: () => [],
    };
  }
  return kind === 'tsdae' || kind === 'permutation'
    ? { count: split.sentenceCount, get: sentences, texts: () => [] }
    : { count: windowCount(split, content + 2), get: windows, texts: () => [] };
}

/** Whole sentences from one on, as many as fit. */
function consecutive(split: Split, from: number, room: number): Int32Array[] {
  const [, end] = split.sentencesOf(split.documentOf(from));
  const sentences: Int32Array[] = [];
  for (let i = from, used = 0; i < end; i++) {
    const tokens = split.sentence(i);
    used += tokens.length;
    if (used > room) break;
    sentences.push(tokens);
  }
  return sentences;
}

/** The tensors of a batch: sources and targets, cut and padded. */
export function assemble(
  texts: readonly Denoising[],
  feeds: Instance['feeds'],
  { vocabulary }: Pick<ObjectiveContext, 'vocabulary'>,
): Batch {
  const { cls, sep, pad } = vocabulary.special;
  const [batch, length] = feeds.inputIds!.shape as [number, number];
  const written = feeds.decoderIds!.shape[1]!;
  const padded = (width: number): Float64Array => new Float64Array(batch * width).fill(pad);
  const [ids, mask] = [padded(length), new Float64Array(batch * length)];
  const [decoderIds, labels] = [padded(written), padded(written)];
  const [weights, wordWeights] = [new Float64Array(batch * written), new Float64Array(batch * written)];
  texts.forEach(({ source, target }, row) => {
    const read = [cls, ...source.subarray(0, length - 2), sep];
    ids.set(read, row * length);
    mask.fill(1, row * length, row * length + read.length);
    const shown = target.subarray(0, written - 1);
    decoderIds.set([cls, ...shown], row * written);
    labels.set([...shown, sep], row * written);
    weights.fill(1, row * written, row * written + shown.length + 1);
    shown.forEach((id, i) => (wordWeights[row * written + i] = vocabulary.isSpecial(id) ? 0 : 1));
  });
  return {
    inputIds: tensor('int64', feeds.inputIds!.shape, ids),
    attentionMask: tensor('float32', feeds.attentionMask!.shape, mask),
    decoderIds: tensor('int64', feeds.decoderIds!.shape, decoderIds),
    labels: tensor('int64', feeds.labels!.shape, labels),
    weights: tensor('float32', feeds.weights!.shape, normalised(weights)),
    wordWeights: tensor('float32', feeds.wordWeights!.shape, normalised(wordWeights)),
  };
}

const BASELINE_BATCHES = 8;

/** The accuracy that needs no model: copying what stands at the same place of what was read, or always writing the commonest token, whichever is right more often. */
function effortless(batches: readonly Batch[]): Pick<Baseline, 'value' | 'by'> {
  let [copied, all] = [0, 0];
  const counts = new Map<number, number>();
  for (const { inputIds, labels, wordWeights } of batches) {
    const [batch, length] = inputIds!.shape as [number, number];
    const written = labels!.data.length / batch;
    for (let i = 0; i < labels!.data.length; i++) {
      if (Number(wordWeights!.data[i]) === 0) continue;
      const [row, place, label] = [Math.floor(i / written), i % written, Number(labels!.data[i])];
      // The source begins after [CLS].
      if (place + 1 < length && Number(inputIds!.data[row * length + place + 1]) === label) copied++;
      counts.set(label, (counts.get(label) ?? 0) + 1);
      all++;
    }
  }
  const commonest = Math.max(0, ...counts.values());
  return copied >= commonest
    ? { value: copied / Math.max(1, all), by: 'copying what was read' }
    : { value: commonest / Math.max(1, all), by: 'always writing the commonest token' };
}

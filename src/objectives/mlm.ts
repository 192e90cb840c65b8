import * as z from 'zod';
import type { Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { tensor } from '../onnx/types';
import { encode } from '../model/encoder';
import { lmLogits } from '../model/heads';
import { mlmHeadParameters } from '../model/parameters';
import { noDropout } from '../model/random';
import { hash32 } from '../shared/random';
import type { Split } from '../text/dataset';
import { maskWindows } from './masked-windows';
import { hiddenCount, STANDARD_MASKING, type MaskingOptions } from './masking';
import { maskingFields, requireMask } from './masking-options';
import type { Batch, Instance, Loss, LossContext, Objective, ObjectiveContext } from './objective';
import { batchSize, probability, sequenceLength, weight } from './options';
import { highestOf, rampAt } from './ramp';
import { examplesOf, hiddenIn, markOf, meanOf, rowOf, told, tokensOf } from './show';
import { checkWindows, heldOutWindows, windowsOf } from './windows';

const Replace = z
  .strictObject({
    mask: probability.default(0.8).describe('Share of the hidden tokens that become [MASK]. Default: 0.8.'),
    random: probability
      .default(0.1)
      .describe('Share that becomes a random token, so that the model cannot trust what it sees. Default: 0.1.'),
    keep: probability.default(0.1).describe('Share that stays as it is but must be predicted all the same. Default: 0.1.'),
  })
  .refine(({ mask, random, keep }) => Math.abs(mask + random + keep - 1) < 1e-9, {
    message: 'must add up to 1: every hidden token is masked, replaced or kept.',
  });

const Options = z.strictObject({
  type: z.literal('mlm').describe('Masked language modelling: hide some tokens and predict them from both sides.'),
  weight,
  batchSize: batchSize(32, 'sequences'),
  sequenceLength: sequenceLength(128, 'a sequence'),
  ...maskingFields,
  dynamic: z
    .boolean()
    .default(true)
    .describe('Whether a sequence is masked anew each time it comes round (RoBERTa), or always in the same way (BERT). Default: true.'),
  replace: Replace.prefault({}).describe(
    'What hidden tokens become: 80 % [MASK], 10 % a random token, 10 % unchanged by default. Must add up to 1.',
  ),
});
type Options = z.infer<typeof Options>;

/**
 * Masked language modelling (Devlin et al., 2019). Sequences are windows of the token stream, full to the last place, which may run over a
 * document's end, marked by [SEP] (RoBERTa's FULL-SENTENCES, Liu et al., 2019): nothing is padded.
 *
 * Evaluation hides 15 % of fixed windows in BERT's way, and also reports `masked`: the loss on the places that show [MASK] alone, where nothing of
 * the hidden token shows through (one in ten hidden tokens is left as it is, and a model soon learns to trust what it sees).
 */
export const mlm = {
  type: 'mlm',
  title: 'Masked language modelling',
  description: 'Hides tokens and predicts them from both sides.',
  needs: 'Documents, of any kind.',
  goodFor: 'Understanding words in context: tagging, classification after fine-tuning, filling gaps; the usual start of an encoder.',
  papers: [
    'Devlin et al., 2019. BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding. arXiv 1810.04805',
    'Liu et al., 2019. RoBERTa: A Robustly Optimized BERT Pretraining Approach. arXiv 1907.11692',
    'Joshi et al., 2020. SpanBERT: Improving Pre-training by Representing and Predicting Spans. arXiv 1907.10529',
    'Wettig et al., 2023. Should You Mask 15% in Masked Language Modeling? arXiv 2202.08005',
  ],
  metrics: { masked: 'Loss in nats on the places that show [MASK] alone, where nothing shows through.' },
  options: Options,
  rowwise: { weights: ['weights', 'maskedWeights'], metrics: true },
  create: createMlm,
} satisfies Objective<Options>;

function createMlm(options: Options, context: ObjectiveContext): Instance {
  requireMask(context, 'mlm');
  const { batchSize: batch, sequenceLength: length } = options;
  const { config, vocabulary, seed, steps } = context;
  /** Every sequence has as many slots, so that the last layer can work on them alone. */
  const types = (rate: number): Instance['feeds'] => {
    const each = hiddenCount(length, rate);
    return {
      inputIds: { dtype: 'int64', shape: [batch, length] },
      slots: { dtype: 'int64', shape: [batch, each] },
      labels: { dtype: 'int64', shape: [batch * each] },
      weights: { dtype: 'float32', shape: [batch * each] },
      maskedWeights: { dtype: 'float32', shape: [batch * each] },
    };
  };

  const build = (
    split: Split,
    windows: readonly number[],
    feeds: Instance['feeds'],
    masking: MaskingOptions,
    key: (row: number) => number,
  ): Batch => {
    const hidden = maskWindows(split, windows, { length, most: feeds.slots!.shape[1]!, masking, vocabulary, key });
    return {
      inputIds: tensor('int64', feeds.inputIds!.shape, hidden.inputIds),
      slots: tensor('int64', feeds.slots!.shape, hidden.slots),
      labels: tensor('int64', feeds.labels!.shape, hidden.labels),
      weights: tensor('float32', feeds.weights!.shape, hidden.weights),
      maskedWeights: tensor('float32', feeds.maskedWeights!.shape, hidden.maskedWeights),
    };
  };

  const feeds = types(highestOf(options.rate));
  const evaluationFeeds = types(STANDARD_MASKING.rate);
  const loss = ({ parameters, batch: feed, dropout }: LossContext): Loss => {
    const hidden = encode(config, parameters, { inputIds: feed('inputIds') }, dropout, { site: 'mlm/', slots: feed('slots') });
    const losses = ops.crossEntropy(lmLogits(config, parameters, hidden), feed('labels'));
    const mean = (weights: string): Value => ops.reduceSum(ops.mul(losses, feed(weights)));
    return { loss: mean('weights'), metrics: { masked: mean('maskedWeights') }, parts: { losses } };
  };

  return {
    type: 'mlm',
    weight: options.weight,
    parameters: mlmHeadParameters(config),
    feeds,
    evaluationFeeds,
    tokens: batch * length,
    check: checkWindows('mlm', length),
    batch: (split, step) => {
      const windows = windowsOf(split, length, batch, step, hash32(seed, 10));
      const masking = { ...options, rate: rampAt(options.rate, step, steps) };
      return build(split, windows, feeds, masking, (row) =>
        options.dynamic ? hash32(seed, 11, step, row) : hash32(seed, 14, windows[row]!),
      );
    },
    loss,
    evaluationBatch: (split, index) =>
      build(split, heldOutWindows(split, length, batch, index, 12), evaluationFeeds, STANDARD_MASKING, (row) => hash32(13, index, row)),
    evaluation: (given) => loss({ ...given, dropout: noDropout }),
    examples: (trained) =>
      examplesOf(batch, trained, (row) => {
        const hidden = hiddenIn(trained, 'losses', row);
        const tokens = tokensOf(trained, rowOf(trained.batch.inputIds!, batch, row), row, (place, id) => {
          const asked = hidden.get(place);
          return asked ? { mark: markOf(id, asked.label, vocabulary.special.mask), ...told(asked, trained.token) } : {};
        });
        return { texts: [{ role: 'input', tokens }], loss: meanOf([...hidden.values()].map((each) => each.loss)) };
      }),
    baseline: (_, unigramEntropy) => ({ metric: 'mlm', value: unigramEntropy, by: 'word frequencies alone', better: 'lower' }),
  };
}

import * as z from 'zod';
import type { Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { tensor, type Tensor } from '../onnx/types';
import { linear } from '../model/attention';
import type { ModelConfig } from '../model/config';
import { encode } from '../model/encoder';
import { generatorLogits } from '../model/heads';
import { generatorParameters, linearParameters } from '../model/parameters';
import { noDropout, sampleTokens } from '../model/random';
import { hash32 } from '../shared/random';
import type { Split } from '../text/dataset';
import { maskWindows } from './masked-windows';
import { hiddenCount, type MaskingOptions } from './masking';
import { maskingFields, requireMask } from './masking-options';
import type { Batch, Instance, Loss, LossContext, Objective, ObjectiveContext } from './objective';
import { batchSize, sequenceLength, weight } from './options';
import { highestOf, rampAt } from './ramp';
import { examplesOf, hiddenIn, meanOf, rowOf, told, tokensOf } from './show';
import { checkWindows, heldOutWindows, windowsOf } from './windows';

const Options = z.strictObject({
  type: z.literal('rtd').describe('Replaced-token detection: a small generator replaces tokens, and the model tells which.'),
  weight,
  batchSize: batchSize(32, 'sequences'),
  sequenceLength: sequenceLength(128, 'a sequence'),
  ...maskingFields,
  generatorSize: z
    .number()
    .min(0.05)
    .max(1)
    .default(0.25)
    .describe("The generator's width, as a share of the model's (0.05 to 1). A quarter to a half works best. Default: 0.25."),
  discriminatorWeight: z
    .number()
    .positive()
    .max(1000)
    .default(50)
    .describe("Factor of the model's own loss beside the generator's, which is much larger. Default: 50, as ELECTRA."),
});
type Options = z.infer<typeof Options>;

/** Everything becomes [MASK] before the generator fills it in. */
const REPLACE: MaskingOptions['replace'] = { mask: 1, random: 0, keep: 0 };

/**
 * Replaced-token detection (ELECTRA: Clark et al., 2020). A narrow generator over the same embeddings is trained by masked language modelling; tokens
 * drawn from it stand in the hidden places, and the encoder tells for every token whether it was replaced. No gradient flows from the discriminator
 * to the generator.
 */
export const rtd = {
  type: 'rtd',
  title: 'Replaced-token detection',
  description: 'Tells for every token whether a small generator has replaced it.',
  needs: 'Documents, of any kind.',
  goodFor: 'The same as masked language modelling at less compute: every token teaches, not one in seven.',
  papers: ['Clark et al., 2020. ELECTRA: Pre-training Text Encoders as Discriminators Rather Than Generators. arXiv 2003.10555'],
  metrics: {
    gain: 'Nats a token by which the discriminator loses less than one that knows only how many tokens are replaced.',
    accuracy: 'Mean of the shares of replaced and of original tokens that are recognised; always the same answer reaches one half.',
    generator: "The generator's masked-token loss in nats.",
    discriminator: 'Loss in nats a token of telling replaced from original.',
  },
  options: Options,
  rowwise: { weights: ['weights'], metrics: false },
  create: createRtd,
} satisfies Objective<Options>;

/** The generator's size: fewer heads of the same width. */
export function generatorConfig(config: ModelConfig, share: number): ModelConfig {
  const attentionHeads = Math.max(1, Math.round(config.attentionHeads * share));
  const hiddenSize = (config.hiddenSize / config.attentionHeads) * attentionHeads;
  const intermediateSize = Math.max(1, Math.round((config.intermediateSize * hiddenSize) / config.hiddenSize));
  return { ...config, attentionHeads, hiddenSize, intermediateSize };
}

const HEAD = 'discriminator_predictions';

function createRtd(options: Options, context: ObjectiveContext): Instance {
  requireMask(context, 'rtd');
  const { batchSize: batch, sequenceLength: length } = options;
  const { config, vocabulary, seed, steps } = context;
  const generator = generatorConfig(config, options.generatorSize);
  const each = hiddenCount(length, highestOf(options.rate));
  const feeds: Instance['feeds'] = {
    originalIds: { dtype: 'int64', shape: [batch, length] },
    maskedIds: { dtype: 'int64', shape: [batch, length] },
    slots: { dtype: 'int64', shape: [batch, each] },
    labels: { dtype: 'int64', shape: [batch * each] },
    weights: { dtype: 'float32', shape: [batch * each] },
  };

  const build = (split: Split, windows: readonly number[], rate: number, key: (row: number) => number): Batch => {
    const masking = { ...options, rate, replace: REPLACE };
    const hidden = maskWindows(split, windows, { length, most: each, masking, vocabulary, key });
    return {
      originalIds: tensor('int64', feeds.originalIds!.shape, hidden.originalIds),
      maskedIds: tensor('int64', feeds.maskedIds!.shape, hidden.inputIds),
      slots: tensor('int64', feeds.slots!.shape, hidden.slots),
      labels: tensor('int64', feeds.labels!.shape, hidden.labels),
      weights: tensor('float32', feeds.weights!.shape, hidden.weights),
    };
  };

  const loss = ({ parameters, batch: feed, dropout, key }: LossContext): Loss => {
    const [slots, labels, weights] = [feed('slots'), feed('labels'), feed('weights')];
    const logits = generatorLogits({ config, parameters, dropout, batch }, generator, feed('maskedIds'), slots, 'rtd/');
    const generatorLosses = ops.crossEntropy(logits, labels);
    const generatorLoss = ops.reduceSum(ops.mul(generatorLosses, weights));
    const drawn = ops.where(ops.greater(weights, 0), sampleTokens(key, logits, 'rtd/sample'), labels);
    const corrupted = ops.scatterElements(feed('originalIds'), slots, ops.reshape(drawn, slots.shape), 1, 'none');
    const replaced = ops.reshape(ops.not(ops.equal(corrupted, feed('originalIds'))), [batch * length]);

    const states = encode(config, parameters, { inputIds: corrupted }, dropout, { site: 'rtd/' });
    const transformed = ops.gelu(linear(states, parameters, `${HEAD}.dense`));
    const scores = ops.reshape(linear(transformed, parameters, `${HEAD}.dense_prediction`), [batch * length]);
    // Binary cross-entropy of logits: log(1 + eˣ) − x where the answer is yes.
    const target = ops.cast(replaced, 'float32');
    const losses = ops.sub(ops.softplus(scores), ops.mul(scores, target));
    const discriminatorLoss = ops.reduceMean(losses);
    return {
      loss: ops.add(generatorLoss, ops.mul(discriminatorLoss, options.discriminatorWeight)),
      metrics: {
        gain: ops.sub(baseRateLoss(target), discriminatorLoss),
        accuracy: balancedAccuracy(scores, target),
        generator: generatorLoss,
        discriminator: discriminatorLoss,
      },
      parts: { generatorLosses, corrupted, losses },
    };
  };

  return {
    type: 'rtd',
    weight: options.weight,
    parameters: [
      ...generatorParameters(config, generator),
      ...linearParameters(`${HEAD}.dense`, config.hiddenSize, config.hiddenSize),
      ...linearParameters(`${HEAD}.dense_prediction`, config.hiddenSize, 1),
    ],
    feeds,
    evaluationFeeds: feeds,
    tokens: 2 * batch * length,
    check: checkWindows('rtd', length),
    batch: (split, step) =>
      build(split, windowsOf(split, length, batch, step, hash32(seed, 90)), rampAt(options.rate, step, steps), (row) =>
        hash32(seed, 91, step, row),
      ),
    loss,
    evaluationBatch: (split, index) =>
      build(split, heldOutWindows(split, length, batch, index, 92), highestOf(options.rate), (row) => hash32(93, index, row)),
    evaluation: (given) => loss({ ...given, dropout: noDropout }),
    examples: (trained) =>
      examplesOf(batch, trained, (row) => {
        const of = (each: Tensor): number[] => rowOf(each, batch, row);
        const hidden = hiddenIn(trained, 'generatorLosses', row);
        const [original, losses] = [of(trained.batch.originalIds!), of(trained.part('losses'))];
        const masked = tokensOf(trained, of(trained.batch.maskedIds!), row, (place) => {
          const asked = hidden.get(place);
          return asked ? { mark: 'masked', ...told(asked, trained.token) } : {};
        });
        const read = tokensOf(trained, of(trained.part('corrupted')), row, (place, id) => ({
          ...(hidden.has(place) && { mark: id === original[place] ? ('kept' as const) : ('replaced' as const) }),
          ...(id !== original[place] && { truth: trained.token(original[place]!) }),
          loss: losses[place]!,
          probability: Math.exp(-losses[place]!),
        }));
        return {
          texts: [
            { role: 'generator reads', tokens: masked },
            { role: 'model reads', tokens: read },
          ],
          loss: meanOf(losses),
        };
      }),
    baseline: () => ({ metric: 'rtd.gain', value: 0, by: 'knowing how many tokens are replaced', better: 'higher' }),
  };
}

/** The loss of always answering with the share of replaced tokens: the entropy of that share. */
function baseRateLoss(target: Value): Value {
  const share = ops.clip(ops.reduceMean(target), 1e-6, 1 - 1e-6);
  const entropyOf = (p: Value): Value => ops.mul(p, ops.log(p));
  return ops.neg(ops.add(entropyOf(share), entropyOf(ops.sub(1, share))));
}

/** Mean of the recalls of both answers. */
function balancedAccuracy(scores: Value, target: Value): Value {
  const yes = ops.cast(ops.greater(scores, 0), 'float32');
  const recall = (answer: Value, truth: Value): Value => ops.div(ops.reduceSum(ops.mul(answer, truth)), ops.max(ops.reduceSum(truth), 1));
  return ops.mul(ops.add(recall(yes, target), recall(ops.sub(1, yes), ops.sub(1, target))), 0.5);
}

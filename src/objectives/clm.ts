import * as z from 'zod';
import * as ops from '../onnx/ops';
import { tensor } from '../onnx/types';
import { encode } from '../model/encoder';
import { lmLogits } from '../model/heads';
import { LM_HEAD, mlmHeadParameters } from '../model/parameters';
import { noDropout } from '../model/random';
import { hash32 } from '../shared/random';
import type { Split } from '../text/dataset';
import type { Batch, Instance, Loss, LossContext, Objective, ObjectiveContext } from './objective';
import { batchSize, sequenceLength, weight } from './options';
import { accuracyOf } from './scoring';
import { examplesOf, meanOf, rowOf, tokensOf } from './show';
import { checkWindows, heldOutWindows, windowAt, windowsOf } from './windows';

const Options = z.strictObject({
  type: z.literal('clm').describe('Causal language modelling: predict each token from those before it.'),
  weight,
  batchSize: batchSize(16, 'sequences'),
  sequenceLength: sequenceLength(128, 'a sequence'),
});
type Options = z.infer<typeof Options>;

/**
 * Causal language modelling (Radford et al., 2018) with the encoder's own stack, each position seeing only those before it: Hugging Face's
 * BertLMHeadModel. The exponential of the loss is the perplexity.
 */
export const clm = {
  type: 'clm',
  title: 'Causal language modelling',
  description: 'Predicts each token from those before it.',
  needs: 'Documents, of any kind.',
  goodFor: 'Generating text and scoring sentences; every position teaches, but sees one side only.',
  papers: ['Radford et al., 2018. Improving Language Understanding by Generative Pre-Training.'],
  metrics: { accuracy: 'Share of the tokens that the model thinks most likely.' },
  options: Options,
  writing: ({ sequenceLength: longest }, { layers }) => ({ stack: { prefix: 'bert', layers }, head: LM_HEAD, longest }),
  rowwise: { weights: [], metrics: true },
  create: createClm,
} satisfies Objective<Options>;

function createClm(options: Options, { config, vocabulary, seed }: ObjectiveContext): Instance {
  const { batchSize: batch, sequenceLength: length } = options;
  const feeds: Instance['feeds'] = {
    inputIds: { dtype: 'int64', shape: [batch, length] },
    labels: { dtype: 'int64', shape: [batch * (length - 1)] },
  };
  const build = (split: Split, windows: readonly number[]): Batch => {
    const sequences = windows.map((window) => windowAt(split, window, length, vocabulary.special));
    return {
      inputIds: tensor(
        'int64',
        feeds.inputIds!.shape,
        sequences.flatMap((ids) => [...ids]),
      ),
      labels: tensor(
        'int64',
        feeds.labels!.shape,
        sequences.flatMap((ids) => [...ids.subarray(1)]),
      ),
    };
  };
  const loss = ({ parameters, batch: feed, dropout }: LossContext): Loss => {
    const states = encode(config, parameters, { inputIds: feed('inputIds') }, dropout, { site: 'clm/', causal: true });
    // The last position has nothing to predict.
    const states_BTH = ops.slice(ops.reshape(states, [batch, length, config.hiddenSize]), [0], [length - 1], [1]);
    const logits = lmLogits(config, parameters, ops.reshape(states_BTH, [-1, config.hiddenSize]));
    const losses = ops.crossEntropy(logits, feed('labels'));
    return { loss: ops.reduceMean(losses), metrics: { accuracy: accuracyOf(logits, feed('labels')) }, parts: { losses } };
  };
  return {
    type: 'clm',
    weight: options.weight,
    parameters: mlmHeadParameters(config),
    feeds,
    evaluationFeeds: feeds,
    tokens: batch * length,
    check: checkWindows('clm', length),
    batch: (split, step) => build(split, windowsOf(split, length, batch, step, hash32(seed, 80))),
    loss,
    evaluationBatch: (split, index) => build(split, heldOutWindows(split, length, batch, index, 81)),
    evaluation: (given) => loss({ ...given, dropout: noDropout }),
    examples: (trained) =>
      examplesOf(batch, trained, (row) => {
        const losses = rowOf(trained.part('losses'), batch, row);
        // Nothing stands before the first token from which it could be told.
        const tokens = tokensOf(trained, rowOf(trained.batch.inputIds!, batch, row), row, (place) =>
          place === 0 ? {} : { mark: 'target', loss: losses[place - 1]!, probability: Math.exp(-losses[place - 1]!) },
        );
        return { texts: [{ role: 'text', tokens }], loss: meanOf(losses) };
      }),
    baseline: (_, unigramEntropy) => ({ metric: 'clm', value: unigramEntropy, by: 'word frequencies alone', better: 'lower' }),
  };
}

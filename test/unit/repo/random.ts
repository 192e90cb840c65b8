import * as z from 'zod';
import * as ops from '../../../src/onnx/ops';
import { tensor } from '../../../src/onnx/types';
import { linear } from '../../../src/model/attention';
import { encode } from '../../../src/model/encoder';
import { linearParameters } from '../../../src/model/parameters';
import { noDropout } from '../../../src/model/random';
import { hash32 } from '../../../src/shared/random';
import type { Split } from '../../../src/text/dataset';
import { hiddenCount, maskSequence, STANDARD_MASKING } from '../../../src/objectives/masking';
import type { Batch, Loss, LossContext, Objective } from '../../../src/objectives/objective';
import { batchSize, sequenceLength, weight } from '../../../src/objectives/options';
import { examplesOf, meanOf, rowOf, tokensOf } from '../../../src/objectives/show';
import { checkWindows, windowAt, windowsOf } from '../../../src/objectives/windows';

const Options = z.strictObject({
  type: z.literal('random').describe('Random-token detection: some tokens are replaced by random ones, and the model tells which.'),
  weight,
  batchSize: batchSize(32, 'sequences'),
  sequenceLength: sequenceLength(64, 'a sequence'),
  rate: z.number().min(0.01).max(0.5).default(0.15).describe('Share of the tokens that is replaced. Default: 0.15.'),
});

/** Random-token detection (Yamaguchi et al., 2021): for every token the model tells whether it was replaced by one drawn from the vocabulary. */
export const random: Objective<z.infer<typeof Options>> = {
  type: 'random',
  title: 'Random-token detection',
  description: 'Tells for every token whether it was replaced by a random one.',
  needs: 'Documents, of any kind.',
  goodFor: 'A cheap start: no vocabulary to predict, and no generator to train.',
  papers: ['Yamaguchi et al., 2021. Frustratingly Simple Pretraining Alternatives to Masked Language Modeling. arXiv 2109.01819'],
  metrics: {},
  options: Options,
  create({ weight, rate, batchSize: batch, sequenceLength: length }, { config, vocabulary, seed }) {
    const feeds = { inputIds: { dtype: 'int64', shape: [batch, length] }, replaced: { dtype: 'int64', shape: [batch * length] } } as const;
    const masking = { ...STANDARD_MASKING, rate, replace: { mask: 0, random: 1, keep: 0 } };
    const build = (split: Split, step: number, key: number): Batch => {
      const rows = windowsOf(split, length, batch, step, key).map((window, row) =>
        maskSequence(windowAt(split, window, length, vocabulary.special), masking, vocabulary, hash32(key, step, row)),
      );
      const inputIds = rows.flatMap((row) => [...row.inputIds]);
      const replaced = rows.flatMap((row) => [...row.mask]);
      return { inputIds: tensor('int64', feeds.inputIds.shape, inputIds), replaced: tensor('int64', feeds.replaced.shape, replaced) };
    };
    const loss = ({ parameters, batch: feed, dropout }: LossContext): Loss => {
      const states = encode(config, parameters, { inputIds: feed('inputIds') }, dropout, { site: 'random/' });
      const losses = ops.crossEntropy(linear(states, parameters, 'random'), feed('replaced'));
      return { loss: ops.reduceMean(losses), parts: { losses } };
    };
    const share = hiddenCount(length, rate) / length;
    const entropy = -share * Math.log(share) - (1 - share) * Math.log(1 - share);
    return {
      type: 'random',
      weight,
      parameters: linearParameters('random', config.hiddenSize, 2),
      feeds,
      evaluationFeeds: feeds,
      tokens: batch * length,
      check: checkWindows('random', length),
      batch: (split, step) => build(split, step, hash32(seed, 100)),
      loss,
      // Not the experiment's seed: runs with different seeds are judged on the same batches.
      evaluationBatch: (split, index) => build(split, index, 101),
      evaluation: (given) => loss({ ...given, dropout: noDropout }),
      examples: (trained) =>
        examplesOf(batch, trained, (row) => {
          const [ids, losses] = [rowOf(trained.batch.inputIds!, batch, row), rowOf(trained.part('losses'), batch, row)];
          const tokens = tokensOf(trained, ids, row, (place) => ({ loss: losses[place]! }));
          return { texts: [{ role: 'input', tokens }], loss: meanOf(losses) };
        }),
      baseline: () => ({ metric: 'random', value: entropy, by: 'the share alone', better: 'lower' }),
    };
  },
};

import { z } from 'zod';
import { UserError } from '../shared/errors';
import type { Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { tensor } from '../onnx/types';
import { encode } from '../model/encoder';
import { mlmLogits } from '../model/heads';
import { mlmHeadParameters } from '../model/parameters';
import { noDropout } from '../model/dropout';
import { hash32, permute, uniform } from '../shared/random';
import type { Split } from '../text/dataset';
import type { SpecialTokens } from '../text/tokenizer';
import type { Batch, Instance, Loss, LossContext, Objective, ObjectiveContext } from './objective';
import { batchSize, probability, sequenceLength, weight } from './options';

/** BERT's masking. Held-out data is always masked like this, whatever the training's masking, so that runs can be compared. */
export const STANDARD_MASKING: MaskingOptions = { rate: 0.15, replace: { mask: 0.8, random: 0.1, keep: 0.1 } };

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
  rate: z
    .number()
    .min(0.01)
    .max(0.9)
    .default(0.15)
    .describe('Share of the tokens that is hidden and must be predicted, between 0.01 and 0.9. Default: 0.15.'),
  replace: Replace.prefault({}).describe(
    'What hidden tokens become: 80 % [MASK], 10 % a random token, 10 % unchanged by default. Must add up to 1.',
  ),
});
type Options = z.infer<typeof Options>;

/** How one token of a hidden place was replaced; `visible` for those that are not hidden. */
export type Replacement = 'mask' | 'random' | 'keep';

/** A sequence as the objective trains on it: the binary mask, the corrupted input, and what must be predicted. */
export interface MaskedSequence {
  readonly inputIds: Int32Array;
  /** 1 where a token is hidden. */
  readonly mask: Uint8Array;
  /** The hidden places in rising order, with how each was replaced. */
  readonly hidden: readonly { readonly position: number; readonly label: number; readonly replacement: Replacement }[];
}

export interface MaskingOptions {
  readonly rate: number;
  readonly replace: Readonly<Record<Replacement, number>>;
}

/**
 * Hides tokens of a sequence: round(rate · length) of its content tokens, never special ones, chosen and replaced by a pure function of `key`.
 *
 * @param ids the sequence with its special tokens
 */
export function maskSequence(
  ids: Int32Array,
  { rate, replace }: MaskingOptions,
  special: SpecialTokens,
  vocabularySize: number,
  key: number,
): MaskedSequence {
  const specials = new Set<number | undefined>(Object.values(special) as (number | undefined)[]);
  const candidates = [...ids.keys()].filter((i) => !specials.has(ids[i]));
  const count = Math.min(hiddenCount(ids.length, rate), candidates.length);
  const inputIds = ids.slice();
  const mask = new Uint8Array(ids.length);
  const positions = Array.from({ length: count }, (_, i) => candidates[permute(i, candidates.length, key)]!).sort((a, b) => a - b);
  const hidden = positions.map((position) => {
    const draw = uniform(key, 1, position);
    const replacement: Replacement = draw < replace.mask ? 'mask' : draw < replace.mask + replace.random ? 'random' : 'keep';
    mask[position] = 1;
    if (replacement === 'mask') inputIds[position] = special.mask!;
    if (replacement === 'random') inputIds[position] = randomToken(specials, vocabularySize, key, position);
    return { position, label: ids[position]!, replacement };
  });
  return { inputIds, mask, hidden };
}

/** Weights that add up to 1, unless all are zero. */
function normalised(weights: Float64Array): Float64Array {
  const sum = weights.reduce((a, b) => a + b, 0);
  return sum > 0 ? weights.map((weight) => weight / sum) : weights;
}

/** Slots for predictions in one sequence: the share of its places other than [CLS] and [SEP], at least one. */
const hiddenCount = (length: number, rate: number): number => Math.max(1, Math.round(rate * (length - 2)));

function randomToken(specials: ReadonlySet<number | undefined>, vocabularySize: number, key: number, position: number): number {
  for (let attempt = 0; ; attempt++) {
    const id = hash32(key, 2, position, attempt) % vocabularySize;
    if (!specials.has(id)) return id;
  }
}

/**
 * Masked language modelling (Devlin et al., 2019). Sequences are windows of the token stream, full to the last place, which may run over a
 * document's end, marked by [SEP] (RoBERTa's FULL-SENTENCES, Liu et al., 2019): nothing is padded. Masking is dynamic: every visit hides others.
 *
 * Evaluation hides 15 % of fixed windows in BERT's way, and also reports `masked`: the loss on the places that show [MASK] alone, where nothing of
 * the hidden token shows through (one in ten hidden tokens is left as it is, and a model soon learns to trust what it sees).
 */
export const mlm = {
  type: 'mlm',
  title: 'Masked language modelling',
  description: 'Hides tokens and predicts them from both sides; teaches what words mean in context.',
  paper: 'Devlin et al., 2019. BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding. arXiv 1810.04805',
  options: Options,
  create: createMlm,
} satisfies Objective<Options>;

function createMlm(
  { weight: factor, batchSize: batch, sequenceLength: length, rate, replace }: Options,
  { config, special, seed }: ObjectiveContext,
): Instance {
  if (special.mask === undefined) {
    throw new UserError(
      'The tokenizer has no [MASK] token, which masked language modelling needs.',
      'Leave "tokenizer.from" out to train one on the corpus.',
      'tokenizer',
    );
  }
  const content = length - 2;
  /** Every sequence has as many slots, so that the last layer can work on them alone. */
  const types = (share: number): Instance['feeds'] => {
    const slots = batch * hiddenCount(length, share);
    return {
      inputIds: { dtype: 'int64', shape: [batch, length] },
      slots: { dtype: 'int64', shape: [batch, slots / batch] },
      labels: { dtype: 'int64', shape: [slots] },
      weights: { dtype: 'float32', shape: [slots] },
      maskedWeights: { dtype: 'float32', shape: [slots] },
    };
  };

  /** Windows `first`, `first + 1`, … in the order of `order`, masked with keys made from `stream`. */
  const build = (split: Split, window: (row: number) => number, masking: MaskingOptions, key: (row: number) => number): Batch => {
    const feeds = types(masking.rate);
    const each = hiddenCount(length, masking.rate);
    const zeros = (): Float64Array => new Float64Array(batch * each);
    const ids = new Float64Array(batch * length);
    const [slots, labels, weights, maskedWeights] = [zeros(), zeros(), zeros(), zeros()];
    for (let row = 0; row < batch; row++) {
      const sequence = new Int32Array(length);
      sequence[0] = special.cls;
      sequence.set(split.tokens(window(row) * content, content), 1);
      sequence[length - 1] = special.sep;
      const masked = maskSequence(sequence, masking, special, config.vocabularySize, key(row));
      ids.set(masked.inputIds, row * length);
      // A window of special tokens has fewer candidates: slots left over look at [CLS] and weigh nothing.
      masked.hidden.forEach(({ position, label, replacement }, i) => {
        const slot = row * each + i;
        slots[slot] = position;
        labels[slot] = label;
        weights[slot] = 1;
        maskedWeights[slot] = replacement === 'mask' ? 1 : 0;
      });
    }
    return {
      inputIds: tensor('int64', feeds.inputIds!.shape, ids),
      slots: tensor('int64', feeds.slots!.shape, slots),
      labels: tensor('int64', feeds.labels!.shape, labels),
      weights: tensor('float32', feeds.weights!.shape, normalised(weights)),
      maskedWeights: tensor('float32', feeds.maskedWeights!.shape, normalised(maskedWeights)),
    };
  };
  const windows = (split: Split): number => Math.floor(split.tokenCount / content);

  const loss = ({ parameters, batch: feed, dropout }: LossContext): Loss => {
    const hidden = encode(config, parameters, { inputIds: feed('inputIds') }, dropout, 'mlm/', feed('slots'));
    const losses = ops.crossEntropy(mlmLogits(parameters, hidden), feed('labels'));
    const mean = (weights: string): Value => ops.reduceSum(ops.mul(losses, feed(weights)));
    return { loss: mean('weights'), metrics: { masked: mean('maskedWeights') } };
  };

  return {
    type: 'mlm',
    weight: factor,
    parameters: mlmHeadParameters(config),
    feeds: types(rate),
    evaluationFeeds: types(STANDARD_MASKING.rate),
    tokens: batch * length,
    check: (train, heldOut) => {
      const short = [train, heldOut].find((split) => windows(split) < 1);
      if (short) {
        throw new UserError(
          `The corpus is too small: its ${short.name === 'train' ? 'training' : 'held-out'} part has ${short.tokenCount} tokens, and one sequence of "mlm" takes ${content}.`,
          'Add text, or lower "sequenceLength".',
          'corpus',
        );
      }
    },
    batch: (split, step) => {
      const count = windows(split);
      return build(
        split,
        (row) => {
          const visit = step * batch + row;
          return permute(visit % count, count, hash32(seed, 10, Math.floor(visit / count)));
        },
        { rate, replace },
        (row) => hash32(seed, 11, step, row),
      );
    },
    loss,
    evaluationBatch: (split, index) => {
      const count = windows(split);
      // Not the experiment's seed: runs with different seeds are judged on the same masks.
      return build(
        split,
        (row) => permute((index * batch + row) % count, count, 12),
        STANDARD_MASKING,
        (row) => hash32(13, index, row),
      );
    },
    evaluation: (context) => loss({ ...context, dropout: noDropout }),
  };
}

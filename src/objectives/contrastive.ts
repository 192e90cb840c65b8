import { z } from 'zod';
import { UserError } from '../shared/errors';
import { scope, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { tensor } from '../onnx/types';
import { encode } from '../model/encoder';
import { pool } from '../model/heads';
import { hash32, permute } from '../shared/random';
import type { Split } from '../text/dataset';
import type { Batch, Instance, Loss, LossContext, Objective, ObjectiveContext } from './objective';
import { batchSize, sequenceLength, weight } from './options';

const Options = z.strictObject({
  type: z.literal('contrastive').describe('Contrastive learning: pull two views of a sentence together, push other sentences away.'),
  weight,
  batchSize: batchSize(32, 'sentences (each seen twice; the others of the batch are its negatives)'),
  sequenceLength: sequenceLength(32, 'a sentence; longer ones are cut'),
  temperature: z
    .number()
    .min(0.001)
    .max(10)
    .default(0.05)
    .describe('Divides the cosine similarities: the lower, the more the hardest negatives count. Default: 0.05 (SimCSE).'),
  pooling: z
    .enum(['mean', 'cls'])
    .default('mean')
    .describe('How token states become a sentence embedding: their mean, or the [CLS] state. Default: "mean".'),
});
type Options = z.infer<typeof Options>;

/** Sentences shorter than this say too little to be told apart. */
const SHORTEST = 4;
/** Similarity of a view with itself, which is no pair: vanishes in the softmax. */
const SELF = -1e9;

/**
 * NT-Xent, the normalised temperature-scaled cross-entropy (Chen et al., 2020, arXiv 2002.05709, eq. 1): each of the 2N views must pick its partner
 * among the 2N − 1 others by cosine similarity.
 *
 * @param views unit vectors [2N, H]; view i and view i + N are of the same sentence
 */
export function ntXent(views: Value, temperature: number): Value {
  return scope('nt-xent', () => {
    const count = views.shape[0]!;
    const similarities = ops.mul(ops.gemm(views, views, undefined, { transB: 1 }), 1 / temperature);
    const diagonal = ops.constant(
      tensor(
        views.dtype,
        [count, count],
        Array.from({ length: count ** 2 }, (_, i) => (i % (count + 1) ? 0 : SELF)),
      ),
    );
    const partner = tensor(
      'int64',
      [count],
      Array.from({ length: count }, (_, i) => (i + count / 2) % count),
    );
    return ops.reduceMean(ops.crossEntropy(ops.add(similarities, diagonal), ops.constant(partner)));
  });
}

/**
 * Alignment E‖x − y‖² of positives and uniformity log E exp(−2‖x − y‖²) over distinct sentences (Wang & Isola, 2020, arXiv 2005.10242), of unit
 * vectors [2N, H] as {@link ntXent} takes them. Both are better when lower.
 */
export function alignmentAndUniformity(views: Value): { alignment: Value; uniformity: Value } {
  const count = views.shape[0]! / 2;
  const [first, second] = ops.split(views, [count, count], 0) as [Value, Value];
  const difference = ops.sub(first, second);
  const alignment = ops.mul(ops.reduceSumSquare(difference), 1 / count);
  // ‖x − y‖² = 2 − 2 x·y on the sphere; each unordered pair of distinct sentences once.
  const products = ops.gemm(first, first, undefined, { transB: 1 });
  const pairs = tensor(
    'float32',
    [count, count],
    Array.from({ length: count ** 2 }, (_, i) => (i % count > Math.floor(i / count) ? 1 : 0)),
  );
  const closeness = ops.mul(ops.exp(ops.sub(ops.mul(products, 4), 4)), ops.cast(ops.constant(pairs), views.dtype));
  const uniformity = ops.log(ops.mul(ops.reduceSum(closeness), 2 / (count * (count - 1))));
  return { alignment, uniformity };
}

/**
 * Contrastive learning of sentence embeddings with dropout as the only augmentation (SimCSE: Gao et al., 2021): a sentence goes through the
 * encoder twice, and two dropout masks make two views. Held-out loss is measured in the same way, with fixed masks, for without dropout the two
 * views would be one.
 */
export const contrastive = {
  type: 'contrastive',
  title: 'Contrastive learning',
  description: 'Pulls two views of a sentence together and pushes other sentences away; teaches sentence embeddings.',
  paper:
    'Gao et al., 2021. SimCSE: Simple Contrastive Learning of Sentence Embeddings. arXiv 2104.08821; Chen et al., 2020. arXiv 2002.05709',
  options: Options,
  create: createContrastive,
} satisfies Objective<Options>;

function createContrastive(options: Options, { config, special, seed }: ObjectiveContext): Instance {
  const { batchSize: batch, sequenceLength: length, temperature, pooling } = options;
  const feeds: Instance['feeds'] = {
    inputIds: { dtype: 'int64', shape: [batch, length] },
    attentionMask: { dtype: 'float32', shape: [batch, length] },
  };

  /** Distinct sentences of a batch: numbers `first…` of the order `key`, passing over short ones and repeats. */
  const build = (split: Split, first: number, key: (epoch: number) => number): Batch => {
    const count = split.sentenceCount;
    const [ids, mask] = [new Float64Array(batch * length).fill(special.pad), new Float64Array(batch * length)];
    const seen = new Set<string>();
    for (let row = 0, attempt = 0; row < batch; attempt++) {
      // Replacements come from a second order, so that batches do not run into each other.
      const visit = attempt < batch ? first + attempt : hash32(key(-1), first, attempt);
      const tokens = split.sentence(permute(visit % count, count, key(Math.floor(visit / count)))).subarray(0, length - 2);
      const text = tokens.join();
      if ((tokens.length < SHORTEST || seen.has(text)) && attempt < 50 * batch) continue;
      seen.add(text);
      ids.set([special.cls, ...tokens, special.sep], row * length);
      mask.fill(1, row * length, row * length + tokens.length + 2);
      row++;
    }
    return { inputIds: tensor('int64', [batch, length], ids), attentionMask: tensor('float32', [batch, length], mask) };
  };

  const views = ({ parameters, batch: feed, dropout }: LossContext): Value => {
    const twice = (name: string): Value => ops.concat([feed(name), feed(name)], 0);
    const attentionMask = twice('attentionMask');
    const hidden = encode(config, parameters, { inputIds: twice('inputIds'), attentionMask }, dropout, 'contrastive/');
    return ops.l2Normalize(pool(hidden, attentionMask, pooling));
  };

  return {
    type: 'contrastive',
    weight: options.weight,
    parameters: [],
    feeds,
    evaluationFeeds: feeds,
    tokens: 2 * batch * length,
    check: (train, heldOut) => {
      if (config.dropout === 0 && config.attentionDropout === 0) {
        throw new UserError(
          'Contrastive learning makes its two views by dropout, and the model has none.',
          'Set "model.dropout" or "model.attentionDropout" above 0 (0.1 is usual).',
          'experiment',
        );
      }
      const short = [train, heldOut].find((split) => split.sentenceCount < batch);
      if (short) {
        throw new UserError(
          `The corpus is too small: its ${short.name === 'train' ? 'training' : 'held-out'} part has ${short.sentenceCount} sentences, and a batch of "contrastive" takes ${batch}.`,
          'Add text, or lower "batchSize".',
          'corpus',
        );
      }
    },
    batch: (split, step) => build(split, step * batch, (epoch) => hash32(seed, 20, epoch)),
    loss: (context): Loss => ({ loss: ntXent(views(context), temperature) }),
    evaluationBatch: (split, index) => build(split, index * batch, (epoch) => hash32(21, epoch)),
    evaluation: (context): Loss => {
      const embeddings = views(context);
      return { loss: ntXent(embeddings, temperature), metrics: alignmentAndUniformity(embeddings) };
    },
  };
}

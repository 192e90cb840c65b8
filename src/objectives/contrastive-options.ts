import * as z from 'zod';
import { batchSize, probability, sequenceLength, tableFields, weight } from './options';
import type { Positives as Source } from './views';

/** CLIP's limit of the learned 1/temperature, without which training can run away. */
export const HIGHEST_SCALE = 100;

const Positives = z
  .union([
    z.enum(['dropout', 'adjacent']).meta({
      enumDescriptions: ['The same sentence twice, with two dropout masks (SimCSE).', 'Two sentences that follow each other.'],
    }),
    z.discriminatedUnion('from', [
      z
        .strictObject({
          from: z.literal('augment'),
          deletion: probability.max(0.9).default(0.1).describe('Probability with which each token is deleted. Default: 0.1.'),
          crop: z
            .number()
            .min(0.1)
            .max(1)
            .default(1)
            .describe('Share of the tokens that a random cut-out keeps (0.1 to 1). Default: 1, all.'),
          swaps: z.int().min(0).max(10).default(0).describe('How many pairs of neighbouring spans change places. Default: 0.'),
          synonyms: probability
            .max(0.5)
            .default(0)
            .describe(
              'Share of the tokens that the model itself replaces by what it would put there, drawn from its masked predictions; needs "mlm" beside it. Default: 0.',
            ),
        })
        .describe('The same sentence twice, each time changed at random.'),
      z
        .strictObject({ from: z.literal('pairs'), ...tableFields({ a: 'the first text', b: 'the second text' }) })
        .describe('Pairs of texts from a file, such as questions and their answers.'),
      z
        .strictObject({
          from: z.literal('triplets'),
          ...tableFields({
            anchor: 'the text',
            positive: 'a text that belongs to it',
            negative: 'a text that only looks as if it belonged to it',
          }),
        })
        .describe('Triplets from a file: a text, one that belongs to it, and a hard negative.'),
      z
        .strictObject({
          from: z.literal('scored'),
          ...tableFields({ a: 'the first text', b: 'the second text', score: 'a number, higher for more alike' }),
        })
        .describe('Pairs of texts with a score of how alike they are.'),
    ]),
  ])
  .default('dropout')
  .describe(
    'Where the two texts of a positive pair come from: "dropout", "adjacent", or an object whose "from" is augment, pairs, triplets or scored. Default: "dropout".',
  );

/** The options of contrastive learning. */
export const Options = z
  .strictObject({
    type: z.literal('contrastive').describe('Contrastive learning: pull texts that belong together towards each other, push others away.'),
    weight,
    batchSize: batchSize(32, 'examples').describe(
      'Number of examples in a step; the others are the negatives of each. More make the task harder and take longer. Default: 32.',
    ),
    sequenceLength: sequenceLength(32, 'a text').describe(
      'Length in tokens of a text, [CLS] and [SEP] among them; longer ones are cut. Default: 32.',
    ),
    positives: Positives,
    loss: z
      .enum(['nt-xent', 'info-nce', 'cosent'])
      .optional()
      .meta({
        enumDescriptions: [
          'SimCLR: each of the 2N texts picks its partner among all others.',
          'Multiple negatives ranking: each first text picks its second among all second ones.',
          'For scored pairs: a pair with a higher score should be more alike.',
        ],
        description:
          'The loss: nt-xent, info-nce or cosent. Default: nt-xent for two views of one text, info-nce for pairs and triplets, cosent for scored pairs.',
      }),
    temperature: z
      .number()
      .min(0.001)
      .max(10)
      .default(0.05)
      .describe('Divides the similarities: the lower, the more the hardest negatives count. Default: 0.05 (SimCSE).'),
    learnTemperature: z
      .boolean()
      .default(false)
      .describe('Whether the temperature is trained with the model, from its value here (CLIP). Default: false.'),
    similarity: z.enum(['cosine', 'dot']).default('cosine').describe('How alike two vectors are: cosine or dot product. Default: cosine.'),
    queue: z
      .int()
      .min(0)
      .max(65_536)
      .default(0)
      .describe('How many embeddings of earlier batches are kept as further negatives. Default: 0.'),
    pooling: z
      .enum(['mean', 'cls'])
      .default('mean')
      .describe('How token states become a sentence embedding: their mean, or the [CLS] state. Default: "mean".'),
    projection: z
      .enum(['none', 'linear', 'mlp'])
      .default('none')
      .meta({
        enumDescriptions: [
          'The loss sees the embedding itself.',
          'A linear layer and tanh, as SimCSE.',
          'Two layers with ReLU between them, as SimCLR.',
        ],
        description: 'What stands between embedding and loss in training, and is left away afterwards: none, linear or mlp. Default: none.',
      }),
    matryoshka: z
      .array(z.int().min(1))
      .default([])
      .describe('Lengths of the beginnings of an embedding that must do on their own (Matryoshka), beside the whole. Default: none.'),
    gradientCache: z
      .int()
      .min(0)
      .max(4096)
      .default(0)
      .describe(
        'Examples that are encoded at a time, so that a large batch needs the memory of a small one; the gradient is the same, but that each part draws dropout masks of its own. Must divide the batch size. Default: 0, all at once.',
      ),
  })
  .superRefine((options, context) => {
    const problem = contradiction(options);
    if (problem) context.addIssue({ code: 'custom', ...problem });
  });
export type Options = z.infer<typeof Options>;

const kindOf = (positives: Options['positives']): Source['from'] => (typeof positives === 'string' ? positives : positives.from);

function contradiction({
  positives,
  loss,
  batchSize: batch,
  temperature,
  learnTemperature,
  queue,
  gradientCache,
  matryoshka,
  projection,
}: Omit<Options, 'type' | 'weight'>) {
  const from = kindOf(positives);
  if (typeof positives === 'object' && positives.from === 'augment') {
    const { deletion, crop, swaps, synonyms } = positives;
    if (deletion === 0 && crop === 1 && swaps === 0 && synonyms === 0)
      return {
        path: ['positives'],
        message: 'nothing is changed between the two views. Set deletion, crop, swaps or synonyms, or use "dropout".',
      };
  }
  if (matryoshka.length > 0 && projection !== 'none')
    return {
      path: ['matryoshka'],
      message:
        'the loss would see the beginnings of the projection, which is left away afterwards, not of the embedding. Use the projection "none".',
    };
  if (loss === 'nt-xent' && from === 'triplets')
    return { path: ['loss'], message: 'NT-Xent has no place for the hard negatives of triplets. Use "info-nce".' };
  if ((loss === 'cosent') !== (from === 'scored') && loss !== undefined)
    return { path: ['loss'], message: 'CoSENT is the loss of scored pairs, and no other loss reads the scores. Leave "loss" out.' };
  if (learnTemperature && temperature * HIGHEST_SCALE < 1)
    return {
      path: ['temperature'],
      message: `A learned temperature goes no lower than ${1 / HIGHEST_SCALE} and cannot begin at ${temperature}. Use a higher one, or leave "learnTemperature" out.`,
    };
  if (queue > 0 && from === 'scored')
    return { path: ['queue'], message: 'Scored pairs have no negatives that a queue could add to. Leave "queue" out.' };
  if (gradientCache > 0 && batch % gradientCache !== 0)
    return {
      path: ['gradientCache'],
      message: `${batch} examples cannot be encoded ${gradientCache} at a time. Use a divisor of the batch size.`,
    };
  return undefined;
}

/** The loss, by the positives where none is named. */
export const lossOf = ({ loss, positives }: Options): NonNullable<Options['loss']> => {
  if (loss) return loss;
  const from = kindOf(positives);
  return from === 'scored' ? 'cosent' : from === 'pairs' || from === 'triplets' ? 'info-nce' : 'nt-xent';
};

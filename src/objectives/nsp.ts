import * as z from 'zod';
import type { Objective } from './objective';
import { createPairObjective, sentencePairFields } from './sentence-pairs';

const Options = z.strictObject({
  type: z
    .literal('nsp')
    .describe('Next-sentence prediction: does the second stretch of text follow the first, or is it from another document?'),
  ...sentencePairFields,
});
type Options = z.infer<typeof Options>;

/** Next-sentence prediction (Devlin et al., 2019): half of the second stretches are from another document. */
export const nsp = {
  type: 'nsp',
  title: 'Next-sentence prediction',
  description: 'Tells whether the second of two stretches of text follows the first, or is from another document.',
  needs: 'Documents of several sentences; other documents for the negatives.',
  goodFor: 'Relations between sentences: question answering, entailment, document classification; it learns topics more than order.',
  papers: ['Devlin et al., 2019. BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding. arXiv 1810.04805'],
  metrics: { accuracy: 'Share of right answers; chance is one half.' },
  options: Options,
  rowwise: { weights: [], metrics: true },
  create: (options, context) =>
    createPairObjective(
      {
        type: 'nsp',
        head: 'cls.seq_relationship',
        otherDocuments: true,
        answers: ['follows', 'is from another document'],
        // Hugging Face's labels: 0 is "follows", 1 is "does not".
        pair: (first, second, positive, elsewhere) => ({ first, second: positive ? second : elsewhere(), label: positive ? 0 : 1 }),
      },
      options,
      context,
    ),
} satisfies Objective<Options>;

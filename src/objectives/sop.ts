import * as z from 'zod';
import type { Objective } from './objective';
import { createPairObjective, sentencePairFields } from './sentence-pairs';

const Options = z.strictObject({
  type: z.literal('sop').describe('Sentence-order prediction: are two stretches of text in their order, or swapped?'),
  ...sentencePairFields,
});
type Options = z.infer<typeof Options>;

/** Sentence-order prediction (Lan et al., 2020): both stretches are from one document, and half of the pairs are swapped. */
export const sop = {
  type: 'sop',
  title: 'Sentence-order prediction',
  description: 'Tells whether two stretches of text that follow each other are in their order, or swapped.',
  needs: 'Documents of several sentences.',
  goodFor: 'Coherence between sentences, where next-sentence prediction is content with the topic: entailment, discourse.',
  papers: ['Lan et al., 2020. ALBERT: A Lite BERT for Self-supervised Learning of Language Representations. arXiv 1909.11942'],
  metrics: { accuracy: 'Share of right answers; chance is one half.' },
  options: Options,
  rowwise: { weights: [], metrics: true },
  create: (options, context) =>
    createPairObjective(
      {
        type: 'sop',
        head: 'sop_classifier.classifier',
        otherDocuments: false,
        answers: ['comes after the first', 'comes before the first'],
        pair: (first, second, positive) => (positive ? { first, second, label: 0 } : { first: second, second: first, label: 1 }),
      },
      options,
      context,
    ),
} satisfies Objective<Options>;

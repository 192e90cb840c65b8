import * as z from 'zod';
import { UserError } from '../shared/errors';
import type { ObjectiveContext } from './objective';
import { ramp } from './ramp';

/** How tokens are hidden: options that replaced-token detection shares. */
export const maskingFields = {
  rate: ramp(z.number().min(0.01).max(0.9), 'share')
    .default(0.15)
    .describe(
      'Share of the tokens that is hidden and must be predicted, between 0.01 and 0.9: a number, or an object { from, to } for one that moves in a straight line over the run. Default: 0.15.',
    ),
  unit: z
    .enum(['token', 'word', 'span'])
    .default('token')
    .meta({
      enumDescriptions: [
        'Single tokens, as BERT.',
        'All tokens of a word, as whole-word masking: no word is guessed from its own end.',
        'Runs of words, as SpanBERT: lengths are geometric.',
      ],
      description: 'What is hidden together: token, word or span. Default: token.',
    }),
  meanSpan: z
    .number()
    .min(1)
    .max(10)
    .default(5)
    .describe('Mean length of a span in words, before it is cut at ten (1 to 10); only for spans. Default: 5, as SpanBERT.'),
  favour: z
    .enum(['none', 'rare'])
    .default('none')
    .meta({
      enumDescriptions: ['All tokens are hidden equally often.', 'Rare tokens are hidden more often than common ones.'],
      description: 'Whether rare tokens are hidden more often than common ones, which say little. Default: none.',
    }),
};

/** @throws UserError (code `tokenizer`) when there is no [MASK] */
export function requireMask({ vocabulary }: ObjectiveContext, objective: string): void {
  if (vocabulary.special.mask !== undefined) return;
  throw new UserError(
    `The tokenizer has no [MASK] token, which "${objective}" needs.`,
    'Leave "tokenizer.from" out to train one on the corpus.',
    'tokenizer',
  );
}

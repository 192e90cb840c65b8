import * as z from 'zod';
import { experimentSchema } from '../../../src/experiment/schema';

const common = {
  weight: z.number().positive().default(1),
  batchSize: z.int().positive().default(16),
  sequenceLength: z.int().min(8).default(64),
};

/** Stands in for the objectives' own schemas, which src/experiment does not know. */
export const Objective = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('mlm'), ...common, rate: z.number().min(0.01).max(0.9).default(0.15) }).describe('Hide and guess.'),
  z
    .strictObject({
      type: z.literal('contrastive').describe('Pull together, push apart.'),
      ...common,
      temperature: z.number().positive().default(0.05),
      pooling: z.strictObject({ kind: z.enum(['mean', 'cls']).default('mean') }).prefault({}),
    })
    .refine(({ temperature }) => temperature !== 0.5, { error: 'one half is not allowed here. Use 0.05.', path: ['temperature'] }),
]);

export const schema = experimentSchema(Objective);

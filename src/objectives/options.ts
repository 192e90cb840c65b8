import { z } from 'zod';

/** Options that objectives share, with the words that explain them in the editor. */
export const weight = z
  .number()
  .positive()
  .default(1)
  .describe('Factor of this objective in the sum of losses that is minimised. Default: 1.');

export const batchSize = (standard: number, what: string): z.ZodDefault<z.ZodInt> =>
  z
    .int()
    .min(2)
    .max(4096)
    .default(standard)
    .describe(`Number of ${what} in a step. More give a smoother gradient and take longer. Default: ${standard}.`);

export const sequenceLength = (standard: number, what: string): z.ZodDefault<z.ZodInt> =>
  z.int().min(8).max(4096).default(standard).describe(`Length in tokens of ${what}, [CLS] and [SEP] among them. Default: ${standard}.`);

export const probability = z.number().min(0).max(1);

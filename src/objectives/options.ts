import * as z from 'zod';
import { ramp } from './ramp';

/** Options that objectives share, with the words that explain them in the editor. */
export const weight = ramp(z.number().min(0).max(1e6), 'factor')
  .default(1)
  .describe(
    'Factor of this objective in the sum of losses that is minimised: a number, or an object { from, to } for one that moves in a straight line over the run. Default: 1.',
  );

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

const column = (what: string): z.ZodString => z.string().min(1).describe(`Name of the column with ${what}.`);

/** Fields that name a file of rows: its path, and the columns under the names that the objective gives them. */
export const tableFields = <C extends Record<string, string>>(columns: C): { file: z.ZodString } & { [K in keyof C]: z.ZodString } =>
  ({
    file: z
      .string()
      .min(1)
      .describe("Path of a .jsonl, .csv, .tsv or .parquet file with a row for each example, relative to the experiment's own folder."),
    ...Object.fromEntries(Object.entries(columns).map(([name, what]) => [name, column(what)])),
  }) as never;

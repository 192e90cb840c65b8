import { z } from 'zod';
import type { ModelConfig } from '../model/config';
import type { Writing } from '../model/incremental';
import type { TableRequest } from '../text/table';
import { clm } from './clm';
import { contrastive } from './contrastive';
import { mlm } from './mlm';
import { nsp } from './nsp';
import type { Instance, Objective, ObjectiveContext } from './objective';
import { rtd } from './rtd';
import { seq2seq } from './seq2seq';
import { sop } from './sop';

/** Every objective there is. A new one is a file in this folder and an entry here; schema, picker, command line, chart and docs follow. */
const registry = { mlm, contrastive, nsp, sop, seq2seq, clm, rtd };

/** The options of any objective, told apart by `type`. */
export const ObjectiveOptions = z.discriminatedUnion('type', [
  mlm.options,
  contrastive.options,
  nsp.options,
  sop.options,
  seq2seq.options,
  clm.options,
  rtd.options,
]);
export type ObjectiveOptions = z.infer<typeof ObjectiveOptions>;

export const objectives: readonly Objective<ObjectiveOptions>[] = Object.values(registry);

const objectiveOf = ({ type }: ObjectiveOptions): Objective<ObjectiveOptions> => registry[type];

export const createObjective = (options: ObjectiveOptions, context: ObjectiveContext): Instance =>
  objectiveOf(options).create(options, context);

/** Special tokens that an objective needs beyond BERT's. */
export const tokensOf = (options: ObjectiveOptions): readonly string[] => objectiveOf(options).tokens?.(options) ?? [];

/** How a model that was trained by an objective writes text, if it does. */
export const writingOf = (options: ObjectiveOptions, config: ModelConfig): Writing | undefined =>
  objectiveOf(options).writing?.(options, config);

/** The file of rows that an objective reads, if it reads one. */
export const tableRequest = (options: ObjectiveOptions): TableRequest | undefined => objectiveOf(options).table?.(options);

export type { Instance } from './objective';

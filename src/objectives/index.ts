import * as z from 'zod';
import type { ModelConfig } from '../model/config';
import type { Writing } from '../model/incremental';
import { UserError } from '../shared/errors';
import type { TableRequest } from '../text/table';
import { clm } from './clm';
import { contrastive } from './contrastive';
import { withDivision } from './division';
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

/** Objectives that a notebook added to those of the product, in this process alone. */
const added = new Map<string, Objective<ObjectiveOptions>>();

/**
 * Adds an objective, or takes the place of one that was added under the same type.
 *
 * @throws UserError (code `objective`) for a type of the product's own
 */
export function addObjective(objective: Objective): void {
  const { type } = objective;
  if (Object.hasOwn(registry, type)) throw new UserError(`There is an objective "${type}" already.`, 'Choose another type.', 'objective');
  added.set(type, objective as unknown as Objective<ObjectiveOptions>);
}

/** Those that were added, in their order. */
export const addedObjectives = (): readonly Objective<ObjectiveOptions>[] => [...added.values()];

/** Whether an objective exists in this process alone: a worker thread does not know it. */
export const isAdded = ({ type }: { readonly type: string }): boolean => added.has(type);

/** The options of any objective, those that were added among them. */
export const knownOptions = (): z.ZodType<ObjectiveOptions> =>
  added.size === 0
    ? ObjectiveOptions
    : z.discriminatedUnion('type', [
        ...ObjectiveOptions.options,
        ...([...added.values()].map(({ options }) => options) as unknown as typeof ObjectiveOptions.options),
      ]);

const objectiveOf = ({ type }: ObjectiveOptions): Objective<ObjectiveOptions> => added.get(type) ?? registry[type];

export function createObjective(options: ObjectiveOptions, context: ObjectiveContext): Instance {
  const objective = objectiveOf(options);
  if (!objective.rowwise) return objective.create(options, context);
  return withDivision(options.batchSize, objective.rowwise, (batchSize) => objective.create({ ...options, batchSize }, context));
}

/** Special tokens that an objective needs beyond BERT's. */
export const tokensOf = (options: ObjectiveOptions): readonly string[] => objectiveOf(options).tokens?.(options) ?? [];

/** How a model that was trained by an objective writes text, if it does. */
export const writingOf = (options: ObjectiveOptions, config: ModelConfig): Writing | undefined =>
  objectiveOf(options).writing?.(options, config);

/** The file of rows that an objective reads, if it reads one. */
export const tableRequest = (options: ObjectiveOptions): TableRequest | undefined => objectiveOf(options).table?.(options);

export type { Instance } from './objective';

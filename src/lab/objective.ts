import * as z from 'zod';
import { Value } from '../onnx/graph';
import { isFloat, showType, type StoredType, type Type } from '../onnx/types';
import { addObjective } from '../objectives';
import type { Batch, Feeds, Instance, Loss, LossContext, Objective } from '../objectives/objective';
import { batchSize, sequenceLength, weight } from '../objectives/options';
import { checkWindows } from '../objectives/windows';
import { noDropout } from '../model/random';
import { UserError } from '../shared/errors';
import { hash32 } from '../shared/random';
import type { AddedObjective, NewInstance, NewObjective, NewObjectiveOptions } from './api';
import { check } from './arguments';

/** Keys of the batches of training and of held-out text: the latter are the same whatever the seed. */
const [TRAINING, HELD_OUT] = [100, 101];

const callable = z.custom((value) => typeof value === 'function', 'it must be a function');

/** What a cell says of an objective. */
const Definition = z.looseObject({
  type: z.string().regex(/^[A-Za-z][\w-]*$/, 'it must be a word of letters, digits, "-" and "_"'),
  title: z.string().optional(),
  description: z.string().optional(),
  papers: z.array(z.string()).optional(),
  options: z.looseObject({}).optional(),
  create: callable,
});

const STORED: readonly StoredType[] = ['float32', 'float64', 'int64', 'int32', 'uint32', 'uint8', 'bool'];
const shape = z.array(z.int().positive());

/** What `create` gives. */
const Made = z.looseObject({
  parameters: z
    .array(z.looseObject({ name: z.string(), shape, start: z.union([z.literal('normal'), z.number()]), decays: z.boolean() }))
    .optional(),
  feeds: z.record(z.string(), z.looseObject({ dtype: z.enum(STORED), shape })),
  batch: callable,
  loss: callable,
  baseline: z.looseObject({ value: z.number(), by: z.string() }),
});

/** An option of an experiment has the type of its default. */
function optionLike(value: unknown): z.ZodType {
  if (typeof value === 'number') return z.number().optional();
  if (typeof value === 'boolean') return z.boolean().optional();
  if (typeof value === 'string') return z.string().optional();
  return z.unknown();
}

/** Makes an objective of what a cell says of it, and adds it to those that experiments of this session may name. */
export function defineObjective<O extends object>(given: NewObjective<O>): AddedObjective {
  check('lab.objective()', Definition, given);
  const { type, title = type, description = 'Written in a notebook.', options: defaults = {} as O, papers = [] } = given;
  const options = z
    .strictObject({
      ...Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, optionLike(value)])),
      type: z.literal(type),
      weight,
      batchSize: batchSize(32, 'sequences'),
      sequenceLength: sequenceLength(32, 'a sequence'),
    })
    .transform((written) => ({ ...defaults, ...written }));
  const objective: Objective = {
    type,
    title,
    description,
    needs: 'What its cell says.',
    goodFor: 'Trying an idea.',
    papers,
    metrics: {},
    options: options,
    create: (written, context) => instanceOf(written as unknown as NewObjectiveOptions & O, given, context),
  };
  addObjective(objective);
  return { type, title, description };
}

function instanceOf<O extends object>(
  options: NewObjectiveOptions & O,
  { type, ...definition }: NewObjective<O>,
  context: Parameters<Objective['create']>[1],
): Instance {
  const { batchSize: batch, sequenceLength: length } = options;
  const made = definition.create(options, context);
  check(`The objective "${type}", what its create() gives`, Made, made);
  const { parameters = [], feeds, baseline } = made;
  const loss = (given: LossContext): Loss => checkLoss(type, made.loss(given));
  const batchOf = (...of: Parameters<NewInstance['batch']>): Batch => checkBatch(type, feeds, made.batch(...of));
  return {
    type,
    weight: options.weight,
    parameters,
    feeds,
    evaluationFeeds: feeds,
    tokens: batch * length,
    check: checkWindows(type, length),
    batch: (split, step) => batchOf(split, step, hash32(context.seed, TRAINING)),
    loss,
    evaluationBatch: (split, index) => batchOf(split, index, HELD_OUT),
    evaluation: (given) => loss({ ...given, dropout: noDropout }),
    baseline: () => ({ metric: type, better: 'lower', ...baseline }),
    examples: () => ({ size: 0, examples: [] }),
  };
}

function checkBatch(type: string, feeds: Feeds, batch: unknown): Batch {
  const given = Object(batch) as Readonly<Record<string, unknown>>;
  for (const [name, wanted] of Object.entries(feeds)) {
    const is = given[name] === undefined ? 'missing' : isTyped(given[name]) ? showType(given[name]) : 'none';
    if (is === showType(wanted)) continue;
    const problem = `The batch of "${type}": "${name}" must be a tensor ${showType(wanted)}, and is ${is}.`;
    throw new UserError(problem, 'lab.onnx.tensor makes one.', 'objective');
  }
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(feeds, name));
  if (unknown === undefined) return batch as Batch;
  throw new UserError(`The batch of "${type}" has "${unknown}", which is not among its feeds.`, 'Add it there.', 'objective');
}

const isTyped = (value: unknown): value is Type =>
  typeof value === 'object' && value !== null && 'dtype' in value && 'shape' in value && Array.isArray(value.shape);

function checkLoss(type: string, given: unknown): Loss {
  const { loss } = Object(given) as { loss?: unknown };
  if (!(loss instanceof Value))
    throw new UserError(`The loss of "${type}" is no value of a graph.`, 'Give { loss }, made by lab.onnx.ops.', 'objective');
  if (loss.rank === 0 && isFloat(loss.dtype)) return given as Loss;
  const problem = `The loss of "${type}" must be a scalar of floating point, and is ${showType(loss)}.`;
  throw new UserError(problem, 'lab.onnx.ops.reduceMean makes one.', 'objective');
}

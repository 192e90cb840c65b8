import * as z from 'zod';
import { explain } from '../experiment/messages';
import { toJsonSchema } from '../experiment/jsonSchema';
import { UserError } from '../shared/errors';
import { Device, Projection, Unit } from '../shared/types';

/*
 * Types are removed from cells and not checked: what is given to the functions of `lab` is looked at here, so that a mistake is told in its own words and
 * not in those of what breaks on it later.
 */

const Model = z.union([z.string(), z.looseObject({ folder: z.string() })]).optional();
const Text = z.string();
const Texts = z.array(z.string());
const Count = z.int().positive().optional();
const unit = z.optional(Unit);
const textsOr = z.union([Texts, Text]);

/** What each function takes, by the names of its arguments. */
const ARGUMENTS = {
  run: z.strictObject({ id: z.string().min(1) }),
  mask: z.strictObject({ text: Text, options: z.strictObject({ model: Model, top: Count }).optional() }),
  surprisal: z.strictObject({ text: Text, options: z.strictObject({ model: Model, quick: z.boolean().optional() }).optional() }),
  embed: z.strictObject({ texts: Texts, options: z.strictObject({ model: Model }).optional() }),
  similarity: z.strictObject({ texts: textsOr, options: z.strictObject({ model: Model, unit }).optional() }),
  geometry: z.strictObject({ texts: textsOr, options: z.strictObject({ model: Model, unit }).optional() }),
  map: z.strictObject({
    texts: textsOr,
    options: z.strictObject({ model: Model, unit, projection: z.optional(Projection), groups: z.array(z.string()).optional() }).optional(),
  }),
  neighbours: z.strictObject({
    text: z.string().min(1),
    options: z.strictObject({ model: Model, root: z.string().optional(), top: Count }).optional(),
  }),
  probe: z.strictObject({ options: z.strictObject({ model: Model }).optional() }),
  compare: z.strictObject({ path: z.string().min(1) }),
  train: z.strictObject({
    options: z.strictObject({ steps: Count, device: z.optional(Device), threads: Count, live: z.boolean().optional() }).optional(),
  }),
  table: z.strictObject({ rows: z.array(z.looseObject({})) }),
  heatmap: z.strictObject({
    matrix: z.array(z.custom<ArrayLike<number>>(isRow, 'each row must be a list of numbers or a typed array')),
    names: z.strictObject({ rows: Texts.optional(), columns: Texts.optional() }).optional(),
  }),
  bars: z.strictObject({ title: Text, values: z.record(z.string(), z.custom<number>(isNumber, 'it must be a number')) }),
} as const;

function isNumber(value: unknown): boolean {
  return typeof value === 'number';
}

function isRow(value: unknown): boolean {
  return (Array.isArray(value) && value.every(isNumber)) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

/** @throws UserError (code `argument`) that names the function, the argument, and what it must be */
export function checkCall(name: keyof typeof ARGUMENTS, given: Readonly<Record<string, unknown>>): void {
  // What is not given has its default, and is no argument.
  const there = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  check(`lab.${name}()`, ARGUMENTS[name], there);
}

/**
 * What fits a schema, as it gives it.
 *
 * @param what messages begin with
 * @throws UserError (code `argument`) that names the field and what it must be
 */
export function check<T extends z.ZodType>(what: string, schema: T, given: unknown): z.output<T> {
  const { success, data, error } = schema.safeParse(given);
  if (success) return data;
  const [problem] = explain(error.issues, toJsonSchema(schema, 'any'), given, 'It');
  throw new UserError(`${what}: ${problem!.message}`, undefined, 'argument');
}

import * as z from 'zod';
import { UserError } from '../shared/errors';
import type { Problem } from '../shared/types';
import { COMPARISON, EXPERIMENT, keySpan, PROBE, readJson, valueSpan, type Kind } from './document';
import { ComparisonSchema, type Comparison } from './comparison';
import { comparisonJsonSchema, experimentJsonSchema, toJsonSchema, type JsonSchema } from './jsonSchema';
import { explain } from './messages';
import { ProbeOptions } from './probes';

/** How many problems an error's message lists; the editor shows all. */
const LISTED = 5;

/** A kind of file with what it must be. */
interface Format<T> {
  readonly kind: Kind;
  readonly schema: z.ZodType<T>;
  readonly json: JsonSchema;
}

const experimentFormat = <T>(schema: z.ZodType<T>): Format<T> => ({ kind: EXPERIMENT, schema, json: experimentJsonSchema(schema) });
const comparisonFormat = (): Format<z.output<typeof ComparisonSchema>> => ({
  kind: COMPARISON,
  schema: ComparisonSchema,
  json: comparisonJsonSchema(),
});

/**
 * Reads an experiment and fills in all defaults, the name from the file's.
 *
 * @param schema what `experimentSchema` returns
 * @param fileName name or path of the file, as messages should show it
 * @throws UserError (code `experiment`) that lists the first problems, a line each: file, line, column, field and the way out
 */
export function parseExperiment<T extends { name?: string | undefined }>(
  text: string,
  schema: z.ZodType<T>,
  fileName: string,
): T & { name: string } {
  const experiment = parse(text, experimentFormat(schema), fileName);
  return { ...experiment, name: experiment.name ?? nameOfFile(fileName, 'lab') };
}

/** The same of a comparison. Its variants are not looked at: they are experiments, see `checkVariants`. @throws UserError (code `comparison`) */
export function parseComparison(text: string, fileName: string): Comparison {
  const comparison = parse(text, comparisonFormat(), fileName);
  return { ...comparison, name: comparison.name ?? nameOfFile(fileName, 'compare') };
}

/** One probe, or a list of them. @param fileName as messages should show it @throws UserError (code `probe`) */
export function parseProbes(text: string, fileName: string): ProbeOptions[] {
  const formatOf = <T>(schema: z.ZodType<T>): Format<T> => ({ kind: PROBE, schema, json: toJsonSchema(schema) });
  return /^\s*\[/.test(text) ? parse(text, formatOf(z.array(ProbeOptions)), fileName) : [parse(text, formatOf(ProbeOptions), fileName)];
}

/** All that is wrong with an experiment, in the order of the text: syntax and doubled fields first, and only if there are none, its fields. */
export function checkExperiment(text: string, schema: z.ZodType): Problem[] {
  const result = read(text, experimentFormat(schema));
  return 'problems' in result ? result.problems : [];
}

function parse<T>(text: string, format: Format<T>, fileName: string): T {
  const result = read(text, format);
  if ('value' in result) return result.value;
  throw listed(text, result.problems, fileName, format.kind.name);
}

/** The first problems of a file, a line each. @param code of the error */
export function listed(text: string, problems: readonly Problem[], fileName: string, code: string): UserError {
  const lines = problems.slice(0, LISTED).map(({ start, message }) => `${fileName}:${position(text, start)}: ${message}`);
  const more = problems.length - lines.length;
  if (more > 0) lines.push(`… and ${more} more ${more === 1 ? 'problem' : 'problems'}.`);
  return new UserError(lines.join('\n'), 'Open the file in VS Code: it marks each problem and explains each field.', code);
}

function read<T>(text: string, { schema, json, kind }: Format<T>): { value: T } | { problems: Problem[] } {
  const { tree, value, problems } = readJson(text, kind);
  if (problems.length > 0 || !tree) return { problems };
  const result = schema.safeParse(value);
  if (result.success) return { value: result.data };
  const found = explain(result.error.issues, json, value, `The ${kind.name}`).map(({ path, at, message }): Problem => {
    const span = at === 'key' ? keySpan(tree, path) : valueSpan(tree, path);
    return { ...span, severity: 'error', message };
  });
  return { problems: found.sort((a, b) => a.start - b.start) };
}

/** `line:column`, both from 1, columns in UTF-16 code units as editors count them. */
function position(text: string, offset: number): string {
  const lines = text.slice(0, offset).split(/\r\n|\r|\n/);
  return `${lines.length}:${lines.at(-1)!.length + 1}`;
}

/** The file's name without folders and `.<suffix>.json`. */
const nameOfFile = (fileName: string, suffix: 'lab' | 'compare'): string =>
  fileName.replace(/^.*[\\/]/, '').replace(new RegExp(`(\\.${suffix})?\\.jsonc?$`, 'i'), '') || 'experiment';

/** What is wrong with a comparison's own fields, and its value if nothing is. */
export const readComparison = (text: string): { value: z.output<typeof ComparisonSchema> } | { problems: Problem[] } =>
  read(text, comparisonFormat());

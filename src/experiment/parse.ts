import type { z } from 'zod';
import { UserError } from '../shared/errors';
import type { Problem } from '../shared/types';
import { keySpan, readJson, valueSpan } from './document';
import { experimentJsonSchema } from './jsonSchema';
import { explain } from './messages';

/** How many problems an error's message lists; the editor shows all. */
const LISTED = 5;

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
  const result = read(text, schema);
  if ('experiment' in result) return { ...result.experiment, name: result.experiment.name ?? defaultName(fileName) };
  const lines = result.problems.slice(0, LISTED).map(({ start, message }) => `${fileName}:${position(text, start)}: ${message}`);
  const more = result.problems.length - lines.length;
  if (more > 0) lines.push(`… and ${more} more ${more === 1 ? 'problem' : 'problems'}.`);
  throw new UserError(lines.join('\n'), 'Open the file in VS Code: it marks each problem and explains each field.', 'experiment');
}

/** All that is wrong with an experiment, in the order of the text: syntax and doubled fields first, and only if there are none, its fields. */
export function checkExperiment(text: string, schema: z.ZodType): Problem[] {
  const result = read(text, schema);
  return 'problems' in result ? result.problems : [];
}

function read<T>(text: string, schema: z.ZodType<T>): { experiment: T } | { problems: Problem[] } {
  const { tree, value, problems } = readJson(text);
  if (problems.length > 0 || !tree) return { problems };
  const result = schema.safeParse(value);
  if (result.success) return { experiment: result.data };
  const found = explain(result.error.issues, experimentJsonSchema(schema), value).map(({ path, at, message }): Problem => {
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

/** The file's name without folders and `.lab.json`. */
const defaultName = (fileName: string): string => fileName.replace(/^.*[\\/]/, '').replace(/(\.lab)?\.jsonc?$/i, '') || 'experiment';

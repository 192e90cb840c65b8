import type * as z from 'zod';
import { shortened } from '../shared/format';
import type { Path } from './document';
import { allowedAt, choices, describeAllowed, fieldNames, valueAt } from './expected';
import type { JsonSchema } from './jsonSchema';
import { nearest } from './nearest';

/** One thing that is wrong with a value, for people. */
export interface FieldProblem {
  readonly path: Path;
  /** Whether the key at the path's end is what is wrong, and not the value. */
  readonly at: 'key' | 'value';
  readonly message: string;
}

type Issue = z.core.$ZodIssue;

/**
 * Says what zod found in plain sentences. What a field must be is read from the JSON Schema, so that a message always states the whole rule and not
 * only the part that was broken.
 *
 * @param value what was checked
 * @param whole what it is called as a whole
 */
export function explain(issues: readonly Issue[], schema: JsonSchema, value: unknown, whole = 'The experiment'): FieldProblem[] {
  return issues.flatMap((issue) => explainOne(issue, issue.path.map(step), schema, value, whole));
}

const step = (key: PropertyKey): string | number => (typeof key === 'number' ? key : String(key));

function explainOne(issue: Issue, path: Path, schema: JsonSchema, value: unknown, whole: string): FieldProblem[] {
  if (issue.code === 'unrecognized_keys') {
    const allowed = allowedAt(schema, value, path);
    const known = fieldNames(allowed);
    const present = Object.keys(valueAt(value, path) as object).filter((key) => known.includes(key));
    return issue.keys.map((key) => {
      const at = [...path, key];
      const apart = present.filter((other) => !allowed.some(({ properties = {} }) => key in properties && other in properties));
      if (apart.length > 0 && known.includes(key)) {
        const others = apart.map((name) => `\`${name}\``).join(' and ');
        return { path: at, at: 'key', message: `\`${formatPath(at)}\` cannot stand beside ${others}: give one of them.` };
      }
      // One that another branch of a union knows is there with a value that fits none.
      if (known.includes(key)) return { path: at, at: 'value', message: wrongValue(issue, at, schema, value, whole) };
      return { path: at, at: 'key', message: unknownField(at, key, known) };
    });
  }
  if (issue.code === 'invalid_union') {
    // The branch whose kind of value this is: the others object to the value as a whole.
    const fitting = issue.errors.filter((branch) => !branch.some((inner) => inner.path.length === 0 && inner.code !== 'unrecognized_keys'));
    // Of several the one that misses no field, or else knows those that are there: fields are what tells them apart.
    const distance = (inner: Issue): number =>
      valueAt(value, [...path, ...inner.path.map(step)]) === undefined ? 2 : inner.code === 'unrecognized_keys' ? 1 : 0;
    const farthest = (branch: readonly Issue[]): number => Math.max(...branch.map(distance));
    const [meant] = fitting.sort((a, b) => farthest(a) - farthest(b));
    // What is missing of one branch among several is a guess; a key that none of them knows is none.
    const guessing = fitting.length > 1 && meant?.some((inner) => inner.code === 'unrecognized_keys');
    const told = guessing ? meant?.filter((inner) => distance(inner) < 2) : meant;
    if (told) return told.flatMap((inner) => explainOne(inner, [...path, ...inner.path.map(step)], schema, value, whole));
  }
  return [{ path, at: 'value', message: wrongValue(issue, path, schema, value, whole) }];
}

function unknownField(path: Path, key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  const way = meant === undefined ? `The fields here are ${known.map((name) => `\`${name}\``).join(', ')}.` : `Did you mean \`${meant}\`?`;
  return `\`${formatPath(path)}\` is not a known field. ${way}`;
}

function wrongValue(issue: Issue, path: Path, schema: JsonSchema, value: unknown, whole: string): string {
  const subject = path.length === 0 ? whole : `\`${formatPath(path)}\``;
  const allowed = allowedAt(schema, value, path);
  const rule = describeAllowed(allowed);
  // Rules that a JSON Schema cannot state bring their own words.
  if (issue.code === 'custom' || issue.code === 'invalid_format' || rule === '') return `${subject}: ${issue.message}`;
  const actual = valueAt(value, path);
  if (actual === undefined) return `${subject} is missing. It must be ${rule}.`;
  const words = choices(allowed).filter((choice) => typeof choice === 'string');
  const meant = typeof actual === 'string' ? nearest(actual, words) : undefined;
  return `${subject} must be ${rule}, not ${show(actual)}.${meant === undefined ? '' : ` Did you mean ${JSON.stringify(meant)}?`}`;
}

/** `objectives[0].rate`; names that are not plain words are quoted. */
export const formatPath = (path: Path): string =>
  path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    if (!/^[\w$]+$/.test(key)) return `${text}[${JSON.stringify(key)}]`;
    return text === '' ? key : `${text}.${key}`;
  }, '');

const SHOWN_CHARACTERS = 40;

function show(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return shortened(JSON.stringify(value), SHOWN_CHARACTERS);
}

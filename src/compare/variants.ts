import type { Comparison } from '../experiment/comparison';
import type { Path } from '../experiment/document';
import { mergePatch } from './merge-patch';

/** One of the experiments that are compared, as it is written. */
export interface WrittenVariant {
  readonly name: string;
  readonly change: Readonly<Record<string, unknown>>;
  /** Where a field of the experiment is written in the comparison. */
  readonly place: (path: Path) => Path;
}

/** The variants of a list, or every combination of a grid's values (the last field changes fastest), named after the values. */
export function variantsOf({ variants, grid }: Pick<Comparison, 'variants' | 'grid'>): WrittenVariant[] {
  if (variants) return variants.map(({ name, change }, i) => ({ name, change, place: (path) => ['variants', i, 'change', ...path] }));
  const fields = Object.entries(grid ?? {});
  const combinations = fields.reduce<Choice[][]>(
    (rows, [field, values]) => rows.flatMap((row) => values.map((value, index) => [...row, { field, value, index }])),
    [[]],
  );
  const names = unique(combinations.map((choices) => choices.map((choice) => nameOf(choice)).join(', ')));
  return combinations.map((choices, i) => ({
    name: names[i]!,
    change: choices.reduce<unknown>((patch, { field, value }) => mergePatch(patch, nested(field.split('.'), value)), {}) as Record<
      string,
      unknown
    >,
    place: (path) => {
      const choice = choices.find(({ field }) => field.split('.').every((key, at) => path[at] === key));
      return choice ? ['grid', choice.field, choice.index, ...path.slice(choice.field.split('.').length)] : ['grid'];
    },
  }));
}

interface Choice {
  readonly field: string;
  readonly value: unknown;
  readonly index: number;
}

const nested = (keys: readonly string[], value: unknown): unknown => keys.reduceRight((inner, key) => ({ [key]: inner }), value);

/** `learningRate 0.001`; objectives and other things that have a type or kind are called by it. */
function nameOf({ field, value }: Choice): string {
  const known = typeNames(value);
  if (known !== undefined) return known;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `${field.split('.').at(-1)!} ${text.length > 20 ? `${text.slice(0, 19)}…` : text}`;
}

function typeNames(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    const names = value.map(typeNames);
    return names.length > 0 && names.every((name) => name !== undefined) ? names.join(' + ') : undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { type, kind, preset } = value as Readonly<Record<string, unknown>>;
  return [type, kind, preset].find((name) => typeof name === 'string');
}

/** Names of which none stands twice: later ones get a number. */
function unique(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return names.map((name) => {
    let given = name;
    for (let i = 2; seen.has(given); i++) given = `${name} (${i})`;
    seen.add(given);
    return given;
  });
}

/** A name as part of a folder's or an id's. */
export const slugOf = (name: string): string =>
  name
    .toLowerCase()
    .replace(/\+/g, ' and ')
    .replace(/[^\p{L}\p{N}.]+/gu, '-')
    .replace(/^[-.]+|[-.]+$/g, '') || 'variant';

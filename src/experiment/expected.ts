import type { Path } from './document';
import { alternatives, subschema, type JsonSchema } from './jsonSchema';

/** What a schema allows at a path, one entry an alternative. Where a union is told apart by a constant (`type`), the value chooses the branch. */
export function allowedAt(root: JsonSchema, value: unknown, path: Path): readonly JsonSchema[] {
  let schemas: readonly JsonSchema[] = alternatives(root);
  let here = value;
  for (const step of path) {
    schemas = chosenBy(here, schemas).flatMap((schema) => {
      const next = subschema(typeof step === 'number' ? schema.items : (schema.properties?.[step] ?? schema.additionalProperties));
      return next ? alternatives(next) : [];
    });
    here = valueAt(here, [step]);
  }
  return chosenBy(here, schemas);
}

/** The value at a path; undefined if there is none. */
export const valueAt = (value: unknown, path: Path): unknown =>
  path.reduce(
    (here, step) => (typeof here === 'object' && here !== null ? (here as Record<string | number, unknown>)[step] : undefined),
    value,
  );

function chosenBy(value: unknown, schemas: readonly JsonSchema[]): readonly JsonSchema[] {
  const matching = schemas.filter(({ properties = {} }) =>
    Object.entries(properties).every(([name, property]) => {
      const constant = subschema(property)?.const;
      return constant === undefined || constant === valueAt(value, [name]);
    }),
  );
  return matching.length > 0 ? matching : schemas;
}

/** The names of the fields that an object of one of these schemas may have. */
export const fieldNames = (schemas: readonly JsonSchema[]): string[] => [
  ...new Set(schemas.flatMap(({ properties }) => Object.keys(properties ?? {}))),
];

/** The constants that may stand in a field. */
export const choices = (schemas: readonly JsonSchema[]): unknown[] =>
  schemas.flatMap((schema) => schema.enum ?? (schema.const === undefined ? [] : [schema.const]));

/** What may stand in a field, to follow "must be": `a number between 0 and 1`. Empty if the schemas say nothing that this can put into words. */
export function describeAllowed(schemas: readonly JsonSchema[]): string {
  const constants = choices(schemas).map((constant) => JSON.stringify(constant));
  const others = schemas.filter((schema) => schema.enum === undefined && schema.const === undefined).map(describeOne);
  return listing([...new Set([...constants, ...others.filter((text) => text !== '')])]);
}

/** `a, b or c` */
const listing = (items: readonly string[]): string =>
  items.length > 1 ? `${items.slice(0, -1).join(', ')} or ${items.at(-1)!}` : items.join('');

function describeOne(schema: JsonSchema): string {
  switch (schema.type) {
    case 'integer':
    case 'number':
      return describeNumber(schema);
    case 'string':
      return (schema.minLength ?? 0) > 0
        ? `a text in quotes that is not empty${atMost(schema.maxLength, 'characters')}`
        : 'a text in quotes';
    case 'boolean':
      return 'true or false';
    case 'array':
      return (schema.minItems ?? 0) > 0 ? 'a list [ … ] that is not empty' : 'a list [ … ]';
    case 'object':
      return 'an object { … }';
    default:
      return '';
  }
}

const atMost = (limit: number | undefined, unit: string): string => (limit === undefined ? '' : `, at most ${limit} ${unit}`);

function describeNumber({ type, minimum, maximum, ...schema }: JsonSchema): string {
  const whole = type === 'integer';
  // Up to draft-04 these were flags beside the bounds; here they are the bounds.
  const exclusiveMinimum = asNumber(schema.exclusiveMinimum);
  const exclusiveMaximum = asNumber(schema.exclusiveMaximum);
  const noun = whole ? 'a whole number' : 'a number';
  // Of whole numbers, "above 0" is better said as "at least 1".
  const least = minimum ?? (whole && exclusiveMinimum !== undefined ? exclusiveMinimum + 1 : undefined);
  const most = maximum ?? (whole && exclusiveMaximum !== undefined ? exclusiveMaximum - 1 : undefined);
  if (least !== undefined && most !== undefined) return `${noun} between ${least} and ${most}`;
  const lower = least !== undefined ? `of at least ${least}` : exclusiveMinimum !== undefined ? `above ${exclusiveMinimum}` : '';
  const upper = most !== undefined ? `at most ${most}` : exclusiveMaximum !== undefined ? `below ${exclusiveMaximum}` : '';
  const range = lower !== '' && upper !== '' ? `${lower} and ${upper}` : lower !== '' ? lower : upper;
  return range === '' ? noun : `${noun} ${range}`;
}

const asNumber = (bound: number | boolean | undefined): number | undefined => (typeof bound === 'number' ? bound : undefined);

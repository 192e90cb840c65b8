import { choices, describeAllowed } from './expected';
import { alternatives, subschema, type JsonSchema } from './jsonSchema';

/** A field of an objective as lists and pages show it, read from its schema. */
export interface Option {
  readonly name: string;
  /** JSON types that may stand there: `number`, `string | object`. */
  readonly type: string;
  /** The same in words, with bounds: `a whole number between 2 and 4096`. */
  readonly allowed: string;
  readonly required: boolean;
  readonly default?: unknown;
  readonly description: string;
  /** What the constants that may stand there mean. */
  readonly choices?: readonly { readonly value: unknown; readonly description: string }[];
  /** The fields of each kind of object that may stand there. */
  readonly objects?: readonly ObjectOptions[];
}

export interface ObjectOptions {
  /** The constants by which this kind is told from the others, such as `{ from: "pairs" }`. */
  readonly constants: Readonly<Record<string, unknown>>;
  readonly description?: string;
  readonly options: readonly Option[];
}

/** The fields that a person may set in an object of this schema; constants, which tell its kind, are none. */
export const optionsOf = ({ properties = {}, required = [] }: JsonSchema): Option[] =>
  Object.entries(properties).flatMap(([name, property]) => {
    const schema = subschema(property);
    return schema === undefined || schema.const !== undefined ? [] : [optionOf(name, schema, required.includes(name))];
  });

function optionOf(name: string, schema: JsonSchema, required: boolean): Option {
  const branches = alternatives(schema);
  const explained = branches.flatMap((branch) => {
    const words = branch.enumDescriptions as readonly string[] | undefined;
    return words ? choices([branch]).map((value, i) => ({ value, description: words[i] ?? '' })) : [];
  });
  const objects = branches.filter(({ properties }) => properties !== undefined).map(objectOptions);
  return {
    name,
    type: [...new Set(branches.map(typeOf))].join(' | '),
    allowed: describeAllowed(branches),
    required,
    ...(schema.default !== undefined && { default: schema.default }),
    description: schema.description ?? '',
    ...(explained.length > 0 && { choices: explained }),
    ...(objects.length > 0 && { objects }),
  };
}

const typeOf = ({ type, const: constant }: JsonSchema): string => (typeof type === 'string' ? type : typeof constant);

function objectOptions(schema: JsonSchema): ObjectOptions {
  const constants = Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const constant = subschema(property)?.const;
    return constant === undefined ? [] : [[name, constant] as const];
  });
  return {
    constants: Object.fromEntries(constants),
    ...(schema.description !== undefined && { description: schema.description }),
    options: optionsOf(schema),
  };
}

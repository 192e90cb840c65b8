import * as z from 'zod';
import { ComparisonSchema } from './comparison';
import { newComparison, newExperiment, type ObjectiveSnippet } from './template';

export type JsonSchema = z.core.JSONSchema.BaseSchema;
type Subschema = z.core.JSONSchema._JSONSchema;

/** Writing a schema out takes longer than all of a check, and there is one check after every pause in typing. */
const written = new WeakMap<z.ZodType, JsonSchema>();

/**
 * The JSON Schema (draft-07) of what a person may write, for the editor's completion, hovers and checks. Beyond the standard it uses VS Code's
 * `defaultSnippets`, `enumDescriptions`, `allowComments` and `allowTrailingCommas`, which other tools ignore.
 *
 * @param schema what `experimentSchema` returns
 */
export function experimentJsonSchema(schema: z.ZodType): JsonSchema {
  const known = written.get(schema) ?? writeSchema(schema);
  written.set(schema, known);
  return known;
}

/** The same of a `*.compare.json`. */
export function comparisonJsonSchema(): JsonSchema {
  const known = written.get(ComparisonSchema) ?? {
    ...toJsonSchema(ComparisonSchema),
    title: 'Objective Lab comparison',
    allowComments: true,
    allowTrailingCommas: true,
    defaultSnippets: [
      {
        label: 'New comparison',
        description: 'A comparison of objectives with its fields explained',
        bodyText: newComparison('quickstart.lab.json'),
      },
    ],
  };
  written.set(ComparisonSchema, known);
  return known;
}

/** @param unrepresentable what becomes of that which no JSON can hold, such as a function */
export const toJsonSchema = (schema: z.ZodType, unrepresentable: 'throw' | 'any' = 'throw'): JsonSchema =>
  z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-7',
    unrepresentable,
    override: ({ jsonSchema }) => dropSafeIntegerBounds(jsonSchema),
  });

function writeSchema(schema: z.ZodType): JsonSchema {
  const root = toJsonSchema(schema);
  const objective = objectiveSchema(root);
  const snippets = objectiveSnippets(root);
  if (objective) objective.defaultSnippets = snippets;
  return {
    ...root,
    title: 'Objective Lab experiment',
    allowComments: true,
    allowTrailingCommas: true,
    defaultSnippets: [
      {
        label: 'New experiment',
        description: 'An experiment with its fields explained',
        bodyText: newExperiment('my-experiment', snippets.slice(0, 1)),
      },
    ],
  };
}

/** A JSON Schema may also be `true` or `false`; those say nothing of a field. */
export const subschema = (schema: Subschema | Subschema[] | undefined): JsonSchema | undefined =>
  typeof schema === 'object' && !Array.isArray(schema) ? schema : undefined;

/** The branches of a union, nested ones included; a schema that is none is its own only branch. */
export function alternatives(schema: JsonSchema): JsonSchema[] {
  const branches = schema.anyOf ?? schema.oneOf;
  return branches ? branches.flatMap((branch) => (typeof branch === 'object' ? alternatives(branch) : [])) : [schema];
}

const objectiveSchema = (root: JsonSchema): JsonSchema | undefined => subschema(subschema(root.properties?.objectives)?.items);

/** The schemas of the objectives in an experiment's schema, by type. */
export const objectiveSchemas = (root: JsonSchema): ReadonlyMap<string, JsonSchema> =>
  new Map(
    alternatives(objectiveSchema(root) ?? {}).flatMap((schema) => {
      const type = subschema(schema.properties?.type)?.const;
      return typeof type === 'string' ? [[type, schema]] : [];
    }),
  );

/** Each objective of an experiment's schema with its settings at their defaults; groups of settings, whose default is `{}`, are left out. */
export const objectiveSnippets = (root: JsonSchema): ObjectiveSnippet[] => [...objectiveSchemas(root)].map(objectiveSnippet);

function objectiveSnippet([type, { properties = {}, description }]: [string, JsonSchema]): ObjectiveSnippet {
  const settings = Object.entries(properties).flatMap(([name, property]) => {
    const value = subschema(property)?.default;
    return value === undefined || isEmptyObject(value) ? [] : [[name, value] as const];
  });
  const words = description ?? subschema(properties.type)?.description;
  return { label: type, ...(words !== undefined && { description: words }), body: { type, ...Object.fromEntries(settings) } };
}

const isEmptyObject = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.keys(value).length === 0;

/** zod writes the bounds of exact integers out; they would only be noise in messages and hovers. */
function dropSafeIntegerBounds(schema: JsonSchema): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}

import { z } from 'zod';
import { newExperiment } from './template';

export type JsonSchema = z.core.JSONSchema.BaseSchema;
type Subschema = z.core.JSONSchema._JSONSchema;

/**
 * The JSON Schema (draft-07) of what a person may write, for the editor's completion, hovers and checks. Beyond the standard it uses VS Code's
 * `defaultSnippets`, `enumDescriptions`, `allowComments` and `allowTrailingCommas`, which other tools ignore.
 *
 * @param schema what `experimentSchema` returns
 */
export function experimentJsonSchema(schema: z.ZodType): JsonSchema {
  const root = z.toJSONSchema(schema, { io: 'input', target: 'draft-7', override: ({ jsonSchema }) => dropSafeIntegerBounds(jsonSchema) });
  const objective = subschema(subschema(root.properties?.objectives)?.items);
  if (objective) objective.defaultSnippets = alternatives(objective).flatMap(objectiveSnippet);
  return {
    ...root,
    title: 'Objective Lab experiment',
    allowComments: true,
    allowTrailingCommas: true,
    defaultSnippets: [
      {
        label: 'New experiment',
        description: 'Masked language modelling and contrastive learning, explained',
        bodyText: newExperiment('my-experiment'),
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

/** Offers an objective with its settings at their defaults; groups of settings, whose default is `{}`, are left out. */
function objectiveSnippet({ properties = {}, description }: JsonSchema): Record<string, unknown>[] {
  const type = subschema(properties.type);
  if (typeof type?.const !== 'string') return [];
  const settings = Object.entries(properties).flatMap(([name, property]) => {
    const value = subschema(property)?.default;
    return value === undefined || isEmptyObject(value) ? [] : [[name, value] as const];
  });
  const words = description ?? type.description;
  return [
    { label: type.const, ...(words !== undefined && { description: words }), body: { type: type.const, ...Object.fromEntries(settings) } },
  ];
}

const isEmptyObject = (value: unknown): boolean => typeof value === 'object' && value !== null && Object.keys(value).length === 0;

/** zod writes the bounds of exact integers out; they would only be noise in messages and hovers. */
function dropSafeIntegerBounds(schema: JsonSchema): void {
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
}

import { describe, expect, it } from 'vitest';
import { alternatives, experimentJsonSchema, type JsonSchema, subschema } from '../../../src/experiment/jsonSchema';
import { schema } from './standIn';

const root = experimentJsonSchema(schema);
const property = (...path: string[]): JsonSchema =>
  path.reduce(
    (node, name) =>
      alternatives(node)
        .map((branch) => subschema(branch.properties?.[name]))
        .find((found) => found !== undefined)!,
    root,
  );

/** Every field of the experiment's own, with its path; objectives describe theirs themselves. */
function* fields(node: JsonSchema, path = ''): Generator<[string, JsonSchema, required: boolean]> {
  for (const branch of alternatives(node)) {
    for (const [name, child] of Object.entries(branch.properties ?? {})) {
      const schema = subschema(child)!;
      // A constant that tells kinds of objects apart is explained with its kind.
      const explained = schema.const === undefined ? schema : { ...schema, description: branch.description ?? '' };
      yield [`${path}${name}`, explained, branch.required?.includes(name) ?? false];
      yield* fields(schema, `${path}${name}.`);
    }
  }
}

function* objects(node: unknown): Generator<object> {
  if (typeof node !== 'object' || node === null) return;
  if ('properties' in node && 'type' in node) yield node;
  for (const [key, child] of Object.entries(node)) if (key !== 'defaultSnippets') yield* objects(child);
}

describe('experimentJsonSchema', () => {
  it('is draft-07 of what a person writes: only the objectives are required', () => {
    expect(root.$schema).toContain('draft-07');
    expect(root.required).toEqual(['objectives']);
    expect(root).toMatchObject({ allowComments: true, allowTrailingCommas: true });
    expect(property('training').required).toBeUndefined();
  });

  it('forbids unknown fields everywhere', () => {
    const all = [...objects(root)];
    expect(all).toHaveLength(20);
    for (const object of all) expect(object).toMatchObject({ additionalProperties: false });
  });

  it.each([...fields(root)])(
    'explains %s, and states its default truly',
    (name, { description, default: value, enum: constants }, required) => {
      expect(description).toMatch(/^[A-Z].{30,}\.$/s);
      if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') {
        expect(description).toMatch(new RegExp(`Default: ${String(value).replace('.', '\\.')}(?!\\w|\\.\\d)`));
      } else if (!required && name !== '$schema') {
        expect(description).toContain('Default: ');
      }
      for (const constant of constants ?? []) expect(description).toContain(String(constant));
    },
  );

  it('carries enumerations with an explanation each', () => {
    for (const path of [
      ['training', 'device'],
      ['training', 'schedule'],
      ['model', 'preset'],
    ]) {
      const { enum: constants, enumDescriptions } = property(...path);
      expect(enumDescriptions).toHaveLength(constants!.length);
    }
    expect(alternatives(root.properties!.model as JsonSchema)[0]).toMatchObject({
      enum: ['tiny', 'mini', 'small', 'base'],
      enumDescriptions: expect.arrayContaining(['2 layers, hidden size 128, 2 attention heads.']) as string[],
    });
  });

  it('keeps real bounds and drops those of exact integers', () => {
    expect(property('training', 'steps')).toMatchObject({ minimum: 1, maximum: 100_000_000 });
    const objective = alternatives(subschema(subschema(root.properties!.objectives)!.items)!)[0]!;
    expect(objective.properties!.batchSize).toEqual({ type: 'integer', exclusiveMinimum: 0, default: 16 });
  });

  it('offers each objective as a snippet that passes the schema', () => {
    const snippets = subschema(subschema(root.properties!.objectives)!.items)!.defaultSnippets as { label: string; body: object }[];
    expect(snippets.map(({ label }) => label)).toEqual(['mlm', 'contrastive']);
    expect(snippets[0]).toEqual({
      label: 'mlm',
      description: 'Hide and guess.',
      body: { type: 'mlm', weight: 1, batchSize: 16, sequenceLength: 64, rate: 0.15 },
    });
    expect(snippets[1]).toEqual({
      label: 'contrastive',
      description: 'Pull together, push apart.',
      body: { type: 'contrastive', weight: 1, batchSize: 16, sequenceLength: 64, temperature: 0.05 },
    });
    expect(schema.safeParse({ objectives: snippets.map(({ body }) => body) }).success).toBe(true);
  });

  it('survives being written as JSON', () => {
    expect(JSON.parse(JSON.stringify(root))).toEqual(root);
  });
});

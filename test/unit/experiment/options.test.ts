import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { experimentJsonSchema, objectiveSchemas } from '../../../src/experiment/jsonSchema';
import { optionsOf } from '../../../src/experiment/options';
import { experimentSchema } from '../../../src/experiment/schema';

const Objective = z.strictObject({
  type: z.literal('one'),
  size: z.int().min(2).max(8).default(4).describe('How large. Default: 4.'),
  from: z
    .union([
      z.enum(['near', 'far']).meta({ enumDescriptions: ['Close by.', 'A long way off.'] }),
      z.strictObject({ kind: z.literal('file'), path: z.string().describe('Where it is.') }).describe('Rows of a file.'),
    ])
    .default('near')
    .describe('Where it comes from.'),
});
const options = optionsOf(objectiveSchemas(experimentJsonSchema(experimentSchema(Objective))).get('one')!);

describe('optionsOf', () => {
  it('gives type, bounds, default and words of a field, and leaves out what tells the objective', () => {
    expect(options.map(({ name }) => name)).toEqual(['size', 'from']);
    expect(options[0]).toEqual({
      name: 'size',
      type: 'integer',
      allowed: 'a whole number between 2 and 8',
      required: false,
      default: 4,
      description: 'How large. Default: 4.',
    });
  });

  it('explains constants, and the fields of each kind of object', () => {
    expect(options[1]).toMatchObject({
      type: 'string | object',
      default: 'near',
      choices: [
        { value: 'near', description: 'Close by.' },
        { value: 'far', description: 'A long way off.' },
      ],
      objects: [
        {
          constants: { kind: 'file' },
          description: 'Rows of a file.',
          options: [{ name: 'path', required: true, description: 'Where it is.' }],
        },
      ],
    });
  });
});

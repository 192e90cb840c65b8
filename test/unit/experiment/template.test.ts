import { describe, expect, it } from 'vitest';
import { experimentJsonSchema, objectiveSnippets } from '../../../src/experiment/jsonSchema';
import { parseExperiment } from '../../../src/experiment/parse';
import { newExperiment } from '../../../src/experiment/template';
import { schema } from './standIn';

const snippets = objectiveSnippets(experimentJsonSchema(schema));

describe('newExperiment', () => {
  it.each(['my-run', 'a "quoted" name', 'über/\\u0041', '*/ // $1'])('is valid and bears the name %s', (name) => {
    const experiment = parseExperiment(newExperiment(name, snippets), schema, 'other.lab.json');
    expect(experiment.name).toBe(name);
    expect(experiment.objectives.map(({ type }) => type)).toEqual(['mlm', 'contrastive']);
  });

  it('shows the true defaults of all that it writes', () => {
    const { objectives, ...written } = parseExperiment(newExperiment('x', snippets), schema, 'x.lab.json');
    const types = objectives.map(({ type }) => ({ type }));
    expect(parseExperiment(JSON.stringify({ objectives: types }), schema, 'x.lab.json')).toEqual({ ...written, objectives });
  });

  it('explains each objective, and how several are combined', () => {
    const [both, one] = [newExperiment('x', snippets), newExperiment('x', snippets.slice(1))];
    expect(both).toContain('    // Hide and guess.\n    { "type": "mlm", "weight": 1, "batchSize": 16,');
    expect(both).toContain('"combination": { "kind": "sum" }');
    expect(one).not.toMatch(/combination|Hide and guess/);
  });

  it('ends with a line break and has no line that does not fit the page', () => {
    const text = newExperiment('x', snippets);
    expect(text.endsWith('}\n')).toBe(true);
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(140);
  });
});

import { describe, expect, it } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { newExperiment } from '../../../src/experiment/template';
import { schema } from './standIn';

describe('newExperiment', () => {
  it.each(['my-run', 'a "quoted" name', 'über/\\u0041', '*/ // $1'])('is valid and bears the name %s', (name) => {
    const experiment = parseExperiment(newExperiment(name), schema, 'other.lab.json');
    expect(experiment.name).toBe(name);
    expect(experiment.objectives.map(({ type }) => type)).toEqual(['mlm', 'contrastive']);
  });

  it('shows the true defaults of all but the objectives', () => {
    const { objectives, ...written } = parseExperiment(newExperiment('x'), schema, 'x.lab.json');
    expect(parseExperiment(JSON.stringify({ objectives }), schema, 'x.lab.json')).toEqual({ ...written, objectives });
  });

  it('ends with a line break and has no line that does not fit the page', () => {
    const text = newExperiment('x');
    expect(text.endsWith('}\n')).toBe(true);
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(140);
  });
});

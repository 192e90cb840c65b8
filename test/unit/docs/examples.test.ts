import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseExperiment } from '../../../src/experiment/parse';
import { objectives } from '../../../src/objectives';
import { ExperimentSchema } from '../../../src/train/experiment';

const pages = ['README.md', 'docs/combinations.md', 'docs/data.md', 'docs/runs.md'];
const examples = pages.flatMap((page) =>
  [...readFileSync(page, 'utf8').matchAll(/```jsonc\n(.*?)```/gs)].map(([, text], i) => [`${page}, example ${i + 1}`, text!] as const),
);
const samples = ['samples/quickstart.lab.json', ...readdirSync('samples/experiments').map((name) => `samples/experiments/${name}`)].filter(
  (name) => name.endsWith('.lab.json'),
);

describe('experiments that are shown', () => {
  it('are there, of every kind of combination', () => {
    const kinds = examples.map(([name, text]) => parseExperiment(text, ExperimentSchema, name).combination.kind);
    expect(new Set(kinds)).toEqual(new Set(['sum', 'alternate', 'phases']));
  });

  it.each(examples)('%s passes the checks', (name, text) => {
    expect(parseExperiment(text, ExperimentSchema, name).objectives.length).toBeGreaterThan(0);
  });

  it.each(samples)('%s passes the checks', (path) => {
    expect(parseExperiment(readFileSync(path, 'utf8'), ExperimentSchema, path).objectives.length).toBeGreaterThan(0);
  });

  it('have a sample of each objective on its own', () => {
    const alone = samples.flatMap((path) => {
      const experiment = parseExperiment(readFileSync(path, 'utf8'), ExperimentSchema, path);
      return experiment.objectives.length === 1 ? experiment.objectives.map(({ type }) => type) : [];
    });
    expect(new Set(alone)).toEqual(new Set(objectives.map(({ type }) => type)));
  });
});

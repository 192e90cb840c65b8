import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadComparison } from '../../../src/compare/load';
import { parseExperiment, parseProbes } from '../../../src/experiment/parse';
import { objectives } from '../../../src/objectives';
import { probes } from '../../../src/probe';
import { ExperimentSchema } from '../../../src/train/experiment';

const pages = ['README.md', 'docs/combinations.md', 'docs/data.md', 'docs/probes.md', 'docs/runs.md'];
const shown = pages.flatMap((page) =>
  [...readFileSync(page, 'utf8').matchAll(/```jsonc\n(.*?)```/gs)].map(([, text], i) => [`${page}, example ${i + 1}`, text!] as const),
);
const [examples, shownProbes] = [true, false].map((whole) => shown.filter(([, text]) => text.includes('"objectives"') === whole)) as [
  typeof shown,
  typeof shown,
];
const samples = ['samples/quickstart.lab.json', ...readdirSync('samples/experiments').map((name) => `samples/experiments/${name}`)].filter(
  (name) => name.endsWith('.lab.json'),
);

describe('the sample comparison', () => {
  it('passes the checks, its variants too', () => {
    expect(loadComparison('samples/objectives.compare.json').variants.length).toBeGreaterThan(1);
  });
});

describe('probes that are shown', () => {
  it.each(shownProbes)('%s passes the checks', (name, text) => {
    expect(parseProbes(text, name)).toHaveLength(1);
  });

  it('are there, of every kind', () => {
    expect(shownProbes.flatMap(([name, text]) => parseProbes(text, name)).map(({ type }) => type)).toEqual(probes.map(({ type }) => type));
  });
});

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

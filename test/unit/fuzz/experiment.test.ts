import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'jsonc-parser';
import { describe, expect, it } from 'vitest';
import { checkExperiment, parseExperiment } from '../../../src/experiment/parse';
import { ExperimentSchema } from '../../../src/train/experiment';
import { mutatedJson, mutatedText } from './mutate';
import { replay, survives } from './survive';

const NAME = 'odd.lab.json';
const folder = join('samples', 'experiments');
const texts = readdirSync(folder)
  .filter((name) => name.endsWith('.lab.json'))
  .map((name) => readFileSync(join(folder, name), 'utf8'));

/** Reads an experiment as the editor does, and as a run does. */
function read(text: string): void {
  const problems = checkExperiment(text, ExperimentSchema);
  for (const { start, end, message } of problems) {
    expect(start).toBeGreaterThanOrEqual(0);
    expect(end).toBeGreaterThanOrEqual(start);
    expect(end).toBeLessThanOrEqual(text.length);
    expect(message).not.toBe('');
  }
  const experiment = parseExperiment(text, ExperimentSchema, NAME);
  expect(problems).toEqual([]);
  // What is accepted holds what it says itself: nothing comes from a prototype.
  expect(Object.getPrototypeOf(experiment)).toBe(Object.prototype);
  expect(ExperimentSchema.safeParse(structuredClone(experiment)).success).toBe(true);
}

describe(`experiments (${replay})`, { timeout: 120_000 }, () => {
  it('with fields that are changed are read, or their problems named with their places', () => {
    survives(mutatedJson(texts.map((text) => parse(text) as unknown)), read, { names: NAME, runs: 1000 });
  });

  it('with characters that are changed are read, or their problems named with their places', () => {
    survives(mutatedText(texts), read, { names: NAME, runs: 1000 });
  });
});

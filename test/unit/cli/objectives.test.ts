import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describedObjectives } from '../../../src/cli/describe';
import { listing } from '../../../src/cli/objectives';
import { objectivesPage } from '../../../src/cli/objectives-page';
import type { Option } from '../../../src/experiment/options';
import { ObjectiveOptions, objectives } from '../../../src/objectives';

const described = describedObjectives();

function* allOptions(options: readonly Option[]): Generator<Option> {
  for (const option of options) {
    yield option;
    for (const object of option.objects ?? []) yield* allOptions(object.options);
  }
}

describe('the list of objectives', () => {
  it('has every objective of the registry, with words for all there is to know', () => {
    expect(described.map(({ type }) => type)).toEqual(objectives.map(({ type }) => type));
    for (const { type, title, description, needs, goodFor, papers, options } of described) {
      for (const words of [title, description, needs, goodFor, ...papers]) expect(words, type).not.toBe('');
      expect(papers.length, type).toBeGreaterThan(0);
      expect(options.map(({ name }) => name)).toEqual(expect.arrayContaining(['weight', 'batchSize', 'sequenceLength']));
      for (const option of allOptions(options)) {
        expect(option.description, `${type}.${option.name}`).toMatch(/^[A-Z].*\.$/s);
        expect(option.allowed, `${type}.${option.name}`).not.toBe('');
      }
    }
  });

  it('gives the defaults that the schema fills in', () => {
    for (const { type, options } of described) {
      const parsed = ObjectiveOptions.parse({ type }) as unknown as Record<string, unknown>;
      for (const option of options) {
        if (option.default === undefined || typeof option.default === 'object') continue;
        expect(parsed[option.name], `${type}.${option.name}`).toEqual(option.default);
      }
    }
  });

  it.each([80, 120])('fits %i columns, an option explained or not', (width) => {
    for (const withOptions of [false, true]) {
      const lines = listing(described, { width, withOptions }).split('\n');
      for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(width);
      const words = lines.join(' ').replace(/\s+/g, ' ');
      for (const { description } of described) expect(words).toContain(`${description} needs`);
    }
  });

  it('is the page docs/objectives.md, up to date', () => {
    const page = readFileSync('docs/objectives.md', 'utf8');
    expect(page, 'npm run build && node dist/cli.js objectives --markdown > docs/objectives.md').toBe(objectivesPage(described));
  });
});

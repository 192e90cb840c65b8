import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { ProbeOptions } from '../../../src/experiment/probes';
import { keyOf, readTable } from '../../../src/probe/table';

const page = readFileSync('docs/probes.md', 'utf8');
const shown = [...page.matchAll(/\{ ?"type": ?".*?\}/g)].map(([text]) => text);

describe('probes that are shown', () => {
  it.each(shown)('%s passes the checks', (text) => {
    expect(ProbeOptions.safeParse(JSON.parse(text)).error).toBeUndefined();
  });

  it('are there, and every kind is named', () => {
    expect(shown.length).toBeGreaterThan(4);
    const kinds = ProbeOptions.options.map(({ shape }) => shape.type.value);
    expect(kinds.filter((type) => !page.includes(`| \`${type}\``))).toEqual([]);
  });
});

describe('the sample probes', () => {
  const Labelled = z.object({ train: z.string(), test: z.string() });
  const samples = z
    .array(ProbeOptions)
    .parse(JSON.parse(readFileSync('samples/probes/probes.json', 'utf8')))
    .filter(({ type }) => type === 'classification' || type === 'pair');

  it.each(samples)('$name: labels alike often, and no test example among those to learn from', async (options) => {
    const { train, test } = Labelled.parse(options);
    const texts = options.type === 'pair' ? ['a', 'b'] : ['text'];
    const [learnt, measured] = await Promise.all([train, test].map((file) => readTable(`samples/probes/${file}`, [...texts, 'label'])));
    const keys = new Set(learnt!.map((row) => keyOf(texts.map((column) => row[column]!))));
    expect(measured!.filter((row) => keys.has(keyOf(texts.map((column) => row[column]!))))).toEqual([]);
    for (const rows of [learnt!, measured!]) {
      const counts = new Map<string, number>();
      for (const { label } of rows) counts.set(label!, (counts.get(label!) ?? 0) + 1);
      expect(counts.size).toBeGreaterThan(1);
      // Nobody gets far by telling the commonest.
      expect(Math.max(...counts.values()) / Math.min(...counts.values())).toBeLessThan(1.25);
    }
  });
});

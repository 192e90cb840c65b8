import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bookProbes, chapterOf, sentencesOf } from '../../../scripts/lib/book-probes.mjs';
import { parseProbes } from '../../../src/experiment/parse';

const FOLDER = 'samples/probes';
const BOOK = 'samples/moby-dick';
const chapters = readdirSync(BOOK)
  .filter((name) => /^\d{2}[1-9]|^\d[1-9]\d|^[1-9]/.test(name))
  .map((name) => chapterOf(Number.parseInt(name, 10), readFileSync(`${BOOK}/${name}`, 'utf8')));
const files = bookProbes(chapters);
const textsOf = (name: string): string[] =>
  files.get(name)!.flatMap((row) => Object.values(row).filter((value) => String(value).includes(' ')) as string[]);
const withText = (text: string): typeof chapters => chapters.filter(({ paragraphs }) => paragraphs.some((each) => each.includes(text)));

describe('the sample probes', () => {
  it('are what the script writes, in less than 60 kB', () => {
    const written = readdirSync(FOLDER).filter((name) => name.endsWith('.jsonl'));
    expect(written.sort()).toEqual([...files.keys()].sort());
    let size = 0;
    for (const [name, rows] of files) {
      const text = readFileSync(`${FOLDER}/${name}`, 'utf8');
      expect(
        text
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown),
      ).toEqual(rows);
      size += Buffer.byteLength(text);
    }
    expect(size).toBeLessThan(60_000);
  });

  it.each(['speech', 'next-sentence'])('have no chapter on both sides: %s', (name) => {
    const [train, test] = ['train', 'test'].map((side) =>
      textsOf(`${name}-${side}.jsonl`).map((text) => new Set(withText(text).map(({ number }) => number))),
    );
    expect([...train!, ...test!].filter((found) => found.size === 0)).toEqual([]);
    const known = new Set(train!.flatMap((found) => [...found]));
    // A sentence may stand in several chapters; one of them must be new.
    expect(test!.filter((found) => [...found].every((chapter) => known.has(chapter)))).toEqual([]);
    expect(new Set(test!.flatMap((found) => [...found])).size).toBeGreaterThan(10);
  });

  it('have as many sentences that are said as that are told, without the marks', () => {
    const rows = ['train', 'test'].flatMap((side) => files.get(`speech-${side}.jsonl`)!);
    const labelled = (wanted: string): string[] => rows.flatMap(({ text, label }) => (label === wanted ? [String(text)] : []));
    const [said, told] = [labelled('speech'), labelled('narration')];
    expect(said.length).toBe(told.length);
    const inMarks = (text: string): boolean =>
      withText(text).some(({ paragraphs }) =>
        paragraphs.some((each) => each.split('"').some((part, i) => i % 2 === 1 && part.includes(text))),
      );
    expect(said.filter((text) => !inMarks(text))).toEqual([]);
    expect(told.filter(inMarks)).toEqual([]);
  });

  it('pair neighbours, or sentences of two chapters; no sentence tells by itself', () => {
    const sentences = chapters.flatMap(({ paragraphs }) => paragraphs.map(sentencesOf));
    for (const side of ['train', 'test']) {
      const rows = files.get(`next-sentence-${side}.jsonl`)!;
      for (const { a, b, label } of rows) {
        const follows = sentences.some((each) => each.some((sentence, i) => sentence === a && each[i + 1] === b));
        expect(follows).toBe(label === 1);
        const [from, to] = [a, b].map((text) => withText(String(text)).map(({ number }) => number));
        if (!follows) expect(from!.filter((chapter) => to!.includes(chapter))).toEqual([]);
      }
      expect(new Set(rows.map(({ b }) => b)).size).toBe(rows.length);
      const share = rows.filter(({ label }) => label === 1).length / rows.length;
      expect(Math.abs(share - 0.5)).toBeLessThan(0.05);
    }
  });

  it('are listed for objective-lab probe', () => {
    const probes = parseProbes(readFileSync(`${FOLDER}/probes.json`, 'utf8'), 'probes.json');
    const named = probes.flatMap((probe) =>
      ['train', 'test', 'file'].flatMap((key) => (key in probe ? [probe[key as keyof typeof probe]] : [])),
    );
    expect([...new Set(named)].sort()).toEqual([...files.keys()].sort());
  });
});

import { describe, expect, it } from 'vitest';
import { addresses, brown, brownTexts, PROBE_SETS, sentiment, topics, translation, wordnet } from '../../../scripts/lib/probe-sets.mjs';
import { ProbeOptions } from '../../../src/experiment/probes';
import { folderOf } from '../text/folder';

type Files = ReturnType<typeof sentiment>;
const rowsOf = (files: Files, name: string): Files[number]['rows'] => files.find((file) => file.name === name)!.rows;

describe('ready-made probes', () => {
  it('learn sentiment from two kinds of reviews and are measured on the third, without the empty rows at the ends', () => {
    const rows = (text: string): string =>
      JSON.stringify([
        { text: `${text}  `, class: 1 },
        { text: `not ${text}`, class: 0 },
        { text: '', class: null },
      ]);
    const files = sentiment(
      folderOf({ 'test/fixtures/amazon.json': rows('a'), 'test/fixtures/yelp.json': rows('y'), 'test/fixtures/imdb.json': rows('i') }),
    );
    expect(rowsOf(files, 'sentiment-train').map(({ text }) => text)).toEqual(['a', 'not a', 'y', 'not y']);
    expect(rowsOf(files, 'sentiment-test')).toEqual([
      { text: 'i', label: 'positive' },
      { text: 'not i', label: 'negative' },
    ]);
  });

  it('take the commonest topics by the training side alone, and titles that have just one of them', () => {
    const train = Array.from({ length: 11 }, (_, i) => `__label__t${String(i).padStart(2, '0')} title ${i}\n`);
    const twice = '__label__t01 __label__t02 both\n__label__t03 __label__zest one\n';
    const folder = folderOf({
      'examples/dataset/cooking_dataset_train.tsv': train.join('') + twice,
      'examples/dataset/cooking_dataset_test.tsv': `${'__label__t10 often\n'.repeat(9)}__label__t00 seldom\n`,
    });
    const files = topics(folder);
    expect(rowsOf(files, 'cooking-train').map(({ text }) => text)).toEqual([...Array.from({ length: 10 }, (_, i) => `title ${i}`), 'one']);
    expect(rowsOf(files, 'cooking-test')).toEqual([{ text: 'seldom', label: 't00' }]);
  });

  it('give sentences of a document to one side, as they were printed, and pairs of neighbours or of two documents of a genre', () => {
    const names = Array.from({ length: 20 }, (_, i) => `c${i}`);
    const text = (name: string): string =>
      `\n\n${Array.from({ length: 30 }, (_, i) => `\tSaid/vbd \`\`/\`\` ${name}/np one/cd ,/, no/at ${i}/cd ''/'' ?/. ?/.`).join('\n\n')}\n`;
    const files = brown(
      folderOf({
        'cats.txt': names.map((name) => `${name} news\n`).join(''),
        ...Object.fromEntries(names.map((name) => [name, text(name)])),
      }),
    );
    const documentsOf = (side: string): Set<string> =>
      new Set(rowsOf(files, `brown-genre-${side}`).map((row) => row.text!.split(/[ "]+/)[1]!));
    const [train, test] = [documentsOf('train'), documentsOf('test')];
    expect(train.size + test.size).toBe(20);
    expect([...train].filter((name) => test.has(name))).toEqual([]);
    expect(rowsOf(files, 'brown-genre-train')[0]).toEqual({ text: `Said "${[...train][0]} one, no 0"?`, label: 'news' });

    const pairs = rowsOf(files, 'brown-pairs-train');
    const place = (sentence: string): [string, number] => {
      const [, document, index] = /"(\w+) one, no (\d+)"/.exec(sentence)!;
      return [document!, Number(index)];
    };
    for (const { a, b, label } of pairs) {
      const [[from, first], [to, second]] = [place(a!), place(b!)];
      expect(from === to).toBe(label === 'follows');
      if (label === 'follows') expect(second).toBe(first + 1);
      expect(train).toContain(to);
    }
    const share = pairs.filter(({ label }) => label === 'follows').length / pairs.length;
    expect(share).toBeGreaterThan(0.4);
    expect(share).toBeLessThan(0.6);
  });

  it('make minimal pairs of documents that are not among the texts to pre-train on', () => {
    const names = Array.from({ length: 20 }, (_, i) => `c${i}`);
    const text = (name: string): string => `\tThe/at ${name}/jj man/nn was/bedz on/in the/at deck/nn of/in it/ppo ./.\n\n`;
    const folder = folderOf({
      'cats.txt': names.map((name) => `${name} news\n`).join(''),
      ...Object.fromEntries(names.map((name) => [name, text(name)])),
    });
    const [files, texts] = [brown(folder), brownTexts(folder)];
    const held = names.filter((name) => !texts.has(`brown/${name}.txt`));
    expect(held.length).toBeGreaterThan(0);
    expect(held.length + texts.size).toBe(20);
    expect(texts.get([...texts.keys()][0]!)).toMatch(/^The c\d+ man was on the deck of it\.\n$/);
    const good = (name: string): string => `The ${name} man was on the deck of it.`;
    expect(rowsOf(files, 'brown-agreement')).toEqual(
      held.map((name) => ({ good: good(name), bad: `The ${name} man were on the deck of it.` })),
    );
    expect(rowsOf(files, 'brown-word-order')).toEqual(
      held.map((name) => ({ good: good(name), bad: `The ${name} man was on deck the of it.` })),
    );
  });

  it('give an address a file', () => {
    const folder = folderOf({ 'data/1790_a_n.txt': 'Fellow-Citizens: \n', 'data/1790_a_n.json': '{}', 'data/1791_a_n.txt': 'Again.' });
    expect(Object.fromEntries(addresses(folder))).toEqual({
      'sotu/1790_a_n.txt': 'Fellow-Citizens:\n',
      'sotu/1791_a_n.txt': 'Again.\n',
    });
  });

  it('take a definition once, with the first sentence that shows the word', () => {
    const gloss = (text: string, i: number): string => `${String(i).padStart(8, '0')} 03 n 01 word 0 000 | ${text}  \n`;
    const nouns = [
      'a thing (of sorts); "she saw the thing at last"; "another sentence of some length"',
      'no example',
      'a short one; "the thing"',
      'a thing (of sorts); "the same definition once more"',
    ];
    const folder = folderOf({
      'dict/data.noun': `  1 This software | is "no gloss of any word"\n${nouns.map(gloss).join('')}`,
      'dict/data.verb': '',
      'dict/data.adj': '',
      'dict/data.adv': gloss('in a way: "he did it that way"', 0),
    });
    const rows = [
      { query: 'a thing (of sorts)', document: 'she saw the thing at last' },
      { query: 'in a way', document: 'he did it that way' },
    ];
    // The small set has the same pairs where there are no more of them than it holds.
    expect(wordnet(folder)).toEqual([
      { name: 'wordnet-retrieval', rows },
      { name: 'wordnet-retrieval-small', rows },
    ]);
  });

  it('pair the messages of a compiler by their keys, the same English on one side in all languages', () => {
    const keys = Array.from({ length: 50 }, (_, i) => `message_${i}`);
    const messages = (language: string): string => JSON.stringify(Object.fromEntries(keys.map((key) => [key, `${language} ${key} "{0}"`])));
    const files = translation(
      folderOf({
        'lib/typescript.js': keys.map((key, i) => `  x: diag(${i}, 1 /* Error */, "${key}", "English \\"${key}\\"."),`).join('\n'),
        'lib/de/diagnosticMessages.generated.json': messages('de'),
        'lib/fr/diagnosticMessages.generated.json': messages('fr'),
      }),
    );
    const [german, french] = ['de', 'fr'].map((language) => rowsOf(files, `translation-${language}-test`));
    expect(german!.length + rowsOf(files, 'translation-de-train').length).toBe(50);
    expect(german!.length).toBeGreaterThan(0);
    expect(german!.map(({ source }) => source)).toEqual(french!.map(({ source }) => source));
    const [{ source, target } = {}] = german!;
    expect(target).toBe(`de ${source!.slice('English "'.length, -'".'.length)} "{0}"`);
  });

  it('are options that the probes take', () => {
    for (const probe of PROBE_SETS.flatMap(({ probes }) => probes)) expect(ProbeOptions.safeParse(probe).error).toBeUndefined();
  });
});

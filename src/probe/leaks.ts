import { stringSeed } from '../shared/random';
import type { Leaks } from '../shared/probe-types';
import { splitSentences } from '../text/sentences';
import type { Split } from '../text/dataset';
import type { Tokenizer } from '../text/tokenizer';
import { loadRun } from '../train/experiment';
import { reopen } from '../train/setup';
import type { ProbeContext } from './probe';
import { keyOf } from './table';

/** The texts of an example, in the probe's order. */
export type Texts = readonly string[];

/**
 * Counts test examples that were met before: whose texts, all of them and in this order, are those of a training example; and of whose texts one or more
 * stands in what the run was pre-trained on, all its sentences there as whole sentences (or it as a whole as the text of a table's row). Texts are
 * compared in lower case, and without white space.
 *
 * @param training the examples that were learnt from, for a probe that learns
 * @returns without `corpus` for a model of no run, or of one whose prepared text is gone
 */
export async function countLeaks(test: readonly Texts[], training: readonly Texts[] | undefined, context: ProbeContext): Promise<Leaks> {
  const corpus = await inCorpus(test, context);
  const learnt = training && new Set(training.map(keyOf));
  return {
    ...(corpus !== undefined && { corpus }),
    ...(learnt && { training: test.filter((texts) => learnt.has(keyOf(texts))).length }),
  };
}

async function inCorpus(test: readonly Texts[], { run, signal }: ProbeContext): Promise<number | undefined> {
  const corpus = run === undefined ? undefined : reopen(loadRun(run));
  if (!corpus) return undefined;
  try {
    const { tokenizer, dataset } = corpus;
    const known = knownTo(dataset.folder + [...dataset.tableFolders.values()].join(), dataset.train, tokenizer, signal);
    const stands = async (text: string): Promise<boolean> => known.has(keyOfTokens(await idsOf(text, tokenizer), tokenizer));
    let count = 0;
    for (const texts of test) {
      signal?.throwIfAborted();
      let found = false;
      for (const text of texts) found ||= (await stands(text)) || (await every(sentencesOf(text), stands));
      if (found) count++;
    }
    return count;
  } finally {
    corpus.dataset.close();
  }
}

const sentencesOf = (text: string): string[] => splitSentences(text).map((unit) => unit.text);
const idsOf = async (text: string, tokenizer: Tokenizer): Promise<Int32Array> => (await tokenizer.encode(text)).ids;

async function every(texts: readonly string[], holds: (text: string) => Promise<boolean>): Promise<boolean> {
  for (const text of texts) if (!(await holds(text))) return false;
  return texts.length > 0;
}

/** Probes of one run look at one corpus, several times. */
let remembered: { readonly name: string; readonly keys: ReadonlySet<number> } | undefined;

/** Keys of the sentences that were trained on, and of the texts of tables. */
function knownTo(name: string, train: Split, tokenizer: Tokenizer, signal?: AbortSignal): ReadonlySet<number> {
  if (remembered?.name === name) return remembered.keys;
  const keys = new Set<number>();
  for (let sentence = 0; sentence < train.sentenceCount; sentence++) {
    if (sentence % 1024 === 0) signal?.throwIfAborted();
    keys.add(keyOfTokens(train.sentence(sentence), tokenizer));
  }
  for (const table of train.tables.values())
    for (const column of table.columns)
      for (let row = 0; row < table.rows; row++) keys.add(keyOfTokens(table.tokens(row, column), tokenizer));
  remembered = { name, keys };
  return keys;
}

/** A number of 53 bits: of a million sentences no two are likely to share one. */
function keyOfTokens(ids: Int32Array, tokenizer: Tokenizer): number {
  const text = Array.from(ids, (id) => tokenizer.token(id).replace(/^##/, ''))
    .join('')
    .toLowerCase();
  return (stringSeed(text) & 0x1fffff) * 2 ** 32 + stringSeed(`${text.length} ${text}`);
}

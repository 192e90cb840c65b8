/**
 * Learns a WordPiece vocabulary: byte-pair encoding over words whose later characters carry the `##` prefix, as Hugging Face's trainer does.
 * The trainer of the `tokenizers` package numbers its alphabet in the order of a randomly seeded hash table, so two runs over the same text end with
 * different vocabularies; this one breaks every tie by the text, and the same text always gives the same tokens.
 */
import { setImmediate } from 'node:timers/promises';
import { PairQueue } from './pair-queue';
import { detached } from './word-cache';

/** Words longer than this become [UNK] when encoding, so there is nothing to learn from them (BERT's `max_input_chars_per_word`). */
export const MAX_WORD_CHARACTERS = 100;
/** Beyond this many distinct words the rarest are dropped, so that memory stays bounded whatever the text is. */
const MAX_WORDS = 1_000_000;

/** What is always a word by itself: punctuation (of ASCII all that is neither letter nor digit) and Chinese characters, as in BERT's pre-tokeniser. */
const ALONE = String.raw`!-\/:-@\[-\x60{-~\p{P}\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2ceaf}\u{2f800}-\u{2fa1f}`;
/** Of a longer word only so much at once, as an expression overflows its stack on some MB: a part that is longer than a word may be. */
const WORD = new RegExp(String.raw`([${ALONE}])|[^${ALONE}\s\p{C}]{1,${MAX_WORD_CHARACTERS + 1}}`, 'gu');

/** Word frequencies under BERT's normalisation and pre-tokenisation: clean, isolate CJK and punctuation, optionally lowercase and strip accents. */
export class WordCounts {
  readonly #counts = new Map<string, number>();

  constructor(private readonly lowercase: boolean) {}

  add(text: string): void {
    const normal = this.lowercase
      ? text
          .normalize('NFD')
          .replace(/\p{Mn}/gu, '')
          .toLowerCase()
      : text;
    /** Where a word that is too long has been read to. */
    let cut = -1;
    for (const { 0: word, 1: alone, index } of normal.matchAll(WORD)) {
      const goesOn = alone === undefined && index === cut;
      if (word.length > MAX_WORD_CHARACTERS) cut = index + word.length;
      if (goesOn || word.length > MAX_WORD_CHARACTERS) continue;
      const count = this.#counts.get(word);
      this.#counts.set(count === undefined ? detached(word) : word, (count ?? 0) + 1);
    }
    for (let rare = 1; this.#counts.size > MAX_WORDS; rare *= 2) {
      for (const [word, count] of this.#counts) if (count <= rare) this.#counts.delete(word);
    }
  }

  /** The words with their counts in code unit order of the words. */
  entries(): [word: string, count: number][] {
    return [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

/**
 * The `size` tokens that WordPiece training learns, the alphabet first, then one token a merge, most frequent pair first; fewer if the text has no more
 * pairs to merge. Yields to the event loop, and stops within a second of `signal`.
 */
export async function learnWordPieces(
  words: readonly [word: string, count: number][],
  size: number,
  signal?: AbortSignal,
): Promise<string[]> {
  const alphabet = chooseAlphabet(words, Math.floor(size / 2));
  const learner = new Learner(alphabet, words);
  for (let merges = 1; learner.tokens.length < size && learner.merge(); merges++) {
    if (merges % 256 === 0) {
      await setImmediate();
      signal?.throwIfAborted();
    }
  }
  return learner.tokens.slice(0, size);
}

/** A word's characters as tokens: the first plain, the others continuing. */
function* symbols(word: string): Generator<string> {
  let prefix = '';
  for (const character of word) {
    yield prefix + character;
    prefix = '##';
  }
}

/** The `limit` most frequent single-character tokens, sorted; words with any other character cannot be spelt and teach nothing. */
function chooseAlphabet(words: readonly [string, number][], limit: number): string[] {
  const counts = new Map<string, number>();
  for (const [word, count] of words) for (const symbol of symbols(word)) counts.set(symbol, (counts.get(symbol) ?? 0) + count);
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, limit)
    .map(([symbol]) => symbol)
    .sort();
}

class Learner {
  readonly tokens: string[];
  readonly #ids = new Map<string, number>();
  readonly #words: { symbols: number[]; count: number }[] = [];
  readonly #pairs = new PairQueue();
  /** For each pair, the words that held it at some time. */
  readonly #places = new Map<number, Set<number>>();

  constructor(alphabet: readonly string[], words: readonly [string, number][]) {
    this.tokens = [...alphabet];
    alphabet.forEach((symbol, id) => this.#ids.set(symbol, id));
    for (const [word, count] of words) {
      const ids = Array.from(symbols(word), (symbol) => this.#ids.get(symbol));
      if (ids.length < 2 || !ids.every((id) => id !== undefined)) continue;
      this.#words.push({ symbols: ids, count });
      for (let i = 1; i < ids.length; i++) this.#count(ids[i - 1]!, ids[i]!, count, this.#words.length - 1);
    }
  }

  /** Merges the most frequent pair everywhere; false when no pair is left. */
  merge(): boolean {
    const best = this.#pairs.take();
    if (!best) return false;
    const { left, right, pair } = best;
    const merged = this.#intern(this.tokens[left]! + this.tokens[right]!.slice(2));
    for (const place of this.#places.get(pair) ?? []) {
      const word = this.#words[place]!;
      const old = word.symbols;
      const next: number[] = [];
      for (let i = 0; i < old.length; i++) {
        const joins = old[i] === left && old[i + 1] === right;
        next.push(joins ? merged : old[i]!);
        if (joins) i++;
      }
      if (next.length === old.length) continue;
      for (let i = 1; i < old.length; i++) this.#count(old[i - 1]!, old[i]!, -word.count, place);
      for (let i = 1; i < next.length; i++) this.#count(next[i - 1]!, next[i]!, word.count, place);
      word.symbols = next;
    }
    this.#places.delete(pair);
    return true;
  }

  /** Two merges may spell the same token: it is one token. */
  #intern(token: string): number {
    let id = this.#ids.get(token);
    if (id === undefined) {
      id = this.tokens.push(token) - 1;
      this.#ids.set(token, id);
    }
    return id;
  }

  #count(left: number, right: number, change: number, place: number): void {
    const pair = this.#pairs.change(left, right, change);
    if (change < 0) return;
    const places = this.#places.get(pair);
    if (places) places.add(place);
    else this.#places.set(pair, new Set([place]));
  }
}

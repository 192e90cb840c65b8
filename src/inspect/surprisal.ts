import { LRUCache } from 'lru-cache';
import type { WordSurprisal } from '../shared/types';
import type { OpenedModel } from './model';
import { logProbabilities, maskOf, negativeLogLikelihoods, type Row } from './rows';
import { BESIDE, MOST_SLOTS, TOGETHER } from './sessions';
import { wordsOf, type Word } from './words';

/** In a quick estimate every so-manieth word is hidden at once: a share that training hides too (Wettig et al., 2023, arXiv 2202.08005). */
const QUICK_EVERY = 4;
/** The most tokens that a quick estimate reads at once: what an edit changes is read again, and what stands far from a word says little about it. */
const QUICK_SIZE = 32;
/** The share of a window on either side that is there for context alone. */
const MARGIN = 1 / 8;
/** What ends a sentence: a good place to go over to the next window, since it stays where it is when words are put in elsewhere. */
const END = /[.!?…。！？]$/u;
/** Windows whose scores are remembered: about a book. */
const MOST_WINDOWS = 5_000;
/** Rows whose expectations are remembered: those of a few words. */
const MOST_EXPECTATIONS = 32;

/** A part of a word that is hidden and scored as one: all of it, unless it is longer than half a window. */
type Part = Pick<Word, 'from' | 'to'>;

/** What is read at once: tokens `from` to `to` of a text (end exclusive), and the parts of it that are scored there. */
export interface ScoredWindow {
  readonly from: number;
  readonly to: number;
  readonly parts: readonly Part[];
}

/** Scores of windows by model and contents: an edit leaves most windows of a text as they were. */
const scores = new LRUCache<string, Float64Array>({ max: MOST_WINDOWS });

/** Log-probabilities [V] at places where somebody writes, by model and row: those of a hidden word stay as they are while its letters change. */
const expectations = new LRUCache<string, Float32Array[]>({ max: MOST_EXPECTATIONS });

/**
 * The surprisal of every word, in nats: −log p of its tokens by the chain rule from left to right, each predicted with itself and the word's later tokens
 * hidden (pseudo-log-likelihood: Salazar et al., 2020, arXiv 1910.14659; of words of several tokens: Kauf & Ivanova, 2023, arXiv 2305.10588). A text
 * longer than the model's sequences is read in overlapping windows. Words that are unknown to the tokenizer, and special tokens, are left out.
 *
 * @param quick hides every fourth word at once instead of each alone, and reads short windows: a tenth of the work or less, and nearly the same numbers
 * @param at an offset in the text, where somebody writes: only the word before it and one that begins there are scored
 */
export async function surprisal(
  model: OpenedModel,
  text: string,
  quick: boolean,
  signal?: AbortSignal,
  at?: number,
): Promise<WordSurprisal[]> {
  const { tokenizer, context } = model;
  const { unk } = tokenizer.special;
  maskOf(model);
  const encoded = await tokenizer.encode(text);
  const words = wordsOf(encoded, tokenizer).filter(({ from, to }) => !encoded.ids.subarray(from, to).includes(unk));
  const content = quick ? Math.min(QUICK_SIZE, context - 2) : context - 2;
  const parts = words.flatMap((word) => partsOf(word, Math.max(1, Math.floor(content / 2))));
  const ends = (part: Part): boolean => END.test(tokenizer.token(encoded.ids[part.to - 1]!));
  const losses = new Float64Array(encoded.ids.length).fill(NaN);
  const there = words.filter(({ start }, i) => at !== undefined && start <= at && (words[i + 1]?.start ?? Infinity) >= at);
  const asked = (token: number): boolean => at === undefined || there.some(({ from, to }) => from <= token && token < to);
  for (const window of scoredWindows(parts, encoded.ids.length, content, ends)) {
    const scored = window.parts.filter(({ from }) => asked(from));
    if (scored.length === 0) continue;
    const ids = encoded.ids.slice(window.from, window.to);
    const places = window.parts.map(({ from, to }) => `${from - window.from}-${to - window.from}`);
    const key = [model.key, quick, ids.join(), places.join()].join(' ');
    const score = (): Promise<Float64Array> =>
      at === undefined ? scoreWindow(model, ids, window, quick, signal) : scorePlaces(model, ids, window, quick, asked, signal);
    const found = scores.get(key) ?? (await score());
    if (scored.length === window.parts.length) scores.set(key, found);
    for (const { from, to } of scored) losses.set(found.subarray(from - window.from, to - window.from), from);
  }
  return words
    .map(({ start, end, from, to }) => ({ start, end, surprisal: losses.subarray(from, to).reduce((a, b) => a + b, 0), pieces: to - from }))
    .filter((word) => !Number.isNaN(word.surprisal));
}

function partsOf({ from, to }: Word, most: number): Part[] {
  const parts: Part[] = [];
  for (let start = from; start < to; start += most) parts.push({ from: start, to: Math.min(to, start + most) });
  return parts;
}

/**
 * Windows of at most `size` tokens that overlap, so that every part is scored where it has context on both sides, but for the text's own ends. What is
 * scored in a window ends with a sentence where it can: an edit then changes the windows near it, and leaves the others as they were.
 *
 * @param parts in rising order, none longer than half a window
 * @param length tokens of the text
 * @param ends whether a sentence ends with a part
 */
export function scoredWindows(parts: readonly Part[], length: number, size: number, ends: (part: Part) => boolean): ScoredWindow[] {
  const margin = Math.floor(size * MARGIN);
  const windows: ScoredWindow[] = [];
  for (let next = 0; next < parts.length;) {
    const { from: first } = parts[next]!;
    // A text that fits into one window needs no other.
    const limit = length <= size ? length : first + size - 2 * margin;
    let end = next + 1;
    while (end < parts.length && parts[end]!.to <= limit) end++;
    if (end < parts.length) {
      const half = first + (limit - first) / 2;
      const sentence = parts.slice(next, end).findLastIndex((part) => ends(part) && part.to >= half);
      if (sentence >= 0) end = next + sentence + 1;
    }
    const scored = parts.slice(next, end);
    const spare = size - (scored.at(-1)!.to - first);
    const from = Math.max(0, Math.min(first - Math.floor(spare / 2), length - size));
    windows.push({ from, to: Math.min(length, from + size), parts: scored });
    next = end;
  }
  return windows;
}

/** The losses in nats of a window's tokens; 0 for those that are in no part. */
async function scoreWindow(
  model: OpenedModel,
  ids: Int32Array,
  window: ScoredWindow,
  quick: boolean,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const rows = rowsOf(model, ids, window, quick);
  const losses = new Float64Array(ids.length);
  (await negativeLogLikelihoods(model, rows, signal, quick ? BESIDE : TOGETHER)).forEach((found, row) =>
    rows[row]!.slots.forEach((slot, i) => (losses[slot] = found[i]!)),
  );
  return losses;
}

/** The same for the tokens alone that are asked for, by their place in the text. */
async function scorePlaces(
  model: OpenedModel,
  ids: Int32Array,
  window: ScoredWindow,
  quick: boolean,
  asked: (token: number) => boolean,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const rows = rowsOf(model, ids, window, quick)
    .map((row) => ({ ids: row.ids, slots: row.slots.filter((slot) => asked(window.from + slot)) }))
    .filter(({ slots }) => slots.length > 0);
  const keyOf = (row: Row): string => [model.key, row.ids.join(), row.slots.join()].join(' ');
  const found = new Map(rows.map((row) => [row, expectations.get(keyOf(row))]));
  const missing = rows.filter((row) => !found.get(row));
  (await logProbabilities(model, missing, signal, BESIDE)).forEach((expected, i) => {
    found.set(missing[i]!, expected);
    expectations.set(keyOf(missing[i]!), expected);
  });
  const losses = new Float64Array(ids.length);
  for (const [{ slots }, expected] of found) slots.forEach((slot, i) => (losses[slot] = -expected![i]![ids[slot]!]!));
  return losses;
}

function rowsOf(model: OpenedModel, ids: Int32Array, { from, parts }: ScoredWindow, quick: boolean): (Row & { labels: number[] })[] {
  return hiddenRows(
    ids,
    parts.map((part) => ({ from: part.from - from, to: part.to - from })),
    maskOf(model),
    quick ? Math.max(QUICK_EVERY, Math.ceil(parts.length / MOST_SLOTS)) : parts.length,
  );
}

/**
 * Rows that ask for every token of the parts once, with itself and the later tokens of its part hidden. Of parts that still have tokens to ask for, a row
 * takes as large a share as one part in `every` of all is.
 */
export function hiddenRows(ids: Int32Array, parts: readonly Part[], mask: number, every: number): (Row & { labels: number[] })[] {
  const rows: (Row & { labels: number[] })[] = [];
  for (let shown = 0; ; shown++) {
    const longer = parts.filter(({ from, to }) => from + shown < to);
    if (longer.length === 0) return rows;
    const apart = Math.ceil((every * longer.length) / parts.length);
    for (let first = 0; first < Math.min(apart, longer.length); first++) {
      const members = longer.filter((_, i) => i % apart === first);
      const slots = members.map(({ from }) => from + shown);
      const row = ids.slice();
      for (const { from, to } of members) row.fill(mask, from + shown, to);
      rows.push({ ids: row, slots, labels: slots.map((slot) => ids[slot]!) });
    }
  }
}

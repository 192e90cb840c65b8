import { hash32, permute, uniform } from '../shared/random';
import type { Vocabulary } from '../text/vocabulary';

/** How one token of a hidden place was replaced. */
export type Replacement = 'mask' | 'random' | 'keep';

export interface MaskingOptions {
  /** Share of the places that is hidden. */
  readonly rate: number;
  /** Shares of the hidden tokens; they add up to 1. */
  readonly replace: Readonly<Record<Replacement, number>>;
  /** What is hidden together: single tokens, all tokens of a word, or runs of words. */
  readonly unit: 'token' | 'word' | 'span';
  /** Mean length of a run in words, before it is cut at ten: 5 is SpanBERT's (3.8 after the cut). */
  readonly meanSpan: number;
  /** `rare` hides rare tokens more often than common ones; `none` all alike. */
  readonly favour: 'none' | 'rare';
}

/** BERT's masking. Held-out data is always masked like this, whatever the training's masking, so that runs can be compared. */
export const STANDARD_MASKING: MaskingOptions = {
  rate: 0.15,
  replace: { mask: 0.8, random: 0.1, keep: 0.1 },
  unit: 'token',
  meanSpan: 5,
  favour: 'none',
};

/** A sequence as the objective trains on it: the binary mask, the corrupted input, and what must be predicted. */
export interface MaskedSequence {
  readonly inputIds: Int32Array;
  /** 1 where a token is hidden. */
  readonly mask: Uint8Array;
  /** The hidden places in rising order, with how each was replaced. */
  readonly hidden: readonly { readonly position: number; readonly label: number; readonly replacement: Replacement }[];
}

/** Most places of a sequence that are hidden: the share of those other than [CLS] and [SEP], at least one. */
export const hiddenCount = (length: number, rate: number): number => Math.max(1, Math.round(rate * (length - 2)));

/** Longest run of hidden words (SpanBERT). */
const LONGEST_SPAN = 10;

/** Of a token that was never counted. A vocabulary without counts makes all tokens alike. */
const LEAST_FREQUENCY = 1e-9;

/** Draws of different kinds are made with different numbers. */
const DRAW = { order: 0, replacement: 1, token: 2, length: 3 } as const;

/**
 * Hides tokens of a sequence, never special ones: {@link hiddenCount} of them, fewer only where no unit fits any more. Chosen and replaced by a pure
 * function of `key`.
 *
 * Words are those of whole-word masking (BERT's later release); runs of words are drawn and replaced as in SpanBERT (Joshi et al., 2020, arXiv
 * 1907.10529): lengths geometric, cut at ten words, and one replacement for all tokens of a run.
 *
 * @param ids the sequence with its special tokens
 */
export function maskSequence(ids: Int32Array, options: MaskingOptions, vocabulary: Vocabulary, key: number): MaskedSequence {
  const units = options.unit === 'token' ? tokensOf(ids, vocabulary) : wordsOf(ids, vocabulary);
  const runs = options.unit === 'span' ? spans(units, ids.length, options, key) : chosen(units, ids, options, vocabulary, key);
  const inputIds = ids.slice();
  const mask = new Uint8Array(ids.length);
  const hidden: MaskedSequence['hidden'][number][] = [];
  for (const run of runs) {
    for (const position of run) {
      const replacement = drawReplacement(options, uniform(key, DRAW.replacement, options.unit === 'span' ? run[0]! : position));
      mask[position] = 1;
      if (replacement === 'mask') inputIds[position] = vocabulary.special.mask!;
      if (replacement === 'random') inputIds[position] = randomToken(vocabulary, key, position);
      hidden.push({ position, label: ids[position]!, replacement });
    }
  }
  return { inputIds, mask, hidden: hidden.sort((a, b) => a.position - b.position) };
}

function drawReplacement({ replace }: MaskingOptions, draw: number): Replacement {
  if (draw < replace.mask) return 'mask';
  return draw < replace.mask + replace.random ? 'random' : 'keep';
}

/** Places that are hidden together. */
type Places = readonly number[];

const tokensOf = (ids: Int32Array, { isSpecial }: Vocabulary): Places[] =>
  [...ids.keys()].flatMap((i) => (isSpecial(ids[i]!) ? [] : [[i]]));

/** Each word with its continuations; a window may begin in the middle of one. */
function wordsOf(ids: Int32Array, { isSpecial, startsWord }: Vocabulary): Places[] {
  const words: number[][] = [];
  ids.forEach((id, i) => {
    if (isSpecial(id)) return;
    const last = words.at(-1);
    if (last && !startsWord(id) && last.at(-1) === i - 1) last.push(i);
    else words.push([i]);
  });
  return words;
}

/** Units in random order, as many as fit. */
function chosen(
  units: readonly Places[],
  ids: Int32Array,
  { rate, favour }: MaskingOptions,
  vocabulary: Vocabulary,
  key: number,
): Places[] {
  const order =
    favour === 'rare'
      ? byRarity(units, ids, vocabulary, key)
      : units.map((_, i) => units[permute(i, units.length, hash32(key, DRAW.order))]!);
  let left = hiddenCount(ids.length, rate);
  return order.filter((unit) => {
    const fits = unit.length <= left;
    if (fits) left -= unit.length;
    return fits;
  });
}

/**
 * A random order in which rare units tend to come first: sampling without replacement with the weights 1/√frequency (Efraimidis & Spirakis, 2006),
 * the subsampling of word2vec (Mikolov et al., 2013, arXiv 1310.4546) turned round.
 */
function byRarity(units: readonly Places[], ids: Int32Array, { frequency }: Vocabulary, key: number): Places[] {
  const rank = (unit: Places): number => {
    const commonest = unit.reduce((most, i) => Math.max(most, frequency(ids[i]!)), 0);
    return -Math.log(1 - uniform(key, DRAW.order, unit[0]!)) * Math.sqrt(Math.max(commonest, LEAST_FREQUENCY));
  };
  return units
    .map((unit) => ({ unit, rank: rank(unit) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ unit }) => unit);
}

/** Runs of words at random places, until enough tokens are hidden. */
function spans(words: readonly Places[], length: number, { rate, meanSpan }: MaskingOptions, key: number): Places[] {
  const free = words.map(() => true);
  const runs: number[][] = [];
  let left = Math.min(
    hiddenCount(length, rate),
    words.reduce((sum, word) => sum + word.length, 0),
  );
  for (let attempt = 0; left > 0 && attempt < 20 * words.length; attempt++) {
    const wanted = geometric(uniform(key, DRAW.length, attempt), meanSpan);
    const first = hash32(key, DRAW.order, attempt) % words.length;
    const run: number[] = [];
    for (
      let word = first;
      word < Math.min(words.length, first + wanted) && free[word]! && run.length + words[word]!.length <= left;
      word++
    ) {
      run.push(...words[word]!);
      free[word] = false;
    }
    left -= run.length;
    if (run.length > 0) runs.push(run);
  }
  return runs;
}

/** A length from the geometric distribution of the given mean, of which only the lengths up to {@link LONGEST_SPAN} are kept: its sum, inverted. */
function geometric(draw: number, mean: number): number {
  if (mean <= 1) return 1;
  const continues = 1 - 1 / mean;
  return 1 + Math.floor(Math.log(1 - draw * (1 - continues ** LONGEST_SPAN)) / Math.log(continues));
}

/** An ordinary token, all alike. */
export function randomToken({ size, isSpecial }: Vocabulary, key: number, position: number): number {
  for (let attempt = 0; ; attempt++) {
    const id = hash32(key, DRAW.token, position, attempt) % size;
    if (!isSpecial(id)) return id;
  }
}

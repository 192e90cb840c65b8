import type { SpecialTokens, Tokenizer } from './tokenizer';

/** A vocabulary as plain data, which another thread can be given. */
export interface VocabularyData {
  readonly special: SpecialTokens;
  /** For each token 1 if it is special. */
  readonly specials: Uint8Array;
  /** For each token 1 if it begins a word. */
  readonly starts: Uint8Array;
  /** How often each token occurs in the training text. */
  readonly counts: Float64Array;
}

/** What there is to know of token ids without their texts: what masks and corruptions are made with. */
export interface Vocabulary {
  readonly size: number;
  readonly special: SpecialTokens;
  /** Whether a token is special: neither hidden, nor drawn as a replacement. */
  readonly isSpecial: (id: number) => boolean;
  /** Whether a token begins a word, and does not continue one. */
  readonly startsWord: (id: number) => boolean;
  /** Share of a token among those of the training text. */
  readonly frequency: (id: number) => number;
}

/** @param counts how often each token occurs in the training text */
export function vocabularyData(tokenizer: Tokenizer, counts: Float64Array): VocabularyData {
  const ids = Array.from({ length: tokenizer.vocabularySize }, (_, id) => id);
  return {
    special: tokenizer.special,
    specials: Uint8Array.from(ids, (id) => Number(tokenizer.isSpecial(id))),
    starts: Uint8Array.from(ids, (id) => Number(tokenizer.startsWord(id))),
    counts,
  };
}

export function vocabularyOf({ special, specials, starts, counts }: VocabularyData): Vocabulary {
  const total = counts.reduce((a, b) => a + b, 0);
  return {
    size: specials.length,
    special,
    isSpecial: (id) => specials[id] === 1,
    startsWord: (id) => starts[id] === 1,
    frequency: (id) => (total > 0 ? (counts[id] ?? 0) / total : 0),
  };
}

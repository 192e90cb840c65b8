import type { Span } from '../shared/types';
import type { Encoded, Tokenizer } from '../text/tokenizer';

/** A word of a text: its place, and its tokens `from` to `to` (end exclusive). */
export interface Word extends Span {
  readonly from: number;
  readonly to: number;
}

/**
 * The words that tokens make up, in the sense of the tokenizer: pieces that continue a word belong to it, and so do bytes of one character. Special
 * tokens, and what covers nothing of the text, are left out.
 */
export function wordsOf({ ids, spans }: Encoded, tokenizer: Pick<Tokenizer, 'isSpecial' | 'startsWord'>): Word[] {
  const words: Word[] = [];
  spans.forEach(({ start, end }, i) => {
    const id = ids[i]!;
    if (tokenizer.isSpecial(id) || start === end) return;
    const last = words.at(-1);
    // Adjacent in the text and in the tokens, or one character in several bytes.
    const joins = last?.to === i && (start < last.end || (start === last.end && !tokenizer.startsWord(id)));
    if (joins) words[words.length - 1] = { ...last, end: Math.max(last.end, end), to: i + 1 };
    else words.push({ start, end, from: i, to: i + 1 });
  });
  return words;
}

/** The tokens that stand in a span of a text: from, and to (end exclusive); equal when there are none. */
export function tokensIn(spans: readonly Span[], { start, end }: Span): [from: number, to: number] {
  const inside = (span: Span): boolean => span.start < span.end && span.start < end && span.end > start;
  const from = spans.findIndex(inside);
  return from < 0 ? [0, 0] : [from, spans.findLastIndex(inside) + 1];
}

import type { Span } from '../../shared/types';
import { boundaryBefore, partAround, shifted } from '../text-part';

/** What a model reads at once: a paragraph, or a part of a long one. `start` and `end` are offsets in the document. */
export interface Passage extends Span {
  readonly text: string;
}

/** The most that one passage holds, in UTF-16 units. */
export const LONGEST_PASSAGE = 2_000;

/** Full stops and their like, closed by quotes or brackets, before white space; those of Chinese and Japanese need none. */
const SENTENCE_END = /[.!?…]["'”’»)\]]*(?=\s)|[。！？][」』”’）]*/gu;

/**
 * A document's passages: its runs of lines that are not blank, without the white space around them. Longer ones are cut at the end of a sentence, else
 * between words, and never inside a surrogate pair. What is not in a passage is white space.
 */
export function passagesOf(text: string): Passage[] {
  return paragraphsOf(text).flatMap((paragraph) => cut(text, paragraph));
}

/**
 * The text of the passage at `offset` as it will be for a model once a word is begun there, whichever word that is, and the offset behind its first letter
 * in that text; undefined where letters would belong to a word that is there. White space behind a passage counts as spaces.
 */
export function withWordAt(passages: readonly Passage[], offset: number): { readonly text: string; readonly at: number } | undefined {
  const passage = passages.findLast(({ start }) => start < offset);
  if (!passage) return undefined;
  const at = offset - passage.start;
  const [before, behind] = [passage.text.slice(0, at).padEnd(at), passage.text.slice(at)];
  const apart = at <= passage.text.length + 1 && /\s$/u.test(before) && /^(\s|$)/u.test(behind);
  return apart ? { text: `${before}a${behind}`, at: at + 1 } : undefined;
}

/** A replacement in a document: `removed` units at `offset` became `inserted` ones. */
export interface Change {
  readonly offset: number;
  readonly removed: number;
  readonly inserted: number;
}

/**
 * The passages of a text after a change, from those that it had before: only the paragraphs around the change are split anew.
 *
 * @param length of the text as it is now
 * @param read the text as it is now between two offsets
 */
export function passagesAfter(
  before: readonly Passage[],
  { offset, removed, inserted }: Change,
  length: number,
  read: (start: number, end: number) => string,
): Passage[] {
  const by = inserted - removed;
  /** Whether a blank line comes before a passage; `moved` is how far the passages here have moved. */
  const begins = (i: number, moved: number): boolean => read(before[i - 1]!.end + moved, before[i]!.start + moved).split('\n').length > 2;
  // A change beside a paragraph may join it with another: the ones before and behind are split again as well.
  let first = before.findLastIndex(({ end }) => end < offset);
  while (first > 0 && !begins(first, 0)) first--;
  let next = before.findIndex(({ start }) => start > offset + removed) + 1;
  while (next > 0 && next < before.length && !begins(next, by)) next++;
  const start = before[first]?.start ?? 0;
  const end = next > 0 ? before[next - 1]!.end + by : length;
  return [
    ...before.slice(0, Math.max(0, first)),
    ...shifted(passagesOf(read(start, end)), start),
    ...(next > 0 ? shifted(before.slice(next), by) : []),
  ];
}

/** The runs of lines that are not blank. */
export function paragraphsOf(text: string): Span[] {
  const paragraphs: Span[] = [];
  let begun: number | undefined;
  for (let line = 0; line <= text.length;) {
    const found = text.indexOf('\n', line);
    const end = found < 0 ? text.length : found;
    const blank = text.slice(line, end).trim() === '';
    if (!blank) begun ??= line;
    if (begun !== undefined && (blank || found < 0)) {
      paragraphs.push(trimmed(text, begun, blank ? line : end));
      begun = undefined;
    }
    line = end + 1;
  }
  return paragraphs;
}

/** The run of lines at an offset, otherwise the next one, otherwise the last; looked for in at most `budget` UTF-16 units around the offset. */
export function paragraphAt(text: string, offset: number, budget: number): Span | undefined {
  const { start, end } = partAround(text, offset, budget);
  const paragraphs = shifted(paragraphsOf(text.slice(start, end)), start);
  return paragraphs.find((paragraph) => offset <= paragraph.end) ?? paragraphs.at(-1);
}

function cut(text: string, { start, end }: Span): Passage[] {
  const passages: Passage[] = [];
  for (let from = start; from < end;) {
    const limit = Math.min(end, from + LONGEST_PASSAGE);
    const part = trimmed(text, from, limit === end ? end : boundary(text, from, limit));
    if (part.end > part.start) passages.push({ ...part, text: text.slice(part.start, part.end) });
    from = Math.max(part.end, from + 1);
    while (from < end && text.slice(from, from + 1).trim() === '') from++;
  }
  return passages;
}

/** Where a passage from `from` that may reach to `limit` ends: in its second half. */
function boundary(text: string, from: number, limit: number): number {
  const half = Math.floor((from + limit) / 2);
  const last = [...text.slice(half, limit).matchAll(SENTENCE_END)].at(-1);
  return last ? half + last.index + last[0].length : boundaryBefore(text, limit, limit - half);
}

function trimmed(text: string, start: number, end: number): Span {
  const part = text.slice(start, end);
  return { start: start + part.length - part.trimStart().length, end: start + part.trimEnd().length };
}

export const overlaps = (a: Span, b: Span): boolean => a.start < b.end && b.start < a.end;

/** What a span of a text is read with: the passages that it touches, and itself. */
export function contextOf(text: string, span: Span): Span {
  const touched = passagesOf(text).filter(({ start, end }) => start <= span.end && span.start <= end);
  return {
    start: Math.min(span.start, touched[0]?.start ?? span.start),
    end: Math.max(span.end, touched.at(-1)?.end ?? span.end),
  };
}

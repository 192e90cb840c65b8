import type { Span } from '../../shared/types';
import { intensityOf } from './intensity';
import { overlaps, type Change, type Passage } from './passages';
import type { Score } from './scores';

/** A painted word: its place in the document, and its class of surprise. */
export interface Mark extends Span {
  readonly level: number;
}

/** Marks after a change, as the editor itself moves decorations that do not grow at their edges. */
export function moved(marks: readonly Mark[], { offset, removed, inserted }: Change): Mark[] {
  const behind = offset + removed;
  const by = inserted - removed;
  return marks.flatMap((mark) => {
    if (mark.end <= offset) return [mark];
    if (mark.start >= behind) return [{ ...mark, start: mark.start + by, end: mark.end + by }];
    const start = mark.start < offset ? mark.start : behind + by;
    const end = mark.end > behind ? mark.end + by : offset;
    return end > start ? [{ ...mark, start, end }] : [];
  });
}

/** The marks of these passages: those of the words where they are known, otherwise those that stood there before. */
export function marksOf(
  passages: readonly Passage[],
  scoreOf: (passage: Passage) => Pick<Score, 'words' | 'depth'> | undefined,
  before: readonly Mark[],
): Mark[] {
  return passages.flatMap((passage) => {
    const { words, depth } = scoreOf(passage) ?? { words: [], depth: 'part' };
    const known = words.map(({ start, end, surprisal }) => ({
      start: passage.start + start,
      end: passage.start + end,
      level: intensityOf(surprisal),
    }));
    if (depth !== 'part') return known;
    const kept = before.filter((mark) => overlaps(mark, passage) && !known.some((each) => overlaps(each, mark)));
    return [...kept, ...known].sort((a, b) => a.start - b.start);
  });
}

export function sameMarks(a: readonly Mark[], b: readonly Mark[]): boolean {
  return a.length === b.length && a.every(({ start, end }, i) => start === b[i]?.start && end === b[i].end);
}

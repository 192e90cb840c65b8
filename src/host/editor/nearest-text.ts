import type { Neighbour, Span } from '../../shared/types';
import { overlaps } from './passages';

/** The most that a lens shows of a sentence, in characters. */
const LONGEST = 80;

/** The likest of the sentences that are not in the paragraph itself. `paragraph` is a span of the file at `path`. */
export function nearestOf(neighbours: readonly Neighbour[], path: string, paragraph: Span): Neighbour | undefined {
  return neighbours.find((neighbour) => neighbour.path !== path || !overlaps(neighbour, paragraph));
}

/** `≈ “nearest sentence” — file.md:12 (0.83)` */
export function lensTitle({ text, similarity }: Neighbour, file: string, line: number): string {
  const characters = Array.from(text.replace(/\s+/gu, ' ').trim());
  const shown = characters.length > LONGEST ? `${characters.slice(0, LONGEST).join('').trimEnd()}…` : characters.join('');
  return `≈ “${shown}” — ${file}:${line} (${similarity.toFixed(2)})`;
}

/** Where a sentence stands in a text that may have changed since it was found: nearest to its former place; undefined if it is gone. */
export function findAgain(text: string, { start, text: sentence }: Neighbour): Span | undefined {
  const [before, behind] = [text.lastIndexOf(sentence, start), text.indexOf(sentence, start)];
  const found = before < 0 || (behind >= 0 && behind - start < start - before) ? behind : before;
  return found < 0 ? undefined : { start: found, end: found + sentence.length };
}

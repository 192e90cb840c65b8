import type { Span } from '../shared/types';

/**
 * The part of a text of at most `budget` UTF-16 units around `anchor`, a third of it before the anchor. It begins and ends at line breaks where
 * one is near, otherwise between words, and never inside a surrogate pair.
 */
export function partAround(text: string, anchor: number, budget: number): Span {
  if (text.length <= budget) return { start: 0, end: text.length };
  const wanted = Math.min(Math.max(0, anchor - Math.floor(budget / 3)), text.length - budget);
  const reach = Math.floor(budget / 6);
  const start = wanted === 0 ? 0 : boundaryAfter(text, wanted, reach);
  const limit = Math.min(text.length, start + budget);
  const end = limit === text.length ? limit : boundaryBefore(text, limit, reach);
  return { start, end: Math.max(end, start) };
}

/** The first good place to begin at or after `at`, within `reach`. */
function boundaryAfter(text: string, at: number, reach: number): number {
  const ahead = text.slice(at - 1, at + reach);
  const line = ahead.indexOf('\n');
  if (line >= 0) return at + line;
  const space = ahead.search(/\s/u);
  return space >= 0 ? at + space : outsidePair(text, at);
}

/** The last good place to end at or before `at`, within `reach`. */
export function boundaryBefore(text: string, at: number, reach: number): number {
  const behind = text.slice(at - reach, at);
  const line = behind.lastIndexOf('\n');
  if (line >= 0) return at - reach + line + 1;
  const space = behind.search(/\s\S*$/u);
  return space >= 0 ? at - reach + space : outsidePair(text, at);
}

function outsidePair(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}

/** Moves spans by `offset`, from positions in a part to positions in its document. */
export function shifted<T extends Span>(spans: readonly T[], offset: number): T[] {
  return spans.map((span) => ({ ...span, start: span.start + offset, end: span.end + offset }));
}

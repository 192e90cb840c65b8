import type { Span } from '../../shared/types';

/** What stands for a hidden word in a text, whatever the model calls its own. */
export const MASK = '[MASK]';

/** The mask in a line that ends at a column or holds it, in UTF-16 units. */
export function maskAt(line: string, column: number): Span | undefined {
  for (let start = line.indexOf(MASK); start >= 0 && start < column; start = line.indexOf(MASK, start + MASK.length)) {
    const end = start + MASK.length;
    if (column <= end) return { start, end };
  }
  return undefined;
}

/**
 * What a person has typed of a mask before a column: from a bracket on, or at least two capital letters of the word, so that the offer does not
 * stand in the way of other words. Ends behind the bracket that the editor closed by itself.
 */
export function begunMask(line: string, column: number): Span | undefined {
  const typed = /\[(?:M(?:A(?:SK?)?)?)?$|(?<![\p{L}\p{N}_[])MA(?:SK?)?$/u.exec(line.slice(0, column));
  if (!typed) return undefined;
  const closed = typed[0].startsWith('[') && line[column] === ']';
  return { start: typed.index, end: column + (closed ? 1 : 0) };
}

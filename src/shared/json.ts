import { createScanner } from 'jsonc-parser';

/** What parsers of JSON pass over in silence, or fall over. */
export interface JsonOddities {
  /** The first key that stands twice in one object: parsers keep the last, and no two readers need agree. */
  readonly doubled?: string;
  /** How many brackets are open at most: parsers that call themselves overflow the stack. */
  readonly depth: number;
}

/** Looks through a JSON text, one token after another, so that no nesting is too deep for it. */
export function jsonOddities(text: string): JsonOddities {
  const scanner = createScanner(text, true);
  /** The keys of every open object; none for a list. */
  const open: (Set<string> | undefined)[] = [];
  let depth = 0;
  let doubled: string | undefined;
  let last: string | undefined;
  for (scanner.scan(); scanner.getTokenOffset() < text.length; scanner.scan()) {
    const first = text.charAt(scanner.getTokenOffset());
    if (first === '{' || first === '[') depth = Math.max(depth, open.push(first === '{' ? new Set() : undefined));
    // One that closes nothing may be passed over by a parser, which then goes on deeper.
    else if ((first === '}' || first === ']') && (open.at(-1) === undefined) === (first === ']')) open.pop();
    else if (first === ':' && last !== undefined) {
      const keys = open.at(-1);
      if (keys?.has(last)) doubled ??= last;
      keys?.add(last);
    }
    last = first === '"' ? scanner.getTokenValue() : undefined;
  }
  return { depth, ...(doubled !== undefined && { doubled }) };
}

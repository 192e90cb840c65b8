import { parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';
import { jsonOddities } from '../shared/json';
import type { Problem, Span } from '../shared/types';

/** Keys and indices from the root to a field. */
export type Path = readonly (string | number)[];

/** What a file describes, in words for messages. */
export interface Kind {
  readonly name: string;
  /** "of an experiment" */
  readonly of: string;
  /** The fields that it cannot do without. */
  readonly requires: string;
}

export const EXPERIMENT: Kind = { name: 'experiment', of: 'of an experiment', requires: '"objectives"' };
export const COMPARISON: Kind = { name: 'comparison', of: 'of a comparison', requires: '"experiment", "variants", "budget" and "probes"' };

export const PROBE: Kind = { name: 'probe', of: 'of a probe', requires: '"type"' };

/** A JSON text with comments, read as far as possible. `value` and `tree` are meaningful only if there is no problem. */
export interface JsonDocument {
  readonly tree: Node | undefined;
  readonly value: unknown;
  readonly problems: Problem[];
}

/** Deeper than any experiment, and far from where the parser, which calls itself, overflows the stack. */
const DEEPEST = 100;

/** Reads JSON with comments and trailing commas; finds syntax errors and fields that stand twice. A byte order mark is skipped. */
export function readJson(text: string, kind: Kind = EXPERIMENT): JsonDocument {
  if (jsonOddities(text).depth > DEEPEST) {
    const message = `Brackets are nested more than ${DEEPEST} deep here. No field ${kind.of} is: remove them.`;
    return { tree: undefined, value: undefined, problems: [{ start: 0, end: text.length, severity: 'error', message }] };
  }
  const errors: ParseError[] = [];
  const tree = parseTree(text.replace(/^\uFEFF/, ' '), errors, { allowTrailingComma: true });
  const problems = [...syntaxProblems(text, errors, kind), ...(tree ? duplicateKeys(tree) : [])];
  return { tree, value: tree && problems.length === 0 ? valueOf(tree) : undefined, problems };
}

/** The library's own would make a field called `__proto__` the prototype of what holds it, where no check sees it. */
function valueOf({ type, value, children = [] }: Node): unknown {
  if (type === 'array') return children.map(valueOf);
  if (type !== 'object') return value;
  return Object.fromEntries(children.map(({ children: [key, field] = [] }) => [key!.value as string, valueOf(field!)]));
}

const syntaxOf = (name: string): Record<string, string> => ({
  InvalidSymbol: 'This is neither a number, true, false, null nor a text. Names and texts stand in double quotes.',
  InvalidNumberFormat: 'This is not a number. Write it like 12, 0.5 or 1e-3.',
  PropertyNameExpected: "A field's name in double quotes is missing here, or there is a comma too many.",
  ValueExpected: 'A value is missing here.',
  ColonExpected: "A colon is missing here, between a field's name and its value.",
  CommaExpected: 'A comma is missing before this.',
  CloseBraceExpected: 'A closing brace } is missing here.',
  CloseBracketExpected: 'A closing bracket ] is missing here.',
  EndOfFileExpected: `The ${name} has ended before this. Remove what follows, or a closing brace too many.`,
  UnexpectedEndOfComment: 'This comment is never closed. Write */ at its end.',
  UnexpectedEndOfString: 'This text has no closing double quote on its line.',
  UnexpectedEndOfNumber: 'This number is cut short.',
  InvalidUnicode: 'After \\u four hexadecimal digits are needed.',
  InvalidEscapeCharacter: 'After a backslash only " \\ / b f n r t u may stand. Write \\\\ for a backslash itself.',
  InvalidCharacter: 'This character may not stand in a text. Write it with a backslash, such as \\n or \\t.',
});

/** The first error of each line: the parser goes on after one, but what it then finds on the same line mostly follows from it. */
function syntaxProblems(text: string, errors: readonly ParseError[], { name, requires }: Kind): Problem[] {
  if (errors.length > 0 && text.trim() === '') {
    const message = `The ${name} is empty. Write an object { … } with ${requires} in it.`;
    return [{ start: 0, end: text.length, severity: 'error', message }];
  }
  const messages = syntaxOf(name);
  const lines = new Set<number>();
  return errors.flatMap(({ error, offset, length }) => {
    const line = text.lastIndexOf('\n', offset - 1);
    if (lines.has(line)) return [];
    lines.add(line);
    const message = messages[printParseErrorCode(error)] ?? 'This is not valid JSON.';
    // At the text's end the parser counts one character too many.
    const end = Math.min(offset + length, text.length);
    return [{ start: Math.min(offset, end), end, severity: 'error' as const, message }];
  });
}

/** Of a field that stands twice the last counts, in silence: most likely not what was meant. */
function duplicateKeys(node: Node): Problem[] {
  const seen = new Set<unknown>();
  return (node.children ?? []).flatMap((child) => {
    const problems = duplicateKeys(child);
    const key = node.type === 'object' ? child.children?.[0] : undefined;
    if (!key) return problems;
    if (seen.has(key.value))
      problems.push({
        ...spanOf(key),
        severity: 'error',
        message: `\`${String(key.value)}\` stands here a second time. Remove one of the two.`,
      });
    seen.add(key.value);
    return problems;
  });
}

/**
 * Where a field stands: its value, or its key if the value is an object or a list, which may span many lines; for one that is missing, the same of
 * what should hold it. The root and the entries of lists have no key: their opening bracket stands for them.
 */
export function valueSpan(tree: Node, path: Path): Span {
  let node = tree;
  for (const step of path) {
    const next = child(node, step);
    if (!next) break;
    node = next;
  }
  if (node.type !== 'object' && node.type !== 'array') return spanOf(node);
  const key = node.parent?.type === 'property' ? node.parent.children?.[0] : undefined;
  return key ? spanOf(key) : { start: node.offset, end: node.offset + 1 };
}

/** Where the key at the end of a path stands. */
export function keySpan(tree: Node, path: Path): Span {
  const parent = path.slice(0, -1).reduce<Node | undefined>((node, step) => node && child(node, step), tree);
  const key = parent && findProperty(parent, path.at(-1))?.children?.[0];
  return key ? spanOf(key) : valueSpan(tree, path);
}

const child = (node: Node, step: string | number): Node | undefined =>
  node.type === 'array' && typeof step === 'number' ? node.children?.[step] : findProperty(node, step)?.children?.[1];

/** The last one, as it is the one whose value counts. */
const findProperty = (node: Node, key: unknown): Node | undefined =>
  node.children?.findLast((property) => property.children?.[0]?.value === key);

const spanOf = ({ offset, length }: Node): Span => ({ start: offset, end: offset + length });

import fc from 'fast-check';

/** One change of an input: what to do, where, and with what. Numbers are taken modulo what there is, so that every edit fits every input. */
interface Edit {
  readonly kind: number;
  readonly at: number;
  readonly value: number;
}

const edits = (most: number): fc.Arbitrary<Edit[]> =>
  fc.array(fc.record({ kind: fc.nat(), at: fc.nat(), value: fc.nat() }), { minLength: 1, maxLength: most });

/** A valid input with a few bytes changed, added, removed, doubled, or taken from another one. */
export const mutatedBytes = (seeds: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(fc.nat({ max: seeds.length - 1 }), edits(6))
    .map(([seed, changes]) => changes.reduce((bytes, edit) => changedBytes(bytes, edit, seeds), seeds[seed]!));

/** Lengths and counts stand in files as such numbers; these are the ones that overflow. */
const NUMBERS = [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 2 ** 53, 2 ** 60, 2 ** 63, 2 ** 64 - 2048];

function changedBytes(bytes: Uint8Array, { kind, at: place, value }: Edit, seeds: readonly Uint8Array[]): Uint8Array {
  const at = place % (bytes.length + 1);
  const splice = (removed: number, added: Uint8Array): Uint8Array =>
    Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(Math.min(bytes.length, at + removed))]);
  const word = Buffer.alloc(8);
  switch (kind % 8) {
    case 0:
      return splice(1, Uint8Array.of((bytes[at] ?? 0) ^ (1 << (value % 8))));
    case 1:
      return splice(1, Uint8Array.of(value));
    case 2:
      return splice(0, Uint8Array.of(value, value >> 8, value >> 16));
    case 3:
      return splice(1 + (value % 32), new Uint8Array());
    case 4:
      return bytes.subarray(0, at);
    case 5:
      word.writeBigUInt64LE(BigInt(NUMBERS[value % NUMBERS.length]!));
      return splice(8, word);
    case 6:
      return splice(0, bytes.subarray(at, at + (value % 64)));
    default: {
      const other = seeds[value % seeds.length]!;
      return splice(16, other.subarray(at % other.length, (at % other.length) + 16));
    }
  }
}

/** A JSON text as a tree that can hold what no object can: a key that stands twice, a number beyond all range. */
type Json = { entries: [string, Json][] } | { items: Json[] } | string;

const treeOf = (value: unknown): Json => {
  if (Array.isArray(value)) return { items: value.map(treeOf) };
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return { entries: Object.entries(value).map(([key, each]) => [key, treeOf(each)]) };
};

const textOf = (json: Json): string => {
  if (typeof json === 'string') return json;
  if ('items' in json) return `[${json.items.map(textOf).join(',')}]`;
  return `{${json.entries.map(([key, each]) => `${JSON.stringify(key)}:${textOf(each)}`).join(',')}}`;
};

/** Keys that mean something to JavaScript, and none of a format. */
export const STRANGE_KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'then', '', '\u0000', '\ud800', '🐳'];

const LEAVES = [
  ...[
    'null',
    'true',
    '0',
    '-0',
    '-1',
    '1',
    '1.5',
    '1e308',
    '1e999',
    '-1e999',
    '4294967295',
    '4000000000',
    '9007199254740993',
    '18446744073709551615',
    '1e-400',
  ],
  ...['""', '"a"', '"\\u0000"', '"\\ud800"', '"__proto__"', '"../../../etc/passwd"', `"${'x'.repeat(5000)}"`, '[]', '{}'],
  ...['[[[[[[]]]]]]', '{"__proto__":{"type":"mlm"}}', '{"type":"__proto__"}', '{"length":4294967295}'],
];

/** Brackets enough to overflow the stack of a parser that calls itself. */
const DEEP = 20_000;
const deep = (open: string, inner: string, close: string): string => open.repeat(DEEP) + inner + close.repeat(DEEP);
const DEEP_LEAVES = [deep('[', '', ']'), deep('{"a":', '1', '}')];

/** A valid JSON value as a text, with a few fields dropped, doubled, renamed, moved, wrapped, or given other values. */
export const mutatedJson = (seeds: readonly unknown[]): fc.Arbitrary<string> =>
  fc.tuple(fc.nat({ max: seeds.length - 1 }), edits(4)).map(([seed, changes]) => {
    let tree = treeOf(seeds[seed]);
    for (const edit of changes) tree = changedJson(tree, edit);
    return textOf(tree);
  });

/** Every place of a tree: how to replace what stands there. */
function* places(json: Json, put: (json: Json) => void, holder?: { list: unknown[]; index: number }): Generator<Place> {
  yield { json, put, ...(holder && { holder }) };
  if (typeof json === 'string') return;
  if ('items' in json) {
    for (const [i, each] of json.items.entries()) yield* places(each, (other) => (json.items[i] = other), { list: json.items, index: i });
    return;
  }
  for (const [i, entry] of json.entries.entries()) yield* places(entry[1], (other) => (entry[1] = other), { list: json.entries, index: i });
}

interface Place {
  readonly json: Json;
  readonly put: (json: Json) => void;
  /** The list of entries or items that this is one of. */
  readonly holder?: { list: unknown[]; index: number };
}

function changedJson(tree: Json, { kind, at, value }: Edit): Json {
  const root = { tree };
  const all = [...places(tree, (other) => (root.tree = other))];
  const { json, put, holder } = all[at % all.length]!;
  const entry = holder?.list[holder.index];
  switch (kind % 9) {
    case 0:
      holder?.list.splice(holder.index, 1);
      break;
    case 1:
      // The same key again, with another value: which of the two counts?
      if (Array.isArray(entry)) holder!.list.push([entry[0], LEAVES[value % LEAVES.length]!]);
      else if (holder) holder.list.push(entry);
      break;
    case 2:
      if (Array.isArray(entry)) entry[0] = STRANGE_KEYS[value % STRANGE_KEYS.length]!;
      break;
    case 3:
      if (typeof json !== 'string' && 'entries' in json)
        json.entries.push([STRANGE_KEYS[value % STRANGE_KEYS.length]!, LEAVES[at % LEAVES.length]!]);
      break;
    case 4:
      put({ items: [json] });
      break;
    case 5:
      put({ entries: [[STRANGE_KEYS[value % STRANGE_KEYS.length]!, json]] });
      break;
    case 6:
      // What stands elsewhere in the tree: of the right kind, often, and in the wrong place.
      put(structuredClone(all[value % all.length]!.json));
      break;
    default:
      put(value % 50 === 0 ? DEEP_LEAVES[at % 2]! : LEAVES[value % LEAVES.length]!);
  }
  return root.tree;
}

/** A text with some of its characters replaced, doubled or removed: what a typing error, or a broken merge, makes of it. */
export const mutatedText = (seeds: readonly string[]): fc.Arbitrary<string> =>
  fc.tuple(fc.nat({ max: seeds.length - 1 }), edits(4)).map(([seed, changes]) => {
    let text = seeds[seed]!;
    for (const { kind, at: place, value } of changes) {
      const at = place % (text.length + 1);
      const added = ['', CHARACTERS[value % CHARACTERS.length]!, text.slice(at, at + (value % 40))][kind % 3]!;
      text = text.slice(0, at) + added + text.slice(at + (kind % 5));
    }
    return text;
  });

const CHARACTERS = [
  '"',
  "'",
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\\',
  '/',
  '\n',
  '\r',
  '\t',
  '\0',
  '\ufeff',
  '\ud800',
  '\udc00',
  'é',
  '🐳',
  '//',
  '/*',
  '\\u12',
];

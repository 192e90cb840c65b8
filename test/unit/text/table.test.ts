import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openTable, writeTable, type Table, type TableRequest } from '../../../src/text/table';
import { Tokenizer } from '../../../src/text/tokenizer';
import { folderOf } from './folder';

const WORDS = ['whale', 'sea', 'ship', 'captain', 'storm', 'island', 'harpoon', 'sail'];
let tokenizer: Tokenizer;
beforeAll(async () => {
  const numbers = Array.from({ length: 2000 }, (_, i) => i);
  tokenizer = await Tokenizer.train([`${WORDS.join(' ')} `.repeat(100), numbers.join(' ')], { vocabularySize: 200, lowercase: true });
});

interface Written {
  readonly train: Table;
  readonly heldOut: Table;
}

async function write(content: string, request: Partial<TableRequest> = {}, { heldOut = 0.2, seed = 1 } = {}): Promise<Written> {
  const file = join(folderOf({ 'rows.csv': content }), 'rows.csv');
  const folder = folderOf({});
  await writeTable({ file, texts: { a: 'first', b: 'second' }, ...request }, folder, tokenizer, { heldOut, seed });
  const { train, heldOut: held } = openTable(folder, tokenizer.vocabularySize);
  return { train, heldOut: held };
}

const textOf = (ids: Int32Array): string =>
  Array.from(ids, (id) => tokenizer.token(id))
    .join(' ')
    .replaceAll(' ##', '');
/** The rows of both sides as texts. */
const rowsOf = (table: Table, columns: readonly string[] = ['a', 'b']): string[] =>
  Array.from({ length: table.rows }, (_, row) => columns.map((column) => textOf(table.tokens(row, column))).join(' | '));

/** Rows that are all different; `group` rows have the same first text. */
const table = (rows: number, group = 1): string =>
  ['first,second,score', ...Array.from({ length: rows }, (_, i) => `${WORDS[i % 8]} ${Math.floor(i / group)},sea ${i},${i / 4}`)].join(
    '\n',
  );

describe('a table', () => {
  it('gives back each row once, on one side or the other, its texts by their names', async () => {
    const { train, heldOut } = await write(table(1200));
    const all = [...rowsOf(train), ...rowsOf(heldOut)];
    expect(all).toHaveLength(1200);
    expect(all.toSorted()).toEqual(Array.from({ length: 1200 }, (_, i) => `${WORDS[i % 8]} ${i} | sea ${i}`).toSorted());
  });

  it('keeps the order of the file and the score of each row', async () => {
    const { train } = await write(table(600), { score: 'score' });
    const numbers = rowsOf(train, ['b']).map((text) => Number(text.split(' ')[1]));
    expect(numbers).toEqual(numbers.toSorted((x, y) => x - y));
    numbers.forEach((number, row) => expect(train.score(row)).toBe(number / 4));
  });

  it('has empty texts where cells are empty', async () => {
    const { train, heldOut } = await write('first,second\nwhale,\n,sea\n');
    expect([...rowsOf(train), ...rowsOf(heldOut)].toSorted()).toEqual([' | sea', 'whale | ']);
  });

  it('may have three texts, and no score', async () => {
    const { train } = await write('x,y,z\nwhale,sea,ship\n', { texts: { a: 'z', b: 'x', c: 'y' } }, { heldOut: 0 });
    expect(rowsOf(train, ['a', 'b', 'c'])).toEqual(['ship | whale | sea']);
    expect(train.score(0)).toBe(0);
  });

  it('refuses what it does not have', async () => {
    const { train } = await write(table(5), {}, { heldOut: 0 });
    expect(() => train.tokens(5, 'a')).toThrow(RangeError);
    expect(() => train.tokens(-1, 'a')).toThrow(RangeError);
    expect(() => train.tokens(0, 'first')).toThrow(RangeError);
  });
});

describe('rows held out', () => {
  const held = async (...given: Parameters<typeof write>): Promise<string[]> => rowsOf((await write(...given)).heldOut);

  it('are about the fraction that is asked for, the same in every run', async () => {
    const rows = await held(table(2000));
    expect(rows.length / 2000).toBeGreaterThan(0.17);
    expect(rows.length / 2000).toBeLessThan(0.23);
    expect(await held(table(2000))).toEqual(rows);
  });

  it('are others with another seed, and do not depend on what else is in the file', async () => {
    const rows = await held(table(300));
    expect(await held(table(300), {}, { seed: 2 })).not.toEqual(rows);
    expect((await held(table(600))).slice(0, rows.length)).toEqual(rows);
  });

  it('do not share their first text with rows to train on', async () => {
    const { train, heldOut } = await write(table(800, 8).replaceAll(/^\w+ (\d+),/gm, 'whale $1,'));
    const [trained, measured] = [new Set(rowsOf(train, ['a'])), new Set(rowsOf(heldOut, ['a']))];
    expect(measured.size).toBeGreaterThan(5);
    expect([...measured].filter((text) => trained.has(text))).toEqual([]);
  });
});

describe('a score that is no number', () => {
  it.each(['high', '', '  ', '1,5'.replace(',', ';'), 'NaN', 'Infinity'])('is named with its row: %j', async (score) => {
    const writing = write(`first,second,score\nwhale,sea,1\nship,sail,${score}\n`, { score: 'score' });
    await expect(writing).rejects.toMatchObject({
      name: 'UserError',
      code: 'corpus',
      message: expect.stringMatching(/rows\.csv:3: ".*" in the column "score" is not a number\./) as string,
    });
  });

  it('is no matter where no score is asked for', async () => {
    expect(rowsOf((await write('first,second,score\nwhale,sea,high\n', {}, { heldOut: 0 })).train)).toEqual(['whale | sea']);
  });
});

it('a table is encoded until it is told to stop', async () => {
  const file = join(folderOf({ 'rows.csv': table(600) }), 'rows.csv');
  const writing = writeTable({ file, texts: { a: 'first' } }, folderOf({}), tokenizer, {
    heldOut: 0.1,
    seed: 1,
    signal: AbortSignal.abort(),
  });
  await expect(writing).rejects.toThrow('aborted');
});

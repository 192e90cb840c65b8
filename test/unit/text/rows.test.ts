import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LONGEST_ROW, readRows, type Row } from '../../../src/text/rows';
import { folderOf } from './folder';

async function read(name: string, content: string | Uint8Array, columns: readonly string[]): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of readRows(join(folderOf({ [name]: content }), name), columns)) rows.push(row);
  return rows;
}
const values = async (...given: Parameters<typeof read>): Promise<string[][]> =>
  (await read(...given)).map((row) => given[2].map((column) => row.values[column]!));
const failure = async (...given: Parameters<typeof read>): Promise<{ message: string; hint: string; code: string }> =>
  read(...given).then(
    () => expect.fail('It was read.'),
    (error: unknown) => {
      expect(error).toMatchObject({ name: 'UserError', code: 'corpus', hint: expect.any(String) as string });
      return error as { message: string; hint: string; code: string };
    },
  );

describe('JSON lines', () => {
  it('give the named columns of each object, numbers as texts', async () => {
    expect(await read('a.jsonl', '{"b": "two", "a": "one", "c": null}\n{"a": "ü\\n", "b": -0.5}\n', ['a', 'b'])).toEqual([
      { line: 1, values: { a: 'one', b: 'two' } },
      { line: 2, values: { a: 'ü\n', b: '-0.5' } },
    ]);
  });

  it('may begin with a byte order mark, have blank lines and any line ends, and lack the last', async () => {
    const rows = await read('a.ndjson', '\uFEFF{"a": "1"}\r\n\r\n{"a": "2"}\n \n{"a": "3"}', ['a']);
    expect(rows.map(({ line, values: { a } }) => [line, a])).toEqual([
      [1, '1'],
      [3, '2'],
      [5, '3'],
    ]);
  });

  it.each([
    ['{"a": 1}\n{"a": 1', /a\.jsonl:2: this line is not valid JSON\./],
    ['[1]', /a\.jsonl:1: this line is no JSON object\./],
    ['null', /a\.jsonl:1: this line is no JSON object\./],
    ['"a"', /a\.jsonl:1: this line is no JSON object\./],
    ['{"a": ["x"]}', /a\.jsonl:1: the column "a" is neither a text nor a number\./],
    ['{"a": null}', /a\.jsonl:1: there is no column "a"\./],
  ])('name the line of a mistake: %j', async (content, message) => {
    expect((await failure('a.jsonl', content, ['a'])).message).toMatch(message);
  });

  it('end at line feeds only: a text may hold any other line end of Unicode', async () => {
    const text = 'one\u2028two\u2029three\u0085four';
    expect(await values('a.jsonl', `{"a": "${text}"}\n{"a": "next"}\n`, ['a'])).toEqual([[text], ['next']]);
  });

  it('know only columns of their own', async () => {
    for (const column of ['constructor', 'toString', '__proto__'])
      expect((await failure('a.jsonl', '{"x": "1"}', [column])).message).toContain(`there is no column "${column}"`);
    expect(await values('a.jsonl', '{"__proto__": "1"}', ['__proto__'])).toEqual([['1']]);
  });

  it('list no more columns than can be read', async () => {
    const content = JSON.stringify(Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`column ${i}`, i])));
    const { hint } = await failure('a.jsonl', content, ['text']);
    expect(hint).toMatch(/"column 19", 49980 more\.$/);
  });

  it.each([
    ['a.jsonl', '{"a": "', /a\.jsonl:1: this line has more than 4194304 characters/],
    ['a.csv', 'a\n"', /a\.csv:2: .*of 4194304/],
    ['a.tsv', 'a\n', /a\.tsv:2: .*of 4194304/],
  ])('end somewhere, or are refused before they fill the memory: %s', async (name, begin, message) => {
    expect((await failure(name, begin + 'x'.repeat(LONGEST_ROW + 2), ['a'])).message).toMatch(message);
  });

  it('are not read from what is no file', async () => {
    const root = folderOf({ 'a.jsonl/b': '', 'a.csv/b': '' });
    for (const name of ['a.jsonl', 'a.csv'])
      await expect(readRows(join(root, name), ['a']).next()).rejects.toMatchObject({ name: 'UserError', code: 'corpus' });
  });

  it('name a column that is missing and those that are there', async () => {
    const { message, hint } = await failure('a.jsonl', '{"x": "1", "y": "2"}\n', ['text']);
    expect(message).toMatch(/a\.jsonl:1: there is no column "text"\.$/);
    expect(hint).toBe('The columns there are "x", "y".');
  });
});

describe('comma-separated values', () => {
  it('may hold commas, quotes and line ends in quoted texts', async () => {
    const content = 'a,b\n"one, two","say ""aye"""\n"three\nfour",plain\nfive,\n';
    expect(await values('a.csv', content, ['a', 'b'])).toEqual([
      ['one, two', 'say "aye"'],
      ['three\nfour', 'plain'],
      ['five', ''],
    ]);
  });

  it('may begin with a byte order mark and end lines as Windows does', async () => {
    expect(await read('A.CSV', '\uFEFFa,b\r\n1,2\r\n\r\n3,4', ['b', 'a'])).toEqual([
      { line: 2, values: { b: '2', a: '1' } },
      { line: 4, values: { b: '4', a: '3' } },
    ]);
  });

  it('name a column that is missing and those that are there', async () => {
    const { message, hint } = await failure('a.csv', 'question,answer\nwho,me\n', ['question', 'reply']);
    expect(message).toMatch(/a\.csv:2: there is no column "reply"\.$/);
    expect(hint).toBe('The columns there are "question", "answer".');
  });

  it.each([
    ['a,b\n1,2\n1,2,3\n', /a\.csv:3: /],
    ['a,b\n1,2\n"open,3\n', /a\.csv:\d+: /],
  ])('name the line of a mistake: %j', async (content, message) => {
    expect((await failure('a.csv', content, ['a'])).message).toMatch(message);
  });
});

describe('tab-separated values', () => {
  it('have no quotes: what stands between tabs is the text', async () => {
    expect(await values('a.tsv', 'index\ttext\n1\tHe said "no, I won\'t\n2\t"aye", he said\n', ['text'])).toEqual([
      ['He said "no, I won\'t'],
      ['"aye", he said'],
    ]);
  });

  it('may have more fields than names, and fewer, if those that are wanted are there', async () => {
    expect(await values('a.tsv', 'a\tb\n1\t2\t3\n4\n', ['a'])).toEqual([['1'], ['4']]);
    expect((await failure('a.tsv', 'a\tb\n1\t2\n4\n', ['b'])).message).toMatch(/a\.tsv:3: there is no column "b"/);
  });
});

describe('Parquet', () => {
  const file = new Uint8Array(readFileSync(join(import.meta.dirname, '../../oracle/table.parquet')));

  it('gives the named columns of all row groups', async () => {
    expect(await read('a.parquet', file, ['label', 'sentence'])).toEqual([
      { line: 1, values: { label: '1', sentence: 'a gripping film' } },
      { line: 2, values: { label: '0', sentence: 'dull, and long' } },
      { line: 3, values: { label: '1', sentence: 'naïve 🐋' } },
    ]);
  });

  it('names its columns when one is missing, and what is none', async () => {
    const { message, hint } = await failure('a.parquet', file, ['text']);
    expect(message).toMatch(/a\.parquet:1: there is no column "text"\.$/);
    expect(hint).toContain('"sentence", "label", "idx"');
    expect((await failure('a.parquet', 'no parquet at all', ['text'])).message).toMatch(/a\.parquet/);
  });
});

describe('published tables', () => {
  it('of the Stanford Sentiment Treebank (GLUE) are read', async () => {
    const content = 'sentence\tlabel\nit \'s a charming " and often affecting journey . \t1\nunflinchingly bleak\t0\n';
    expect(await values('dev.tsv', content, ['sentence', 'label'])).toEqual([
      ['it \'s a charming " and often affecting journey . ', '1'],
      ['unflinchingly bleak', '0'],
    ]);
  });

  it("of STS-B are read: GLUE's with a quote that is not closed, and the benchmark's own without names, with sources behind the texts", async () => {
    const glue = 'index\tgenre\tsentence1\tsentence2\tscore\n0\tnews\tA "plane is taking off.\tAn air plane is taking off.\t5.000\n';
    expect(await values('dev.tsv', glue, ['sentence1', 'score'])).toEqual([['A "plane is taking off.', '5.000']]);
    const own =
      'main-captions\tMSRvid\t2012test\t0024\t2.500\tA girl, styling.\tA girl "brushing.\nmain-news\tx\ty\t1\t0.2\tA\tB\tlicence\tsource\n';
    expect(await values('sts-dev.csv', own, ['6', '7', '5'])).toEqual([
      ['A girl, styling.', 'A girl "brushing.', '2.500'],
      ['A', 'B', '0.2'],
    ]);
  });

  it('of SICK are read', async () => {
    const content =
      'pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n1\tA boy is playing\tNo boy is playing\t3.3\tCONTRADICTION\n';
    expect(await values('SICK_test_annotated.txt', content, ['sentence_B', 'entailment_judgment'])).toEqual([
      ['No boy is playing', 'CONTRADICTION'],
    ]);
  });
});

describe('a file that cannot be read as a table', () => {
  it('is named with the kinds that can', async () => {
    const { message, hint } = await failure('a.xlsx', 'a', ['a']);
    expect(message).toMatch(/a\.xlsx is no kind of table/);
    expect(hint).toContain('.jsonl, .csv, .tsv or .parquet');
  });

  it.each(['gone.csv', 'gone.jsonl'])('is named when it does not exist: %s', async (name) => {
    const reading = readRows(join(folderOf({}), name), ['a']).next();
    await expect(reading).rejects.toMatchObject({
      name: 'UserError',
      code: 'corpus',
      message: expect.stringContaining(`${name} does not exist`) as string,
    });
  });

  it.each(['folder.csv', 'folder.jsonl'])('is named when it is none: %s', async (name) => {
    const folder = folderOf({ [`${name}/inner.txt`]: 'x' });
    await expect(readRows(join(folder, name), ['a']).next()).rejects.toMatchObject({
      code: 'corpus',
      message: expect.stringContaining(name) as string,
    });
  });
});

it('reading may end early', async () => {
  const path = join(folderOf({ 'a.csv': `a\n${'x\n'.repeat(100_000)}` }), 'a.csv');
  let count = 0;
  for await (const row of readRows(path, ['a'])) {
    expect(row.values.a).toBe('x');
    if (++count === 3) break;
  }
  expect(count).toBe(3);
});

import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { extname } from 'node:path';
import { parse, type CsvError } from 'csv-parse';
import { UserError } from '../shared/errors';
import { shortened } from '../shared/format';
import { parquetRows } from './parquet';

/** A row of a table file: the wanted columns as texts, and where it stands. */
export interface Row {
  /** Line of the file, from 1; for a quoted text over several lines, the last; for Parquet, the row. */
  readonly line: number;
  readonly values: Readonly<Record<string, string>>;
}

/** A longer row is a file without line ends, or a quote that is never closed; it must not fill the memory. In characters. */
export const LONGEST_ROW = 4 << 20;
/** How many columns a message lists. */
const LISTED = 20;
/** Bytes in which a first line is looked at. */
const FIRST_LINE = 64 << 10;

/**
 * Reads the rows of a file with named columns, one after another in bounded memory: `.jsonl` (an object a line), `.csv` (RFC 4180), `.tsv` or `.txt`
 * (tabs, no quoting, as the files of GLUE and SICK are written; so is a `.csv` whose first line is parted by tabs, as STS-B's), or `.parquet`.
 *
 * @param columns those that are wanted; numbers, true and false become texts. Numbers from 1 name the columns of a `.csv` or `.tsv` without a first line of names.
 * @throws UserError (code `corpus`) that names file, line and column
 */
export async function* readRows(path: string, columns: readonly string[]): AsyncGenerator<Row> {
  const kind = extname(path).toLowerCase();
  try {
    if (kind === '.jsonl' || kind === '.ndjson') yield* jsonRows(path, columns);
    else if (kind === '.csv') yield* separatedRows(path, columns, hasTabs(path));
    else if (kind === '.tsv' || kind === '.txt') yield* separatedRows(path, columns, true);
    else if (kind === '.parquet') yield* numbered(parquetRows(path, columns), columns, path);
    else
      throw new UserError(
        `${path} is no kind of table that can be read.`,
        'Use a .jsonl, .csv, .tsv or .parquet file with named columns.',
        'corpus',
      );
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new UserError(`${path} does not exist.`, "Paths are relative to the experiment's own folder.", 'corpus', { cause: error });
    if (code?.startsWith('CSV_')) {
      const { message, lines } = error as CsvError & { lines: number };
      throw new UserError(
        `${path}:${lines}: ${shortened(message, 300)}.`,
        'Mend that line; texts with commas or line ends stand in double quotes.',
        'corpus',
        {
          cause: error,
        },
      );
    }
    throw new UserError(`${path} cannot be read.`, 'Check that it is a UTF-8 text file that you may read.', 'corpus', { cause: error });
  }
}

async function* jsonRows(path: string, columns: readonly string[]): AsyncGenerator<Row> {
  let line = 0;
  for await (const text of lines(path)) {
    line++;
    if (text.trim() === '') continue;
    let object: unknown;
    try {
      object = JSON.parse(line === 1 ? text.replace(/^\uFEFF/, '') : text);
    } catch (error) {
      throw new UserError(`${path}:${line}: this line is not valid JSON.`, 'A .jsonl file has one JSON object a line.', 'corpus', {
        cause: error,
      });
    }
    if (typeof object !== 'object' || object === null || Array.isArray(object))
      throw new UserError(`${path}:${line}: this line is no JSON object.`, 'A .jsonl file has one JSON object a line.', 'corpus');
    yield { line, values: pick(object as Record<string, unknown>, columns, `${path}:${line}`) };
  }
}

/** Lines that end with a line feed and nothing else: JSON's texts may hold the other line ends that Unicode and `node:readline` know. */
async function* lines(path: string): AsyncGenerator<string> {
  let [pending, line] = ['', 1];
  for await (const chunk of utf8(path) as AsyncIterable<string>) {
    const [first, ...others] = chunk.split('\n');
    pending += first!;
    for (const next of others) {
      yield pending;
      pending = next;
      line++;
    }
    if (pending.length > LONGEST_ROW)
      throw new UserError(
        `${path}:${line}: this line has more than ${LONGEST_ROW} characters.`,
        'A .jsonl file has one JSON object a line.',
        'corpus',
      );
  }
  yield pending;
}

async function* separatedRows(path: string, columns: readonly string[], tabs: boolean): AsyncGenerator<Row> {
  const options = tabs ? { delimiter: '\t', quote: null, relax_column_count: true } : {};
  const named = !columns.every((column) => /^[1-9]\d*$/.test(column));
  const parser = parse({ columns: named, bom: true, skip_empty_lines: true, info: true, max_record_size: LONGEST_ROW, ...options });
  const source = utf8(path);
  source.on('error', (error) => parser.destroy(error));
  for await (const { record, info } of source.pipe(parser) as AsyncIterable<{ record: object; info: { lines: number } }>) {
    const row = Array.isArray(record) ? Object.fromEntries(record.map((value, i) => [String(i + 1), value as unknown])) : record;
    yield { line: info.lines, values: pick(row as Record<string, unknown>, columns, `${path}:${info.lines}`) };
  }
}

/** Whether the fields of a file's first line are parted by tabs and not by commas. */
function hasTabs(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    const start = Buffer.alloc(FIRST_LINE);
    const [line = ''] = start.toString('utf8', 0, readSync(file, start)).split(/\r?\n/);
    return line.split('\t').length > line.split(',').length;
  } finally {
    closeSync(file);
  }
}

async function* numbered(rows: AsyncIterable<Record<string, unknown>>, columns: readonly string[], path: string): AsyncGenerator<Row> {
  let line = 0;
  for await (const row of rows) {
    line++;
    yield { line, values: pick(row, columns, `${path}:${line}`) };
  }
}

function pick(row: Readonly<Record<string, unknown>>, columns: readonly string[], place: string): Record<string, string> {
  return Object.fromEntries(
    columns.map((column) => {
      const value = Object.hasOwn(row, column) ? row[column] : undefined;
      if (typeof value === 'string') return [column, value];
      if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return [column, String(value)];
      throw value === undefined || value === null
        ? new UserError(`${place}: there is no column "${column}".`, `The columns there are ${listed(Object.keys(row))}.`, 'corpus')
        : new UserError(`${place}: the column "${column}" is neither a text nor a number.`, 'Name another column.', 'corpus');
    }),
  );
}

function listed(columns: readonly string[]): string {
  const names = columns.slice(0, LISTED).map((name) => `"${shortened(name)}"`);
  return [...names, ...(columns.length > LISTED ? [`${columns.length - LISTED} more`] : [])].join(', ');
}

/** Bytes that are not UTF-8 become replacement characters. */
const utf8 = (path: string): ReturnType<typeof createReadStream> => createReadStream(path, { encoding: 'utf8' });

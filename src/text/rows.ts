import { createReadStream } from 'node:fs';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { parse, type CsvError } from 'csv-parse';
import { UserError } from '../shared/errors';

/** A row of a table file: the wanted columns as texts, and where it stands. */
export interface Row {
  /** Line of the file, from 1; for a quoted text over several lines, the last. */
  readonly line: number;
  readonly values: Readonly<Record<string, string>>;
}

/**
 * Reads the rows of a file with named columns, one after another in bounded memory: `.jsonl` (an object a line), `.csv` (RFC 4180) or `.tsv` (tabs, no
 * quoting, as GLUE's files are written).
 *
 * @param columns those that are wanted; numbers become texts
 * @throws UserError (code `corpus`) that names file, line and column
 */
export async function* readRows(path: string, columns: readonly string[]): AsyncGenerator<Row> {
  const kind = extname(path).toLowerCase();
  try {
    if (kind === '.jsonl' || kind === '.ndjson') yield* jsonRows(path, columns);
    else if (kind === '.csv' || kind === '.tsv') yield* separatedRows(path, columns, kind === '.tsv');
    else
      throw new UserError(`${path} is no kind of table that can be read.`, 'Use a .jsonl, .csv or .tsv file with named columns.', 'corpus');
  } catch (error) {
    if (error instanceof UserError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new UserError(`${path} does not exist.`, "Paths are relative to the experiment's own folder.", 'corpus', { cause: error });
    if (code?.startsWith('CSV_')) {
      const { message, lines } = error as CsvError & { lines: number };
      throw new UserError(
        `${path}:${lines}: ${message}.`,
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
  for await (const text of createInterface({ input: utf8(path), crlfDelay: Infinity })) {
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

async function* separatedRows(path: string, columns: readonly string[], tabs: boolean): AsyncGenerator<Row> {
  const options = tabs ? { delimiter: '\t', quote: null, relax_column_count: true } : {};
  const parser = parse({ columns: true, bom: true, skip_empty_lines: true, info: true, ...options });
  const source = utf8(path);
  source.on('error', (error) => parser.destroy(error));
  for await (const { record, info } of source.pipe(parser) as AsyncIterable<{ record: Record<string, unknown>; info: { lines: number } }>)
    yield { line: info.lines, values: pick(record, columns, `${path}:${info.lines}`) };
}

function pick(row: Readonly<Record<string, unknown>>, columns: readonly string[], place: string): Record<string, string> {
  return Object.fromEntries(
    columns.map((column) => {
      const value = row[column];
      if (typeof value === 'string') return [column, value];
      if (typeof value === 'number') return [column, String(value)];
      const there = Object.keys(row).map((name) => `"${name}"`);
      throw value === undefined || value === null
        ? new UserError(`${place}: there is no column "${column}".`, `The columns there are ${there.join(', ')}.`, 'corpus')
        : new UserError(`${place}: the column "${column}" is neither a text nor a number.`, 'Name another column.', 'corpus');
    }),
  );
}

/** Bytes that are not UTF-8 become replacement characters. */
const utf8 = (path: string): ReturnType<typeof createReadStream> => createReadStream(path, { encoding: 'utf8' });

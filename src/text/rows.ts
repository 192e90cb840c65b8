import { createReadStream } from 'node:fs';
import { extname } from 'node:path';
import { parse, type CsvError } from 'csv-parse';
import { UserError } from '../shared/errors';
import { shortened } from '../shared/format';

/** A row of a table file: the wanted columns as texts, and where it stands. */
export interface Row {
  /** Line of the file, from 1; for a quoted text over several lines, the last. */
  readonly line: number;
  readonly values: Readonly<Record<string, string>>;
}

/** A longer row is a file without line ends, or a quote that is never closed; it must not fill the memory. In characters. */
export const LONGEST_ROW = 4 << 20;
/** How many columns a message lists. */
const LISTED = 20;

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
  const parser = parse({ columns: true, bom: true, skip_empty_lines: true, info: true, max_record_size: LONGEST_ROW, ...options });
  const source = utf8(path);
  source.on('error', (error) => parser.destroy(error));
  for await (const { record, info } of source.pipe(parser) as AsyncIterable<{ record: Record<string, unknown>; info: { lines: number } }>)
    yield { line: info.lines, values: pick(record, columns, `${path}:${info.lines}`) };
}

function pick(row: Readonly<Record<string, unknown>>, columns: readonly string[], place: string): Record<string, string> {
  return Object.fromEntries(
    columns.map((column) => {
      const value = Object.hasOwn(row, column) ? row[column] : undefined;
      if (typeof value === 'string') return [column, value];
      if (typeof value === 'number') return [column, String(value)];
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

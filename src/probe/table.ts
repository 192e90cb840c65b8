import { hash32, permute, stringSeed, uniform } from '../shared/random';
import { UserError } from '../shared/errors';
import { readRows } from '../text/rows';

/** A row of a probe's file: texts by column. */
export type TableRow = Readonly<Record<string, string>>;

/**
 * All rows of a probe's file.
 *
 * @param most rows that are read
 * @throws UserError (code `corpus`) that names file, line and column; or says that there are no rows
 */
export async function readTable(path: string, columns: readonly string[], most = Infinity): Promise<TableRow[]> {
  const rows: TableRow[] = [];
  for await (const { values } of readRows(path, [...new Set(columns)])) if (rows.push(values) >= most) break;
  if (rows.length === 0) throw new UserError(`${path} has no rows.`, 'Name a file with an example in each row.', 'corpus');
  return rows;
}

/** What texts count as the same by: lower case, one space for any white space. */
export const normalised = (text: string): string => text.toLowerCase().replace(/\s+/g, ' ').trim();

/** One key of several texts. */
export const keyOf = (texts: readonly string[]): string => texts.map(normalised).join('\n');

/**
 * Divides rows by a hash of (seed, key), so that equal keys stay on one side, whatever else is in the file.
 *
 * @param share of the rows that is kept for the test
 */
export function splitRows<R>(rows: readonly R[], key: (row: R) => string, share: number, seed: number): { train: R[]; test: R[] } {
  const sides = { train: [] as R[], test: [] as R[] };
  for (const row of rows) sides[uniform(seed, stringSeed(key(row))) < share ? 'test' : 'train'].push(row);
  return sides;
}

/** At most `count` rows, drawn by the seed, in the order of the file; all without a count. */
export function sample<R>(rows: readonly R[], count: number | undefined, seed: number): R[] {
  if (count === undefined || count >= rows.length) return [...rows];
  const chosen = Array.from({ length: count }, (_, i) => permute(i, rows.length, hash32(seed, SAMPLE)));
  return chosen.sort((a, b) => a - b).map((index) => rows[index]!);
}
const SAMPLE = 0x73616d70;

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { UserError } from '../shared/errors';
import { shortened } from '../shared/format';
import { stringSeed, uniform } from '../shared/random';
import type { Split } from './dataset';
import { NumberList } from './number-list';
import { readRows } from './rows';
import type { SplitName } from './shards';
import type { Tokenizer } from './tokenizer';
import { TokenReader, TokenWriter } from './token-file';

/** A file of rows that an objective reads, and the columns it wants: texts under the objective's own names, and at most one number. */
export interface TableRequest {
  /** Path as the experiment gives it; absolute once it is resolved. */
  readonly file: string;
  /** Columns of texts: the objective's name for them, and the file's. */
  readonly texts: Readonly<Record<string, string>>;
  /** The file's column of a number. */
  readonly score?: string | undefined;
}

/** The rows of one side of a table, as tokens on disk. */
export interface Table {
  readonly rows: number;
  /** Names of its texts. */
  readonly columns: readonly string[];
  /** Content tokens of a text. @throws RangeError if there is no such row */
  tokens(row: number, column: string): Int32Array;
  /** The row's number; 0 when the table has none. */
  score(row: number): number;
}

/** The table of an objective. @throws Error when it was not asked for */
export function tableOf(split: Split, objective: string): Table {
  const table = split.tables.get(objective);
  if (!table) throw new Error(`The objective "${objective}" has no table.`);
  return table;
}

const Info = z.object({ columns: z.array(z.string()), rows: z.object({ train: z.int(), heldOut: z.int() }) });
const INFO = 'table.json';
const SPLITS = ['train', 'heldOut'] as const;
const ROWS_A_BATCH = 512;

const tokensPath = (folder: string, split: SplitName): string => join(folder, `${split}.tokens.bin`);
/** Float64 start of each text in the token file, row by row, then the file's length. */
const cellsPath = (folder: string, split: SplitName): string => join(folder, `${split}.cells.bin`);
const scoresPath = (folder: string, split: SplitName): string => join(folder, `${split}.scores.bin`);

/**
 * Encodes a table into a folder. Rows are held out by a hash of (seed, first text), so that rows about one text stay on one side.
 *
 * @param heldOut fraction of the rows
 */
export async function writeTable(
  { file, texts, score }: TableRequest,
  folder: string,
  tokenizer: Tokenizer,
  { heldOut, seed, signal }: { heldOut: number; seed: number; signal?: AbortSignal | undefined },
): Promise<void> {
  const names = Object.keys(texts);
  const columns = names.map((name) => texts[name]!);
  const sides = Object.fromEntries(
    SPLITS.map((split) => [
      split,
      { writer: new TokenWriter(tokensPath(folder, split), tokenizer.vocabularySize), starts: new NumberList(), scores: new NumberList() },
    ]),
  ) as Record<SplitName, { writer: TokenWriter; starts: NumberList; scores: NumberList }>;
  let pending: { texts: string[]; score: number }[] = [];
  const flush = async (): Promise<void> => {
    signal?.throwIfAborted();
    const ids = await tokenizer.encodeBatch(pending.flatMap((row) => row.texts));
    pending.forEach((row, i) => {
      const side = sides[sideOf(row.texts[0]!, heldOut, seed)];
      for (let column = 0; column < names.length; column++) {
        side.starts.push(side.writer.count);
        side.writer.append(ids[i * names.length + column]!);
      }
      side.scores.push(row.score);
    });
    pending = [];
  };
  try {
    for await (const { line, values } of readRows(file, score === undefined ? columns : [...columns, score])) {
      const number = score === undefined ? 0 : Number(values[score]);
      if (!Number.isFinite(number) || (score !== undefined && values[score]!.trim() === ''))
        throw new UserError(
          `${file}:${line}: "${shortened(values[score!]!)}" in the column "${score}" is not a number.`,
          'Write scores like 3.5.',
          'corpus',
        );
      pending.push({ texts: columns.map((column) => values[column]!), score: number });
      if (pending.length === ROWS_A_BATCH) await flush();
    }
    await flush();
    for (const split of SPLITS) {
      const { writer, starts, scores } = sides[split];
      writer.finish();
      starts.push(writer.count);
      writeFileSync(cellsPath(folder, split), starts.values);
      writeFileSync(scoresPath(folder, split), scores.values);
    }
    const rows = { train: sides.train.scores.length, heldOut: sides.heldOut.scores.length };
    writeFileSync(join(folder, INFO), JSON.stringify({ columns: names, rows }));
  } finally {
    for (const split of SPLITS) sides[split].writer.close();
  }
}

/** Where a row belongs, by its first text. */
export const sideOf = (text: string, heldOut: number, seed: number): SplitName =>
  uniform(seed, stringSeed(text)) < heldOut ? 'heldOut' : 'train';

/** Both sides of a table that {@link writeTable} wrote. */
export function openTable(folder: string, vocabularySize: number): Record<SplitName, Table & { close(): void }> {
  const info = Info.parse(JSON.parse(readFileSync(join(folder, INFO), 'utf8')));
  const open = (split: SplitName): TableSide => new TableSide(folder, split, info.rows[split], info.columns, vocabularySize);
  return { train: open('train'), heldOut: open('heldOut') };
}

class TableSide implements Table {
  readonly #tokens: TokenReader;
  readonly #starts: Float64Array;
  readonly #scores: Float64Array;

  constructor(
    folder: string,
    split: SplitName,
    readonly rows: number,
    readonly columns: readonly string[],
    vocabularySize: number,
  ) {
    this.#tokens = new TokenReader(tokensPath(folder, split), vocabularySize);
    this.#starts = floats(cellsPath(folder, split));
    this.#scores = floats(scoresPath(folder, split));
  }

  tokens(row: number, column: string): Int32Array {
    const place = this.columns.indexOf(column);
    if (row < 0 || row >= this.rows || place < 0) throw new RangeError(`The table has no text "${column}" in row ${row}.`);
    const cell = row * this.columns.length + place;
    const start = this.#starts[cell]!;
    return this.#tokens.read(start, this.#starts[cell + 1]! - start);
  }

  score(row: number): number {
    return this.#scores[row] ?? 0;
  }

  close(): void {
    this.#tokens.close();
  }
}

const floats = (path: string): Float64Array => new Float64Array(new Uint8Array(readFileSync(path)).buffer);

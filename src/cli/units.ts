import { statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Reader, type UnitQuery } from '../inspect/reader';
import { UserError } from '../shared/errors';
import type { Projection, Unit } from '../shared/types';
import { readText } from './file';
import { grid } from './text';

/** Most units of a file that are compared with each other. */
const UNIT_LIMIT = 2000;

interface UnitOptions {
  readonly unit: Unit;
  readonly json?: boolean;
}

export async function similarityCommand(model: string, file: string, { unit, json }: UnitOptions): Promise<void> {
  const { units, matrix } = await new Reader(resolve(model)).similarity(queryOf(file, unit));
  requireUnits(units.length, file, unit);
  const rows = units.map((_, i) => [...matrix.subarray(i * units.length, (i + 1) * units.length)]);
  if (json) {
    process.stdout.write(`${JSON.stringify({ units: units.map(({ text }) => text), matrix: rows })}\n`);
    return;
  }
  const width = String(units.length).length;
  const header = units.map((_, i) => String(i + 1).padStart(6)).join('');
  const lines = rows.map((row, i) => `${String(i + 1).padStart(width)} ${row.map((value) => value.toFixed(2).padStart(6)).join('')}`);
  const legend = units.map(({ text }, i) => `${String(i + 1).padStart(width)}  ${oneLine(text)}`);
  process.stdout.write(`${[...legend, '', `${' '.repeat(width + 1)}${header}`, ...lines].join('\n')}\n`);
}

export async function geometryCommand(model: string, file: string, { unit, json }: UnitOptions): Promise<void> {
  const geometry = await new Reader(resolve(model)).geometry(queryOf(file, unit));
  if (json) process.stdout.write(`${JSON.stringify(geometry)}\n`);
  else
    process.stdout.write(
      `alignment ${geometry.alignment?.toFixed(3) ?? '– (the model has no dropout to make two views by)'}\nuniformity ${geometry.uniformity.toFixed(3)}\n`,
    );
}

export async function mapCommand(
  model: string,
  file: string,
  { unit, projection, json }: UnitOptions & { projection: Projection },
): Promise<void> {
  const { units, points, explained } = await new Reader(resolve(model)).map(queryOf(file, unit), projection);
  requireUnits(units.length, file, unit);
  const placed = units.map(({ text }, i) => ({ text, x: points[2 * i]!, y: points[2 * i + 1]! }));
  if (json) process.stdout.write(`${JSON.stringify({ points: placed, ...(explained && { explained }) })}\n`);
  else
    process.stdout.write(
      `${grid(
        placed.map(({ text, x, y }) => [x.toFixed(3), y.toFixed(3), oneLine(text)]),
        [2],
      )}\n`,
    );
}

/** Milliseconds of work between two lines about its progress. */
const BUDGET = 2_000;

export async function neighboursCommand(
  model: string,
  { text, root, top, json }: { text: string; root: string; top: number; json?: boolean },
): Promise<void> {
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory())
    throw new UserError(`${root} is no folder.`, 'Choose one with .md or .txt files.', 'text');
  const reader = new Reader(resolve(model));
  for (;;) {
    const { neighbours, indexed, total } = await reader.neighbours(resolve(root), text, top, BUDGET);
    if (indexed < total) {
      process.stderr.write(`${indexed} of ${total} sentences\n`);
      await setTimeout(0);
      continue;
    }
    if (total === 0)
      throw new UserError(`${root} has no text file with a sentence in it.`, 'Choose a folder with .md or .txt files.', 'text');
    const named = neighbours.map(({ path, ...rest }) => ({ file: relative(resolve(root), path), ...rest }));
    if (json) process.stdout.write(`${JSON.stringify({ neighbours: named })}\n`);
    else
      process.stdout.write(
        `${grid(
          named.map(({ similarity, file, text: found }) => [similarity.toFixed(3), file, oneLine(found)]),
          [1, 2],
        )}\n`,
      );
    return;
  }
}

const queryOf = (file: string, unit: Unit): UnitQuery => ({ text: readText(file), unit, limit: UNIT_LIMIT });

function requireUnits(count: number, file: string, unit: Unit): void {
  if (count === 0) throw new UserError(`${file} has no ${unit} to compare.`, 'Choose a file with text in it.', 'text');
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').slice(0, 100);

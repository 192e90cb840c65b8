import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Reader } from '../inspect/reader';
import { UserError } from '../shared/errors';
import type { Unit } from '../shared/types';

/** Most units of a file that are compared with each other. */
const UNIT_LIMIT = 2000;
const BAR_WIDTH = 24;

export async function maskCommand(model: string, { text, top, json }: { text: string; top: number; json?: boolean }): Promise<void> {
  const predictions = (await new Reader(resolve(model)).fillMasks(text, top)).map(({ candidates }) =>
    candidates.map(({ token, probability }) => ({ token, probability })),
  );
  if (json) {
    process.stdout.write(`${JSON.stringify({ predictions })}\n`);
    return;
  }
  const lines = predictions.flatMap((candidates, i) => [
    ...(predictions.length > 1 ? [`[MASK] ${i + 1}`] : []),
    ...candidates.map(
      ({ token, probability }) =>
        `${(100 * probability).toFixed(1).padStart(5)} %  ${'█'.repeat(Math.round(BAR_WIDTH * probability)).padEnd(BAR_WIDTH)}  ${token}`,
    ),
  ]);
  process.stdout.write(`${[text, ...lines].join('\n')}\n`);
}

export async function similarityCommand(model: string, file: string, { unit, json }: { unit: Unit; json?: boolean }): Promise<void> {
  const { units, matrix } = await new Reader(resolve(model)).similarity(readText(file), unit, UNIT_LIMIT);
  if (units.length === 0) throw new UserError(`${file} has no ${unit} to compare.`, 'Choose a file with text in it.', 'text');
  if (json) {
    process.stdout.write(`${JSON.stringify({ units: units.map(({ text }) => text), matrix })}\n`);
    return;
  }
  const width = String(units.length).length;
  const header = units.map((_, i) => String(i + 1).padStart(6)).join('');
  const rows = matrix.map((row, i) => `${String(i + 1).padStart(width)} ${row.map((value) => value.toFixed(2).padStart(6)).join('')}`);
  const legend = units.map(({ text }, i) => `${String(i + 1).padStart(width)}  ${text.replace(/\s+/g, ' ').slice(0, 100)}`);
  process.stdout.write(`${[...legend, '', `${' '.repeat(width + 1)}${header}`, ...rows].join('\n')}\n`);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    throw new UserError(`${file} cannot be read.`, 'Check the path.', 'text', { cause: error });
  }
}

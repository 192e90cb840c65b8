import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readRows } from '../../../src/text/rows';
import { mutatedBytes, mutatedJson } from './mutate';
import { replay, survivesAsync } from './survive';

const folder = mkdtempSync(join(tmpdir(), 'fuzz-table-'));
afterAll(() => rmSync(folder, { recursive: true }));

const COLUMNS = ['first', 'second', 'score'];
const rows = [
  { first: 'A whale.', second: 'Ein Wal.', score: 4.5 },
  { first: 'He said "no", and left,\nat dawn.', second: '🐳 — é', score: 0 },
];

const files: Record<string, string> = {
  jsonl: rows.map((row) => JSON.stringify(row)).join('\n'),
  csv: `first,second,score\r\n${rows
    .map((row) =>
      Object.values(row)
        .map((cell) => `"${String(cell).replaceAll('"', '""')}"`)
        .join(','),
    )
    .join('\r\n')}\r\n`,
  tsv: `first\tsecond\tscore\n${rows
    .map((row) =>
      Object.values(row)
        .map((cell) => String(cell).replaceAll('\n', ' '))
        .join('\t'),
    )
    .join('\n')}\n`,
};

async function read(path: string, contents: string | Uint8Array): Promise<void> {
  writeFileSync(path, contents);
  for await (const { line, values } of readRows(path, COLUMNS)) {
    expect(line).toBeGreaterThan(0);
    expect(Object.keys(values)).toEqual(COLUMNS);
    for (const value of Object.values(values)) expect(typeof value).toBe('string');
  }
}

describe(`tables (${replay})`, { timeout: 120_000 }, () => {
  it.each(Object.entries(files))('%s: with bytes changed are read, or refused with file and line', async (kind, text) => {
    const path = join(folder, `pairs.${kind}`);
    await survivesAsync(mutatedBytes([Buffer.from(text)]), (bytes) => read(path, bytes), { names: path, runs: 800 });
  });

  it('jsonl: with fields changed are read, or refused with file and line', async () => {
    const path = join(folder, 'fields.jsonl');
    await survivesAsync(mutatedJson(rows), (line) => read(path, `${line}\n${line}`), { names: path, runs: 800 });
  });
});

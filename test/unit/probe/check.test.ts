import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ProbeOptions } from '../../../src/experiment/probes';
import { checkFiles } from '../../../src/probe/check';

const folder = mkdtempSync(join(tmpdir(), 'check-'));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'a.tsv'), 'text\tlabel\nGood.\t1\n');
writeFileSync(join(folder, 'none.tsv'), 'text\tlabel\n');
const check = (options: object): Promise<void> => checkFiles(ProbeOptions.parse(options), folder);

it.each([
  { type: 'classification', train: 'a.tsv', test: 'a.tsv' },
  { type: 'similarity', file: 'hf://datasets/owner/name/a.parquet' },
  { type: 'perplexity' },
  { type: 'perplexity', files: ['a.tsv'] },
])('lets %j pass', async (options) => {
  await expect(check(options)).resolves.toBeUndefined();
});

it.each([
  [{ type: 'classification', train: 'a.tsv', test: 'gone.tsv' }, /gone\.tsv does not exist/],
  [{ type: 'classification', train: 'a.tsv', test: 'none.tsv' }, /none\.tsv has no rows/],
  [{ type: 'pair', train: 'a.tsv' }, /there is no column "a"/],
  [{ type: 'generation', test: 'a.tsv', source: 'text' }, /there is no column "target"/],
  [{ type: 'retrieval', file: 'a.tsv', query: 'text', document: 'label', relevance: 'gain' }, /there is no column "gain"/],
  [{ type: 'perplexity', files: ['gone.txt'] }, /gone\.txt cannot be read/],
])('misses what %j needs', async (options, message) => {
  await expect(check(options)).rejects.toThrow(message);
});

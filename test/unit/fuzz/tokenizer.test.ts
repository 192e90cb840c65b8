import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Tokenizer } from '../../../src/text/tokenizer';
import { vocabularyData } from '../../../src/text/vocabulary';
import { mutatedBytes, mutatedJson } from './mutate';
import { replay, survivesAsync } from './survive';

const TEXT = 'The whale, a café, İstanbul and 中文 😀.';
const folder = mkdtempSync(join(tmpdir(), 'fuzz-tokenizer-'));
const path = join(folder, 'tokenizer.json');
let json: string;
beforeAll(async () => {
  json = (await Tokenizer.train([TEXT], { vocabularySize: 60, lowercase: true })).withSpecialTokens(['[S]']).json;
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Reads a tokenizer and does with it what the inspector and training do. */
async function read(contents: string | Uint8Array): Promise<void> {
  writeFileSync(path, contents);
  const tokenizer = Tokenizer.load(path);
  const { ids, spans } = await tokenizer.encode(TEXT);
  expect(spans).toHaveLength(ids.length);
  for (const { start, end } of spans) expect(0 <= start && start <= end && end <= TEXT.length).toBe(true);
  for (const batch of await tokenizer.encodeBatch([TEXT, ''])) for (const id of batch) expect(id).toBeLessThan(tokenizer.vocabularySize);
  const { specials } = vocabularyData(tokenizer, new Float64Array(tokenizer.vocabularySize));
  expect(specials).toHaveLength(tokenizer.vocabularySize);
}

describe(`tokenizers (${replay})`, { timeout: 120_000 }, () => {
  it('with fields changed are read, or refused with the file named', async () => {
    await survivesAsync(mutatedJson([JSON.parse(json)]), read, { names: path, runs: 700 });
  });

  it('with bytes changed are read, or refused with the file named', async () => {
    await survivesAsync(mutatedBytes([Buffer.from(json)]), read, { names: path, runs: 700 });
  });
});

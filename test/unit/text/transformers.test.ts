import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AutoTokenizer, env } from '@huggingface/transformers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Tokenizer } from '../../../src/text/tokenizer';

const CHAPTERS = 'samples/moby-dick';
let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'tokenizer-'))));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a tokenizer of ours, opened by transformers.js', () => {
  it('gives the same tokens', async () => {
    const texts = readdirSync(CHAPTERS)
      .slice(0, 12)
      .map((name) => readFileSync(join(CHAPTERS, name), 'utf8'));
    const ours = await Tokenizer.train(texts, { vocabularySize: 2000, lowercase: true });
    ours.save(join(folder, 'tokenizer.json'));
    writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify({ tokenizer_class: 'BertTokenizer', do_lower_case: true }));
    env.allowRemoteModels = false;
    const theirs = await AutoTokenizer.from_pretrained(folder);
    for (const text of [
      ...texts[3]!.split('\n').filter(Boolean).slice(0, 40),
      'Café, naïve — “quoted” 1851; don’t!',
      '鯨 whale 🐋 [MASK]',
    ]) {
      const { ids } = await ours.encode(text);
      expect(theirs.encode(text, { add_special_tokens: false }), text).toEqual([...ids]);
    }
  });
});

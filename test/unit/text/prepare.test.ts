import { readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { prepareCorpus, type PreparedCorpus, type PrepareOptions } from '../../../src/text/prepare';
import { folderOf } from './folder';

const WORDS = ['whale', 'sea', 'ship', 'captain', 'storm', 'island', 'harpoon', 'sail'];
/** A chapter that no other number gives. */
const chapter = (n: number): string =>
  Array.from({ length: 30 }, (_, i) => `The ${WORDS[(n + i) % 8]} of chapter ${n} saw the ${WORDS[(n * i) % 8]} at dawn.`).join('\n');
const book = (chapters: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: chapters }, (_, n) => [`chapter-${n}.md`, chapter(n)]));

const options = (root: string, cache: string, more: Partial<PrepareOptions> = {}): PrepareOptions => ({
  root,
  cache,
  corpus: {},
  tokenizer: { vocabularySize: 120, lowercase: true },
  seed: 1,
  ...more,
});
const rebuilt = ({ report, dataset }: PreparedCorpus): boolean => {
  dataset.close();
  return !report.cached;
};

describe('prepareCorpus', () => {
  it('turns a folder into a tokenizer and a dataset that hold its text', async () => {
    const root = folderOf(book(10));
    const { tokenizer, tokenizerPath, dataset, report } = await prepareCorpus(options(root, folderOf({})));
    expect(report).toMatchObject({ files: 10, skipped: {}, documents: 10, sentences: 300, heldOutBy: 'document', cached: false });
    expect(report.heldOutTokens).toBe(dataset.heldOut.tokenCount);
    expect(tokenizerPath).toMatch(/tokenizer-.*\.json$/);
    const name = dataset.info.train.documents[0]!;
    const { ids } = await tokenizer.encode(chapter(Number(/\d+/.exec(name)![0])));
    expect(dataset.train.tokens(0, ids.length + 1)).toEqual(Int32Array.of(...ids, tokenizer.special.sep));
    dataset.close();
  });

  it('does nothing twice, and everything needed again when a file, a name or an option changes', async () => {
    const root = folderOf(book(6));
    const cache = folderOf({});
    const prepare = async (more?: Partial<PrepareOptions>): Promise<boolean> => rebuilt(await prepareCorpus(options(root, cache, more)));
    expect(await prepare()).toBe(true);
    expect(await prepare()).toBe(false);
    expect(await prepare({ seed: 2 })).toBe(true);
    expect(await prepare({ tokenizer: { vocabularySize: 100, lowercase: true } })).toBe(true);
    expect(await prepare({ corpus: { exclude: ['chapter-5.md'] } })).toBe(true);
    // The same size, and a modification time of long ago: as an old file moved here would have.
    writeFileSync(join(root, 'chapter-0.md'), chapter(0).replace('sea', 'SKY'));
    utimesSync(join(root, 'chapter-0.md'), 1e9, 1e9);
    expect(await prepare()).toBe(true);
    expect(await prepare()).toBe(false);
  });

  it('gives the same dataset for the same text wherever it lies', async () => {
    const read = async (): Promise<Int32Array> => {
      const { dataset } = await prepareCorpus(options(folderOf(book(6)), folderOf({})));
      const tokens = dataset.train.tokens(0, dataset.train.tokenCount);
      dataset.close();
      return tokens;
    };
    expect(await read()).toEqual(await read());
  });

  it('leaves out and counts what is not text', async () => {
    const root = folderOf({ ...book(4), 'x.md': Uint8Array.of(1, 0), 'y.md': Uint8Array.of(0xff), 'z.md': ' ' });
    const { report, dataset } = await prepareCorpus(options(root, folderOf({})));
    expect(report.skipped).toEqual({ binary: 1, encoding: 1, empty: 1 });
    expect(report.summary).toContain('skipped: 1 binary, 1 encoding, 1 empty');
    dataset.close();
  });

  it('leaves out a file that is removed meanwhile, and keeps no cache that pretends to hold it', async () => {
    const root = folderOf(book(6));
    const cache = folderOf({});
    const remove = (message: string): void => {
      if (message.startsWith('Encoding')) rmSync(join(root, 'chapter-3.md'), { force: true });
    };
    const without = await prepareCorpus(options(root, cache, { onProgress: remove }));
    expect(without.report).toMatchObject({ documents: 5, skipped: { gone: 1 } });
    without.dataset.close();
    writeFileSync(join(root, 'chapter-3.md'), chapter(3));
    const whole = await prepareCorpus(options(root, cache));
    expect(whole.report.documents).toBe(6);
    whole.dataset.close();
  });

  it('uses a tokenizer from a file as it is', async () => {
    const root = folderOf(book(4));
    const first = await prepareCorpus(options(root, folderOf({})));
    first.dataset.close();
    first.tokenizer.save(join(root, 'own.json'));
    const second = await prepareCorpus(
      options(root, folderOf({}), { tokenizer: { vocabularySize: 10, lowercase: false, from: 'own.json' } }),
    );
    expect(second.tokenizer.json).toBe(first.tokenizer.json);
    expect(second.tokenizerPath).toBe(join(root, 'own.json'));
    second.dataset.close();
  });

  it('reports progress that only grows, to its end', async () => {
    const fractions: number[] = [];
    const { dataset } = await prepareCorpus(
      options(folderOf(book(5)), folderOf({}), { onProgress: (_, fraction) => fractions.push(fraction) }),
    );
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
    dataset.close();
  });

  it.each(['Reading', 'Training', 'Encoding', 'Splitting'])('stops while %s and leaves nothing half-made', async (phase) => {
    const root = folderOf(book(6));
    const cache = folderOf({});
    const controller = new AbortController();
    const onProgress = (message: string): void => {
      if (message.startsWith(phase)) controller.abort();
    };
    await expect(prepareCorpus(options(root, cache, { signal: controller.signal, onProgress }))).rejects.toThrow('aborted');
    expect(readdirSync(cache).filter((name) => !/^(files\.json|tokenizer-\w+\.json)$/.test(name))).toEqual([]);
    const { report, dataset } = await prepareCorpus(options(root, cache));
    expect(report.documents).toBe(6);
    dataset.close();
  });
});

describe('a mistake in the corpus', () => {
  const failure = async (files: Record<string, string | Uint8Array>, more?: Partial<PrepareOptions>): Promise<unknown> =>
    prepareCorpus(options(folderOf(files), folderOf({}), more)).catch((error: unknown) => error);

  it('is told with its folder and its way out', async () => {
    expect(await failure({ 'a.rst': 'text' }, { corpus: { include: ['*.md', '*.tex'] } })).toMatchObject({
      name: 'UserError',
      code: 'corpus',
      message: expect.stringMatching(/No file in .* matches \*\.md, \*\.tex\./) as string,
      hint: expect.stringContaining('corpus.include') as string,
    });
    expect(await failure({ 'a.md': Uint8Array.of(0), 'b.md': '' })).toMatchObject({
      code: 'corpus',
      message: expect.stringContaining('1 binary, 1 empty') as string,
    });
    expect(await failure({ 'a.md': 'Too short. Really.' })).toMatchObject({
      code: 'corpus',
      message: expect.stringContaining('256 are needed') as string,
    });
    expect(await failure({ 'a.md': 'word '.repeat(1000) })).toMatchObject({
      code: 'corpus',
      hint: expect.stringContaining('Add text') as string,
    });
    expect(await failure(book(2), { minimumTokens: 1e6 })).toMatchObject({ code: 'corpus' });
    expect(await failure(book(2), { tokenizer: { vocabularySize: 100, lowercase: true, from: 'none.json' } })).toMatchObject({
      code: 'tokenizer',
    });
  });
});

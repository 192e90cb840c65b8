import { readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Dataset } from '../../../src/text/dataset';
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
/** The tokenizers that were trained and kept. */
const keptTokenizers = (cache: string): string[] =>
  readdirSync(cache)
    .filter((name) => /^tokenizer-\w+\.json$/.test(name))
    .map((name) => readFileSync(join(cache, name), 'utf8'));
const rebuilt = ({ report, dataset }: PreparedCorpus): boolean => {
  dataset.close();
  return !report.cached;
};

describe('prepareCorpus', () => {
  it('turns a folder into a tokenizer and a dataset that hold its text', async () => {
    const root = folderOf(book(10));
    const cache = folderOf({});
    const { tokenizer, dataset, report } = await prepareCorpus(options(root, cache));
    expect(report).toMatchObject({ files: 10, skipped: {}, documents: 10, sentences: 300, heldOutBy: 'document', cached: false });
    expect(report.heldOutTokens).toBe(dataset.heldOut.tokenCount);
    expect(keptTokenizers(cache)).toEqual([tokenizer.json]);
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

  it('keeps no cache under the name of what a file was before it changed meanwhile', async () => {
    const root = folderOf(book(6));
    const cache = folderOf({});
    const change = (message: string): void => {
      if (message.startsWith('Encoding')) writeFileSync(join(root, 'chapter-3.md'), chapter(33));
    };
    const changed = await prepareCorpus(options(root, cache, { onProgress: change }));
    const of = ({ dataset: { train, heldOut } }: typeof changed): Int32Array[] =>
      [train, heldOut].map((split) => split.tokens(0, split.tokenCount));
    const tokens = of(changed);
    changed.dataset.close();
    writeFileSync(join(root, 'chapter-3.md'), chapter(3));
    const whole = await prepareCorpus(options(root, cache));
    expect(whole.report.cached).toBe(false);
    expect(of(whole)).not.toEqual(tokens);
    whole.dataset.close();
    const again = await prepareCorpus(options(root, cache));
    expect(again.report.cached).toBe(true);
    again.dataset.close();
  });

  it('uses a tokenizer from a file as it is', async () => {
    const root = folderOf(book(4));
    const first = await prepareCorpus(options(root, folderOf({})));
    first.dataset.close();
    first.tokenizer.save(join(root, 'own.json'));
    const cache = folderOf({});
    const second = await prepareCorpus(options(root, cache, { tokenizer: { vocabularySize: 10, lowercase: false, from: 'own.json' } }));
    expect(second.tokenizer.json).toBe(first.tokenizer.json);
    expect(keptTokenizers(cache)).toEqual([]);
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

describe('special tokens that objectives ask for', () => {
  it('stand at the end of the vocabulary, over one and the same trained tokenizer', async () => {
    const [root, cache] = [folderOf(book(4)), folderOf({})];
    const plain = await prepareCorpus(options(root, cache));
    const tokenizer = { vocabularySize: 120, lowercase: true, special: ['[S0]', '[MASK]', '[S1]'] };
    const more = await prepareCorpus(options(root, cache, { tokenizer }));
    expect(more.tokenizer.vocabularySize).toBe(plain.tokenizer.vocabularySize + 2);
    expect(['[S0]', '[S1]'].map((token) => more.tokenizer.id(token)! - plain.tokenizer.vocabularySize)).toEqual([0, 1]);
    expect(more.dataset.vocabularySize).toBe(more.tokenizer.vocabularySize);
    expect(keptTokenizers(cache)).toEqual([plain.tokenizer.json]);
    for (const { dataset } of [plain, more]) dataset.close();
  });
});

describe('tables', () => {
  afterEach(() => vi.restoreAllMocks());

  const ROWS = 200;
  const rows = (change: (row: number) => string = (row) => `Answer ${row} of the lighthouse.`): string =>
    ['question,answer,score', ...Array.from({ length: ROWS }, (_, i) => `"Question ${i}, keeper?",${change(i)},${i}`)].join('\n');
  const asking = (folder: string, columns: object = {}): Pick<PrepareOptions, 'tables'> => ({
    tables: new Map([['contrastive', { file: join(folder, 'pairs.csv'), texts: { a: 'question', b: 'answer' }, ...columns }]]),
  });
  const textOf = ({ tokenizer }: PreparedCorpus, ids: Int32Array): string =>
    Array.from(ids, (id) => tokenizer.token(id))
      .join(' ')
      .replaceAll(' ##', '');

  it('are encoded beside the corpus, a part of their rows held out, and the tokenizer learns their words', async () => {
    const folder = folderOf({ 'pairs.csv': rows() });
    const prepared = await prepareCorpus(
      options(folderOf(book(6)), folderOf({}), { ...asking(folder, { score: 'score' }), corpus: { heldOut: 0.3 } }),
    );
    const { dataset, report } = prepared;
    const [train, heldOut] = [dataset.train.tables.get('contrastive')!, dataset.heldOut.tables.get('contrastive')!];
    expect(train.rows + heldOut.rows).toBe(ROWS);
    expect(heldOut.rows / ROWS).toBeGreaterThan(0.2);
    expect(heldOut.rows / ROWS).toBeLessThan(0.4);
    expect(textOf(prepared, train.tokens(0, 'a'))).toBe(`question ${train.score(0)} , keeper ?`);
    expect(textOf(prepared, train.tokens(0, 'b'))).toBe(`answer ${train.score(0)} of the lighthouse .`);
    expect(prepared.tokenizer.id('lighthouse')).toBeDefined();
    expect(report.documents).toBe(6);
    dataset.close();
  });

  it('are the corpus where there is no text', async () => {
    const folder = folderOf({ 'pairs.csv': rows() });
    const prepared = await prepareCorpus(options(folderOf({}), folderOf({}), asking(folder)));
    const { train } = prepared.dataset;
    expect(train.sentenceCount).toBeGreaterThan(ROWS);
    const texts = Array.from({ length: train.sentenceCount }, (_, i) => textOf(prepared, train.sentence(i)));
    expect(texts[1]).toBe(texts[0]!.replace(/question (\d+) , keeper \?/, 'answer $1 of the lighthouse .'));
    expect(prepared.report).toMatchObject({ files: 0, documents: Math.ceil(ROWS / 64) });
    // What is held out of the rows is held out of the text that they stand in for.
    const rowsHeldOut = prepared.dataset.heldOut.tables.get('contrastive')!;
    const held = Array.from({ length: rowsHeldOut.rows }, (_, i) => textOf(prepared, rowsHeldOut.tokens(i, 'a')));
    expect(held.length).toBeGreaterThan(0);
    expect(held.filter((text) => texts.includes(text))).toEqual([]);
    prepared.dataset.close();
  });

  it('are prepared anew when they change, or other columns are wanted, and only then', async () => {
    const [root, cache, folder] = [folderOf(book(6)), folderOf({}), folderOf({ 'pairs.csv': rows() })];
    const { tokenizer: own, dataset } = await prepareCorpus(options(root, folderOf({}), asking(folder)));
    dataset.close();
    own.save(join(root, 'own.json'));
    // One tokenizer throughout: what is kept of the table must not hang on it alone.
    const tokenizer = { vocabularySize: 120, lowercase: true, from: 'own.json' };
    const prepare = async (columns?: object): Promise<[rebuilt: boolean, text: string]> => {
      const prepared = await prepareCorpus(options(root, cache, { ...asking(folder, columns), tokenizer }));
      const text = textOf(prepared, prepared.dataset.train.tables.get('contrastive')!.tokens(0, 'b'));
      return [rebuilt(prepared), text];
    };
    const [first, before] = await prepare();
    expect(first).toBe(true);
    expect(await prepare()).toEqual([false, before]);
    writeFileSync(
      join(folder, 'pairs.csv'),
      rows((row) => `Island ${row} of the lighthouse.`),
    );
    const after = before.replace('answer', 'island');
    expect(after).not.toBe(before);
    expect(await prepare()).toEqual([true, after]);
    expect(await prepare()).toEqual([false, after]);
    expect(await prepare({ score: 'score' })).toEqual([true, after]);
    expect((await prepare({ texts: { a: 'answer', b: 'question' } }))[1]).toMatch(/^question/);
  });

  it.each<[string, string, object, RegExp, RegExp]>([
    ['that is missing', '', { file: '/no/such/pairs.csv' }, /\/no\/such\/pairs\.csv of "contrastive" does not exist/, /own folder/],
    ['that is empty', ' \n', {}, /pairs\.csv of "contrastive" is empty/, /own folder/],
    ['that is no text', 'a\u0000b', {}, /pairs\.csv of "contrastive" is no text/, /own folder/],
    [
      'without a column',
      rows(),
      { texts: { a: 'query', b: 'answer' } },
      /pairs\.csv:2: there is no column "query"/,
      /"question", "answer", "score"/,
    ],
    ['without a score', rows(), { score: 'points' }, /pairs\.csv:2: there is no column "points"/, /"question", "answer", "score"/],
    [
      'with a score that is no number',
      rows().replace(/,7$/m, ',many'),
      { score: 'score' },
      /pairs\.csv:9: "many" in the column "score" is not a number/,
      /3\.5/,
    ],
    ['of another kind', rows(), { file: 'pairs.md' }, /pairs\.md is no kind of table/, /\.jsonl, \.csv, \.tsv or \.parquet/],
  ])('%s is a mistake that is named, and leaves nothing half-made', async (_, content, request, message, hint) => {
    const [folder, cache] = [folderOf({ 'pairs.csv': content, 'pairs.md': content }), folderOf({})];
    const file = 'file' in request ? resolve(folder, String(request.file)) : join(folder, 'pairs.csv');
    const closed = vi.spyOn(Dataset.prototype, 'close');
    const opened = vi.spyOn(Dataset, 'open');
    const error: unknown = await prepareCorpus(options(folderOf(book(4)), cache, asking(folder, { ...request, file }))).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      name: 'UserError',
      code: 'corpus',
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    });
    expect(readdirSync(cache).filter((name) => /^(making|table)-/.test(name))).toEqual([]);
    expect(closed).toHaveBeenCalledTimes(opened.mock.calls.length);
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

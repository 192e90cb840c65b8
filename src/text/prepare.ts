import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { diskError, UserError } from '../shared/errors';
import { DEFAULT_INCLUDE, inspectFile, listFiles, readPieces, ReadError, type SkipReason } from './corpus';
import { Dataset } from './dataset';
import { inspectFiles, type InspectedFile } from './inspect-files';
import { stringSeed, uniform } from '../shared/random';
import { readRows } from './rows';
import { splitSentences } from './sentences';
import { ShardWriter, type SplitName } from './shards';
import { sideOf, writeTable, type TableRequest } from './table';
import { Tokenizer } from './tokenizer';

/** Raised when a change of the code makes earlier caches wrong. */
const CACHE_VERSION = 2;
/** A tokenizer is trained on about this much text, drawn evenly from all of it: more does not change a vocabulary noticeably. */
const TOKENIZER_TRAINING_BYTES = 64e6;
const SENTENCES_A_BATCH = 1024;

export interface PrepareOptions {
  /** Absolute folder that the corpus's globs and the tokenizer's path are relative to. */
  readonly root: string;
  readonly corpus: {
    readonly include?: readonly string[] | undefined;
    readonly exclude?: readonly string[] | undefined;
    readonly code?: boolean | undefined;
    /** Fraction of the tokens that is held out, by document; 0.1 by default. */
    readonly heldOut?: number | undefined;
  };
  readonly tokenizer: {
    readonly vocabularySize: number;
    readonly lowercase: boolean;
    readonly from?: string | undefined;
    /** Folder of a model whose tokenizer is used; absolute. */
    readonly ofModel?: string | undefined;
    /** Special tokens beyond BERT's, at the end of the vocabulary. */
    readonly special?: readonly string[] | undefined;
  };
  /** Files of rows by the objective that asks for them, their paths absolute. Without any text file their texts are the corpus. */
  readonly tables?: ReadonlyMap<string, TableRequest> | undefined;
  /** Folder for tokenizers and shards, made if it is missing. */
  readonly cache: string;
  readonly seed: number;
  /** Fewer training tokens than this are too few to train on: what one batch needs. */
  readonly minimumTokens?: number | undefined;
  readonly onProgress?: ((message: string, fraction: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CorpusReport {
  readonly files: number;
  /** Files left out, by reason; only reasons that occurred. */
  readonly skipped: Partial<Record<SkipReason, number>>;
  readonly documents: number;
  readonly sentences: number;
  readonly trainTokens: number;
  readonly heldOutTokens: number;
  /** `sentence`: there is one document only, and its last tenth is held out. */
  readonly heldOutBy: 'document' | 'sentence';
  /** Whether everything came from the cache. */
  readonly cached: boolean;
  /** One line for people. */
  readonly summary: string;
}

export interface PreparedCorpus {
  readonly tokenizer: Tokenizer;
  readonly dataset: Dataset;
  readonly report: CorpusReport;
}

/**
 * Turns a folder of text into a tokenizer and token shards, both cached by the content they come from.
 *
 * @throws UserError (code `corpus`) if there is no text, or too little; (code `disk`) if the disk is full
 * @throws the signal's reason within a second of its abort
 */
export async function prepareCorpus(options: PrepareOptions): Promise<PreparedCorpus> {
  const { root, corpus, cache, signal } = options;
  try {
    mkdirSync(cache, { recursive: true });
    const found = await listFiles({ ...corpus, root }, signal);
    const tables = await inspectTables(options);
    if (found.length === 0 && tables.length === 0) {
      const globs = [...(corpus.include ?? DEFAULT_INCLUDE), ...(corpus.code ? ['source code'] : [])].join(', ');
      throw new UserError(
        `No file in ${root} matches ${globs}.`,
        'Put text files into that folder (links that lead out of it are not followed), or change "corpus.include".',
        'corpus',
      );
    }
    const skipped: Partial<Record<SkipReason, number>> = {};
    const skip = (reason: SkipReason): void => {
      skipped[reason] = (skipped[reason] ?? 0) + 1;
    };
    const files: InspectedFile[] = [];
    for (const file of await inspectFiles(found, options)) {
      if ('skipped' in file) skip(file.skipped);
      else files.push(file);
    }
    if (files.length === 0 && tables.length === 0) {
      throw new UserError(
        `None of the ${found.length} files in ${root} is text: ${describe(skipped)}.`,
        'The corpus must be UTF-8 text files.',
        'corpus',
      );
    }
    const trained = await prepareTokenizer(files, tables, options);
    const tokenizer = trained.tokenizer.withSpecialTokens(options.tokenizer.special ?? []);
    const shards = await prepareShards(files, tables, tokenizer, options, skip);
    const { info } = shards.dataset;
    const cached = (await addTables(shards.dataset, tables, tokenizer, options)) && trained.cached && shards.cached;
    const report = {
      files: found.length,
      skipped,
      documents: new Set([...info.train.documents, ...info.heldOut.documents]).size,
      sentences: info.train.sentenceCount + info.heldOut.sentenceCount,
      trainTokens: info.train.tokenCount,
      heldOutTokens: info.heldOut.tokenCount,
      heldOutBy: info.heldOutBy,
      cached,
    };
    return { tokenizer, dataset: shards.dataset, report: { ...report, summary: summarise(report) } };
  } catch (error) {
    throw diskError(cache, error);
  }
}

/** A table with what identifies its contents. */
interface InspectedTable {
  readonly objective: string;
  readonly request: TableRequest;
  readonly hash: string;
}

async function inspectTables({ tables = new Map<string, TableRequest>(), signal }: PrepareOptions): Promise<InspectedTable[]> {
  const inspected: InspectedTable[] = [];
  for (const [objective, request] of tables) {
    const inspection = await inspectFile(request.file, signal);
    if ('skipped' in inspection) {
      const problem = {
        gone: 'does not exist',
        empty: 'is empty',
        binary: 'is no text',
        encoding: 'is not UTF-8',
        unreadable: 'cannot be read',
      };
      throw new UserError(
        `The file ${request.file} of "${objective}" ${problem[inspection.skipped]}.`,
        "Paths are relative to the experiment's own folder.",
        'corpus',
      );
    }
    inspected.push({ objective, request, hash: inspection.hash });
  }
  return inspected;
}

/** All texts of a table, a row at a time. */
async function* tableTexts({ request }: InspectedTable): AsyncGenerator<string[]> {
  const columns = Object.values(request.texts);
  for await (const { values } of readRows(request.file, columns)) yield columns.map((column) => values[column]!);
}

/** Whether all came from the cache. */
async function addTables(
  dataset: Dataset,
  tables: readonly InspectedTable[],
  tokenizer: Tokenizer,
  options: PrepareOptions,
): Promise<boolean> {
  let cached = true;
  try {
    for (const table of tables) {
      const prepared = await prepareTable(table, tokenizer, options);
      dataset.addTable(table.objective, prepared.folder);
      cached &&= prepared.cached;
    }
  } catch (error) {
    dataset.close();
    throw error;
  }
  return cached;
}

async function prepareTable(
  { objective, request, hash }: InspectedTable,
  tokenizer: Tokenizer,
  { cache, seed, corpus: { heldOut = 0.1 }, onProgress, signal }: PrepareOptions,
): Promise<{ folder: string; cached: boolean }> {
  const { file: _, ...columns } = request;
  const folder = join(cache, `table-${contentKey([CACHE_VERSION, hash, columns, tokenizer.json, heldOut, seed])}`);
  if (existsSync(folder)) return { folder, cached: true };
  onProgress?.(`Encoding the rows of "${objective}"`, 0.96);
  const temporary = join(cache, `making-${randomUUID()}`);
  mkdirSync(temporary);
  try {
    await writeTable(request, temporary, tokenizer, { heldOut, seed, signal });
    renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return { folder, cached: false };
}

async function prepareTokenizer(
  files: readonly InspectedFile[],
  tables: readonly InspectedTable[],
  options: PrepareOptions,
): Promise<{ tokenizer: Tokenizer; cached: boolean }> {
  const { from, ofModel, vocabularySize, lowercase } = options.tokenizer;
  if (ofModel !== undefined) return { tokenizer: Tokenizer.ofModel(ofModel), cached: true };
  if (from !== undefined) return { tokenizer: Tokenizer.load(resolve(options.root, from)), cached: true };
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const key = contentKey([
    CACHE_VERSION,
    vocabularySize,
    lowercase,
    files.map(({ name, hash }) => (total > TOKENIZER_TRAINING_BYTES ? [name, hash] : hash)),
    tables.map(({ hash, request }) => [hash, Object.values(request.texts)]),
  ]);
  const path = join(options.cache, `tokenizer-${key}.json`);
  if (existsSync(path)) return { tokenizer: Tokenizer.load(path), cached: true };
  const tokenizer = await Tokenizer.train(trainingText(files, total, tables, options), { vocabularySize, lowercase }, options.signal);
  const temporary = `${path}.${randomUUID()}`;
  tokenizer.save(temporary);
  renameSync(temporary, path);
  return { tokenizer, cached: false };
}

async function* trainingText(
  files: readonly InspectedFile[],
  total: number,
  tables: readonly InspectedTable[],
  { onProgress, signal }: PrepareOptions,
): AsyncGenerator<string> {
  for (const table of tables) {
    let bytes = 0;
    for await (const texts of tableTexts(table)) {
      if (bytes > TOKENIZER_TRAINING_BYTES) break;
      for (const text of texts) {
        yield text;
        bytes += text.length;
      }
    }
  }
  let read = 0;
  for (const { name, path, bytes } of files) {
    signal?.throwIfAborted();
    onProgress?.('Training the tokenizer', 0.1 + (0.2 * read) / total);
    read += bytes;
    try {
      let index = 0;
      for await (const piece of readPieces(path)) {
        if (uniform(stringSeed(name), index++) * total < TOKENIZER_TRAINING_BYTES) yield piece;
      }
    } catch (error) {
      // A file lost since it was inspected is counted when its turn comes to be encoded.
      if (!(error instanceof ReadError)) throw error;
    }
  }
}

async function prepareShards(
  files: readonly InspectedFile[],
  tables: readonly InspectedTable[],
  tokenizer: Tokenizer,
  options: PrepareOptions,
  skip: (reason: SkipReason) => void,
): Promise<{ dataset: Dataset; cached: boolean }> {
  const { cache, seed, signal, minimumTokens = 256 } = options;
  const heldOut = options.corpus.heldOut ?? 0.1;
  // The texts of tables stand in for files where there are none.
  const stand = files.length === 0 ? tables : [];
  const folderOf = (used: readonly InspectedFile[]): string => {
    const contents = [...used.map(({ name, hash }) => [name, hash]), ...stand.map(({ hash, request }) => [hash, request.texts])];
    return join(cache, `shards-${contentKey([CACHE_VERSION, tokenizer.json, seed, heldOut, contents])}`);
  };
  let folder = folderOf(files);
  const cached = existsSync(folder);
  if (!cached) {
    const temporary = join(cache, `making-${randomUUID()}`);
    mkdirSync(temporary);
    const writer = new ShardWriter(temporary, tokenizer);
    try {
      const whole = await encodeFiles(files, tokenizer, writer, options, skip);
      for (const table of stand) await encodeTable(table, tokenizer, writer, options);
      if (writer.tokenCount < minimumTokens || writer.sentenceCount < 2) throw tooLittle(options.root, writer.tokenCount, minimumTokens);
      options.onProgress?.('Splitting the corpus', 0.95);
      await writer.finish(heldOut, seed, signal);
      // What was lost, or changed, since it was inspected makes a corpus that no other run may take for that of the inspected files.
      if (!whole) folder = join(cache, `shards-${contentKey([randomUUID()])}`);
      if (!existsSync(folder)) renameSync(temporary, folder);
    } finally {
      writer.close();
      rmSync(temporary, { recursive: true, force: true });
    }
  }
  options.onProgress?.('The corpus is ready', 1);
  const dataset = Dataset.open(folder);
  const { tokenCount } = dataset.train;
  if (tokenCount >= minimumTokens) return { dataset, cached };
  dataset.close();
  throw tooLittle(options.root, tokenCount, minimumTokens);
}

/** Cuts files into sentences and encodes them; returns whether all were what they were when they were inspected. */
async function encodeFiles(
  files: readonly InspectedFile[],
  tokenizer: Tokenizer,
  writer: ShardWriter,
  { onProgress, signal }: PrepareOptions,
  skip: (reason: SkipReason) => void,
): Promise<boolean> {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let whole = true;
  let read = 0;
  for (const file of files) {
    signal?.throwIfAborted();
    onProgress?.('Encoding the corpus', 0.3 + (0.65 * read) / total);
    read += file.bytes;
    try {
      const hash = createHash('sha256');
      for await (const piece of readPieces(file.path, hash)) {
        const sentences = splitSentences(piece);
        for (let i = 0; i < sentences.length; i += SENTENCES_A_BATCH) {
          const batch = sentences.slice(i, i + SENTENCES_A_BATCH).map(({ text }) => text);
          writer.append(file.name, await tokenizer.encodeBatch(batch));
          signal?.throwIfAborted();
        }
      }
      whole &&= hash.digest('hex') === file.hash;
    } catch (error) {
      if (!(error instanceof ReadError)) throw error;
      skip(error.reason);
      whole = false;
    }
  }
  return whole;
}

/** Rows of a table that make one document. */
const TEXTS_A_DOCUMENT = 128;

async function encodeTable(table: InspectedTable, tokenizer: Tokenizer, writer: ShardWriter, options: PrepareOptions): Promise<void> {
  const pending: Record<SplitName, string[]> = { train: [], heldOut: [] };
  let documents = 0;
  const flush = async (side: SplitName): Promise<void> => {
    options.signal?.throwIfAborted();
    if (pending[side].length > 0) writer.append(`${table.objective}#${++documents}`, await tokenizer.encodeBatch(pending[side]), side);
    pending[side] = [];
  };
  for await (const texts of tableTexts(table)) {
    // A row that is held out in the table is held out here as well.
    const side = sideOf(texts[0]!, options.corpus.heldOut ?? 0.1, options.seed);
    pending[side].push(...texts);
    if (pending[side].length >= TEXTS_A_DOCUMENT) await flush(side);
  }
  for (const side of ['train', 'heldOut'] as const) await flush(side);
}

const tooLittle = (root: string, tokens: number, needed: number): UserError =>
  new UserError(
    `The corpus in ${root} has ${tokens} tokens to train on; ${needed} are needed.`,
    'Add text, or widen "corpus.include".',
    'corpus',
  );

const describe = (skipped: CorpusReport['skipped']): string =>
  Object.entries(skipped)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ');

function summarise(report: Omit<CorpusReport, 'summary'>): string {
  const skipped = describe(report.skipped);
  return [
    `${report.documents} documents, ${report.sentences} sentences, ${report.trainTokens} tokens to train on, ${report.heldOutTokens} held out`,
    ...(report.heldOutBy === 'sentence' ? ['the last tenth of the only document is held out'] : []),
    ...(skipped === '' ? [] : [`skipped: ${skipped}`]),
  ].join('; ');
}

const contentKey = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 24);

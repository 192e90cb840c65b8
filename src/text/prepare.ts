import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { diskError, UserError } from '../shared/errors';
import { DEFAULT_INCLUDE, listFiles, readPieces, ReadError, type SkipReason } from './corpus';
import { Dataset } from './dataset';
import { inspectFiles, type InspectedFile } from './inspect-files';
import { stringSeed, uniform } from '../shared/random';
import { splitSentences } from './sentences';
import { ShardWriter } from './shards';
import { Tokenizer } from './tokenizer';

/** Raised when a change of the code makes earlier caches wrong. */
const CACHE_VERSION = 1;
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
  readonly tokenizer: { readonly vocabularySize: number; readonly lowercase: boolean; readonly from?: string | undefined };
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
  readonly tokenizerPath: string;
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
    if (found.length === 0) {
      const globs = [...(corpus.include ?? DEFAULT_INCLUDE), ...(corpus.code ? ['source code'] : [])].join(', ');
      throw new UserError(`No file in ${root} matches ${globs}.`, 'Put text files into that folder, or change "corpus.include".', 'corpus');
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
    if (files.length === 0) {
      throw new UserError(
        `None of the ${found.length} files in ${root} is text: ${describe(skipped)}.`,
        'The corpus must be UTF-8 text files.',
        'corpus',
      );
    }
    const { tokenizer, path: tokenizerPath, cached: tokenizerCached } = await prepareTokenizer(files, options);
    const shards = await prepareShards(files, tokenizer, options, skip);
    const { info } = shards.dataset;
    const report = {
      files: found.length,
      skipped,
      documents: new Set([...info.train.documents, ...info.heldOut.documents]).size,
      sentences: info.train.sentenceCount + info.heldOut.sentenceCount,
      trainTokens: info.train.tokenCount,
      heldOutTokens: info.heldOut.tokenCount,
      heldOutBy: info.heldOutBy,
      cached: tokenizerCached && shards.cached,
    };
    return { tokenizer, tokenizerPath, dataset: shards.dataset, report: { ...report, summary: summarise(report) } };
  } catch (error) {
    throw diskError(cache, error);
  }
}

async function prepareTokenizer(
  files: readonly InspectedFile[],
  options: PrepareOptions,
): Promise<{ tokenizer: Tokenizer; path: string; cached: boolean }> {
  const { from, vocabularySize, lowercase } = options.tokenizer;
  if (from !== undefined) {
    const path = resolve(options.root, from);
    return { tokenizer: Tokenizer.load(path), path, cached: true };
  }
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const key = contentKey([
    CACHE_VERSION,
    vocabularySize,
    lowercase,
    files.map(({ name, hash }) => (total > TOKENIZER_TRAINING_BYTES ? [name, hash] : hash)),
  ]);
  const path = join(options.cache, `tokenizer-${key}.json`);
  if (existsSync(path)) return { tokenizer: Tokenizer.load(path), path, cached: true };
  const tokenizer = await Tokenizer.train(trainingText(files, total, options), { vocabularySize, lowercase }, options.signal);
  const temporary = `${path}.${randomUUID()}`;
  tokenizer.save(temporary);
  renameSync(temporary, path);
  return { tokenizer, path, cached: false };
}

async function* trainingText(
  files: readonly InspectedFile[],
  total: number,
  { onProgress, signal }: PrepareOptions,
): AsyncGenerator<string> {
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
  tokenizer: Tokenizer,
  options: PrepareOptions,
  skip: (reason: SkipReason) => void,
): Promise<{ dataset: Dataset; cached: boolean }> {
  const { cache, seed, signal, minimumTokens = 256 } = options;
  const heldOut = options.corpus.heldOut ?? 0.1;
  const folderOf = (used: readonly InspectedFile[]): string =>
    join(cache, `shards-${contentKey([CACHE_VERSION, tokenizer.json, seed, heldOut, used.map(({ name, hash }) => [name, hash])])}`);
  let folder = folderOf(files);
  const cached = existsSync(folder);
  if (!cached) {
    const temporary = join(cache, `making-${randomUUID()}`);
    mkdirSync(temporary);
    const writer = new ShardWriter(temporary, tokenizer);
    try {
      const lost = await encodeFiles(files, tokenizer, writer, options, skip);
      const sentences = writer.documents.reduce((sum, { starts }) => sum + starts.length - 1, 0);
      if (writer.tokenCount < minimumTokens || sentences < 2) throw tooLittle(options.root, writer.tokenCount, minimumTokens);
      options.onProgress?.('Splitting the corpus', 0.95);
      await writer.finish(heldOut, seed, signal);
      // Without the files that were lost on the way this is the corpus of the others.
      folder = folderOf(files.filter((file) => !lost.has(file)));
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

/** Cuts files into sentences and encodes them; returns the files that could not be read to their end. */
async function encodeFiles(
  files: readonly InspectedFile[],
  tokenizer: Tokenizer,
  writer: ShardWriter,
  { onProgress, signal }: PrepareOptions,
  skip: (reason: SkipReason) => void,
): Promise<Set<InspectedFile>> {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const lost = new Set<InspectedFile>();
  let read = 0;
  for (const file of files) {
    signal?.throwIfAborted();
    onProgress?.('Encoding the corpus', 0.3 + (0.65 * read) / total);
    read += file.bytes;
    try {
      for await (const piece of readPieces(file.path)) {
        const sentences = splitSentences(piece);
        for (let i = 0; i < sentences.length; i += SENTENCES_A_BATCH) {
          const batch = sentences.slice(i, i + SENTENCES_A_BATCH).map(({ text }) => text);
          writer.append(file.name, await tokenizer.encodeBatch(batch));
          signal?.throwIfAborted();
        }
      }
    } catch (error) {
      if (!(error instanceof ReadError)) throw error;
      skip(error.reason);
      lost.add(file);
    }
  }
  return lost;
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

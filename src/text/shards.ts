import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import * as z from 'zod';
import { hash32, stringSeed } from '../shared/random';
import { NumberList } from './number-list';
import type { SpecialTokens } from './tokenizer';
import { TokenReader, TokenWriter } from './token-file';

/**
 * Token shards: a corpus as a folder of flat little-endian files. Each split (`train`, `heldOut`) is contiguous and has
 * - `<split>.tokens.bin`: content tokens of its documents one after another, a [SEP] after each
 * - `<split>.sentences.bin`: Float64 start token of each sentence, then the stream's length
 * - `<split>.documents.bin`: Float64 first sentence of each document, then the number of sentences
 *
 * beside `unigram.bin` (Float64 counts of every token in `train`) and `dataset.json` (the rest).
 */
const SplitInfo = z.object({ tokenCount: z.int(), sentenceCount: z.int(), documentCount: z.int(), documents: z.array(z.string()) });
export const DatasetInfo = z.object({
  version: z.literal(1),
  vocabularySize: z.int().positive(),
  /** What was held out: whole documents, or the last sentences of the only one. */
  heldOutBy: z.enum(['document', 'sentence']),
  train: SplitInfo,
  heldOut: SplitInfo,
});
export type DatasetInfo = z.infer<typeof DatasetInfo>;
export type SplitName = 'train' | 'heldOut';

export const shardPath = (folder: string, split: SplitName, kind: 'tokens' | 'sentences' | 'documents'): string =>
  join(folder, `${split}.${kind}.bin`);
export const unigramPath = (folder: string): string => join(folder, 'unigram.bin');
export const infoPath = (folder: string): string => join(folder, 'dataset.json');

/** An encoded document: sentences first…end−1 of the staged stream. */
interface StagedDocument {
  readonly name: string;
  readonly first: number;
  end: number;
  tokens: number;
  /** Where it belongs, if that is settled; of a corpus either all documents say so or none. */
  readonly side?: SplitName | undefined;
}

/** A document, or a part of it. */
type Excerpt = Pick<StagedDocument, 'name' | 'first' | 'end'>;

/** What the shards need to know of the tokenizer. */
export interface Vocabulary {
  readonly vocabularySize: number;
  readonly special: SpecialTokens;
}

/** Writes the shards of a corpus: documents are staged in one file as they come and dealt to the splits once all sizes are known. */
export class ShardWriter {
  readonly #staged: TokenWriter;
  readonly #stagedPath: string;
  readonly #documents: StagedDocument[] = [];
  /** Where each sentence begins in the staged stream. */
  readonly #starts = new NumberList();

  constructor(
    private readonly folder: string,
    private readonly vocabulary: Vocabulary,
  ) {
    this.#stagedPath = join(folder, 'staged.bin');
    this.#staged = new TokenWriter(this.#stagedPath, vocabulary.vocabularySize);
  }

  /** Content tokens written so far. */
  get tokenCount(): number {
    return this.#staged.count;
  }

  get sentenceCount(): number {
    return this.#starts.length;
  }

  /** Adds sentences to a document; those of one document follow each other. Sentences without tokens are dropped. */
  append(name: string, sentences: readonly ArrayLike<number>[], side?: SplitName): void {
    for (const ids of sentences) {
      if (ids.length === 0) continue;
      let document = this.#documents.at(-1);
      if (document?.name !== name) {
        document = { name, first: this.sentenceCount, end: this.sentenceCount, tokens: 0, side };
        this.#documents.push(document);
      }
      this.#starts.push(this.#staged.count);
      this.#staged.append(ids);
      document.end++;
      document.tokens += ids.length;
    }
  }

  /** Splits the documents and writes the folder's files, `dataset.json` last. */
  async finish(heldOut: number, seed: number, signal?: AbortSignal): Promise<DatasetInfo> {
    this.#staged.finish();
    const source = new TokenReader(this.#stagedPath, this.vocabulary.vocabularySize);
    try {
      const { heldOutBy, ...excerpts } = splitDocuments(this.#documents, heldOut, seed);
      const train = await this.#writeSplit('train', excerpts.train, source, signal);
      const info: DatasetInfo = {
        version: 1,
        vocabularySize: this.vocabulary.vocabularySize,
        heldOutBy,
        train,
        heldOut: await this.#writeSplit('heldOut', excerpts.heldOut, source, signal),
      };
      writeFileSync(infoPath(this.folder), JSON.stringify(info));
      return info;
    } finally {
      source.close();
      rmSync(this.#stagedPath);
    }
  }

  close(): void {
    this.#staged.close();
  }

  async #writeSplit(
    split: SplitName,
    excerpts: readonly Excerpt[],
    source: TokenReader,
    signal?: AbortSignal,
  ): Promise<DatasetInfo['train']> {
    const { vocabularySize, special } = this.vocabulary;
    const writer = new TokenWriter(shardPath(this.folder, split, 'tokens'), vocabularySize);
    const unigram = new Float64Array(vocabularySize);
    const starts = this.#starts.values;
    const sentences = new NumberList();
    const documents = new NumberList();
    try {
      for (const { first, end } of excerpts) {
        signal?.throwIfAborted();
        documents.push(sentences.length);
        for (let i = first; i < end; i++) {
          const ids = source.read(starts[i]!, (starts[i + 1] ?? source.count) - starts[i]!);
          sentences.push(writer.count);
          writer.append(ids);
          for (const id of ids) unigram[id]!++;
          if (sentences.length % 4096 === 0) {
            await setImmediate();
            signal?.throwIfAborted();
          }
        }
        writer.append([special.sep]);
      }
      writer.finish();
    } finally {
      writer.close();
    }
    for (const id of Object.values<number | undefined>({ ...special })) if (id !== undefined) unigram[id] = 0;
    const [sentenceCount, documentCount] = [sentences.length, documents.length];
    sentences.push(writer.count);
    documents.push(sentenceCount);
    writeFileSync(shardPath(this.folder, split, 'sentences'), sentences.values);
    writeFileSync(shardPath(this.folder, split, 'documents'), documents.values);
    if (split === 'train') writeFileSync(unigramPath(this.folder), unigram);
    return { tokenCount: writer.count, sentenceCount, documentCount, documents: excerpts.map(({ name }) => name) };
  }
}

/**
 * Holds documents out, in the order of a hash of (seed, name), until they have at least the fraction `heldOut` of the tokens; one document always
 * stays for training. Of a single document the last tenth of the sentences (at least one) is held out; both splits keep the documents' order.
 */
function splitDocuments(
  documents: readonly StagedDocument[],
  heldOut: number,
  seed: number,
): { heldOutBy: DatasetInfo['heldOutBy']; train: Excerpt[]; heldOut: Excerpt[] } {
  if (documents.some(({ side }) => side !== undefined)) {
    const of = (wanted: SplitName): Excerpt[] => documents.filter(({ side }) => side === wanted);
    return { heldOutBy: 'document', train: of('train'), heldOut: of('heldOut') };
  }
  const [only] = documents;
  if (only && documents.length === 1) {
    const cut = only.end - Math.max(1, Math.round(only.end / 10));
    return { heldOutBy: 'sentence', train: [{ ...only, end: cut }], heldOut: [{ ...only, first: cut }] };
  }
  const ranked = documents
    .map((document) => ({ document, rank: hash32(seed, stringSeed(document.name)) }))
    .sort((a, b) => a.rank - b.rank || (a.document.name < b.document.name ? -1 : 1));
  const target = heldOut * documents.reduce((sum, { tokens }) => sum + tokens, 0);
  const chosen = new Set<StagedDocument>();
  let taken = 0;
  for (const { document } of ranked.slice(0, -1)) {
    if (taken >= target) break;
    chosen.add(document);
    taken += document.tokens;
  }
  return {
    heldOutBy: 'document',
    train: documents.filter((document) => !chosen.has(document)),
    heldOut: documents.filter((document) => chosen.has(document)),
  };
}

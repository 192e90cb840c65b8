import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { hash32, stringSeed } from '../shared/random';
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

/** An encoded document: `starts[i]` is where its sentence i begins in the staged stream; the last entry is where the document ends. */
export interface StagedDocument {
  readonly name: string;
  readonly starts: readonly number[];
  /** Where it belongs, if that is settled; of a corpus either all documents say so or none. */
  readonly side?: SplitName | undefined;
}

/** Sentences first…end−1 of a document. */
interface Excerpt {
  readonly document: StagedDocument;
  readonly first: number;
  readonly end: number;
}

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
  #open: { readonly name: string; readonly starts: number[]; readonly side: SplitName | undefined } | undefined;

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

  get documents(): readonly StagedDocument[] {
    return this.#documents;
  }

  /** Adds sentences to a document; those of one document follow each other. Sentences without tokens are dropped. */
  append(name: string, sentences: readonly ArrayLike<number>[], side?: SplitName): void {
    for (const ids of sentences) {
      if (ids.length === 0) continue;
      let starts = this.#open?.name === name ? this.#open.starts : undefined;
      if (!starts) {
        starts = [this.#staged.count];
        this.#open = { name, starts, side };
        this.#documents.push(this.#open);
      }
      this.#staged.append(ids);
      starts.push(this.#staged.count);
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
    const sentences: number[] = [];
    const documents: number[] = [];
    try {
      for (const { document, first, end } of excerpts) {
        signal?.throwIfAborted();
        documents.push(sentences.length);
        for (let i = first; i < end; i++) {
          const start = document.starts[i]!;
          const ids = source.read(start, document.starts[i + 1]! - start);
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
    writeFileSync(shardPath(this.folder, split, 'sentences'), Float64Array.from([...sentences, writer.count]));
    writeFileSync(shardPath(this.folder, split, 'documents'), Float64Array.from([...documents, sentences.length]));
    if (split === 'train') writeFileSync(unigramPath(this.folder), unigram);
    const names = excerpts.map(({ document }) => document.name);
    return { tokenCount: writer.count, sentenceCount: sentences.length, documentCount: names.length, documents: names };
  }
}

const size = ({ starts }: StagedDocument): number => starts.at(-1)! - starts[0]!;

/**
 * Holds documents out, in the order of a hash of (seed, name), until they have at least the fraction `heldOut` of the tokens; one document always
 * stays for training. Of a single document the last tenth of the sentences (at least one) is held out; both splits keep the documents' order.
 */
export function splitDocuments(
  documents: readonly StagedDocument[],
  heldOut: number,
  seed: number,
): { heldOutBy: DatasetInfo['heldOutBy']; train: Excerpt[]; heldOut: Excerpt[] } {
  const whole = (document: StagedDocument): Excerpt => ({ document, first: 0, end: document.starts.length - 1 });
  if (documents.some(({ side }) => side !== undefined)) {
    const of = (wanted: SplitName): Excerpt[] => documents.filter(({ side }) => side === wanted).map(whole);
    return { heldOutBy: 'document', train: of('train'), heldOut: of('heldOut') };
  }
  const [only] = documents;
  if (only && documents.length === 1) {
    const { end } = whole(only);
    const cut = end - Math.max(1, Math.round(end / 10));
    return { heldOutBy: 'sentence', train: [{ document: only, first: 0, end: cut }], heldOut: [{ document: only, first: cut, end }] };
  }
  const ranked = documents
    .map((document) => ({ document, rank: hash32(seed, stringSeed(document.name)) }))
    .sort((a, b) => a.rank - b.rank || (a.document.name < b.document.name ? -1 : 1));
  const target = heldOut * documents.reduce((sum, document) => sum + size(document), 0);
  const chosen = new Set<StagedDocument>();
  let taken = 0;
  for (const { document } of ranked.slice(0, -1)) {
    if (taken >= target) break;
    chosen.add(document);
    taken += size(document);
  }
  return {
    heldOutBy: 'document',
    train: documents.filter((document) => !chosen.has(document)).map(whole),
    heldOut: documents.filter((document) => chosen.has(document)).map(whole),
  };
}

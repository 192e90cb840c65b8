import { readFileSync } from 'node:fs';
import { UserError } from '../shared/errors';
import { DatasetInfo, infoPath, shardPath, unigramPath, type SplitName } from './shards';
import { openTable, type Table } from './table';
import { TokenReader } from './token-file';

/** One side of the corpus as a stream of token ids, its sentences and its documents. Reads come from disk. */
export interface Split {
  readonly name: SplitName;
  /** Length of the split's token stream, with the [SEP] after each document. */
  readonly tokenCount: number;
  readonly sentenceCount: number;
  readonly documentCount: number;
  /** A window of the split's own concatenated stream. @throws RangeError outside it */
  tokens(start: number, length: number): Int32Array;
  /** Content tokens of one sentence. @throws RangeError if there is no such sentence */
  sentence(index: number): Int32Array;
  documentOf(sentence: number): number;
  /** Sentences first…end−1 of a document. */
  sentencesOf(document: number): [first: number, end: number];
  /** Rows from files, by the objective that asked for them. */
  readonly tables: ReadonlyMap<string, Table>;
}

/** Token shards that {@link ShardWriter} wrote, open for reading. */
export class Dataset {
  readonly vocabularySize: number;
  readonly train: Split;
  readonly heldOut: Split;
  /** Entropy of the token distribution of `train`, in nats: the loss of a model that knows nothing but frequencies. */
  readonly unigramEntropy: number;
  readonly #unigram: Float64Array;
  readonly #shards: readonly ShardSplit[];
  readonly #tables: { close: () => void }[] = [];
  /** Folders of the tables, by objective. */
  readonly tableFolders = new Map<string, string>();

  private constructor(
    readonly folder: string,
    readonly info: DatasetInfo,
  ) {
    this.vocabularySize = info.vocabularySize;
    this.#unigram = readFloats(unigramPath(folder), info.vocabularySize);
    this.unigramEntropy = entropy(this.#unigram);
    const train = new ShardSplit(folder, 'train', info);
    const heldOut = new ShardSplit(folder, 'heldOut', info);
    this.train = train;
    this.heldOut = heldOut;
    this.#shards = [train, heldOut];
  }

  /** @throws UserError (code `corpus`) if a file is missing or damaged */
  static open(folder: string): Dataset {
    try {
      return new Dataset(folder, DatasetInfo.parse(JSON.parse(readFileSync(infoPath(folder), 'utf8'))));
    } catch (error) {
      throw new UserError(
        `The prepared corpus in ${folder} is damaged.`,
        'Delete that folder: it is made again from the corpus.',
        'corpus',
        { cause: error },
      );
    }
  }

  /** How often each token occurs in `train`; special tokens count zero. The caller's own copy. */
  unigram(): Float64Array {
    return this.#unigram.slice();
  }

  /** Adds the rows that an objective asked for, from a folder that `writeTable` made. */
  addTable(objective: string, folder: string): void {
    const { train, heldOut } = openTable(folder, this.vocabularySize);
    this.#shards[0]!.tables.set(objective, train);
    this.#shards[1]!.tables.set(objective, heldOut);
    this.#tables.push(train, heldOut);
    this.tableFolders.set(objective, folder);
  }

  close(): void {
    for (const each of [...this.#shards, ...this.#tables]) each.close();
  }
}

class ShardSplit implements Split {
  readonly tables = new Map<string, Table>();
  readonly tokenCount: number;
  readonly sentenceCount: number;
  readonly documentCount: number;
  readonly #tokens: TokenReader;
  readonly #sentences: Float64Array;
  readonly #documents: Float64Array;

  constructor(
    folder: string,
    readonly name: SplitName,
    info: DatasetInfo,
  ) {
    ({ tokenCount: this.tokenCount, sentenceCount: this.sentenceCount, documentCount: this.documentCount } = info[name]);
    this.#sentences = readFloats(shardPath(folder, name, 'sentences'), this.sentenceCount + 1);
    this.#documents = readFloats(shardPath(folder, name, 'documents'), this.documentCount + 1);
    this.#tokens = new TokenReader(shardPath(folder, name, 'tokens'), info.vocabularySize);
    if (this.#tokens.count !== this.tokenCount) {
      this.close();
      throw new Error(`${name} has ${this.#tokens.count} tokens instead of ${this.tokenCount}.`);
    }
  }

  tokens(start: number, length: number): Int32Array {
    return this.#tokens.read(start, length);
  }

  sentence(index: number): Int32Array {
    const start = this.#sentences[index];
    const next = this.#sentences[index + 1];
    if (start === undefined || next === undefined) throw new RangeError(`There is no sentence ${index} among ${this.sentenceCount}.`);
    const [, end] = this.sentencesOf(this.documentOf(index));
    // The [SEP] after a document stands between its last sentence and the next document's first.
    return this.#tokens.read(start, next - start - (index + 1 === end ? 1 : 0));
  }

  documentOf(sentence: number): number {
    if (sentence < 0 || sentence >= this.sentenceCount)
      throw new RangeError(`There is no sentence ${sentence} among ${this.sentenceCount}.`);
    let low = 0;
    let high = this.documentCount;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#documents[middle]! <= sentence) low = middle;
      else high = middle;
    }
    return low;
  }

  sentencesOf(document: number): [first: number, end: number] {
    const first = this.#documents[document];
    const end = this.#documents[document + 1];
    if (first === undefined || end === undefined) throw new RangeError(`There is no document ${document} among ${this.documentCount}.`);
    return [first, end];
  }

  close(): void {
    this.#tokens.close();
  }
}

function readFloats(path: string, length: number): Float64Array {
  const bytes = readFileSync(path);
  if (bytes.length !== length * Float64Array.BYTES_PER_ELEMENT)
    throw new Error(`${path} has ${bytes.length} bytes instead of ${length * 8}.`);
  return new Float64Array(new Uint8Array(bytes).buffer);
}

/** Shannon entropy of the distribution that these counts are, in nats. */
function entropy(counts: Float64Array): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return counts.reduce((sum, count) => (count > 0 ? sum - (count / total) * Math.log(count / total) : sum), 0);
}

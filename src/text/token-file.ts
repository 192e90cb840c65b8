import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';

/** Token ids on disk are little-endian Uint16, or Uint32 for vocabularies above 65,536. */
export const tokenArray = (vocabularySize: number): typeof Uint16Array | typeof Uint32Array =>
  vocabularySize <= 65_536 ? Uint16Array : Uint32Array;

const BUFFER_TOKENS = 1 << 18;

/** Appends token ids to a new file through a buffer. */
export class TokenWriter {
  readonly #file: number;
  readonly #buffer: Uint16Array | Uint32Array;
  #used = 0;
  count = 0;

  constructor(path: string, vocabularySize: number) {
    this.#file = openSync(path, 'w');
    this.#buffer = new (tokenArray(vocabularySize))(BUFFER_TOKENS);
  }

  append(ids: ArrayLike<number>): void {
    for (let i = 0; i < ids.length; i++) {
      if (this.#used === BUFFER_TOKENS) this.#flush();
      this.#buffer[this.#used++] = ids[i]!;
    }
    this.count += ids.length;
  }

  /** Writes what is still in the buffer; {@link close} alone drops it. */
  finish(): void {
    this.#flush();
  }

  close(): void {
    closeSync(this.#file);
  }

  #flush(): void {
    const bytes = new Uint8Array(this.#buffer.buffer, 0, this.#used * this.#buffer.BYTES_PER_ELEMENT);
    for (let done = 0; done < bytes.length;) done += writeSync(this.#file, bytes, done, bytes.length - done);
    this.#used = 0;
  }
}

const BLOCK_TOKENS = 1 << 14;
const CACHED_BLOCKS = 256;

/** Positioned reads of token ids through a small cache of blocks, the least recently used dropped first: at most 16 MB in memory. */
export class TokenReader {
  readonly #file: number;
  readonly #blocks = new Map<number, Uint16Array | Uint32Array>();
  /** Length of the file in tokens. */
  readonly count: number;

  constructor(
    private readonly path: string,
    private readonly vocabularySize: number,
  ) {
    this.#file = openSync(path, 'r');
    this.count = fstatSync(this.#file).size / tokenArray(vocabularySize).BYTES_PER_ELEMENT;
  }

  /** Tokens start…start+length−1. @throws RangeError outside the file */
  read(start: number, length: number): Int32Array {
    if (start < 0 || length < 0 || start + length > this.count) {
      throw new RangeError(`Tokens ${start}…${start + length} lie outside the ${this.count} of ${this.path}.`);
    }
    const tokens = new Int32Array(length);
    for (let done = 0; done < length;) {
      const offset = (start + done) % BLOCK_TOKENS;
      const block = this.#block(Math.floor((start + done) / BLOCK_TOKENS));
      const part = block.subarray(offset, offset + length - done);
      tokens.set(part, done);
      done += part.length;
    }
    return tokens;
  }

  close(): void {
    closeSync(this.#file);
  }

  #block(index: number): Uint16Array | Uint32Array {
    let block = this.#blocks.get(index);
    if (block) {
      this.#blocks.delete(index);
    } else {
      const start = index * BLOCK_TOKENS;
      block = new (tokenArray(this.vocabularySize))(Math.min(BLOCK_TOKENS, this.count - start));
      const read = readSync(this.#file, block, 0, block.byteLength, start * block.BYTES_PER_ELEMENT);
      if (read !== block.byteLength) throw new Error(`${this.path} became shorter while it was read.`);
      const oldest = this.#blocks.keys().next().value;
      if (oldest !== undefined && this.#blocks.size >= CACHED_BLOCKS) this.#blocks.delete(oldest);
    }
    this.#blocks.set(index, block);
    return block;
  }
}

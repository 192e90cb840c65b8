import { createHash } from 'node:crypto';
import { chmodSync, closeSync, copyFileSync, mkdirSync, openSync, readSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Entry } from './contents';

/** A file that was split: the SHA-256 of the whole, in hexadecimal, and its place. */
export interface Split {
  readonly sha256: string;
  readonly path: string;
}

/** Bytes that are held at once. */
const CHUNK = 2 ** 24;

/** Copies a file into a folder: as it is, or in parts of at most so many bytes, `<path>.part001` and on. */
export function copyInParts({ from, to }: Entry, folder: string, partSize: number): Split | undefined {
  const target = join(folder, to);
  mkdirSync(dirname(target), { recursive: true });
  const { size, mode } = statSync(from);
  if (size <= partSize) {
    copyFileSync(from, target);
    chmodSync(target, mode & 0o111 ? 0o755 : 0o644);
    return undefined;
  }
  const digits = Math.max(3, String(Math.ceil(size / partSize)).length);
  const hash = createHash('sha256');
  const source = openSync(from, 'r');
  const chunk = Buffer.alloc(Math.min(CHUNK, partSize));
  try {
    for (let part = 1, left = size; left > 0; part++) {
      const file = openSync(`${target}.part${String(part).padStart(digits, '0')}`, 'w');
      try {
        for (let room = Math.min(partSize, left); room > 0;) {
          const bytes = chunk.subarray(0, readSync(source, chunk, 0, Math.min(chunk.length, room), null));
          if (bytes.length === 0) throw new Error(`${from} became shorter while it was read.`);
          hash.update(bytes);
          writeFileSync(file, bytes);
          room -= bytes.length;
          left -= bytes.length;
        }
      } finally {
        closeSync(file);
      }
    }
  } finally {
    closeSync(source);
  }
  return { sha256: hash.digest('hex'), path: to };
}

import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { diskError } from '../shared/errors';

/**
 * The operations by which a run's folder is written, one system call or so each. They are an object so that tests can make any of them fail, or end
 * the process between two of them.
 */
export interface Storage {
  /** Makes a folder whose parent is there; fails with `EEXIST` if something stands in its place. */
  makeFolder(path: string): void;
  /** @param flags `w` for a new file in place of another, `wx` for one that must not exist, `a` to append */
  open(path: string, flags: 'w' | 'wx' | 'a'): number;
  /** Writes what it can of the bytes; returns how many. */
  write(file: number, bytes: Uint8Array): number;
  /** Resolves once what was written is on the disk, not only in the system's memory. */
  sync(file: number): void;
  close(file: number): void;
  rename(from: string, to: string): void;
  /** A file, or a folder with all it holds; nothing happens if it is not there. */
  remove(path: string): void;
  /** Makes the names in a folder last, where the system asks for it. */
  syncFolder(path: string): void;
}

/** Most bytes that one call takes: some systems refuse more than 2 GiB. */
const LARGEST_WRITE = 2 ** 30;

export const disk: Storage = {
  makeFolder(path) {
    mkdirSync(path);
  },
  open: (path, flags) => openSync(path, flags),
  write: (file, bytes) => writeSync(file, bytes, 0, Math.min(bytes.length, LARGEST_WRITE)),
  sync: (file) => fsyncSync(file),
  close: (file) => closeSync(file),
  rename: (from, to) => renameSync(from, to),
  remove: (path) => rmSync(path, { recursive: true, force: true }),
  syncFolder(path) {
    // Windows has no such thing: renaming is journalled there.
    if (process.platform === 'win32') return;
    const folder = openSync(path, 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  },
};

const bytesOf = (contents: string | readonly Uint8Array[]): readonly Uint8Array[] =>
  typeof contents === 'string' ? [Buffer.from(contents)] : contents;

export function writeAll(file: number, contents: string | readonly Uint8Array[], storage: Storage): void {
  for (const piece of bytesOf(contents)) {
    for (let written = 0; written < piece.length;) written += storage.write(file, piece.subarray(written));
  }
}

/** Writes a new file, down to the disk. */
export function writeFile(path: string, contents: string | readonly Uint8Array[], storage: Storage): void {
  const file = storage.open(path, 'w');
  try {
    writeAll(file, contents, storage);
    storage.sync(file);
  } finally {
    storage.close(file);
  }
}

/**
 * Replaces a file as a whole: written beside, flushed to the disk, renamed. Whatever happens in between, the old file or the new one is there.
 *
 * @throws UserError (code `disk`) when the disk is full or does not let us write
 */
export function replaceFile(path: string, contents: string | readonly Uint8Array[], storage: Storage = disk): void {
  const temporary = `${path}.partial`;
  try {
    writeFile(temporary, contents, storage);
    storage.rename(temporary, path);
    storage.syncFolder(dirname(path));
  } catch (error) {
    attempt(() => storage.remove(temporary));
    throw diskError(path, error);
  }
}

/** Tidying up after a failure: what fails here is no news. */
export function attempt(work: () => void): void {
  try {
    work();
  } catch {
    // The failure that led here is reported.
  }
}

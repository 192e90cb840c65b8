import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { diskError } from '../shared/errors';

/**
 * Replaces a file as a whole: written beside, flushed to the disk, renamed. Whatever happens in between, the old file or the new one is there.
 *
 * @throws UserError (code `disk`) when the disk is full or does not let us write
 */
export function replaceFile(path: string, contents: string | readonly Uint8Array[]): void {
  const temporary = `${path}.partial`;
  try {
    const file = openSync(temporary, 'w');
    try {
      for (const piece of typeof contents === 'string' ? [Buffer.from(contents)] : contents) {
        for (let written = 0; written < piece.length;)
          written += writeSync(file, piece, written, Math.min(piece.length - written, 2 ** 30));
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw diskError(path, error);
  }
}

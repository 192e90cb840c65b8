import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { UserError } from '../shared/errors';

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
        for (let written = 0; written < piece.length;) written += writeSync(file, piece, written, Math.min(piece.length - written, 2 ** 30));
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

/** What the operating system says of a failed write, in words that name the way out; other errors as they are. */
export function diskError(path: string, error: unknown): unknown {
  const folder = dirname(path);
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new UserError(`The disk is full: ${path} could not be written.`, 'Free some space and start again; earlier checkpoints are intact.', 'disk', { cause: error });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new UserError(`${folder} cannot be written to.`, 'Give yourself write permission, or choose another folder for runs.', 'disk', { cause: error });
    case 'ENOENT':
      return new UserError(`${folder} is gone.`, 'It was removed or renamed while the run was going on; start the run again.', 'disk', { cause: error });
    default:
      return error;
  }
}

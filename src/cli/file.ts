import { readFileSync } from 'node:fs';
import { UserError } from '../shared/errors';

/** The text of a file as the editor counts its characters: without the mark of its encoding. @throws UserError (code `text`) */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    throw new UserError(`${file} cannot be read.`, 'Check the path.', 'text', { cause: error });
  }
}

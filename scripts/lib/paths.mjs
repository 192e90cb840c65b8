// Where things are in the repository.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const samples = join(root, 'samples');
/** Holds the VS Code workbench in the browser; ignored by git. */
export const workbench = join(root, '.workbench');

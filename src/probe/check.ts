import { accessSync, constants } from 'node:fs';
import { resolve } from 'node:path';
import type { ProbeOptions } from '../experiment/probes';
import { UserError } from '../shared/errors';
import { readTable } from './table';

/** Fields that name a table, and those that name a column which is read of all of them. */
const TABLES = ['train', 'test', 'file'] as const;
const COLUMNS = ['text', 'a', 'b', 'label', 'score', 'query', 'document', 'relevance', 'source', 'target', 'good', 'bad'] as const;

/**
 * Looks whether the files of a probe are there, with the columns that it reads, before anything is trained. Files of the hub are left to the probe.
 *
 * @param folder what file names are relative to
 * @throws UserError (code `corpus`) that names file and column
 */
export async function checkFiles(options: ProbeOptions, folder: string): Promise<void> {
  const fields = options as unknown as Readonly<Record<string, string | undefined>>;
  const own = (path: string): string[] => (path.startsWith('hf:') ? [] : [resolve(folder, path)]);
  const columns = COLUMNS.flatMap((field) => fields[field] ?? []);
  for (const path of TABLES.flatMap((field) => own(fields[field] ?? 'hf:'))) await readTable(path, columns, 1);
  for (const path of 'files' in options ? (options.files ?? []).flatMap(own) : []) {
    try {
      accessSync(path, constants.R_OK);
    } catch (error) {
      throw new UserError(`${path} cannot be read.`, "Paths are relative to the experiment's own folder.", 'corpus', { cause: error });
    }
  }
}

import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { inspectFile, skipReason, type CorpusFile, type Inspection, type SkipReason } from './corpus';

export type InspectedFile = CorpusFile & { readonly hash: string; readonly bytes: number };
export type SkippedFile = CorpusFile & { readonly skipped: SkipReason };

/** What stays true of a file as long as it does not change. */
const Lasting = z.union([
  z.object({ hash: z.string(), bytes: z.number() }),
  z.object({ skipped: z.enum(['binary', 'encoding', 'empty']) }),
]);
const Known = z.record(z.string(), z.object({ size: z.number(), mtimeMs: z.number(), inspection: Lasting }));
type Known = z.infer<typeof Known>;

/** A file whose modification is younger than this may change again without a new stamp: it is read anew the next time. */
const STAMP_MILLISECONDS = 2000;

/** Inspects every file; what is known of a file with the same path, size and modification time (`files.json` in the cache folder) is not read again. */
export async function inspectFiles(
  files: readonly CorpusFile[],
  {
    cache,
    onProgress,
    signal,
  }: { cache: string; onProgress?: ((message: string, fraction: number) => void) | undefined; signal?: AbortSignal | undefined },
): Promise<(InspectedFile | SkippedFile)[]> {
  const path = join(cache, 'files.json');
  const known = readKnown(path);
  const inspected: (InspectedFile | SkippedFile)[] = [];
  for (const file of files) {
    signal?.throwIfAborted();
    onProgress?.('Reading the corpus', (0.1 * inspected.length) / files.length);
    inspected.push({ ...file, ...(await inspectOnce(file.path, known, signal)) });
  }
  const temporary = `${path}.${randomUUID()}`;
  writeFileSync(temporary, JSON.stringify(known));
  renameSync(temporary, path);
  return inspected;
}

/** Looks a file up in `known`, or reads it and enters it there. */
async function inspectOnce(path: string, known: Known, signal?: AbortSignal): Promise<Inspection> {
  try {
    const { size, mtimeMs } = await stat(path);
    const before = known[path];
    if (before?.size === size && before.mtimeMs === mtimeMs) return before.inspection;
    const inspection = await inspectFile(path, signal);
    const lasting = Lasting.safeParse(inspection);
    if (lasting.success && Date.now() - mtimeMs > STAMP_MILLISECONDS) known[path] = { size, mtimeMs, inspection: lasting.data };
    return inspection;
  } catch (error) {
    signal?.throwIfAborted();
    return { skipped: skipReason(error) };
  }
}

function readKnown(path: string): Known {
  try {
    return Known.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return {};
  }
}

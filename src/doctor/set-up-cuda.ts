import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskError, UserError } from '../shared/errors';
import { requireCudaPlatform, type CudaSetUp } from '../shared/machine';
import { attempt, disk, writeFile, type Storage } from '../train/storage';
import { examineCuda } from './cuda';
import { CUDA_PROVIDER, readCudaProvider } from './cuda-provider';
import { download, sourceFolder } from './cuda-source';
import { runtimeOf } from './packages';
import { tryApart } from './trial';

export interface CudaOptions {
  /** A folder that holds the provider, or a package of npm's kind (`.tgz`); without it, it is downloaded. */
  readonly from?: string | undefined;
  /** Whether the files stay although CUDA does not work here: to prepare an image for machines that have it. */
  readonly keep?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly storage?: Storage | undefined;
}

/**
 * Puts the CUDA provider beside the runtime, and tries it. Unless it works, everything is as it was before.
 *
 * @param cli the command line: Node, and the path of `cli.js`
 * @throws UserError (code `cuda`, `disk`, `install`)
 */
export async function setUpCuda(
  cli: readonly [string, string],
  { from, keep = false, signal, storage = disk }: CudaOptions,
): Promise<CudaSetUp> {
  requireCudaPlatform(process.platform, process.arch);
  const { libraries, version } = runtimeOf(cli[1]);
  const staging = mkdtempSync(join(tmpdir(), 'objective-lab-cuda-'));
  try {
    const folder = from === undefined ? await download(cli[1], staging, signal) : await sourceFolder(from, staging, signal);
    const { needs } = readCudaProvider(folder, version, from);
    place(folder, libraries, storage);
    const trial = await tryApart('cuda', cli, signal);
    signal?.throwIfAborted();
    if (trial.works || keep) {
      attempt(() => settle(libraries, storage));
      return { libraries, needs: [...needs], trial };
    }
    const { missing } = examineCuda({ libraries, version }, trial);
    throw new UserError(
      `CUDA does not work with this provider here: ${trial.why}. Its files were taken away again.`,
      missing.length === 0
        ? 'The GPU and the libraries are there, so the provider may be built for other GPUs: try another build of it.'
        : `What is missing first: ${missing.map(({ what, mend }) => `${what} (${mend})`).join(' ')}`,
      'cuda',
    );
  } catch (error) {
    attempt(() => restore(libraries, storage));
    throw signal?.aborted ? new UserError('The set-up was stopped; nothing has changed.', undefined, 'cuda') : error;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** Takes the provider away. @returns the files that are gone */
export function removeCuda(program: string, storage: Storage = disk): string[] {
  requireCudaPlatform(process.platform, process.arch);
  const { libraries } = runtimeOf(program);
  const places = placesIn(libraries);
  const files = places.map(({ target }) => target).filter((file) => existsSync(file));
  try {
    // What a set-up kept goes first, or the next one would bring it back.
    for (const { before, partial, target } of places) [before, partial, target].forEach((file) => storage.remove(file));
  } catch (error) {
    throw diskError(libraries, error);
  }
  return files;
}

/**
 * Copies the provider into a folder, each file under a name of its own first: what stands there under their names is the old, or the new as a whole.
 * The old is kept for {@link restore} until {@link settle}.
 */
function place(from: string, folder: string, storage: Storage): void {
  try {
    // Left by a set-up whose process was ended: what it placed was not seen to work.
    restore(folder, storage);
    for (const [i, { partial }] of placesIn(folder).entries()) writeFile(partial, [readFileSync(join(from, CUDA_PROVIDER[i]!))], storage);
    for (const { target, partial, before } of placesIn(folder)) {
      if (existsSync(target)) storage.rename(target, before);
      else writeFile(before, '', storage);
      storage.rename(partial, target);
    }
    storage.syncFolder(folder);
  } catch (error) {
    throw diskError(folder, error);
  }
}

/** Where the provider's files go, are written first, and are kept when they are replaced: an empty file stands for one that was not there. */
const placesIn = (folder: string): { target: string; partial: string; before: string }[] =>
  CUDA_PROVIDER.map((name) => join(folder, name)).map((target) => ({
    target,
    partial: `${target}.partial`,
    before: `${target}.before`,
  }));

/** Makes what was placed lasting. */
const settle = (folder: string, storage: Storage): void => placesIn(folder).forEach(({ before }) => storage.remove(before));

/**
 * Takes back what was placed, unless it was settled. The first file is kept first, settled first and restored last, so that whenever the process ends, that
 * its old one is there says which of the two is to be done for all.
 */
function restore(folder: string, storage: Storage): void {
  const places = placesIn(folder);
  const settled = !existsSync(places[0]!.before);
  for (const { target, partial, before } of places.reverse()) {
    storage.remove(partial);
    if (!existsSync(before)) continue;
    if (settled) storage.remove(before);
    else if (statSync(before).size > 0) storage.rename(before, target);
    else [target, before].forEach((file) => storage.remove(file));
  }
}

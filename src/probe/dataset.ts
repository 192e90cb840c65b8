import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { downloadFile } from '@huggingface/hub';
import { UserError } from '../shared/errors';
import { requireOwnFolder } from '../train/own-folder';
import type { ProbeContext } from './probe';

/** A file of a dataset of the Hugging Face hub, by the address that its own tools use. */
const HUB = /^hf:\/\/datasets\/([\w-][\w.-]*\/[\w-][\w.-]*)(?:@([\w][\w.-]*))?\/(.+)$/;

type Place = Pick<ProbeContext, 'folder' | 'onProgress'>;

/**
 * The path of a probe's file on this machine. One of the hub, `hf://datasets/owner/name[@revision]/path/in/it.parquet`, is downloaded once into the
 * cache beside the experiment: nothing is asked for again, so name a commit where it matters which. HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE mean what
 * they mean to Hugging Face's own tools.
 *
 * @throws UserError (code `network`) that says what could not be had, and what to do
 */
export async function locate(file: string, { folder, onProgress }: Place, environment: NodeJS.ProcessEnv = process.env): Promise<string> {
  if (!file.startsWith('hf:')) return resolve(folder, file);
  const [, name, revision = 'main', path] = HUB.exec(file) ?? [];
  if (name === undefined || path === undefined || path.split('/').includes('..'))
    throw new UserError(`${file} names no file of a dataset.`, 'Write it like hf://datasets/owner/name/train.parquet.', 'corpus');
  const cache = join(folder, '.objective-lab', 'cache');
  requireOwnFolder(cache);
  const target = join(cache, 'datasets', name.replace('/', '--'), revision, path);
  if (existsSync(target)) return target;
  if (/^(1|on|yes|true)$/i.test(environment.HF_HUB_OFFLINE ?? ''))
    throw new UserError(
      `${file} is not on this machine, and HF_HUB_OFFLINE forbids to download it.`,
      'Unset HF_HUB_OFFLINE once.',
      'network',
    );
  onProgress?.(`Downloading ${file}`);
  const partial = `${target}.${process.pid}.partial`;
  try {
    const blob = await downloadFile({
      repo: { type: 'dataset', name },
      path,
      revision,
      xet: false,
      ...(environment.HF_TOKEN && { accessToken: environment.HF_TOKEN }),
      ...(environment.HF_ENDPOINT && { hubUrl: environment.HF_ENDPOINT }),
    });
    if (!blob) throw new Error('There is no such file.');
    mkdirSync(dirname(target), { recursive: true });
    await pipeline(Readable.fromWeb(blob.stream() as never), createWriteStream(partial));
    renameSync(partial, target);
    return target;
  } catch (error) {
    rmSync(partial, { force: true });
    throw new UserError(
      `${file} could not be downloaded: ${error instanceof Error ? error.message : String(error)}`,
      'Check the name and the network, or download the file yourself and name its path. HF_TOKEN opens datasets that need it.',
      'network',
      { cause: error },
    );
  }
}

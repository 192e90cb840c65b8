import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { diskError, UserError } from '../shared/errors';
import { contents, NODE } from './contents';
import { CMD_LAUNCHER, PARTS, SH_LAUNCHER } from './launcher';
import { copyInParts, type Split } from './parts';

export interface BundleOptions {
  /** Bytes that no file of the bundle exceeds. */
  readonly partSize?: number | undefined;
  /** Folder of the CUDA provider, which goes with it. */
  readonly cuda?: string | undefined;
}

/** A bundle that was made: where, how to start it, how many bytes it has, and which of its files are in parts. */
export interface Bundle {
  readonly folder: string;
  readonly launcher: string;
  readonly bytes: number;
  readonly parts: readonly string[];
}

/**
 * Writes a folder that runs by itself on machines of this platform: Node, this program, the runtime. It may be moved and copied.
 *
 * @param program path of the running `cli.js`
 * @param folder must not exist yet, or be empty; it appears as a whole or not at all
 * @throws UserError (code `bundle`, `cuda`, `disk`)
 */
export function makeBundle(program: string, folder: string, { partSize = Infinity, cuda }: BundleOptions = {}): Bundle {
  const target = resolve(folder);
  const windows = process.platform === 'win32';
  if (existsSync(target) && !(statSync(target).isDirectory() && readdirSync(target).length === 0))
    throw new UserError(`${target} exists already.`, 'Name a folder that does not exist, or an empty one.', 'bundle');
  if (windows && partSize !== Infinity)
    throw new UserError('A bundle for Windows cannot be in parts.', 'Leave --part-size away.', 'bundle');
  const entries = contents(program, cuda);
  const temporary = `${target}.${randomUUID().slice(0, 8)}.partial`;
  const launcher = windows ? 'objective-lab.cmd' : 'objective-lab';
  try {
    mkdirSync(temporary, { recursive: true });
    const split = entries.map((entry) => copyInParts(entry, temporary, partSize)).filter((each) => each !== undefined);
    if (split.length > 0) writeFileSync(join(temporary, PARTS), partsFile(split));
    writeFileSync(join(temporary, launcher), windows ? CMD_LAUNCHER : SH_LAUNCHER, { mode: 0o755 });
    mkdirSync(dirname(target), { recursive: true });
    if (existsSync(target)) rmSync(target, { recursive: true });
    renameSync(temporary, target);
    return { folder: target, launcher: join(target, launcher), bytes: sizeOf(target), parts: split.map(({ path }) => path) };
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw diskError(target, error);
  }
}

/** Node first: where nothing else can, it checks the others. */
const partsFile = (split: readonly Split[]): string =>
  [...split]
    .sort((a, b) => Number(b.path === NODE) - Number(a.path === NODE))
    .map(({ sha256, path }) => `${sha256}  ${path}\n`)
    .join('');

const sizeOf = (folder: string): number =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);

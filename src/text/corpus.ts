import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, posix, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';
import picomatch from 'picomatch';
import { UserError } from '../shared/errors';

/** Which files of a folder are the corpus; globs are relative to the folder, with `/` on every system. */
export interface CorpusQuery {
  readonly root: string;
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  /** Source code as well as what `include` names. */
  readonly code?: boolean | undefined;
}

export interface CorpusFile {
  /** Relative to the root, with `/`. */
  readonly name: string;
  readonly path: string;
}

/** Why a file is not part of the corpus. */
export const SKIP_REASONS = ['binary', 'encoding', 'gone', 'empty', 'unreadable'] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

/** What one pass over a file's bytes tells: that it is text, and the SHA-256 of it, or why it is skipped. */
export type Inspection = { readonly hash: string; readonly bytes: number } | { readonly skipped: SkipReason };

export const DEFAULT_INCLUDE: readonly string[] = ['**/*.md', '**/*.txt'];
const CODE_GLOB =
  '**/*.{c,cc,cpp,cs,css,cxx,dart,ex,exs,go,h,hpp,hs,html,java,jl,js,jsx,kt,lua,m,mjs,ml,php,pl,py,r,rb,rs,scala,scss,sh,sql,svelte,swift,ts,tsx,vue,zig}';
const ALWAYS_OUT = new Set(['.git', 'node_modules', '.objective-lab']);

const READ_BYTES = 1 << 20;
const BINARY_PROBE_BYTES = 8192;
/** A file is handed on in pieces of about this many characters, cut at line ends. */
const PIECE_CHARACTERS = 4 << 20;

interface Rules {
  readonly folder: string;
  readonly rules: Ignore;
}

/**
 * The files of a corpus, in code unit order of their names. `.gitignore` files at and below the root count. Symbolic links are followed within the
 * root, each folder and file once; those that lead out of it are not (git and ripgrep follow none): what is trained on is what the experiment names.
 *
 * @throws UserError (code `corpus`) if the root is not a folder
 */
export async function listFiles(
  { root, include = DEFAULT_INCLUDE, exclude = [], code = false }: CorpusQuery,
  signal?: AbortSignal,
): Promise<CorpusFile[]> {
  if (!(await stat(root).catch(() => undefined))?.isDirectory()) {
    throw new UserError(
      `The corpus folder ${root} does not exist.`,
      'Set "corpus.root" to a folder, relative to the experiment file.',
      'corpus',
    );
  }
  const clean = (glob: string): string => glob.replace(/^\.?\//, '').replace(/\/+$/, '');
  // A name may hold line ends: `s` lets the dots of the patterns' expressions match them.
  const included = picomatch([...include.map(clean), ...(code ? [CODE_GLOB] : [])], { flags: 's' });
  const excluded = picomatch(exclude.map(clean), { dot: true, flags: 's' });
  const files: CorpusFile[] = [];
  const seen = new Set<string>();
  const inside = (await realpath(root)).replace(/[\\/]?$/, sep);
  /** What a link leads to, if that is below the root. */
  const follow = async (path: string): Promise<string | undefined> => {
    const target = await realpath(path).catch(() => undefined);
    return target !== undefined && `${target}${sep}`.startsWith(inside) ? target : undefined;
  };

  const visit = async (folder: string, inherited: readonly Rules[]): Promise<void> => {
    signal?.throwIfAborted();
    const path = join(root, folder);
    const real = await realpath(path).catch(() => undefined);
    if (real === undefined || seen.has(real)) return;
    seen.add(real);
    const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
    const own = entries.some((entry) => entry.name === '.gitignore')
      ? await readFile(join(path, '.gitignore'), 'utf8').catch(() => '')
      : '';
    const rules = own === '' ? inherited : [...inherited, { folder, rules: ignore().add(own) }];
    for (const entry of entries.sort((a, b) => order(a.name, b.name))) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (ALWAYS_OUT.has(entry.name) || excluded(name)) continue;
      const file = entry.isSymbolicLink() ? await follow(join(root, name)) : join(real, entry.name);
      if (file === undefined) continue;
      const target = entry.isSymbolicLink() ? await stat(file).catch(() => undefined) : entry;
      if (target?.isDirectory() && !ignoredBy(rules, `${name}/`)) await visit(name, rules);
      else if (target?.isFile() && included(name) && !ignoredBy(rules, name)) {
        if (!seen.has(file)) files.push({ name, path: join(root, name) });
        seen.add(file);
      }
    }
  };
  await visit('', []);
  return files.sort((a, b) => order(a.name, b.name));
}

/** The deepest `.gitignore` that speaks of a path decides. */
function ignoredBy(rules: readonly Rules[], name: string): boolean {
  for (let i = rules.length - 1; i >= 0; i--) {
    const { folder, rules: own } = rules[i]!;
    const verdict = own.test(name.slice(folder === '' ? 0 : posix.join(folder, '/').length));
    if (verdict.ignored || verdict.unignored) return verdict.ignored;
  }
  return false;
}

/** Reads a file once, in bounded memory, to see whether it is UTF-8 text. Never rejects but for `signal`. */
export async function inspectFile(path: string, signal?: AbortSignal): Promise<Inspection> {
  const hash = createHash('sha256');
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let bytes = 0;
  let empty = true;
  try {
    for await (const chunk of chunks(path)) {
      signal?.throwIfAborted();
      if (bytes < BINARY_PROBE_BYTES && chunk.subarray(0, BINARY_PROBE_BYTES - bytes).includes(0)) return { skipped: 'binary' };
      empty = decoder.decode(chunk, { stream: true }).trim() === '' && empty;
      hash.update(chunk);
      bytes += chunk.length;
    }
    decoder.decode();
  } catch (error) {
    signal?.throwIfAborted();
    return { skipped: skipReason(error) };
  }
  return empty ? { skipped: 'empty' } : { hash: hash.digest('hex'), bytes };
}

/**
 * The text of a file, without byte order mark, in pieces of some MB that end at line ends (a line longer than that is cut at a blank, or anywhere).
 *
 * @param hash is told every byte that was read
 * @throws ReadError if the file is gone, not UTF-8, or cannot be read
 */
export async function* readPieces(path: string, hash?: Hash): AsyncGenerator<string> {
  let pending = '';
  for await (const text of decoded(path, hash)) {
    pending += text;
    while (pending.length >= PIECE_CHARACTERS) {
      const cut = pieceEnd(pending);
      yield pending.slice(0, cut);
      pending = pending.slice(cut);
    }
  }
  if (pending !== '') yield pending;
}

/** A file stopped being text while it was read. */
export class ReadError extends Error {
  override readonly name = 'ReadError';

  constructor(
    path: string,
    readonly reason: SkipReason,
    options: ErrorOptions,
  ) {
    super(`${path} cannot be read: ${reason}.`, options);
  }
}

async function* decoded(path: string, hash: Hash | undefined): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const reader = chunks(path);
  try {
    for (;;) {
      let text: string | undefined;
      try {
        const chunk = await reader.next();
        if (chunk.done) decoder.decode();
        else {
          text = decoder.decode(chunk.value, { stream: true });
          hash?.update(chunk.value);
        }
      } catch (error) {
        throw new ReadError(path, skipReason(error), { cause: error });
      }
      if (text === undefined) return;
      yield text;
    }
  } finally {
    await reader.return(undefined);
  }
}

/** Why reading failed. */
export function skipReason(error: unknown): SkipReason {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'gone';
  return code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'encoding' : 'unreadable';
}

/** The bytes that a file has when it is opened: one that grows for as long as it is read would have no end. */
async function* chunks(path: string): AsyncGenerator<Uint8Array, undefined> {
  // A pipe that nobody writes to would otherwise be waited for.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new Error(`${path} is no file.`);
    for (let left = found.size; left > 0;) {
      const length = Math.min(READ_BYTES, left);
      const { bytesRead, buffer } = await file.read(new Uint8Array(length), 0, length);
      if (bytesRead === 0) return undefined;
      left -= bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** A blank line if one is near, a line end otherwise, then a blank, then anywhere but inside a surrogate pair. */
function pieceEnd(text: string): number {
  const paragraph = text.lastIndexOf('\n\n', PIECE_CHARACTERS);
  if (paragraph > PIECE_CHARACTERS / 2) return paragraph + 2;
  const end =
    Math.max(text.lastIndexOf('\n', PIECE_CHARACTERS), 0) || Math.max(text.lastIndexOf(' ', PIECE_CHARACTERS), 0) || PIECE_CHARACTERS - 1;
  return /[\ud800-\udbff]/.test(text.charAt(end)) ? end : end + 1;
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import * as z from 'zod';
import { shardsOf } from '../model/pretrained';
import { diskError, UserError } from '../shared/errors';
import { replaceFile } from './storage';

/** A model on the Hugging Face hub: `owner/name`, and a branch, a tag or a commit of it. */
export interface HubId {
  readonly id: string;
  readonly revision: string;
}

/** Reads `owner/name` or `owner/name@revision`. */
export function parseHubId(text: string): HubId | undefined {
  const [, id, revision = 'main'] = /^([\w-][\w.-]*\/[\w-][\w.-]*)(?:@([\w][\w./-]*))?$/.exec(text) ?? [];
  return id === undefined || text.includes('..') ? undefined : { id, revision };
}

/** Where the files of a commit are kept. */
export const cachedModel = ({ id }: HubId, commit: string, cache: string): string => join(modelFolder(id, cache), commit);
const modelFolder = (id: string, cache: string): string => join(cache, 'hub', id.replace('/', '--'));

/** Lists the files of a download that is complete; written last. */
const MANIFEST = 'download.json';
/** What branches and tags meant when they were last asked for. */
const REVISIONS = 'revisions.json';
const PARTIAL = '.partial';
/** Tries in a row that bring nothing before a download is given up. */
const TRIES = 4;

const COMMIT = /^[0-9a-f]{40}$/;
const WHOLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
/** What a model is read from besides its weights; those that are there. */
const SMALL_FILES = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'vocab.txt'];

/** A file of a commit, as the hub's API lists it. */
const Sibling = z.object({
  rfilename: z.string(),
  size: z.int().nonnegative(),
  /** SHA-1 of git's blob, for files in git itself. */
  blobId: z.string().optional(),
  lfs: z.object({ sha256: z.string() }).nullish(),
});
type Sibling = z.infer<typeof Sibling>;
const Info = z.object({ sha: z.string().regex(COMMIT), siblings: z.array(Sibling) });
type Info = z.infer<typeof Info>;

interface DownloadOptions {
  readonly onProgress?: (message: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE mean what they mean to Hugging Face's own tools. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds before the second try; more before each further one. */
  readonly patience?: number;
}

/**
 * The folder of a model of the hub. What is needed to read it is downloaded once for each commit: bytes that are there are kept when a download breaks
 * off, and each file takes its name when its size and its hash are right. A commit that is complete is never asked for again; a branch is, unless the
 * hub cannot be reached.
 *
 * @throws UserError (code `network`) that says what the hub answered and what to do; (code `model`) for a model that cannot be read
 */
export async function downloadModel(
  hub: HubId,
  cache: string,
  options: DownloadOptions = {},
): Promise<{ folder: string; revision: string }> {
  const { onProgress, environment = process.env } = options;
  const known = COMMIT.test(hub.revision) ? hub.revision : revisionsOf(hub.id, cache)[hub.revision];
  const cached = known !== undefined && isComplete(cachedModel(hub, known, cache)) ? known : undefined;
  const found = (revision: string): { folder: string; revision: string } => ({ folder: cachedModel(hub, revision, cache), revision });
  if (cached !== undefined && cached === hub.revision) return found(cached);
  if (/^(1|on|yes|true)$/i.test(environment.HF_HUB_OFFLINE ?? '')) {
    if (cached !== undefined) return found(cached);
    throw new UserError(
      `The model ${nameOf(hub)} is not on this machine, and HF_HUB_OFFLINE forbids to download it.`,
      'Unset HF_HUB_OFFLINE once, or copy the model here and give the path of its folder.',
      'network',
    );
  }
  const client = new Client(hub, options);
  let info: Info;
  try {
    onProgress?.(`Looking up ${nameOf(hub)}`);
    info = await client.info();
  } catch (error) {
    if (cached === undefined || !(error instanceof Unreachable)) throw error;
    onProgress?.(`The hub cannot be reached; using what was downloaded of ${nameOf(hub)} before`);
    return found(cached);
  }
  const { folder, revision } = found(info.sha);
  try {
    if (!isComplete(folder)) await fetchFiles(client, info, folder, onProgress);
    replaceFile(join(modelFolder(hub.id, cache), REVISIONS), JSON.stringify({ ...revisionsOf(hub.id, cache), [hub.revision]: revision }));
  } catch (error) {
    throw diskError(folder, error);
  }
  return { folder, revision };
}

const nameOf = ({ id, revision }: HubId): string => (revision === 'main' ? id : `${id}@${revision}`);

function revisionsOf(id: string, cache: string): Readonly<Record<string, string>> {
  try {
    const path = join(modelFolder(id, cache), REVISIONS);
    return z.record(z.string(), z.string().regex(COMMIT)).parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return {};
  }
}

function isComplete(folder: string): boolean {
  try {
    const sizes = z.record(z.string(), z.int()).parse(JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8')));
    return Object.entries(sizes).every(([name, size]) => statSync(join(folder, name)).size === size);
  } catch {
    return false;
  }
}

async function fetchFiles(client: Client, { sha, siblings }: Info, folder: string, onProgress?: (message: string) => void): Promise<void> {
  const listed = new Map(siblings.map((file) => [file.rfilename, file]));
  const { id } = client.hub;
  if (!listed.has('config.json')) throw new UserError(`The model ${id} has no config.json.`, 'Choose a model for transformers.', 'model');
  if (!listed.has(WHOLE) && !listed.has(INDEX))
    throw new UserError(
      `The model ${id} has no weights as safetensors.`,
      `Convert it: python -c "from transformers import AutoModelForMaskedLM as M, AutoTokenizer as T; M.from_pretrained('${id}').save_pretrained('model'); T.from_pretrained('${id}').save_pretrained('model')", and give the path of that folder.`,
      'model',
    );
  mkdirSync(folder, { recursive: true });
  const weights = listed.has(WHOLE) ? [WHOLE] : [INDEX];
  const wanted = [...SMALL_FILES.filter((name) => listed.has(name)), ...weights];
  for (let i = 0; i < wanted.length; i++) {
    const name = wanted[i]!;
    const file = listed.get(name);
    if (!file) throw new UserError(`The model ${id} has no ${name}, which ${INDEX} names.`, 'It is incomplete; choose another.', 'model');
    await client.download(sha, file, join(folder, name), (done) =>
      onProgress?.(`Downloading ${id}: ${name}, ${megabytes(done)} of ${megabytes(file.size)} MB`),
    );
    if (name === INDEX) wanted.push(...shardsOf(join(folder, name)));
  }
  replaceFile(join(folder, MANIFEST), JSON.stringify(Object.fromEntries(wanted.map((name) => [name, listed.get(name)!.size]))));
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);

/** The hub did not answer, or not as a hub does. */
class Unreachable extends UserError {}

/** Asks the hub about one model. */
class Client {
  readonly #endpoint: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #signal: AbortSignal | undefined;
  readonly #patience: number;

  constructor(
    readonly hub: HubId,
    { environment = process.env, signal, patience = 1000 }: DownloadOptions,
  ) {
    this.#endpoint = (environment.HF_ENDPOINT ?? 'https://huggingface.co').replace(/\/+$/, '');
    this.#headers = environment.HF_TOKEN ? { authorization: `Bearer ${environment.HF_TOKEN}` } : {};
    this.#signal = signal;
    this.#patience = patience;
  }

  /** Which commit a revision is, and its files. */
  async info(): Promise<Info> {
    const { id, revision } = this.hub;
    const response = await this.#retried(() => this.#get(`api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`));
    try {
      return Info.parse(await response.json());
    } catch (error) {
      throw new Unreachable(
        `${this.#endpoint} does not answer as the Hugging Face hub does.`,
        'Check HF_ENDPOINT, and whether a proxy or a sign-in page answers in its place.',
        'network',
        { cause: error },
      );
    }
  }

  /** Brings a file to `path`, from where an earlier try broke off. */
  async download(commit: string, file: Sibling, path: string, onBytes: (done: number) => void): Promise<void> {
    if (existsSync(path) && statSync(path).size === file.size) return;
    const partial = `${path}${PARTIAL}`;
    const done = (): number => (existsSync(partial) ? statSync(partial).size : 0);
    await this.#retried(
      async () => {
        if (done() < file.size || file.size === 0) await this.#append(commit, file, partial, onBytes);
        const size = done();
        if (size < file.size) throw new Broken(`only ${size} of ${file.size} bytes came`);
        if (size === file.size && (await isWhole(partial, file))) return;
        // Nothing of it can be told to be right.
        rmSync(partial, { force: true });
        throw new Broken(size === file.size ? 'its contents do not match their hash' : `${size} bytes came, and it has ${file.size}`);
      },
      done,
      file.rfilename,
    );
    renameSync(partial, path);
  }

  async #append(commit: string, { rfilename }: Sibling, partial: string, onBytes: (done: number) => void): Promise<void> {
    let done = existsSync(partial) ? statSync(partial).size : 0;
    const response = await this.#get(`${this.hub.id}/resolve/${commit}/${rfilename}`, done > 0 ? { range: `bytes=${done}-` } : {});
    // Who does not know ranges sends all of it again.
    if (response.status !== 206) done = 0;
    const counted = async function* (pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const piece of pieces) {
        done += piece.length;
        onBytes(done);
        yield piece;
      }
    };
    if (!response.body) return;
    const target = createWriteStream(partial, { flags: done > 0 ? 'a' : 'w', flush: true });
    await pipeline(Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]), counted, target, { signal: this.#signal });
  }

  async #get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const response = await fetch(`${this.#endpoint}/${path}`, { headers: { ...this.#headers, ...headers }, signal: this.#signal ?? null });
    if (response.ok) return response;
    await response.body?.cancel();
    const { status } = response;
    if (status === 429 || status >= 500 || status === 416) throw new Broken(`the hub answers ${status}`);
    const { id, revision } = this.hub;
    if (status === 401 || status === 403)
      throw new UserError(
        `The hub refuses ${id} (${status}): it does not exist, is private, or its terms have to be accepted first.`,
        `Check the name; if you have access, set HF_TOKEN to a token of yours (${this.#endpoint}/settings/tokens).`,
        'network',
      );
    if (status === 404)
      throw new UserError(
        `The hub has no model ${id} with a revision "${revision}" (404).`,
        `Check both at ${this.#endpoint}/${id}.`,
        'network',
      );
    throw new UserError(`The hub answers ${status} for ${id}.`, 'Try again later.', 'network');
  }

  /** Tries again what broke off, as long as something comes; a file that is complete when its bytes are there. */
  async #retried<T>(work: () => Promise<T>, progress: () => number = () => 0, what = this.hub.id): Promise<T> {
    let tries = 0;
    let before = progress();
    for (;;) {
      try {
        return await work();
      } catch (error) {
        this.#signal?.throwIfAborted();
        if (error instanceof UserError || isOfDisk(error)) throw error;
        tries = progress() > before ? 1 : tries + 1;
        before = progress();
        if (tries === TRIES) throw this.#unreachable(what, error);
        await setTimeout(this.#patience * tries, undefined, { signal: this.#signal });
      }
    }
  }

  #unreachable(what: string, error: unknown): Unreachable {
    const { message, cause } = error as Error;
    const reason = cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : message;
    return new Unreachable(
      `${what} could not be downloaded from ${this.#endpoint}: ${reason}.`,
      'Check the connection and start again: what has come so far is kept. Without a network, give the path of a model folder.',
      'network',
      { cause: error },
    );
  }
}

/** A download that broke off, and may do better. */
class Broken extends Error {}

const isOfDisk = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'EIO'].includes(String((error as { code?: unknown }).code));

async function isWhole(path: string, { size, lfs, blobId }: Sibling): Promise<boolean> {
  const digest = async (hash: Hash): Promise<string> => {
    for await (const piece of createReadStream(path)) hash.update(piece as Buffer);
    return hash.digest('hex');
  };
  if (lfs) return (await digest(createHash('sha256'))) === lfs.sha256;
  // As git names a file's contents.
  return blobId === undefined || (await digest(createHash('sha1').update(`blob ${size}\0`))) === blobId;
}

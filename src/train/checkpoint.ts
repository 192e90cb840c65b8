import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { diskError, UserError } from '../shared/errors';
import type { Tensor } from '../onnx/types';
import type { CheckpointSummary } from '../shared/types';
import type { ModelConfig } from '../model/config';
import { readHuggingFaceConfig, toHuggingFaceConfig } from '../model/huggingface';
import { encodeSafetensors, readSafetensors } from '../model/safetensors';
import { requireOwnFolder } from './own-folder';
import { attempt, disk, writeFile, type Storage } from './storage';

/** The state from which a run goes on: the tensors, and two integers. */
export interface Checkpoint {
  readonly step: number;
  /** How often the run has gone back to a checkpoint because its loss diverged. */
  readonly stepsBack: number;
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** The moments, as `m:<name>` and `v:<name>`. */
  readonly optimiser: ReadonlyMap<string, Tensor>;
  /** What objectives carry from step to step. */
  readonly buffers: ReadonlyMap<string, Tensor>;
  /** What was measured on held-out data at this step, if anything. */
  readonly eval?: Readonly<Record<string, number>> | undefined;
}

/** Which checkpoints stay: the newest, and the best by a held-out metric. */
export interface Retention {
  readonly newest: number;
  readonly best?: { readonly metric: string; readonly better: 'lower' | 'higher' } | undefined;
}

const MODEL = 'model.safetensors';
const OPTIMISER = 'optimizer.safetensors';
const CONFIG = 'config.json';
const STATE = 'state.json';

const State = z.object({
  step: z.int().nonnegative(),
  stepsBack: z.int().nonnegative().default(0),
  eval: z.record(z.string(), z.number()).optional(),
  /** SHA-256 of every other file. */
  hashes: z.record(z.string(), z.string()),
});
type State = z.infer<typeof State>;

export const checkpointsOf = (run: string): string => join(run, 'checkpoints');
/** What is being written or removed, and may be removed by whoever finds it. */
const PARTIAL = '.partial';
const folderOf = (run: string, step: number): string => join(checkpointsOf(run), `step-${String(step).padStart(8, '0')}`);

const hash = (pieces: readonly Uint8Array[]): string => {
  const sum = createHash('sha256');
  for (const piece of pieces) sum.update(piece);
  return sum.digest('hex');
};

/**
 * Writes a checkpoint: in a folder beside, down to the disk, `state.json` with the other files' hashes last; then the folder takes its name. A crash or
 * a full disk on the way costs nothing that was there. Those that `keep` does not name are removed afterwards.
 *
 * @throws UserError (code `disk`)
 */
export function saveCheckpoint(
  run: string,
  { step, stepsBack, parameters, optimiser, buffers, eval: measured }: Checkpoint,
  config: ModelConfig,
  padId: number,
  keep: Retention,
  storage: Storage = disk,
): void {
  const folder = folderOf(run, step);
  const temporary = `${folder}${PARTIAL}`;
  const files: Record<string, Uint8Array[]> = {
    [MODEL]: encodeSafetensors(parameters),
    [OPTIMISER]: encodeSafetensors(new Map([...optimiser, ...buffers])),
    [CONFIG]: [Buffer.from(`${JSON.stringify(toHuggingFaceConfig(config, padId), null, 2)}\n`)],
  };
  try {
    requireOwnFolder(checkpointsOf(run));
    if (!existsSync(checkpointsOf(run))) storage.makeFolder(checkpointsOf(run));
    for (const name of readdirSync(checkpointsOf(run))) if (name.endsWith(PARTIAL)) storage.remove(join(checkpointsOf(run), name));
    storage.makeFolder(temporary);
    for (const [name, pieces] of Object.entries(files)) writeFile(join(temporary, name), pieces, storage);
    const hashes = Object.fromEntries(Object.entries(files).map(([name, pieces]) => [name, hash(pieces)]));
    const state: State = { step, stepsBack, ...(measured && { eval: measured }), hashes };
    writeFile(join(temporary, STATE), `${JSON.stringify(state, null, 2)}\n`, storage);
    storage.syncFolder(temporary);
    // A run that went back comes by here again.
    storage.remove(folder);
    storage.rename(temporary, folder);
    storage.syncFolder(checkpointsOf(run));
  } catch (error) {
    attempt(() => storage.remove(temporary));
    throw diskError(folder, error);
  }
  for (const old of superfluous(run, keep)) {
    // The new checkpoint is safe; one too many is no reason to stop. The next save tries again.
    attempt(() => discard(old, storage));
  }
}

/** Removes the checkpoints after a step. @throws UserError (code `disk`) */
export function discardAfter(run: string, step: number, storage: Storage = disk): void {
  for (const { folder } of listCheckpoints(run).filter((each) => each.step > step)) {
    try {
      discard(folder, storage);
    } catch (error) {
      throw diskError(folder, error);
    }
  }
}

/** Takes a checkpoint its name first: whatever is left of it then is no checkpoint. */
function discard(folder: string, storage: Storage): void {
  storage.remove(`${folder}${PARTIAL}`);
  storage.rename(folder, `${folder}${PARTIAL}`);
  storage.remove(`${folder}${PARTIAL}`);
}

/** Folders of the checkpoints that are not to be kept. */
function superfluous(run: string, { newest, best }: Retention): string[] {
  const all = listCheckpoints(run);
  const kept = new Set(all.slice(-newest).map(({ folder }) => folder));
  if (best) {
    const measured = all.flatMap(({ folder }) => {
      const value = tryState(folder)?.eval?.[best.metric];
      return value === undefined ? [] : [{ folder, value: best.better === 'lower' ? value : -value }];
    });
    // Of equals the first.
    const winner = measured.reduce<(typeof measured)[number] | undefined>((a, b) => (a && a.value <= b.value ? a : b), undefined);
    if (winner) kept.add(winner.folder);
  }
  return all.flatMap(({ folder }) => (kept.has(folder) ? [] : [folder]));
}

function tryState(folder: string): State | undefined {
  try {
    return readState(folder);
  } catch {
    return undefined;
  }
}

/** The finished checkpoints of a run, oldest first. */
export function listCheckpoints(run: string): { step: number; folder: string }[] {
  const folder = checkpointsOf(run);
  return namesIn(folder)
    .flatMap((name) => {
      // Of 15 digits every number is exact.
      const step = /^step-(\d{1,15})$/.exec(name)?.[1];
      return step && existsSync(join(folder, name, STATE)) ? [{ step: Number(step), folder: join(folder, name) }] : [];
    })
    .sort((a, b) => a.step - b.step);
}

/** The same, with what was measured at each. */
export const describeCheckpoints = (run: string): CheckpointSummary[] =>
  listCheckpoints(run).map((checkpoint) => {
    const measured = tryState(checkpoint.folder)?.eval;
    return { ...checkpoint, ...(measured && { eval: measured }) };
  });

/** What is in a folder; nothing if it is missing, cannot be read, or is none: other runs are listed all the same. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** A trained model as the inspector reads it. */
export interface LoadedModel {
  readonly config: ModelConfig;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly step: number;
}

/** Reads a checkpoint's model and checks it against its hash. @throws UserError (code `model`) that names the damaged file */
export function loadCheckpoint(folder: string): LoadedModel {
  const state = readState(folder);
  checkHashes(folder, state, [CONFIG, MODEL]);
  return { config: readHuggingFaceConfig(folder), parameters: readSafetensors(join(folder, MODEL)), step: state.step };
}

/** What a run goes on from. */
export interface SavedState {
  readonly step: number;
  readonly stepsBack: number;
  /** Parameters, moments and buffers, by their names. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** Reads all of a checkpoint and checks it against its hashes. @throws UserError (code `model`) that names the damaged file */
export function loadState(folder: string): SavedState {
  const state = readState(folder);
  checkHashes(folder, state, [CONFIG, MODEL, OPTIMISER]);
  const tensors = new Map([MODEL, OPTIMISER].flatMap((file) => [...readSafetensors(join(folder, file))]));
  return { step: state.step, stepsBack: state.stepsBack, tensors };
}

const DELETE_IT = 'Delete this checkpoint folder; the one before it will be used.';

function checkHashes(folder: string, { hashes }: State, names: readonly string[]): void {
  for (const name of names) {
    const path = join(folder, name);
    // Checkpoints of earlier versions have no hash of the configuration.
    if (hashes[name] === undefined && name === CONFIG) continue;
    let actual: string | undefined;
    try {
      actual = hash([readFileSync(path)]);
    } catch (error) {
      throw new UserError(`${path} is missing or cannot be read.`, DELETE_IT, 'model', { cause: error });
    }
    if (actual !== hashes[name]) throw new UserError(`${path} is damaged: its contents do not match ${STATE}.`, DELETE_IT, 'model');
  }
}

function readState(folder: string): State {
  const path = join(folder, STATE);
  try {
    return State.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new UserError(`${path} is missing or damaged.`, DELETE_IT, 'model', { cause: error });
  }
}

/**
 * The newest checkpoint of a run that reads back whole, by whichever reader; nothing if there is none. Damaged ones are named to `onDamaged` and passed
 * over.
 */
export function newestReadable<T>(
  run: string,
  read: (folder: string) => T,
  onDamaged: (message: string) => void,
): { folder: string; contents: T } | undefined {
  for (const { folder } of listCheckpoints(run).reverse()) {
    try {
      return { folder, contents: read(folder) };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      onDamaged(error.message);
    }
  }
  return undefined;
}

/** The model of the newest checkpoint that reads back whole. @throws UserError (code `checkpoint`) if there is none */
export function newestCheckpoint(run: string, onDamaged: (message: string) => void = () => undefined): LoadedModel & { folder: string } {
  const found = newestReadable(run, loadCheckpoint, onDamaged);
  if (!found) throw new UserError(`${run} has no checkpoint yet.`, 'Wait for the first one, or start a run.', 'checkpoint');
  return { ...found.contents, folder: found.folder };
}

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { diskError, UserError } from '../shared/errors';
import type { Tensor } from '../onnx/types';
import type { ModelConfig } from '../model/config';
import { readHuggingFaceConfig, toHuggingFaceConfig } from '../model/huggingface';
import { encodeSafetensors, readSafetensors } from '../model/safetensors';
import { replaceFile } from './files';

/** The state from which a run goes on: the tensors, and one integer. */
export interface Checkpoint {
  readonly step: number;
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** The moments, as `m:<name>` and `v:<name>`. */
  readonly optimiser: ReadonlyMap<string, Tensor>;
  /** What objectives carry from step to step. */
  readonly buffers: ReadonlyMap<string, Tensor>;
}

const MODEL = 'model.safetensors';
const OPTIMISER = 'optimizer.safetensors';
const STATE = 'state.json';

const State = z.object({ step: z.int().nonnegative(), hashes: z.record(z.string(), z.string()) });

export const checkpointsOf = (run: string): string => join(run, 'checkpoints');
const folderOf = (run: string, step: number): string => join(checkpointsOf(run), `step-${String(step).padStart(8, '0')}`);

const hash = (pieces: readonly Uint8Array[]): string => {
  const sum = createHash('sha256');
  for (const piece of pieces) sum.update(piece);
  return sum.digest('hex');
};

/**
 * Writes a checkpoint. `state.json` comes last and holds the other files' hashes: without it the folder is not a checkpoint, so a crash or a full
 * disk in the middle costs nothing. Older ones beyond `keep` are removed afterwards.
 *
 * @throws UserError (code `disk`)
 */
export function saveCheckpoint(
  run: string,
  { step, parameters, optimiser, buffers }: Checkpoint,
  config: ModelConfig,
  padId: number,
  keep: number,
): string {
  const folder = folderOf(run, step);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw diskError(folder, error);
  }
  const files = { [MODEL]: encodeSafetensors(parameters), [OPTIMISER]: encodeSafetensors(new Map([...optimiser, ...buffers])) };
  try {
    for (const [name, pieces] of Object.entries(files)) replaceFile(join(folder, name), pieces);
    replaceFile(join(folder, 'config.json'), `${JSON.stringify(toHuggingFaceConfig(config, padId), null, 2)}\n`);
    const hashes = Object.fromEntries(Object.entries(files).map(([name, pieces]) => [name, hash(pieces)]));
    replaceFile(join(folder, STATE), `${JSON.stringify({ step, hashes }, null, 2)}\n`);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  for (const old of listCheckpoints(run).slice(0, -keep)) {
    try {
      rmSync(old.folder, { recursive: true, force: true });
    } catch {
      // The new checkpoint is safe; one too many is no reason to stop. The next save tries again.
    }
  }
  return folder;
}

/** The finished checkpoints of a run, oldest first. */
export function listCheckpoints(run: string): { step: number; folder: string }[] {
  const folder = checkpointsOf(run);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => {
      const step = /^step-(\d+)$/.exec(name)?.[1];
      return step && existsSync(join(folder, name, STATE)) ? [{ step: Number(step), folder: join(folder, name) }] : [];
    })
    .sort((a, b) => a.step - b.step);
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
  const path = join(folder, MODEL);
  const expected = state.hashes[MODEL];
  const parameters = readSafetensors(path);
  if (expected && hash([readFileSync(path)]) !== expected) {
    throw new UserError(
      `${path} is damaged: its contents do not match ${STATE}.`,
      'Delete this checkpoint folder; the one before it will be used.',
      'model',
    );
  }
  return { config: readHuggingFaceConfig(folder), parameters, step: state.step };
}

function readState(folder: string): z.infer<typeof State> {
  const path = join(folder, STATE);
  try {
    return State.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new UserError(`${path} is missing or damaged.`, 'Delete this checkpoint folder; the one before it will be used.', 'model', {
      cause: error,
    });
  }
}

/** The newest checkpoint that reads back whole. Damaged ones are named to `onDamaged` and passed over. */
export function newestCheckpoint(run: string, onDamaged: (message: string) => void = () => undefined): LoadedModel & { folder: string } {
  for (const { folder } of listCheckpoints(run).reverse()) {
    try {
      return { ...loadCheckpoint(folder), folder };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      onDamaged(error.message);
    }
  }
  throw new UserError(`${run} has no checkpoint yet.`, 'Wait for the first one, or start a run.', 'checkpoint');
}

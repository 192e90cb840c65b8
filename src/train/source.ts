import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import * as z from 'zod';
import type { PretrainedModel } from '../experiment/model';
import type { ModelConfig } from '../model/config';
import type { ParameterSpec } from '../model/parameters';
import { place, readPretrained, weightFiles } from '../model/pretrained';
import type { Tensor } from '../onnx/types';
import { UserError } from '../shared/errors';
import { cachedModel, downloadModel, parseHubId } from './hub';

/** Where a run's first parameters came from, as its record says. */
export const Provenance = z.object({
  /** As the experiment names it. */
  from: z.string(),
  /** The commit on the hub. */
  revision: z.string().optional(),
  /** Of all files of weights, one after another. */
  sha256: z.string(),
});
export type Provenance = z.infer<typeof Provenance>;

/** A pre-trained model that training goes on from. */
export interface Source {
  readonly provenance: Provenance;
  /** Its folder on this machine. */
  readonly folder: string;
  readonly config: ModelConfig;
  /** Puts its tensors into those of a run. @throws UserError (code `model`) when it is not there any more, or has changed */
  readonly place: (parameters: ReadonlyMap<string, Tensor>) => void;
}

/** One that has just been read. */
export interface OpenedSource extends Source {
  /** Whether it has nothing for a parameter. */
  readonly lacks: (spec: ParameterSpec) => boolean;
}

interface Places {
  /** The experiment's folder. */
  readonly folder: string;
  readonly cache: string;
}

/**
 * Finds the model that an experiment goes on from, downloads it if it is on the hub and not here yet, and reads it.
 *
 * @throws UserError (code `model`) when it is not there or cannot be read; (code `network`) when it cannot be downloaded
 */
export async function openSource(
  model: PretrainedModel,
  { folder, cache }: Places,
  onProgress: (message: string) => void,
  signal?: AbortSignal,
): Promise<OpenedSource> {
  const local = localFolder(model.from, folder);
  const found = local === undefined ? await downloadModel(hubId(model.from, folder), cache, { onProgress, signal }) : { folder: local };
  onProgress(`Reading ${model.from}`);
  const { config, parameters } = readPretrained(found.folder);
  const revision = 'revision' in found ? { revision: found.revision } : {};
  const provenance = { from: model.from, ...revision, sha256: fingerprint(found.folder) };
  const lacks = ({ name }: ParameterSpec): boolean => !parameters.has(name);
  return { ...sourceAt(found.folder, provenance, withDropout(config, model)), lacks };
}

/** The source of a run that goes on: read only if the run has to begin anew. */
export function recordedSource(provenance: Provenance, config: ModelConfig, { folder, cache }: Places): Source {
  const { from, revision } = provenance;
  return sourceAt(revision === undefined ? resolve(folder, from) : cachedModel(hubId(from, folder), revision, cache), provenance, config);
}

const sourceAt = (folder: string, provenance: Provenance, config: ModelConfig): Source => ({
  provenance,
  folder,
  config,
  place(into) {
    const { parameters } = readPretrained(folder);
    if (fingerprint(folder) !== provenance.sha256)
      throw new UserError(
        `The model in ${folder} is no longer the one that the run began with.`,
        'Restore it, or start a new run.',
        'model',
      );
    place(parameters, into);
  },
});

const withDropout = (config: ModelConfig, { dropout, attentionDropout }: PretrainedModel): ModelConfig => ({
  ...config,
  dropout: dropout ?? config.dropout,
  attentionDropout: attentionDropout ?? config.attentionDropout,
});

/** The folder that is meant, if it is one: a path that says so, or a folder that is there. */
function localFolder(from: string, folder: string): string | undefined {
  const path = resolve(folder, from);
  if (existsSync(path)) return path;
  if (!isAbsolute(from) && !/^\.\.?([\\/]|$)/.test(from)) return undefined;
  throw new UserError(`The model ${path} does not exist.`, "`model.from` is relative to the experiment's own folder.", 'model');
}

function hubId(from: string, folder: string): ReturnType<typeof parseHubId> & object {
  const id = parseHubId(from);
  if (id) return id;
  throw new UserError(
    `\`model.from\` is "${from}": there is no such folder in ${folder}, and it is no name of the Hugging Face hub.`,
    'Give the path of a model folder, or a name such as google-bert/bert-base-uncased.',
    'model',
  );
}

/** SHA-256 of a model's weights. */
function fingerprint(folder: string): string {
  const hash = createHash('sha256');
  for (const file of weightFiles(folder)) hash.update(readFileSync(join(folder, file)));
  return hash.digest('hex');
}

/** @throws UserError (code `experiment`) when the sequences of an objective are longer than a model can read */
export function checkLengths(objectives: readonly object[], { maxPositions }: ModelConfig, from: string): void {
  objectives.forEach((objective, i) => {
    for (const field of ['sequenceLength', 'targetLength']) {
      const length: unknown = (objective as Readonly<Record<string, unknown>>)[field];
      if (typeof length === 'number' && length > maxPositions)
        throw new UserError(
          `objectives[${i}].${field} is ${length}, and the model ${from} reads no more than ${maxPositions} tokens.`,
          `Use at most ${maxPositions}.`,
          'experiment',
        );
    }
  });
}

/** What of a run's model its source does not have, for people. */
export function describeNew(specs: readonly ParameterSpec[], { lacks }: OpenedSource): string | undefined {
  const modules = new Set(specs.filter(lacks).map(({ name }) => name.split('.').slice(0, 2).join('.')));
  return modules.size === 0 ? undefined : `Not in the pre-trained model, and new: ${[...modules].join(', ')}`;
}

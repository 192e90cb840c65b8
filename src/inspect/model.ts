import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { UserError } from '../shared/errors';
import { hash32 } from '../shared/random';
import type { ModelConfig } from '../model/config';
import type { Writing } from '../model/incremental';
import { encoderParameters, LM_HEAD, mlmHeadParameters } from '../model/parameters';
import { readPretrained } from '../model/pretrained';
import { ObjectiveOptions, writingOf } from '../objectives';
import { STANDARD_MASKING, type MaskingOptions } from '../objectives/masking';
import { highestOf } from '../objectives/ramp';
import { sameShape } from '../onnx/types';
import { Tokenizer } from '../text/tokenizer';
import { vocabularyData, vocabularyOf, type Vocabulary } from '../text/vocabulary';
import { checkpointsOf, loadCheckpoint, newestCheckpoint, type LoadedModel } from '../train/checkpoint';

/** A model ready to be looked at. */
export interface OpenedModel extends Omit<LoadedModel, 'step'> {
  readonly tokenizer: Tokenizer;
  readonly vocabulary: Vocabulary;
  /** The folder its weights were read from: changes when a run has a newer checkpoint. */
  readonly folder: string;
  /** What its weights are known by: their folder may be written again, by a run that diverged and went back. */
  readonly key: string;
  /** Training steps behind it; absent for a model from elsewhere. */
  readonly step?: number;
  /** Longest sequence it was trained on: positions beyond have embeddings that never learned anything. */
  readonly context: number;
  /** How masked language modelling hid tokens of it. */
  readonly masking: MaskingOptions;
  /** How it writes text, if it was trained to. */
  readonly writing?: Writing | undefined;
  /** Whether its tokens were only ever trained to see those before them, as in causal language modelling alone. */
  readonly causal: boolean;
  /** Whether it has a masked-language-model head that was trained. */
  readonly predicts: boolean;
}

/**
 * Opens a run folder (its newest valid checkpoint), a checkpoint, or a model folder as Hugging Face lays it out.
 *
 * @throws UserError (code `model`, or `checkpoint` when a run has none yet)
 */
export function openModel(path: string): OpenedModel {
  if (!existsSync(path)) throw new UserError(`There is no model at ${path}.`, 'Choose a run folder or a model folder.', 'model');
  if (isRun(path)) return open(newestCheckpoint(path), path);
  if (isCheckpoint(path)) {
    // A checkpoint that was copied elsewhere with its tokenizer stands on its own.
    const run = existsSync(join(path, 'tokenizer.json')) ? path : dirname(dirname(path));
    return open({ ...loadCheckpoint(path), folder: path }, run);
  }
  const { config, parameters } = readPretrained(path);
  const causal = isDecoder(path);
  const model = {
    config,
    parameters,
    folder: path,
    context: config.maxPositions,
    masking: STANDARD_MASKING,
    causal,
    writing: causal ? { stack: { prefix: 'bert', layers: config.layers }, head: LM_HEAD, longest: config.maxPositions } : undefined,
    tokenizer: Tokenizer.ofModel(path),
  };
  return complete(model, !causal);
}

const isRun = (path: string): boolean => existsSync(join(path, 'status.json')) || existsSync(checkpointsOf(path));
const isCheckpoint = (path: string): boolean => existsSync(join(path, 'state.json'));

/** The run that a model belongs to, and the checkpoint if it is one. @throws UserError (code `run`) for a model from elsewhere */
export function runOfModel(path: string): { run: string; checkpoint?: string } {
  if (isRun(path)) return { run: path };
  if (isCheckpoint(path)) return { run: dirname(dirname(path)), checkpoint: path };
  throw new UserError(`${path} is not a run.`, 'Choose the folder of a run, or one of its checkpoints.', 'run');
}

/** The same without the error: undefined for a model from elsewhere. */
export const runBehind = (path: string): string | undefined => (isRun(path) || isCheckpoint(path) ? runOfModel(path).run : undefined);

/** Whether a model folder's `config.json` says that a position sees only those before it. */
const isDecoder = (folder: string): boolean =>
  z.looseObject({ is_decoder: z.boolean().default(false) }).parse(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))).is_decoder;

function open({ step, ...model }: LoadedModel & { folder: string }, run: string): OpenedModel {
  const { masked, ...trained } = trainedAs(run, model.config);
  return { ...complete({ ...model, ...trained, tokenizer: Tokenizer.load(join(run, 'tokenizer.json')) }, masked), step };
}

/** @param masked whether its language-model head was trained on masked tokens: a causal model has the same head */
function complete(model: Omit<OpenedModel, 'predicts' | 'vocabulary' | 'key'>, masked = true): OpenedModel {
  const { config, parameters, folder, tokenizer } = model;
  for (const { name, shape } of encoderParameters(config)) {
    const found = parameters.get(name);
    if (!found)
      throw new UserError(
        `The model in ${folder} has no tensor "${name}".`,
        'It is not a BERT encoder, or its weights are incomplete.',
        'model',
      );
    if (!sameShape(found.shape, shape)) {
      throw new UserError(
        `The tensor "${name}" in ${folder} has shape [${found.shape.join(', ')}], and config.json asks for [${shape.join(', ')}].`,
        'Use config.json and weights of the same model.',
        'model',
      );
    }
  }
  return {
    ...model,
    key: `${folder} ${fingerprint(parameters)}`,
    // Of the text it was trained on nothing is known but the words.
    vocabulary: vocabularyOf(vocabularyData(tokenizer, new Float64Array(tokenizer.vocabularySize))),
    predicts: masked && mlmHeadParameters(config).every(({ name }) => parameters.has(name)) && tokenizer.special.mask !== undefined,
  };
}

/** Numbers of each tensor that tell trained weights from others: none of them stays as it is from one step to the next. */
const SAMPLED = 8;

const fingerprint = (parameters: LoadedModel['parameters']): number =>
  [...parameters.values()].reduce((sum, { data }) => {
    const numbers = Float32Array.from({ length: SAMPLED }, (_, i) => Number(data[Math.floor((i * data.length) / SAMPLED)]));
    return hash32(sum, ...new Uint32Array(numbers.buffer));
  }, 0);

const Trained = z.object({ objectives: z.array(ObjectiveOptions) });

/** What a run's own experiment says of its sequences and masks; the widest and the usual when it cannot be read. */
function trainedAs(
  run: string,
  config: ModelConfig,
): Pick<OpenedModel, 'context' | 'masking' | 'causal' | 'writing'> & { masked?: boolean } {
  try {
    const { objectives } = Trained.parse(JSON.parse(readFileSync(join(run, 'experiment.json'), 'utf8')));
    const context = Math.max(...objectives.map(({ sequenceLength }) => sequenceLength));
    const mlm = objectives.find((options) => options.type === 'mlm');
    const writing = objectives.map((options) => writingOf(options, config)).find(Boolean);
    const causal = objectives.every(({ type }) => type === 'clm');
    return { context, masking: mlm ? { ...mlm, rate: highestOf(mlm.rate) } : STANDARD_MASKING, causal, writing, masked: mlm !== undefined };
  } catch {
    return { context: config.maxPositions, masking: STANDARD_MASKING, causal: false };
  }
}

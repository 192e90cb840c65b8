import { join, resolve } from 'node:path';
import { resolveModel } from '../experiment/resolve';
import type { ModelConfig } from '../model/config';
import { createObjective, type Instance } from '../objectives';
import { UserError } from '../shared/errors';
import { prepareCorpus, type PreparedCorpus } from '../text/prepare';
import { trainingLosses } from './compile';
import type { Experiment, LoadedExperiment } from './experiment';
import type { GradientOptions } from './step';

/** Chooses the held-out documents of a corpus. */
const HELD_OUT_SEED = 1;

/** An experiment with its corpus prepared and its objectives set up: all that its graphs are made from. */
export interface Setup {
  readonly experiment: Experiment;
  readonly corpus: PreparedCorpus;
  readonly config: ModelConfig;
  readonly instances: readonly Instance[];
  readonly losses: GradientOptions;
}

/** Where an experiment's runs and caches are kept. */
export const stateFolder = ({ folder }: LoadedExperiment): string => join(folder, '.objective-lab');
export const cacheFolder = (loaded: LoadedExperiment): string => join(stateFolder(loaded), 'cache');

/** @throws UserError when the corpus does not do for the experiment, or `signal` aborts on the way */
export async function setUp(loaded: LoadedExperiment, onProgress: (message: string) => void, signal?: AbortSignal): Promise<Setup> {
  const { experiment, root, folder } = loaded;
  onProgress('Reading the corpus');
  const corpus = await prepareCorpus({
    root,
    corpus: experiment.corpus,
    tokenizer: { ...experiment.tokenizer, ...(experiment.tokenizer.from && { from: resolve(folder, experiment.tokenizer.from) }) },
    cache: cacheFolder(loaded),
    // Not the experiment's seed: runs with different seeds are measured on the same documents.
    seed: HELD_OUT_SEED,
    onProgress,
    signal,
  }).catch((error: unknown) => {
    throw signal?.aborted ? new UserError('The run was stopped before its first step.', undefined, 'cancelled') : error;
  });
  onProgress(corpus.report.summary);
  const { tokenizer, dataset } = corpus;
  const config = resolveModel(experiment.model, tokenizer.vocabularySize);
  const instances = experiment.objectives.map((options) =>
    createObjective(options, { config, special: tokenizer.special, seed: experiment.seed }),
  );
  for (const instance of instances) instance.check(dataset.train, dataset.heldOut);
  return { experiment, corpus, config, instances, losses: trainingLosses(config, instances) };
}

/** Tokens that go through the encoder in a step. */
export const tokensPerStep = ({ instances }: Pick<Setup, 'instances'>): number => instances.reduce((sum, { tokens }) => sum + tokens, 0);

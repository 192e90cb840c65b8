import { join, resolve } from 'node:path';
import { tableRequest, tokensOf as specialTokensOf, type Instance } from '../objectives';
import { UserError } from '../shared/errors';
import { prepareCorpus, type PreparedCorpus } from '../text/prepare';
import type { TableRequest } from '../text/table';
import type { ModelConfig } from '../model/config';
import type { Experiment, LoadedExperiment } from './experiment';
import type { Plan } from './plan';
import { planOf, recipeOf, type Recipe } from './recipe';

/** Chooses the held-out documents of a corpus. */
const HELD_OUT_SEED = 1;

/** An experiment with its corpus prepared and its objectives set up: all that its graphs are made from. */
export interface Setup {
  readonly experiment: Experiment;
  readonly corpus: PreparedCorpus;
  readonly recipe: Recipe;
  readonly plan: Plan;
  readonly config: ModelConfig;
  readonly instances: readonly Instance[];
}

/** Where an experiment's runs and caches are kept. */
export const stateFolder = ({ folder }: LoadedExperiment): string => join(folder, '.objective-lab');
export const cacheFolder = (loaded: LoadedExperiment): string => join(stateFolder(loaded), 'cache');

/** @throws UserError when the corpus does not do for the experiment, or `signal` aborts on the way */
export async function setUp(loaded: LoadedExperiment, onProgress: (message: string) => void, signal?: AbortSignal): Promise<Setup> {
  const { experiment, root, folder } = loaded;
  const { tokenizer, objectives } = experiment;
  onProgress('Reading the corpus');
  const corpus = await prepareCorpus({
    root,
    corpus: experiment.corpus,
    tokenizer: {
      ...tokenizer,
      special: [...new Set(objectives.flatMap(specialTokensOf))],
      ...(tokenizer.from && { from: resolve(folder, tokenizer.from) }),
    },
    tables: new Map(
      objectives.flatMap((options): [string, TableRequest][] => {
        const request = tableRequest(options);
        return request ? [[options.type, { ...request, file: resolve(folder, request.file) }]] : [];
      }),
    ),
    cache: cacheFolder(loaded),
    // Not the experiment's seed: runs with different seeds are measured on the same documents.
    seed: HELD_OUT_SEED,
    onProgress,
    signal,
  }).catch((error: unknown) => {
    throw signal?.aborted ? new UserError('The run was stopped before its first step.', undefined, 'cancelled') : error;
  });
  onProgress(corpus.report.summary);
  try {
    const recipe = recipeOf(experiment, corpus);
    const plan = planOf(recipe);
    const { instances } = plan;
    for (const instance of instances) instance.check(corpus.dataset.train, corpus.dataset.heldOut);
    return { experiment, corpus, recipe, plan, config: recipe.config, instances };
  } catch (error) {
    corpus.dataset.close();
    throw error;
  }
}

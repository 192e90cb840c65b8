import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { tableRequest, tokensOf as specialTokensOf, type Instance } from '../objectives';
import { isPretrained } from '../experiment/model';
import { UserError } from '../shared/errors';
import { Dataset } from '../text/dataset';
import { prepareCorpus, type PreparedCorpus, type PrepareOptions } from '../text/prepare';
import type { TableRequest } from '../text/table';
import { Tokenizer } from '../text/tokenizer';
import type { ModelConfig } from '../model/config';
import type { Experiment, LoadedExperiment, LoadedRun } from './experiment';
import { parametersOf } from './compile';
import type { MemoryPlan } from './memory-plan';
import { requireOwnFolder } from './own-folder';
import type { Plan } from './plan';
import { planOf, recipeOf, type Recipe } from './recipe';
import { checkLengths, describeNew, openSource, recordedSource, type OpenedSource, type Source } from './source';

/** Chooses the held-out documents of a corpus. */
const HELD_OUT_SEED = 1;

/** An experiment with its corpus prepared and its objectives set up: all that its graphs are made from. */
export interface Setup {
  readonly experiment: Experiment;
  /** The experiment's own folder. */
  readonly folder: string;
  readonly corpus: PreparedCorpus;
  readonly recipe: Recipe;
  readonly plan: Plan;
  readonly config: ModelConfig;
  readonly instances: readonly Instance[];
  /** The pre-trained model that training goes on from, if there is one. */
  readonly source?: Source | undefined;
  /** Whether it is that of a run which goes on. */
  readonly resumed: boolean;
  /** How it is fitted into the memory of a device, once one is chosen. */
  readonly memory?: MemoryPlan;
}

/** Where an experiment's runs and caches are kept. */
export const stateFolder = ({ folder }: LoadedExperiment): string => join(folder, '.objective-lab');
export const cacheFolder = (loaded: LoadedExperiment): string => join(stateFolder(loaded), 'cache');

/**
 * @param recorded the run that goes on: it keeps its text
 * @throws UserError when the corpus does not do for the experiment, or `signal` aborts on the way
 */
export async function setUp(
  loaded: LoadedExperiment,
  onProgress: (message: string) => void,
  signal?: AbortSignal,
  recorded?: LoadedRun,
): Promise<Setup> {
  const { experiment } = loaded;
  const source = await sourceOf(loaded, onProgress, signal, recorded);
  onProgress('Reading the corpus');
  const corpus = (recorded && reopen(recorded)) ?? (await prepare(loaded, tokenizerOf(loaded, source, recorded), onProgress, signal));
  onProgress(corpus.report.summary);
  try {
    if (recorded?.prepared && !isDeepStrictEqual(preparedAs(corpus.dataset), recorded.prepared))
      throw new UserError(
        `The text in ${loaded.root} is no longer what the run ${recorded.run} learns from, and what was prepared of that is gone.`,
        'Restore the text, or start a new run.',
        'corpus',
      );
    const recipe = recipeOf(experiment, corpus, source?.config);
    if (source) checkLengths(experiment.objectives, recipe.config, source.provenance.from);
    const plan = planOf(recipe);
    const { instances } = plan;
    const news = source && 'lacks' in source ? describeNew(parametersOf(recipe.config, instances), source) : undefined;
    if (news !== undefined) onProgress(news);
    for (const instance of instances) instance.check(corpus.dataset.train, corpus.dataset.heldOut);
    return {
      experiment,
      folder: loaded.folder,
      corpus,
      recipe,
      plan,
      config: recipe.config,
      instances,
      source,
      resumed: recorded !== undefined,
    };
  } catch (error) {
    corpus.dataset.close();
    throw error;
  }
}

/** Names of the cache's folders that hold a prepared corpus: they say what is in them. */
export const preparedAs = ({ folder, tableFolders }: Dataset): NonNullable<LoadedRun['prepared']> => ({
  shards: basename(folder),
  tables: Object.fromEntries([...tableFolders].map(([objective, table]) => [objective, basename(table)])),
});

/** The corpus of a run as it was prepared, if the cache still has it: whatever has become of the text since. The caller closes its data set. */
export function reopen(recorded: LoadedRun): PreparedCorpus | undefined {
  const { prepared, run, corpus } = recorded;
  if (!prepared) return undefined;
  requireOwnFolder(cacheFolder(recorded));
  const tokenizer = join(run, 'tokenizer.json');
  const inCache = (name: string): string => join(cacheFolder(recorded), name);
  if (![tokenizer, ...[prepared.shards, ...Object.values(prepared.tables)].map(inCache)].every((path) => existsSync(path)))
    return undefined;
  const dataset = Dataset.open(inCache(prepared.shards));
  for (const [objective, table] of Object.entries(prepared.tables)) dataset.addTable(objective, inCache(table));
  return { tokenizer: Tokenizer.load(tokenizer), dataset, report: corpus as unknown as PreparedCorpus['report'] };
}

/** The pre-trained model of an experiment: as it is now, or for a run that goes on as it was. */
async function sourceOf(
  loaded: LoadedExperiment,
  onProgress: (message: string) => void,
  signal?: AbortSignal,
  recorded?: LoadedRun,
): Promise<OpenedSource | Source | undefined> {
  const { model } = loaded.experiment;
  if (!isPretrained(model)) return undefined;
  const places = { folder: loaded.folder, cache: cacheFolder(loaded) };
  // The record was written by `TrainingSession.record`.
  if (recorded?.pretrained) return recordedSource(recorded.pretrained, recorded.model as ModelConfig, places);
  return openSource(model, places, onProgress, signal).catch((error: unknown) => {
    throw signal?.aborted ? stopped() : error;
  });
}

type TokenizerChoice = PrepareOptions['tokenizer'];

/** The tokenizer of the experiment, of its pre-trained model, or of a run that began with one. */
function tokenizerOf({ experiment, folder }: LoadedExperiment, source?: Source, recorded?: LoadedRun): TokenizerChoice {
  const { tokenizer, objectives } = experiment;
  const special = [...new Set(objectives.flatMap(specialTokensOf))];
  if (!source) return { ...tokenizer, special, ...(tokenizer.from && { from: resolve(folder, tokenizer.from) }) };
  return { ...tokenizer, special, ...(recorded ? { from: join(recorded.run, 'tokenizer.json') } : { ofModel: source.folder }) };
}

const stopped = (): UserError => new UserError('The run was stopped before its first step.', undefined, 'cancelled');

async function prepare(
  loaded: LoadedExperiment,
  tokenizer: TokenizerChoice,
  onProgress: (message: string) => void,
  signal?: AbortSignal,
): Promise<PreparedCorpus> {
  const { experiment, root, folder } = loaded;
  requireOwnFolder(cacheFolder(loaded));
  return prepareCorpus({
    root,
    corpus: experiment.corpus,
    tokenizer,
    tables: new Map(
      experiment.objectives.flatMap((options): [string, TableRequest][] => {
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
    throw signal?.aborted ? stopped() : error;
  });
}

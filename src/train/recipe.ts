import type { SizedModel } from '../experiment/model';
import { resolveModel } from '../experiment/resolve';
import type { Combination } from '../experiment/sections';
import type { ModelConfig } from '../model/config';
import { createObjective, tokensOf, type Instance, type ObjectiveOptions } from '../objectives';
import { Dataset } from '../text/dataset';
import type { PreparedCorpus } from '../text/prepare';
import { vocabularyData, vocabularyOf, type VocabularyData } from '../text/vocabulary';
import type { Experiment } from './experiment';
import { Plan } from './plan';

/** All that batches are made from, as plain data: a worker thread that is given it makes the same batches. */
export interface Recipe {
  readonly objectives: readonly ObjectiveOptions[];
  readonly combination: Combination;
  readonly config: ModelConfig;
  readonly vocabulary: VocabularyData;
  /** For each objective the ids of the tokens that it asked for. */
  readonly tokens: readonly (readonly number[])[];
  readonly seed: number;
  readonly steps: number;
  /** Parts that each batch is computed in, where its objective can be divided. */
  readonly microBatches: number;
  /** Folders of the prepared corpus, and of the tables by objective. */
  readonly shards: string;
  readonly tables: ReadonlyMap<string, string>;
}

/** @param source the model that is gone on from, if there is one: its vocabulary grows where the tokenizer has more tokens */
export function recipeOf(
  { objectives, combination, model, seed, training }: Experiment,
  { tokenizer, dataset }: PreparedCorpus,
  source?: ModelConfig,
): Recipe {
  const { vocabularySize } = tokenizer;
  return {
    objectives,
    combination,
    config: source
      ? { ...source, vocabularySize: Math.max(source.vocabularySize, vocabularySize) }
      : resolveModel(model as SizedModel, vocabularySize),
    vocabulary: vocabularyData(tokenizer, dataset.unigram()),
    tokens: objectives.map((options) => tokensOf(options).map((token) => tokenizer.id(token)!)),
    seed,
    steps: training.steps,
    microBatches: 1,
    shards: dataset.folder,
    tables: dataset.tableFolders,
  };
}

/** @throws UserError when an objective does not fit the model or the tokenizer */
export function planOf({ objectives, combination, config, vocabulary, tokens, seed, steps, microBatches }: Recipe): Plan {
  const known = vocabularyOf(vocabulary);
  const types = objectives.map(({ type }) => type);
  const instances: Instance[] = objectives.map((options, i) =>
    createObjective(options, { config, vocabulary: known, tokens: tokens[i]!, seed, steps, types }),
  );
  const divided = microBatches > 1 ? instances.map((instance) => instance.division?.into(microBatches) ?? instance) : instances;
  return new Plan(divided, combination, steps);
}

/** The prepared corpus again, for reading. The caller closes it. */
export function openDataset({ shards, tables }: Recipe): Dataset {
  const dataset = Dataset.open(shards);
  for (const [objective, folder] of tables) dataset.addTable(objective, folder);
  return dataset;
}

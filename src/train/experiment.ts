import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import * as z from 'zod';
import { UserError } from '../shared/errors';
import { parseExperiment } from '../experiment/parse';
import { experimentSchema } from '../experiment/schema';
import { knownOptions, ObjectiveOptions } from '../objectives';
import { Provenance } from './source';

/** The whole of an experiment: the common fields, and every objective's own. */
export const ExperimentSchema = experimentSchema(ObjectiveOptions);
export type Experiment = z.infer<typeof ExperimentSchema>;

/** The same with the objectives that were added in this process. */
const schema = (): z.ZodType<Experiment> => experimentSchema(knownOptions());

export interface LoadedExperiment {
  readonly experiment: Experiment;
  readonly name: string;
  /** Absolute folder in which the corpus is looked for. */
  readonly root: string;
  /** Absolute folder of the experiment file, where `.objective-lab` is. */
  readonly folder: string;
}

/** Reads and checks an experiment file. @throws UserError (code `experiment`) that names file, position and field */
export function loadExperiment(path: string): LoadedExperiment {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError(
      `The experiment ${path} cannot be read.`,
      'Check the path; experiments are files such as "quickstart.lab.json".',
      'experiment',
      { cause: error },
    );
  }
  return readExperiment(text, path);
}

/**
 * An experiment that stands in a text of its own.
 *
 * @param path where it would be a file: its folder is the experiment's, its name what messages call it
 * @throws UserError (code `experiment`) like {@link loadExperiment}
 */
export function readExperiment(text: string, path: string): LoadedExperiment {
  const experiment = parseExperiment(text, schema(), path);
  const folder = dirname(resolve(path));
  const { name } = experiment;
  return { experiment, name, root: resolve(folder, experiment.corpus.root), folder };
}

/** A folder of the cache: a name, nothing that leads elsewhere. */
const CacheEntry = z.string().regex(/^[\w-]+$/);

/** What a run's record says besides the experiment. */
const Resolved = z.looseObject({
  /** The experiment's folder, seen from the run's. */
  folder: z.string().default('../../..'),
  corpus: z.looseObject({ summary: z.string() }),
  prepared: z.object({ shards: CacheEntry, tables: z.record(z.string(), CacheEntry) }).optional(),
  /** For a run that began with a pre-trained model: which, and its size. */
  pretrained: Provenance.optional(),
  model: z.unknown().optional(),
  device: z.string().optional(),
  threads: z.int().positive().optional(),
  microBatches: z.int().positive().optional(),
  version: z.string().optional(),
  onnxruntime: z.string().optional(),
});
export type Resolved = z.infer<typeof Resolved>;

/** A run's experiment, and what it was resolved to when the run began. */
export interface LoadedRun extends LoadedExperiment, Resolved {
  /** The run's own folder. */
  readonly run: string;
  readonly folder: string;
}

/** The name of a run's record of its experiment. */
export const RECORD = 'experiment.json';

/** Reads what a run was made from. @throws UserError (code `run`) that names the file and what is wrong with it */
export function loadRun(run: string): LoadedRun {
  const path = join(run, RECORD);
  try {
    const { resolved, ...written } = z.looseObject({ resolved: Resolved }).parse(JSON.parse(readFileSync(path, 'utf8')));
    const experiment = schema().parse(written);
    const folder = resolve(run, resolved.folder);
    const name = z.string().parse(experiment.name);
    return { ...resolved, experiment: { ...experiment, name }, name, root: resolve(folder, experiment.corpus.root), folder, run };
  } catch (error) {
    const what = error instanceof z.ZodError ? `: ${z.prettifyError(error).split('\n').join(' ')}` : '';
    throw new UserError(`${path} is missing or damaged${what}.`, 'Choose the folder of a run, or start a new run.', 'run', {
      cause: error,
    });
  }
}

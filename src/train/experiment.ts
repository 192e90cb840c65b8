import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { UserError } from '../shared/errors';
import { parseExperiment } from '../experiment/parse';
import { experimentSchema } from '../experiment/schema';
import { ObjectiveOptions } from '../objectives';

/** The whole of an experiment: the common fields, and every objective's own. */
export const ExperimentSchema = experimentSchema(ObjectiveOptions);
export type Experiment = z.infer<typeof ExperimentSchema>;

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
  const experiment = parseExperiment(text, ExperimentSchema, path);
  const folder = dirname(resolve(path));
  const { name } = experiment;
  return { experiment, name, root: resolve(folder, experiment.corpus.root), folder };
}

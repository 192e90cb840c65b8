import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { readJson } from '../experiment/document';
import { experimentJsonSchema, objectiveSnippets } from '../experiment/jsonSchema';
import { newComparison } from '../experiment/template';
import type { NewComparison } from '../shared/trainer-protocol';
import { ExperimentSchema } from '../train/experiment';
import { loadComparison } from './load';
import { changesSince, comparisonFolder, isPlanned, readPlan } from './plan';

/**
 * What a comparison's file stands for: the folder of its comparison, whether that has begun, and what has changed in the file since.
 *
 * @throws UserError (code `comparison`, `experiment`) for a file with mistakes
 */
export function stateOf(path: string): { name: string; folder: string; begun: boolean; changes: string[] } {
  const loaded = loadComparison(path);
  const folder = comparisonFolder(loaded);
  const begun = isPlanned(folder);
  return { name: loaded.comparison.name, folder, begun, changes: begun ? changesSince(readPlan(folder), loaded) : [] };
}

/** Beside other objectives contrastive learning is weighed so: its loss is larger, and it takes over otherwise. */
const CONTRASTIVE_BESIDE_OTHERS = 0.1;

/** Of an experiment as it is written, what variants take over. */
interface Base {
  readonly objectives?: readonly Readonly<Record<string, unknown>>[];
  readonly combination?: { readonly kind?: string };
}

/**
 * The text of a new comparison, with the variants of a form. Objectives that the base experiment has keep their settings; the others read sequences as long
 * as its first one.
 *
 * @param experiment the base experiment, in the folder of the comparison
 */
export function fillIn(experiment: string, { variants, budget, seeds, probes }: NewComparison): string {
  const { objectives: own = [], combination } = (readJson(readFileSync(experiment, 'utf8')).value ?? {}) as Base;
  const snippets = objectiveSnippets(experimentJsonSchema(ExperimentSchema));
  const settings = (type: string, alone: boolean): object => {
    const { weight, ...rest } = own.find((each) => each.type === type) ?? { type, ...lengthOf(type) };
    if (alone) return rest;
    const usual = type === 'contrastive' ? CONTRASTIVE_BESIDE_OTHERS : undefined;
    return (weight ?? usual) === undefined ? rest : { ...rest, weight: weight ?? usual };
  };
  const lengthOf = (type: string): object => {
    const { sequenceLength } = own[0] ?? {};
    const takes = snippets.some(({ label, body }) => label === type && 'sequenceLength' in body);
    return takes && sequenceLength !== undefined ? { sequenceLength } : {};
  };
  // Turns and phases name the objectives of the base experiment.
  const freed = combination !== undefined && combination.kind !== 'sum' ? { combination: null } : {};
  return newComparison(basename(experiment), {
    variants: variants.map(({ name, objectives }) => ({
      name,
      change: { objectives: objectives.map((type) => settings(type, objectives.length === 1)), ...freed },
    })),
    budget: { [budget.unit]: budget.amount },
    seeds,
    probes,
  });
}

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Comparison } from '../experiment/comparison';
import { COMPARISON, readJson, valueSpan, type Path } from '../experiment/document';
import { experimentJsonSchema } from '../experiment/jsonSchema';
import { explain } from '../experiment/messages';
import { listed, parseComparison, readComparison } from '../experiment/parse';
import { probeName } from '../probe';
import { UserError } from '../shared/errors';
import type { Problem } from '../shared/types';
import { ExperimentSchema, loadExperiment, type Experiment } from '../train/experiment';
import { mergePatch } from './merge-patch';
import { slugOf, variantsOf, type WrittenVariant } from './variants';

/** One of the experiments that are compared, with every default written out. */
export interface Variant {
  readonly name: string;
  readonly slug: string;
  readonly experiment: Experiment;
}

export interface LoadedComparison {
  readonly comparison: Comparison;
  readonly variants: readonly Variant[];
  readonly seeds: readonly number[];
  /** Absolute folder of the base experiment: what the variants' and the probes' own paths are relative to. */
  readonly base: string;
  /** Absolute folder of the comparison's file. */
  readonly folder: string;
}

/** Reads and checks a `*.compare.json`, its base experiment and every variant. @throws UserError (code `comparison`, `experiment`) */
export function loadComparison(path: string): LoadedComparison {
  const text = readText(path);
  const comparison = parseComparison(text, path);
  const folder = dirname(resolve(path));
  const basePath = resolve(folder, comparison.experiment);
  // Its own mistakes are told of as such.
  loadExperiment(basePath);
  const { variants, problems } = checkVariants(comparison, readJson(readFileSync(basePath, 'utf8')).value);
  const { tree } = readJson(text, COMPARISON);
  if (problems.length > 0) throw listed(text, problems.map(located(tree!)), path, 'comparison');
  const { seeds } = comparison;
  return {
    comparison,
    variants,
    seeds: typeof seeds === 'number' ? Array.from({ length: seeds }, (_, i) => i + 1) : seeds,
    base: dirname(basePath),
    folder,
  };
}

/** All that is wrong with a comparison's text, in its order; of the variants only when the rest is right. @param path of its file */
export function checkComparison(text: string, path: string): Problem[] {
  const result = readComparison(text);
  if ('problems' in result) return result.problems;
  const comparison = result.value;
  const { tree } = readJson(text, COMPARISON);
  const base = resolve(dirname(path), comparison.experiment);
  try {
    loadExperiment(base);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [located(tree!)({ path: ['experiment'], message: error.message.split('\n')[0]! })];
  }
  return checkVariants(comparison, readJson(readFileSync(base, 'utf8')).value)
    .problems.map(located(tree!))
    .sort((a, b) => a.start - b.start);
}

interface VariantProblem {
  readonly path: Path;
  readonly message: string;
}

const located =
  (tree: NonNullable<ReturnType<typeof readJson>['tree']>) =>
  ({ path, message }: VariantProblem): Problem => ({ ...valueSpan(tree, path), severity: 'error', message });

/** What belongs to the comparison as a whole, and the way to set it there. */
const NOT_THEIRS: readonly (readonly [Path, string])[] = [
  [['seed'], 'Every variant is trained with the same seeds: set `seeds` of the comparison.'],
  [['training', 'steps'], 'The number of steps follows from the budget, equal for all: set `budget` of the comparison.'],
  [['probes'], 'All variants are measured by the same probes: set `probes` of the comparison.'],
];

/** @param base the base experiment as it is written */
function checkVariants(comparison: Omit<Comparison, 'name'>, base: unknown): { variants: Variant[]; problems: VariantProblem[] } {
  const written = variantsOf(comparison);
  const problems = [...sameNames(written, comparison), ...sameSeeds(comparison), ...sameProbes(comparison)];
  const variants = written.flatMap(({ name, change, place }): Variant[] => {
    for (const [field, way] of NOT_THEIRS)
      if (field.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], change) !== undefined)
        problems.push({ path: place(field), message: `Variant "${name}" sets \`${field.join('.')}\`. ${way}` });
    // The comparison's own probes take the place of the experiment's.
    const merged = mergePatch(mergePatch(base, change), { probes: null });
    const result = ExperimentSchema.safeParse(merged);
    if (result.success) return [{ name, slug: slugOf(name), experiment: { ...result.data, name: result.data.name ?? name } }];
    for (const { path, message } of explain(result.error.issues, experimentJsonSchema(ExperimentSchema), merged))
      problems.push({ path: place(path), message: `Variant "${name}": ${message}` });
    return [];
  });
  return { variants, problems };
}

function* sameNames(written: readonly WrittenVariant[], { variants }: Pick<Comparison, 'variants'>): Generator<VariantProblem> {
  const seen = new Map<string, string>();
  for (const [i, { name }] of written.entries()) {
    const other = seen.get(slugOf(name));
    if (other !== undefined)
      yield {
        path: variants ? ['variants', i, 'name'] : ['grid'],
        message: `The variants "${other}" and "${name}" cannot be told apart on disk: give one of them another name.`,
      };
    seen.set(slugOf(name), name);
  }
}

function* sameSeeds({ seeds }: Pick<Comparison, 'seeds'>): Generator<VariantProblem> {
  if (typeof seeds !== 'number' && new Set(seeds).size < seeds.length)
    yield { path: ['seeds'], message: 'A seed stands here twice: the same seed would give the same run again.' };
}

/** Probes are told apart by their names in the report. */
function* sameProbes({ probes }: Pick<Comparison, 'probes'>): Generator<VariantProblem> {
  const names = probes.map(probeName);
  for (const [i, name] of names.entries()) {
    const first = names.indexOf(name);
    if (first < i)
      yield {
        path: ['probes', i],
        message: `There is already a probe "${name}" (\`probes[${first}]\`): give one of them another \`name\`.`,
      };
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError(
      `The comparison ${path} cannot be read.`,
      'Check the path; comparisons are files such as "objectives.compare.json".',
      'comparison',
      {
        cause: error,
      },
    );
  }
}

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { Budget, Executor } from '../experiment/comparison';
import { ProbeOptions } from '../experiment/probes';
import { tokensOf as specialTokensOf } from '../objectives';
import { serialise } from '../onnx/serialise';
import { size } from '../onnx/types';
import { probeName } from '../probe';
import { checkFiles } from '../probe/check';
import { UserError } from '../shared/errors';
import { parametersOf, probeGraph } from '../train/compile';
import { flopCosts, secondCosts, type Costs } from '../train/cost';
import { chooseProvider, type Provider, type SessionOptions } from '../train/device';
import { memoryOf } from '../train/device-memory';
import { ExperimentSchema, type Experiment, type LoadedExperiment } from '../train/experiment';
import { openSession } from '../train/loop';
import { trainerNeed } from '../train/memory';
import { planMemory } from '../train/memory-plan';
import { planOf } from '../train/recipe';
import { setUp, type Setup } from '../train/setup';
import { replaceFile } from '../train/storage';
import { costOf, stepsFor, tokenCosts } from './budget';
import type { LoadedComparison, Variant } from './load';
import { threadsFor } from './pool';

const PlannedVariant = z.object({
  name: z.string(),
  slug: z.string(),
  /** With every default written out, the device and threads of the machine, and the steps that the budget pays for. */
  experiment: z.unknown(),
  steps: z.int(),
  /** Of all steps of a member. */
  flops: z.number(),
  tokens: z.number(),
  parameters: z.int(),
  /** Bytes that a member takes on this machine; absent where members are trained elsewhere. */
  memory: z.number().optional(),
  /** Of the pieces of words, by which text is cut. */
  vocabulary: z.string(),
});
export type PlannedVariant = z.infer<typeof PlannedVariant>;

/** What a comparison does, frozen before its first step: `plan.json`. */
export const ComparisonPlan = z.object({
  name: z.string(),
  createdAt: z.string(),
  /** How it was started. */
  command: z.string(),
  /** The base experiment's folder, seen from the comparison's own. */
  base: z.string(),
  budget: Budget,
  seeds: z.array(z.int()),
  probes: z.array(ProbeOptions),
  probeEvery: z.number().optional(),
  executor: Executor,
  variants: z.array(PlannedVariant),
  members: z.array(z.object({ id: z.string(), variant: z.string(), seed: z.int() })),
});
export type ComparisonPlan = z.infer<typeof ComparisonPlan>;
export type Member = ComparisonPlan['members'][number];

const PLAN = 'plan.json';

/** The folder of a comparison beside its file. */
export const comparisonFolder = ({ folder, comparison }: Pick<LoadedComparison, 'folder' | 'comparison'>): string =>
  join(comparisonsOf(folder), comparison.name.replace(/[^\p{L}\p{N}._-]+/gu, '-'));

/** Where the comparisons of a folder of experiments are. */
export const comparisonsOf = (folder: string): string => join(folder, '.objective-lab', 'comparisons');

export const isPlanned = (folder: string): boolean => existsSync(join(folder, PLAN));

/** @throws UserError (code `comparison`) when there is none, or it is damaged */
export function readPlan(folder: string): ComparisonPlan {
  try {
    return ComparisonPlan.parse(JSON.parse(readFileSync(join(folder, PLAN), 'utf8')));
  } catch (error) {
    throw new UserError(
      `${folder} holds no comparison, or its ${PLAN} is damaged.`,
      'Name a *.compare.json, or a folder below .objective-lab/comparisons.',
      'comparison',
      {
        cause: error,
      },
    );
  }
}

export const writePlan = (folder: string, plan: ComparisonPlan): void =>
  replaceFile(join(folder, PLAN), `${JSON.stringify(plan, null, 2)}\n`);

/** The experiment of a member, as if it were a file of its own beside the base experiment. */
export function experimentOf(folder: string, plan: ComparisonPlan, { id, variant, seed }: Member): LoadedExperiment {
  const planned = plan.variants.find(({ name }) => name === variant)!;
  const experiment = { ...ExperimentSchema.parse(planned.experiment), name: id, seed };
  const base = resolve(folder, plan.base);
  return { experiment, name: id, root: resolve(base, experiment.corpus.root), folder: base };
}

export interface PlanOptions {
  readonly command: string;
  readonly onProgress: (message: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Prepares the text of every variant, so that members find it in the cache, and works out how many steps the budget pays for.
 *
 * @throws UserError when a variant does not fit its text or the budget is too small
 */
export async function makePlan(loaded: LoadedComparison, { command, onProgress, signal }: PlanOptions): Promise<ComparisonPlan> {
  const { comparison, seeds, base } = loaded;
  const { name, budget, probes, probeEvery, executor } = comparison;
  // What is found missing after the training has cost all of it.
  for (const options of probes)
    await checkFiles(options, base).catch((error: unknown) => Promise.reject(named(`Probe "${probeName(options)}"`, error) as Error));
  const members = loaded.variants.flatMap((variant) =>
    seeds.map((seed) => ({ id: `${variant.slug}-seed${seed}`, variant: variant.name, seed })),
  );
  const variants: PlannedVariant[] = [];
  const measure = measurements();
  for (const variant of loaded.variants) {
    signal?.throwIfAborted();
    const tell = (message: string): void => onProgress(`${variant.name}: ${message}`);
    const threads = threadsFor(executor, variant.experiment, members.length);
    variants.push(
      await planVariant(variant, threads, loaded, measure, tell, signal).catch((error: unknown) =>
        Promise.reject(named(`Variant "${variant.name}"`, error) as Error),
      ),
    );
  }
  const folder = comparisonFolder(loaded);
  return {
    name,
    createdAt: new Date().toISOString(),
    command,
    base: relative(folder, base) || '.',
    budget,
    seeds: [...seeds],
    probes,
    ...(probeEvery !== undefined && { probeEvery }),
    executor,
    variants,
    members,
  };
}

/** What is wrong with a part of the comparison, with its name. */
const named = (what: string, error: unknown): unknown =>
  error instanceof UserError && error.code !== 'comparison'
    ? new UserError(`${what}: ${error.message}`, error.hint, error.code, { cause: error })
    : error;

async function planVariant(
  { name, slug, experiment: written }: Variant,
  threads: number,
  { comparison: { budget, keepCheckpoints, executor }, base }: LoadedComparison,
  measure: Measure,
  tell: (message: string) => void,
  signal?: AbortSignal,
): Promise<PlannedVariant> {
  const device =
    executor.kind === 'local'
      ? (
          await chooseProvider(
            // Only a budget of seconds has steps computed in this process.
            { ...written.training, precision: 'seconds' in budget ? written.training.precision : undefined },
            serialise(probeGraph()),
          )
        ).provider
      : written.training.device;
  const experiment = { ...written, training: { ...written.training, device, threads, keepCheckpoints } };
  const loaded: LoadedExperiment = { experiment, name, root: resolve(base, experiment.corpus.root), folder: base };
  const setup = await setUp(loaded, tell, signal);
  try {
    const { config, instances, recipe, corpus } = setup;
    const planFor = (steps: number): Setup['plan'] => planOf({ ...recipe, steps });
    const flops = flopCosts(config, setup.plan);
    const tokens = tokenCosts(setup.plan);
    const costs = 'flops' in budget ? flops : 'tokens' in budget ? tokens : await measure(loaded, tell, signal);
    const steps = stepsFor(budget, planFor, costs, name);
    const plan = planFor(steps);
    return {
      name,
      slug,
      experiment: withSteps(experiment, steps),
      steps,
      flops: costOf(plan, steps, flops),
      tokens: costOf(plan, steps, tokens),
      parameters: parametersOf(config, instances).reduce((sum, { shape }) => sum + size(shape), 0),
      ...(executor.kind === 'local' && { memory: memoryOfMember(setup, { ...experiment.training, provider: device as Provider }) }),
      vocabulary: fingerprint(corpus.tokenizer.json, experiment),
    };
  } finally {
    setup.corpus.dataset.close();
  }
}

/** What a member takes, in as many micro-batches as it will choose. @throws UserError (code `memory`) when it does not fit into the machine at all */
function memoryOfMember(setup: Setup, options: SessionOptions & { readonly provider: Provider }): number {
  const { memory } = planMemory(setup, options, { capacity: memoryOf(options.provider, options.deviceIndex), available: undefined });
  return trainerNeed(memory!.need);
}

type Measure = (loaded: LoadedExperiment, tell: (message: string) => void, signal?: AbortSignal) => Promise<Costs>;

/**
 * Steps that are the same work are measured once: two measurements differ by what else the machine does, and variants that differ by their learning rate
 * alone would get different numbers of steps.
 */
export function measurements(measure: Measure = measured): Measure {
  const known = new Map<string, Costs>();
  return async (loaded, tell, signal) => {
    const work = JSON.stringify(workOf(loaded.experiment));
    const costs = known.get(work) ?? (await measure(loaded, tell, signal));
    known.set(work, costs);
    return costs;
  };
}

/** Of an experiment, what a step's time may depend on: all but numbers that it only multiplies by. */
function workOf({ name: _, training, ...experiment }: Experiment): unknown {
  const { learningRate: _r, schedule: _s, warmup: _w, weightDecay: _d, ...rest } = training;
  return { ...experiment, training: rest };
}

/** Seconds of a step, measured as the members will run. */
async function measured(loaded: LoadedExperiment, tell: (message: string) => void, signal?: AbortSignal): Promise<Costs> {
  tell('Measuring a training step');
  const session = await openSession(loaded, { events: {}, signal });
  try {
    await session.compile();
    return await secondCosts(session, loaded.experiment.training.steps);
  } finally {
    await session.release();
    session.setup.corpus.dataset.close();
  }
}

/** Points of a learning curve, and checkpoints on the way, that a member has at least: what is measured is outside the budget. */
const [POINTS, CHECKPOINTS] = [10, 4];

function withSteps(experiment: Experiment, steps: number): Experiment {
  const { evaluateEvery, checkpointEvery } = experiment.training;
  const training = {
    ...experiment.training,
    steps,
    evaluateEvery: Math.min(evaluateEvery, Math.ceil(steps / POINTS)),
    checkpointEvery: Math.min(checkpointEvery, Math.ceil(steps / CHECKPOINTS)),
  };
  return { ...experiment, training };
}

/** Of a tokenizer's vocabulary, without the special tokens that objectives add to it. */
function fingerprint(tokenizer: string, { objectives }: Experiment): string {
  const added = new Set(objectives.flatMap((options) => specialTokensOf(options)));
  const { vocab } = (JSON.parse(tokenizer) as { model: { vocab: unknown } }).model;
  const pieces = Array.isArray(vocab) ? vocab : Object.keys(vocab as object).filter((piece) => !added.has(piece));
  return createHash('sha256').update(JSON.stringify(pieces)).digest('hex').slice(0, 16);
}

/** What a comparison's file says now and its plan does not: names of fields. */
export function changesSince(plan: ComparisonPlan, { comparison, variants, seeds }: LoadedComparison): string[] {
  const written = variants.map(({ name, experiment }) => [name, comparable(experiment)]);
  const planned = plan.variants.map(({ name, experiment }) => [name, comparable(ExperimentSchema.parse(experiment))]);
  const differs: readonly (readonly [string, unknown, unknown])[] = [
    ['the variants or their experiment', plain(written), plain(planned)],
    ['budget', comparison.budget, plan.budget],
    ['seeds', seeds, plan.seeds],
    ['probes', plain(comparison.probes), plain(plan.probes)],
    ['probeEvery', comparison.probeEvery, plan.probeEvery],
  ];
  return differs.filter(([, now, before]) => !isDeepStrictEqual(now, before)).map(([what]) => what);
}

/** Without what the plan itself decides, and what changes no result. */
function comparable({ name: _, training, ...experiment }: Experiment): unknown {
  const {
    steps: _s,
    device: _d,
    deviceIndex: _i,
    threads: _t,
    keepCheckpoints: _k,
    evaluateEvery: _e,
    checkpointEvery: _c,
    ...rest
  } = training;
  return { ...experiment, training: rest };
}

/** As it comes back from a file. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

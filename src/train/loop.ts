import { join, resolve } from 'node:path';
import { UserError } from '../shared/errors';
import type { Baseline, Device, Metrics } from '../shared/types';
import type { Done } from '../shared/trainer-protocol';
import { version as VERSION } from '../../package.json';
import { serialise } from '../onnx/serialise';
import { size } from '../onnx/types';
import { initialise, initialiserRange, type ParameterSpec } from '../model/parameters';
import { highestOf } from '../objectives/ramp';
import { hash32 } from '../shared/random';
import { Balance } from './balance';
import { saveCheckpoint } from './checkpoint';
import { buffersOf, parametersOf, probeGraph } from './compile';
import { chooseProvider, type Provider } from './device';
import { Evaluator } from './evaluate';
import { loadExperiment } from './experiment';
import { Feeder } from './feeder';
import { replaceFile } from './files';
import { Optimisation } from './optimisation';
import { tokensOf, type Part } from './plan';
import { Run } from './run';
import { learningRateAt } from './schedule';
import { cacheFolder, setUp, stateFolder, type Setup } from './setup';
import { TrainingState } from './state';
import { fastestThreads } from './threads';

export interface TrainOptions {
  /** Path of a `*.lab.json`. */
  readonly experiment: string;
  /** Folder for runs; `.objective-lab/runs` beside the experiment by default. */
  readonly runs?: string | undefined;
  readonly device?: Device | undefined;
  readonly steps?: number | undefined;
  readonly threads?: number | undefined;
  /** Stops after the step in hand and writes a checkpoint. */
  readonly signal?: AbortSignal | undefined;
  readonly events?: Partial<TrainEvents> | undefined;
}

export interface TrainEvents {
  status: (message: string) => void;
  started: (details: { run: string; steps: number; device: string; parameters: number; baselines: Baseline[] }) => void;
  metrics: (line: Metrics) => void;
  checkpoint: (details: { run: string; step: number }) => void;
  /** Something that a person should know and the run goes on with. */
  warning: (message: string) => void;
}

/**
 * Runs an experiment: prepares the corpus, compiles the step, trains, evaluates, writes checkpoints.
 *
 * @throws UserError for what a person can mend; the run's folder then says `failed` and why, with its checkpoints intact
 */
export async function train({ experiment: path, events = {}, signal, ...overrides }: TrainOptions): Promise<Done> {
  const written = loadExperiment(path);
  const training = {
    ...written.experiment.training,
    ...(overrides.steps && { steps: overrides.steps }),
    ...(overrides.device && { device: overrides.device }),
    ...(overrides.threads && { threads: overrides.threads }),
  };
  const loaded = { ...written, experiment: { ...written.experiment, training } };
  const provider = await chooseProvider(training.device, serialise(probeGraph()));
  const status = onChange((message: string) => events.status?.(message));
  const setup = await setUp(loaded, status, signal);
  const device = { ...provider, threads: training.threads ?? 1 };
  if (provider.provider === 'cpu' && !training.threads) {
    status('Finding the fastest number of threads');
    device.threads = await fastestThreads(setup.config.hiddenSize, Math.max(...setup.plan.sets.map(tokensOf)), cacheFolder(loaded));
  }
  const session = new Training(setup, device);
  const runs = overrides.runs ? resolve(overrides.runs) : join(stateFolder(loaded), 'runs');
  const run = Run.create(runs, written.name, session.record(), {
    steps: training.steps,
    objectives: setup.instances.map(({ type }) => type),
    baselines: session.baselines,
  });
  try {
    replaceFile(join(run.folder, 'tokenizer.json'), setup.corpus.tokenizer.json);
    run.log(`device: ${session.device}`);
    run.log(`corpus: ${setup.corpus.report.summary}`);
    status('Compiling the training step');
    await session.compile();
    const { device: chosen, parameterCount: parameters, baselines } = session;
    events.started?.({ run: run.folder, steps: training.steps, device: chosen, parameters, baselines });
    return await session.run(run, events, signal);
  } catch (error) {
    run.update({ state: 'failed', message: error instanceof Error ? error.message : String(error) });
    run.log(`failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    throw error;
  } finally {
    await session.release();
    setup.corpus.dataset.close();
  }
}

/** Passes on what differs from the time before. */
function onChange(tell: (message: string) => void): (message: string) => void {
  let last: string | undefined;
  return (message) => {
    if (message !== last) tell(message);
    last = message;
  };
}

interface ChosenDevice {
  readonly provider: Provider;
  readonly reason: string;
  readonly threads: number;
}

/** One model in training: its state in typed arrays, which the compiled step reads and writes in place. */
class Training {
  readonly #state: TrainingState;
  readonly #specs: readonly ParameterSpec[];
  readonly #evaluator: Evaluator;
  /** What each objective must beat. */
  readonly baselines: Baseline[];
  #optimisation: Optimisation | undefined;

  constructor(
    private readonly setup: Setup,
    private readonly chosen: ChosenDevice,
  ) {
    const { experiment, config, instances, corpus } = setup;
    this.#specs = parametersOf(config, instances);
    this.#state = new TrainingState(this.#specs, buffersOf(instances));
    for (const spec of this.#specs) initialise(this.#state.parameters.get(spec.name)!, spec, experiment.seed, initialiserRange(config));
    this.#evaluator = new Evaluator(config, instances, corpus.dataset, this.#state.parameters);
    this.baselines = instances.map(({ baseline }) => baseline(corpus.dataset.heldOut, corpus.dataset.unigramEntropy));
  }

  get parameterCount(): number {
    return this.#specs.reduce((sum, { shape }) => sum + size(shape), 0);
  }

  /** What it runs on and why, for people. */
  get device(): string {
    const { provider, reason, threads } = this.chosen;
    return provider === 'cpu' ? `${reason}; ${threads} ${threads === 1 ? 'thread' : 'threads'}` : reason;
  }

  /** The experiment with every default written out, and what it ran on. */
  record(): unknown {
    const { experiment, config, corpus } = this.setup;
    return {
      ...experiment,
      resolved: {
        model: config,
        parameters: this.parameterCount,
        vocabularySize: corpus.tokenizer.vocabularySize,
        corpus: corpus.report,
        baselines: this.baselines,
        device: this.chosen.provider,
        threads: this.chosen.threads,
        node: process.version,
        version: VERSION,
      },
    };
  }

  async compile(): Promise<void> {
    const { config, plan, experiment } = this.setup;
    this.#optimisation = await Optimisation.create(config, plan, experiment.training, this.#state, this.chosen);
    await this.#evaluator.compile(this.chosen);
  }

  async run(run: Run, events: Partial<TrainEvents>, signal: AbortSignal | undefined): Promise<Done> {
    const feeder = new Feeder(this.setup.recipe, 0);
    let done: Done;
    try {
      done = await this.#train(run, feeder, events, signal);
    } finally {
      await feeder.close();
    }
    // Last of all: who sees a run that has ended may start another.
    run.update({ state: done.reason, step: done.steps });
    return done;
  }

  async #train(run: Run, feeder: Feeder, events: Partial<TrainEvents>, signal: AbortSignal | undefined): Promise<Done> {
    const { experiment, config, corpus, plan } = this.setup;
    const { steps, evaluateEvery, checkpointEvery, keepCheckpoints } = experiment.training;
    const started = performance.now();
    const seconds = (): number => (performance.now() - started) / 1000;
    const balance = new Balance();
    let [step, tokens, saved] = [0, 0, -1];
    let loss: Record<string, number> = {};
    let results: Record<string, number> = {};
    const report = (line: Metrics): void => {
      run.metrics(line);
      events.metrics?.(line);
    };
    const warn = (message: string | undefined): void => {
      if (message === undefined) return;
      run.log(`warning: ${message}`);
      events.warning?.(message);
    };
    const evaluate = async (): Promise<void> => {
      const measured = await this.#evaluator.evaluate(signal);
      if (!measured) return;
      results = measured;
      report({ step, tokens, seconds: seconds(), eval: measured });
    };
    const save = (): void => {
      const { parameters, optimiser, buffers } = this.#state;
      saveCheckpoint(run.folder, { step, parameters, optimiser, buffers }, config, corpus.tokenizer.special.pad, keepCheckpoints);
      run.update({ step });
      events.checkpoint?.({ run: run.folder, step });
      saved = step;
    };

    run.update({ state: 'running' });
    await evaluate();
    while (step < steps && !signal?.aborted) {
      const before = performance.now();
      const parts = plan.at(step);
      const batches = await feeder.next();
      const wait = performance.now() - before;
      const learningRate = learningRateAt(step, experiment.training);
      const scalars = await this.#optimisation!.step(parts, batches, hash32(experiment.seed, 30, step), learningRate);
      const milliseconds = performance.now() - before;
      const done = tokensOf(parts.map(({ instance }) => instance));
      step++;
      tokens += done;
      loss = named(scalars, 'loss:');
      const gradientNorms = named(scalars, 'gradientNorm:');
      report({
        step,
        tokens,
        seconds: seconds(),
        loss,
        learningRate,
        gradientNorm: scalars.get('gradientNorm')!,
        ...(Object.keys(gradientNorms).length > 0 && { gradientNorms }),
        tokensPerSecond: (1000 * done) / milliseconds,
        dataWait: wait / milliseconds,
      });
      if (!Number.isFinite(loss.total)) throw divergence(step, loss);
      warn(balance.observe(atFullWeight(gradientNorms, parts), loss));
      if (step % evaluateEvery === 0 && step < steps) await evaluate();
      if (step % checkpointEvery === 0 && step < steps) save();
    }
    const reason = step < steps ? 'stopped' : 'completed';
    // The checkpoint first: it is what must not be lost.
    if (saved !== step) save();
    await evaluate();
    return { run: run.folder, steps: step, reason, loss, eval: results, baselines: this.baselines };
  }

  async release(): Promise<void> {
    await this.#optimisation?.release();
    await this.#evaluator.release();
  }
}

/** The norms as they are when the weights are at their highest: one that is on its way up drowns nothing for good. Empty while a weight is zero. */
function atFullWeight(norms: Readonly<Record<string, number>>, parts: readonly Part[]): Record<string, number> {
  if (parts.some(({ weight }) => weight === 0)) return {};
  const factors = new Map(parts.map(({ instance, weight }) => [instance.type, highestOf(instance.weight) / weight]));
  return Object.fromEntries(Object.entries(norms).map(([type, norm]) => [type, norm * factors.get(type)!]));
}

/** The scalars whose names begin alike, by the rest of their names. */
const named = (scalars: ReadonlyMap<string, number>, prefix: string): Record<string, number> =>
  Object.fromEntries([...scalars].flatMap(([name, value]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [])));

function divergence(step: number, loss: Record<string, number>): UserError {
  const [culprit = 'total'] = Object.entries(loss).find(([, value]) => !Number.isFinite(value)) ?? [];
  return new UserError(
    `The loss of "${culprit}" is no longer a number at step ${step}.`,
    'Lower the learning rate, or lengthen the warm-up; the last checkpoint is intact.',
    'diverged',
  );
}

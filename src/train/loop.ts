import { join, resolve } from 'node:path';
import { UserError } from '../shared/errors';
import type { Device, Metrics } from '../shared/types';
import { version as VERSION } from '../../package.json';
import { resolveModel } from '../experiment/resolve';
import { serialise } from '../onnx/serialise';
import { size, tensor, type Tensor } from '../onnx/types';
import { initialise, initialiserRange } from '../model/parameters';
import { createObjective, type Instance } from '../objectives';
import { prepareCorpus, type PreparedCorpus } from '../text/prepare';
import { hash32 } from '../shared/random';
import { saveCheckpoint } from './checkpoint';
import { DROPOUT_KEY, feedsOf, probeGraph, trainingLosses } from './compile';
import { chooseProvider, type Provider } from './device';
import { Evaluator } from './evaluate';
import { loadExperiment, type Experiment } from './experiment';
import { replaceFile } from './files';
import { Run } from './run';
import { learningRateAt } from './schedule';
import { TrainingState } from './state';
import { createStepper, type Stepper } from './stepper';
import type { GradientOptions } from './step';

/** Chooses the held-out documents of a corpus. */
const HELD_OUT_SEED = 1;

export interface TrainOptions {
  /** Path of a `*.lab.json`. */
  readonly experiment: string;
  /** Folder for runs; `.objective-lab/runs` beside the experiment by default. */
  readonly runs?: string | undefined;
  readonly device?: Device | undefined;
  readonly steps?: number | undefined;
  /** Stops after the step in hand and writes a checkpoint. */
  readonly signal?: AbortSignal | undefined;
  readonly events?: Partial<TrainEvents> | undefined;
}

export interface TrainEvents {
  status: (message: string) => void;
  started: (details: { run: string; steps: number; device: string; parameters: number }) => void;
  metrics: (line: Metrics) => void;
  checkpoint: (details: { run: string; step: number }) => void;
}

export interface TrainResult {
  readonly run: string;
  readonly steps: number;
  readonly reason: 'completed' | 'stopped';
  readonly loss: Record<string, number>;
  readonly eval: Record<string, number>;
}

/**
 * Runs an experiment: prepares the corpus, compiles the step, trains, evaluates, writes checkpoints.
 *
 * @throws UserError for what a person can mend; the run's folder then says `failed` and why, with its checkpoints intact
 */
export async function train({ experiment: path, events = {}, signal, ...overrides }: TrainOptions): Promise<TrainResult> {
  const { experiment: written, name, root, folder } = loadExperiment(path);
  const training = {
    ...written.training,
    ...(overrides.steps && { steps: overrides.steps }),
    ...(overrides.device && { device: overrides.device }),
  };
  const experiment: Experiment = { ...written, name, training };
  const state = join(folder, '.objective-lab');
  const device = await chooseProvider(training.device, serialise(probeGraph()));
  const status = onChange((message: string) => events.status?.(message));
  status('Reading the corpus');
  const corpus = await prepareCorpus({
    root,
    corpus: experiment.corpus,
    tokenizer: { ...experiment.tokenizer, ...(experiment.tokenizer.from && { from: resolve(folder, experiment.tokenizer.from) }) },
    cache: join(state, 'cache'),
    // Not the experiment's seed: runs with different seeds are measured on the same documents.
    seed: HELD_OUT_SEED,
    onProgress: (message) => status(message),
    signal,
  }).catch((error: unknown) => {
    throw signal?.aborted ? new UserError('The run was stopped before its first step.', undefined, 'cancelled') : error;
  });
  status(corpus.report.summary);
  const session = new Training(experiment, corpus);
  const run = Run.create(overrides.runs ? resolve(overrides.runs) : join(state, 'runs'), name, session.record(device), {
    steps: training.steps,
    objectives: session.instances.map(({ type }) => type),
  });
  try {
    replaceFile(join(run.folder, 'tokenizer.json'), corpus.tokenizer.json);
    run.log(`device: ${device.reason}`);
    run.log(`corpus: ${corpus.report.summary}`);
    status('Compiling the training step');
    await session.compile(device.provider);
    events.started?.({ run: run.folder, steps: training.steps, device: device.reason, parameters: session.parameterCount });
    return await session.run(run, events, signal);
  } catch (error) {
    run.update({ state: 'failed', message: error instanceof Error ? error.message : String(error) });
    run.log(`failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    throw error;
  } finally {
    await session.release();
    corpus.dataset.close();
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

/** One model in training: its state in typed arrays, which the compiled step reads and writes in place. */
class Training {
  readonly instances: readonly Instance[];
  readonly #losses: GradientOptions;
  readonly #state: TrainingState;
  readonly #evaluator: Evaluator;
  #stepper: Stepper | undefined;

  constructor(
    private readonly experiment: Experiment,
    private readonly corpus: PreparedCorpus,
  ) {
    const { tokenizer, dataset } = corpus;
    const context = { config: this.config, special: tokenizer.special, seed: experiment.seed };
    this.instances = experiment.objectives.map((options) => createObjective(options, context));
    for (const instance of this.instances) instance.check(dataset.train, dataset.heldOut);
    this.#losses = trainingLosses(this.config, this.instances);
    this.#state = new TrainingState(this.#losses.specs);
    for (const spec of this.#losses.specs)
      initialise(this.#state.parameters.get(spec.name)!, spec, experiment.seed, initialiserRange(this.config));
    this.#evaluator = new Evaluator(this.config, this.instances, dataset, this.#state.parameters);
  }

  get config(): ReturnType<typeof resolveModel> {
    return resolveModel(this.experiment.model, this.corpus.tokenizer.vocabularySize);
  }

  get parameterCount(): number {
    return this.#losses.specs.reduce((sum, { shape }) => sum + size(shape), 0);
  }

  /** The experiment with every default written out, and what it ran on. */
  record(device: { provider: string; reason: string }): unknown {
    const { tokenizer, report } = this.corpus;
    return {
      ...this.experiment,
      resolved: {
        model: this.config,
        parameters: this.parameterCount,
        vocabularySize: tokenizer.vocabularySize,
        corpus: report,
        device: device.provider,
        node: process.version,
        version: VERSION,
      },
    };
  }

  async compile(provider: Provider): Promise<void> {
    const { training } = this.experiment;
    const options = { provider, threads: training.threads ?? 1 };
    this.#stepper = await createStepper(this.#losses, training, this.#state, options);
    await this.#evaluator.compile(options);
  }

  async run(run: Run, events: Partial<TrainEvents>, signal: AbortSignal | undefined): Promise<TrainResult> {
    const { steps, evaluateEvery, checkpointEvery, keepCheckpoints } = this.experiment.training;
    const tokensPerStep = this.instances.reduce((sum, { tokens }) => sum + tokens, 0);
    const started = performance.now();
    const seconds = (): number => (performance.now() - started) / 1000;
    const report = (line: Metrics): void => {
      run.metrics(line);
      events.metrics?.(line);
    };
    let results: Record<string, number> = {};
    const evaluate = async (step: number): Promise<void> => {
      const measured = await this.#evaluator.evaluate(signal);
      if (!measured) return;
      results = measured;
      report({ step, tokens: step * tokensPerStep, seconds: seconds(), eval: measured });
    };
    const save = (step: number): void => {
      saveCheckpoint(
        run.folder,
        { step, parameters: this.#state.parameters, optimiser: this.#state.optimiser },
        this.config,
        this.corpus.tokenizer.special.pad,
        keepCheckpoints,
      );
      run.update({ step });
      events.checkpoint?.({ run: run.folder, step });
    };

    run.update({ state: 'running' });
    let loss: Record<string, number> = {};
    await evaluate(0);
    let step = 0;
    let saved = -1;
    while (step < steps && !signal?.aborted) {
      const before = performance.now();
      const { gradientNorm, learningRate, ...losses } = await this.#train(step);
      loss = losses.loss;
      step++;
      report({
        step,
        tokens: step * tokensPerStep,
        seconds: seconds(),
        loss,
        learningRate,
        gradientNorm,
        tokensPerSecond: (1000 * tokensPerStep) / (performance.now() - before),
      });
      if (!Number.isFinite(loss.total)) throw divergence(step, loss);
      if (step % evaluateEvery === 0 && step < steps) await evaluate(step);
      if (step % checkpointEvery === 0 && step < steps) {
        save(step);
        saved = step;
      }
    }
    const reason = step < steps ? 'stopped' : 'completed';
    // The checkpoint first: it is what must not be lost.
    if (saved !== step) save(step);
    await evaluate(step);
    run.update({ state: reason, step });
    return { run: run.folder, steps: step, reason, loss, eval: results };
  }

  /** One optimiser step; `step` counts from 0. */
  async #train(step: number): Promise<{ loss: Record<string, number>; gradientNorm: number; learningRate: number }> {
    const { seed, training } = this.experiment;
    const learningRate = learningRateAt(step, training);
    const feeds = new Map<string, Tensor>([[DROPOUT_KEY, tensor('uint32', [], [hash32(seed, 30, step)])]]);
    for (const { type, batch } of this.instances)
      for (const [name, value] of feedsOf(type, batch(this.corpus.dataset.train, step))) feeds.set(name, value);
    const scalars = await this.#stepper!.step(feeds, step + 1, learningRate);
    const names = [...this.instances.map(({ type }) => type), 'total'];
    return {
      loss: Object.fromEntries(names.map((name) => [name, scalars.get(`loss:${name}`)!])),
      gradientNorm: scalars.get('gradientNorm')!,
      learningRate,
    };
  }

  async release(): Promise<void> {
    await this.#stepper?.release();
    await this.#evaluator.release();
  }
}

function divergence(step: number, loss: Record<string, number>): UserError {
  const [culprit = 'total'] = Object.entries(loss).find(([, value]) => !Number.isFinite(value)) ?? [];
  return new UserError(
    `The loss of "${culprit}" is no longer a number at step ${step}.`,
    'Lower the learning rate, or lengthen the warm-up; the last checkpoint is intact.',
    'diverged',
  );
}

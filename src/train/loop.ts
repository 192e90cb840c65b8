import { join, resolve } from 'node:path';
import { UserError } from '../shared/errors';
import type { Device, Metrics } from '../shared/types';
import { version as VERSION } from '../../package.json';
import { serialise } from '../onnx/serialise';
import { size, tensor, type Tensor } from '../onnx/types';
import { initialise, initialiserRange } from '../model/parameters';
import { hash32 } from '../shared/random';
import { saveCheckpoint } from './checkpoint';
import { DROPOUT_KEY, feedsOf, probeGraph } from './compile';
import { chooseProvider, type Provider } from './device';
import { Evaluator } from './evaluate';
import { loadExperiment } from './experiment';
import { replaceFile } from './files';
import { Run } from './run';
import { learningRateAt } from './schedule';
import { cacheFolder, setUp, stateFolder, tokensPerStep, type Setup } from './setup';
import { TrainingState } from './state';
import { createStepper, type Stepper } from './stepper';
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
    device.threads = await fastestThreads(setup.config.hiddenSize, tokensPerStep(setup), cacheFolder(loaded));
  }
  const session = new Training(setup, device);
  const runs = overrides.runs ? resolve(overrides.runs) : join(stateFolder(loaded), 'runs');
  const run = Run.create(runs, written.name, session.record(), {
    steps: training.steps,
    objectives: setup.instances.map(({ type }) => type),
  });
  try {
    replaceFile(join(run.folder, 'tokenizer.json'), setup.corpus.tokenizer.json);
    run.log(`device: ${session.device}`);
    run.log(`corpus: ${setup.corpus.report.summary}`);
    status('Compiling the training step');
    await session.compile();
    events.started?.({ run: run.folder, steps: training.steps, device: session.device, parameters: session.parameterCount });
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
  readonly #evaluator: Evaluator;
  #stepper: Stepper | undefined;

  constructor(
    private readonly setup: Setup,
    private readonly chosen: ChosenDevice,
  ) {
    const { experiment, config, instances, corpus, losses } = setup;
    this.#state = new TrainingState(losses.specs);
    for (const spec of losses.specs) initialise(this.#state.parameters.get(spec.name)!, spec, experiment.seed, initialiserRange(config));
    this.#evaluator = new Evaluator(config, instances, corpus.dataset, this.#state.parameters);
  }

  get parameterCount(): number {
    return this.setup.losses.specs.reduce((sum, { shape }) => sum + size(shape), 0);
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
        device: this.chosen.provider,
        threads: this.chosen.threads,
        node: process.version,
        version: VERSION,
      },
    };
  }

  async compile(): Promise<void> {
    this.#stepper = await createStepper(this.setup.losses, this.setup.experiment.training, this.#state, this.chosen);
    await this.#evaluator.compile(this.chosen);
  }

  async run(run: Run, events: Partial<TrainEvents>, signal: AbortSignal | undefined): Promise<TrainResult> {
    const { experiment, config, corpus } = this.setup;
    const { steps, evaluateEvery, checkpointEvery, keepCheckpoints } = experiment.training;
    const tokens = tokensPerStep(this.setup);
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
      report({ step, tokens: step * tokens, seconds: seconds(), eval: measured });
    };
    const save = (step: number): void => {
      saveCheckpoint(
        run.folder,
        { step, parameters: this.#state.parameters, optimiser: this.#state.optimiser },
        config,
        corpus.tokenizer.special.pad,
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
        tokens: step * tokens,
        seconds: seconds(),
        loss,
        learningRate,
        gradientNorm,
        tokensPerSecond: (1000 * tokens) / (performance.now() - before),
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
    const { instances, corpus, experiment } = this.setup;
    const { seed, training } = experiment;
    const learningRate = learningRateAt(step, training);
    const feeds = new Map<string, Tensor>([[DROPOUT_KEY, tensor('uint32', [], [hash32(seed, 30, step)])]]);
    for (const { type, batch } of instances)
      for (const [name, value] of feedsOf(type, batch(corpus.dataset.train, step))) feeds.set(name, value);
    const scalars = await this.#stepper!.step(feeds, step + 1, learningRate);
    const names = [...instances.map(({ type }) => type), 'total'];
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

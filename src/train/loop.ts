import { join, relative, resolve } from 'node:path';
import { UserError } from '../shared/errors';
import type { Baseline, Device, Metrics } from '../shared/types';
import type { Done } from '../shared/trainer-protocol';
import { version as VERSION } from '../../package.json';
import { serialise } from '../onnx/serialise';
import { highestOf } from '../objectives/ramp';
import { hash32 } from '../shared/random';
import { Balance } from './balance';
import { loadState, newestReadable, saveCheckpoint } from './checkpoint';
import { probeGraph } from './compile';
import { chooseProvider, runtimeVersion } from './device';
import { Diverged, DivergenceWatch } from './divergence';
import { loadExperiment, loadRun, type LoadedExperiment, type LoadedRun } from './experiment';
import { Feeder } from './feeder';
import { lockOf } from './lock';
import { tokensOf, type Part } from './plan';
import { Pulse } from './pulse';
import { Run } from './run';
import { learningRateAt } from './schedule';
import { TrainingSession } from './session';
import { cacheFolder, setUp, stateFolder } from './setup';
import { attempt, replaceFile, type Storage } from './storage';
import { fastestThreads } from './threads';

interface CommonOptions {
  readonly device?: Device | undefined;
  readonly threads?: number | undefined;
  /** Stops after the step in hand and writes a checkpoint. */
  readonly signal?: AbortSignal | undefined;
  readonly events?: Partial<TrainEvents> | undefined;
  /** What the run's folder is written by. */
  readonly storage?: Storage | undefined;
}

export interface TrainOptions extends CommonOptions {
  /** Path of a `*.lab.json`. */
  readonly experiment: string;
  /** Folder for runs; `.objective-lab/runs` beside the experiment by default. */
  readonly runs?: string | undefined;
  readonly steps?: number | undefined;
}

export interface ResumeOptions extends CommonOptions {
  /** The folder of a run. */
  readonly run: string;
}

export interface TrainEvents {
  status: (message: string) => void;
  started: (details: {
    run: string;
    steps: number;
    /** The step from which a resumed run goes on. */
    from: number;
    device: string;
    parameters: number;
    baselines: Baseline[];
  }) => void;
  metrics: (line: Metrics) => void;
  checkpoint: (details: { run: string; step: number }) => void;
  /** Something that a person should know and the run goes on with. */
  warning: (message: string) => void;
}

/** How long the trainer may be busy with one thing before it counts as hung, in milliseconds: with text, with compiling, with a disk. */
const PATIENCE = { preparing: 60_000, compiling: 600_000, saving: 120_000 } as const;
/** The same for a step: so many times the longest one so far, and at least so many milliseconds. */
const STEP_PATIENCE = { factor: 20, least: 1_500 } as const;

/** The learning rate after each step back, as a factor. */
const STEP_BACK_FACTOR = 0.5;

/**
 * Runs an experiment: prepares the corpus, compiles the step, trains, evaluates, writes checkpoints.
 *
 * @throws UserError for what a person can mend; the run's folder then says `failed` or `paused` and why, with its checkpoints intact
 */
export function train({ experiment: path, runs, steps, ...options }: TrainOptions): Promise<Done> {
  return withPulse(async (pulse) => {
    const written = loadExperiment(path);
    const loaded = overridden(written, { ...options, steps });
    const session = await openSession(loaded, options);
    return conduct(session, pulse, options, async () => {
      const folder = resolve(runs ?? join(stateFolder(loaded), 'runs'));
      // The run's own folder is one level further down.
      const record = await session.record(relative(join(folder, 'run'), loaded.folder));
      const { experiment, instances } = session.setup;
      const run = Run.create(
        folder,
        loaded.name,
        record,
        { steps: experiment.training.steps, objectives: instances.map(({ type }) => type), baselines: session.baselines },
        options.storage,
      );
      return { run, position: BEGINNING };
    });
  });
}

/**
 * Goes on with a run that was stopped, interrupted, paused or has diverged, from its newest valid checkpoint. On the CPU the result equals that of a run
 * which was never stopped, bit for bit; elsewhere it does within the device's own tolerance.
 *
 * @throws UserError like {@link train}; (code `run`) for what is no run or has ended; (code `busy`) for one that another process trains; (code `corpus`)
 *   when its text has changed and what was prepared of it is gone
 */
export function resume({ run: folder, ...options }: ResumeOptions): Promise<Done> {
  return withPulse(async (pulse) => {
    const recorded = loadRun(folder);
    const run = await Run.resume(resolve(folder), options.storage);
    try {
      pulse.hold(lockOf(run.folder));
      const loaded = overridden(recorded, { ...options, threads: options.threads ?? recorded.threads });
      const session = await openSession(loaded, options, recorded);
      return await conduct(session, pulse, options, async () => {
        const warn = warning(run, options.events);
        await compareRecords(recorded, session, warn);
        const { code } = run.status;
        const position = goBack(session, run, warn);
        // A run that diverged would do so again.
        return { run, position: code === 'diverged' ? { ...position, stepsBack: position.stepsBack + 1 } : position };
      });
    } finally {
      run.close();
    }
  });
}

/** Where a run goes on. */
interface Position {
  /** Steps that are done. */
  readonly step: number;
  readonly stepsBack: number;
  /** The metrics so far. */
  readonly lines: readonly Metrics[];
}

const BEGINNING: Position = { step: 0, stepsBack: 0, lines: [] };

async function withPulse<T>(work: (pulse: Pulse) => Promise<T>): Promise<T> {
  const pulse = new Pulse(PATIENCE.preparing);
  try {
    return await work(pulse);
  } finally {
    await pulse.stop();
  }
}

function overridden<L extends LoadedExperiment>(loaded: L, { steps, device, threads }: Partial<TrainOptions>): L {
  const training = { ...loaded.experiment.training, ...(steps && { steps }), ...(device && { device }), ...(threads && { threads }) };
  return { ...loaded, experiment: { ...loaded.experiment, training } };
}

async function openSession(loaded: LoadedExperiment, { events, signal }: CommonOptions, recorded?: LoadedRun): Promise<TrainingSession> {
  const { training } = loaded.experiment;
  const provider = await chooseProvider(training.device, serialise(probeGraph()));
  const status = onChange((message: string) => events?.status?.(message));
  const setup = await setUp(loaded, status, signal, recorded);
  try {
    const device = { ...provider, threads: training.threads ?? 1 };
    if (provider.provider === 'cpu' && !training.threads) {
      status('Finding the fastest number of threads');
      device.threads = await fastestThreads(setup.config.hiddenSize, Math.max(...setup.plan.sets.map(tokensOf)), cacheFolder(loaded));
    }
    return new TrainingSession(setup, device);
  } catch (error) {
    setup.corpus.dataset.close();
    throw error;
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

/** Compiles and trains, and leaves word in the run's folder of how it ended. @param begin gives the run and where it goes on */
async function conduct(
  session: TrainingSession,
  pulse: Pulse,
  { events = {}, signal }: CommonOptions,
  begin: () => Promise<{ run: Run; position: Position }>,
): Promise<Done> {
  let run: Run | undefined;
  try {
    const begun = await begin();
    const { position } = begun;
    run = begun.run;
    pulse.hold(lockOf(run.folder));
    const { corpus, experiment } = session.setup;
    replaceFile(join(run.folder, 'tokenizer.json'), corpus.tokenizer.json, run.storage);
    run.log(`device: ${session.device}`);
    run.log(`corpus: ${corpus.report.summary}`);
    events.status?.('Compiling the training step');
    pulse.expect(PATIENCE.compiling);
    await session.compile();
    const { device, parameterCount: parameters, baselines } = session;
    events.started?.({ run: run.folder, steps: experiment.training.steps, from: position.step, device, parameters, baselines });
    const done = await trainOn(session, run, position, pulse, events, signal);
    await session.release();
    // Last of all: who sees a run that has ended may start another.
    run.update({ state: done.reason, step: done.steps });
    return done;
  } catch (error) {
    await session.release();
    throw run ? ended(run, error) : error;
  } finally {
    session.setup.corpus.dataset.close();
    run?.close();
  }
}

/** Leaves word of a failure in the run's folder, if that can still be written; what went wrong with the disk alone only pauses the run. */
function ended(run: Run, error: unknown): unknown {
  const [message, code] = error instanceof Error ? [error.message, (error as { code?: string }).code] : [String(error), undefined];
  // Another process has it.
  if (code === 'busy') return error;
  attempt(() => run.update({ state: code === 'disk' ? 'paused' : 'failed', message, ...(code !== undefined && { code }) }));
  attempt(() => run.log(`failed: ${error instanceof Error ? (error.stack ?? message) : message}`));
  if (!(error instanceof UserError) || code !== 'disk') return error;
  return new UserError(
    `${message} The run is paused.`,
    `${error.hint ?? ''} Then resume the run: it goes on from its last checkpoint.`,
    code,
    {
      cause: error,
    },
  );
}

const warning =
  (run: Run, events: Partial<TrainEvents> = {}) =>
  (message: string): void => {
    run.log(`warning: ${message}`);
    events.warning?.(message);
  };

/** Says what is not as it was when the run began, and may change its results. */
async function compareRecords(recorded: LoadedRun, session: TrainingSession, warn: (message: string) => void): Promise<void> {
  const now = { device: session.provider, version: VERSION, onnxruntime: await runtimeVersion() };
  const names = { device: 'on', version: 'with Objective Lab', onnxruntime: 'with ONNX Runtime' } as const;
  for (const [field, name] of Object.entries(names) as [keyof typeof now, string][])
    if (recorded[field] !== undefined && recorded[field] !== now[field])
      warn(
        `The run began ${name} ${recorded[field]} and goes on ${name} ${now[field]}: its numbers may differ from those of one that was not stopped.`,
      );
}

/** Whether held-out data is measured after so many steps. */
function isMeasured(step: number, { steps, evaluateEvery, checkpointEvery, keepBest }: TrainingSettings): boolean {
  // A checkpoint that may be the best must be measured.
  return step % evaluateEvery === 0 || step === steps || (keepBest !== undefined && step % checkpointEvery === 0);
}

type TrainingSettings = LoadedExperiment['experiment']['training'];

/** Brings state and metrics back to the newest valid checkpoint, or to the beginning. */
function goBack(session: TrainingSession, run: Run, warn: (message: string) => void): Position {
  const saved = newestReadable(run.folder, loadState, warn);
  if (saved) session.restore(saved.contents, saved.folder);
  else session.reset();
  const { step, stepsBack } = saved?.contents ?? BEGINNING;
  return { step, stepsBack, lines: run.rewind(step) };
}

/** Trains to the end, going back to the last checkpoint as often as the experiment lets a run that diverges. */
async function trainOn(
  session: TrainingSession,
  run: Run,
  start: Position,
  pulse: Pulse,
  events: Partial<TrainEvents>,
  signal: AbortSignal | undefined,
): Promise<Done> {
  const warn = warning(run, events);
  for (let position = start; ;) {
    const feeder = new Feeder(session.setup.recipe, position.step);
    try {
      return await trainFrom(session, run, position, feeder, pulse, events, signal);
    } catch (error) {
      const stepsBack = position.stepsBack + 1;
      if (!(error instanceof Diverged) || stepsBack > session.setup.experiment.training.stepBacks) throw error;
      position = { ...goBack(session, run, warn), stepsBack };
      const rate = session.setup.experiment.training.learningRate * STEP_BACK_FACTOR ** stepsBack;
      warn(`${error.message} Back to step ${position.step}, and on with a learning rate of ${Number(rate.toPrecision(3))}.`);
    } finally {
      await feeder.close();
    }
  }
}

/** Trains step after step; the lines of `position` bring whatever watches the run to where it was. */
async function trainFrom(
  session: TrainingSession,
  run: Run,
  position: Position,
  feeder: Feeder,
  pulse: Pulse,
  events: Partial<TrainEvents>,
  signal: AbortSignal | undefined,
): Promise<Done> {
  const { experiment, config, corpus, plan } = session.setup;
  const { training } = experiment;
  const { steps, checkpointEvery } = training;
  const { stepsBack, lines } = position;
  const [balance, divergence] = [new Balance(), new DivergenceWatch()];
  const warn = warning(run, events);
  const tokensAt = (at: number): number => tokensOf(plan.setAt(at));
  let { step } = position;
  let tokens = Array.from({ length: step }, (_, at) => tokensAt(at)).reduce((sum, count) => sum + count, 0);
  let saved = step > 0 ? step : -1;
  let measured = lines.findLast((line) => line.eval);
  let loss = lines.findLast((line) => line.loss)?.loss ?? {};
  for (const line of lines) if (line.loss) watch(line);

  const started = performance.now() - 1000 * (lines.at(-1)?.seconds ?? 0);
  const seconds = (): number => (performance.now() - started) / 1000;
  let longest = PATIENCE.preparing / STEP_PATIENCE.factor;
  const expectSteps = (): void => pulse.expect(Math.max(STEP_PATIENCE.least, STEP_PATIENCE.factor * longest));

  function watch(line: Metrics): string | undefined {
    divergence.observe(line.step, line.loss!, line.gradientNorm!);
    return balance.observe(atFullWeight(line.gradientNorms ?? {}, plan.at(line.step - 1)), line.loss!);
  }
  const report = (line: Metrics): void => {
    run.metrics(line);
    events.metrics?.(line);
  };
  const evaluate = async (): Promise<void> => {
    pulse.expect(PATIENCE.preparing);
    const results = await session.evaluator.evaluate(signal);
    if (results) report((measured = { step, tokens, seconds: seconds(), eval: results }));
    expectSteps();
  };
  const save = (): void => {
    const spoilt = session.spoilt();
    if (spoilt !== undefined) throw new Diverged(`The parameter "${spoilt}" is no longer a number at step ${step}.`);
    pulse.expect(PATIENCE.saving);
    run.verify();
    run.flush();
    const { parameters, optimiser, buffers } = session.state;
    const results = measured?.step === step ? measured.eval : undefined;
    const checkpoint = { step, stepsBack, parameters, optimiser, buffers, eval: results };
    saveCheckpoint(run.folder, checkpoint, config, corpus.tokenizer.special.pad, session.retention, run.storage);
    run.update({ step });
    events.checkpoint?.({ run: run.folder, step });
    saved = step;
    expectSteps();
  };

  run.goOn(step);
  session.optimisation.countFrom(step);
  if (isMeasured(step, training) && measured?.step !== step) {
    await evaluate();
    // A run that was stopped here has a checkpoint that does not know its measurement.
    if (saved === step) save();
  }
  while (step < steps && !signal?.aborted) {
    const before = performance.now();
    const parts = plan.at(step);
    const batches = await feeder.next();
    const wait = performance.now() - before;
    expectSteps();
    const learningRate = learningRateAt(step, training) * STEP_BACK_FACTOR ** stepsBack;
    const scalars = await session.optimisation.step(parts, batches, hash32(experiment.seed, 30, step), learningRate);
    const milliseconds = performance.now() - before;
    // The first step of a graph takes longer than all others.
    longest = step === position.step ? milliseconds : Math.max(longest, milliseconds);
    const done = tokensAt(step);
    step++;
    tokens += done;
    loss = named(scalars, 'loss:');
    const gradientNorms = named(scalars, 'gradientNorm:');
    const line: Metrics = {
      step,
      tokens,
      seconds: seconds(),
      loss,
      learningRate,
      gradientNorm: scalars.get('gradientNorm')!,
      ...(Object.keys(gradientNorms).length > 0 && { gradientNorms }),
      tokensPerSecond: (1000 * done) / milliseconds,
      dataWait: wait / milliseconds,
    };
    report(line);
    const imbalance = watch(line);
    if (imbalance !== undefined) warn(imbalance);
    if (isMeasured(step, training)) await evaluate();
    if (step % checkpointEvery === 0 || step === steps) save();
  }
  if (saved !== step) save();
  // Without its last measurement a run is not done.
  const reason = step < steps || measured?.step !== step ? 'stopped' : 'completed';
  return { run: run.folder, steps: step, reason, loss, eval: measured?.eval ?? {}, baselines: session.baselines };
}

/** The norms as they are when the weights are at their highest: one that is on its way up drowns nothing for good. Empty while a weight is zero. */
function atFullWeight(norms: Readonly<Record<string, number>>, parts: readonly Part[]): Record<string, number> {
  if (parts.some(({ weight }) => weight === 0)) return {};
  const factors = new Map(parts.map(({ instance, weight }) => [instance.type, highestOf(instance.weight) / weight]));
  return Object.fromEntries(Object.entries(norms).map(([type, norm]) => [type, norm * (factors.get(type) ?? 1)]));
}

/** The scalars whose names begin alike, by the rest of their names. */
const named = (scalars: ReadonlyMap<string, number>, prefix: string): Record<string, number> =>
  Object.fromEntries([...scalars].flatMap(([name, value]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [])));

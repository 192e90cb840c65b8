import { join, relative, resolve } from 'node:path';
import { UserError } from '../shared/errors';
import type { Device } from '../shared/types';
import type { Done } from '../shared/trainer-protocol';
import { version as VERSION } from '../../package.json';
import { serialise } from '../onnx/serialise';
import { probeGraph } from './compile';
import { chooseProvider, runtimeVersion } from './device';
import { loadExperiment, loadRun, type LoadedExperiment, type LoadedRun } from './experiment';
import { availableMemory, memoryError, memoryOf } from './device-memory';
import { lockOf } from './lock';
import { describeMemory, fits, planMemory } from './memory-plan';
import { tokensOf } from './plan';
import { requirePrecision } from './precision';
import { Pulse } from './pulse';
import { Run } from './run';
import { TrainingSession } from './session';
import { cacheFolder, setUp, stateFolder, type Setup } from './setup';
import { BEGINNING, goBack, trainOn, warning, type Position, type RunProbes, type TrainEvents } from './steps';
import { attempt, replaceFile, type Storage } from './storage';
import { fastestThreads } from './threads';

interface CommonOptions {
  readonly device?: Device | undefined;
  /** Which of several GPUs. */
  readonly deviceIndex?: number | undefined;
  readonly threads?: number | undefined;
  /** Stops after the step in hand and writes a checkpoint. */
  readonly signal?: AbortSignal | undefined;
  readonly events?: Partial<TrainEvents> | undefined;
  /** Runs the experiment's downstream tasks; without it they are left out. */
  readonly probe?: RunProbes | undefined;
  /** See `TrainingDevice`. */
  readonly scan?: boolean | undefined;
  /** What the run's folder is written by. */
  readonly storage?: Storage | undefined;
}

export interface TrainOptions extends CommonOptions {
  /** Path of a `*.lab.json`, or what is in one. */
  readonly experiment: string | LoadedExperiment;
  /** Folder for runs; `.objective-lab/runs` beside the experiment by default. */
  readonly runs?: string | undefined;
  readonly steps?: number | undefined;
}

export interface ResumeOptions extends CommonOptions {
  /** The folder of a run. */
  readonly run: string;
}

/** How long the trainer may be busy with one thing before it counts as hung, in milliseconds: with text, with compiling. */
const PATIENCE = { preparing: 60_000, compiling: 600_000 } as const;

/**
 * Runs an experiment: prepares the corpus, compiles the step, trains, evaluates, writes checkpoints.
 *
 * @throws UserError for what a person can mend; the run's folder then says `failed` or `paused` and why, with its checkpoints intact
 */
export function train({ experiment: given, runs, steps, ...options }: TrainOptions): Promise<Done> {
  return withPulse(async (pulse) => {
    const written = typeof given === 'string' ? loadExperiment(given) : given;
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
    } catch (error) {
      run.close();
      throw error;
    }
  });
}

/** A run that has ended and let go of everything, and what came of it. */
interface Ended {
  readonly run: Run;
  readonly done: Done;
}

async function withPulse(work: (pulse: Pulse) => Promise<Ended>): Promise<Done> {
  const pulse = new Pulse(PATIENCE.preparing);
  const { run, done } = await work(pulse).finally(() => pulse.stop());
  try {
    // Last of all: who sees a run that has ended may start another.
    run.update({ state: done.reason, step: done.steps });
  } finally {
    run.close();
  }
  return done;
}

function overridden<L extends LoadedExperiment>(loaded: L, { steps, device, deviceIndex, threads }: Partial<TrainOptions>): L {
  const training = {
    ...loaded.experiment.training,
    ...(steps && { steps }),
    ...(device && { device }),
    ...(deviceIndex !== undefined && { deviceIndex }),
    ...(threads && { threads }),
  };
  return { ...loaded, experiment: { ...loaded.experiment, training } };
}

/** A model that is set up for training, its steps not compiled yet. The caller releases it and closes its text. */
export async function openSession(
  loaded: LoadedExperiment,
  { events, scan, signal }: Pick<CommonOptions, 'events' | 'scan' | 'signal'>,
  recorded?: LoadedRun,
): Promise<TrainingSession> {
  const { training } = loaded.experiment;
  const provider = await chooseProvider(training, serialise(probeGraph()));
  requirePrecision(training.precision, provider.provider);
  const status = onChange((message: string) => events?.status?.(message));
  let setup = await setUp(loaded, status, signal, recorded);
  try {
    const device = { ...provider, precision: training.precision, threads: training.threads ?? 1, scan };
    if (provider.provider === 'cpu' && !training.threads) {
      status('Finding the fastest number of threads');
      device.threads = await fastestThreads(setup.config.hiddenSize, Math.max(...setup.plan.sets.map(tokensOf)), cacheFolder(loaded));
    }
    const where = [device.provider, device.deviceIndex] as const;
    setup = planMemory(setup, device, { capacity: memoryOf(...where), available: availableMemory(...where) }, recorded?.microBatches);
    return new TrainingSession(setup, device);
  } catch (error) {
    setup.corpus.dataset.close();
    throw exhausted(error, setup);
  }
}

/** An error of a run that was out of memory, with what it was to take. */
const exhausted = (error: unknown, { memory }: Setup): unknown => memoryError(error, memory && describeMemory(memory));

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
  { events = {}, probe, signal }: CommonOptions,
  begin: () => Promise<{ run: Run; position: Position }>,
): Promise<Ended> {
  let run: Run | undefined;
  try {
    const begun = await begin();
    const { position } = begun;
    run = begun.run;
    pulse.hold(lockOf(run.folder));
    const { corpus, experiment, memory } = session.setup;
    replaceFile(join(run.folder, 'tokenizer.json'), corpus.tokenizer.json, run.storage);
    run.log(`device: ${session.device}`);
    run.log(`corpus: ${corpus.report.summary}`);
    if (memory) {
      const needs = `Memory: ${describeMemory(memory)}`;
      if (!fits(memory)) warning(run, events)(`${needs}; it may run out.`);
      else {
        run.log(needs);
        events.status?.(needs);
      }
    }
    events.status?.('Compiling the training step');
    pulse.expect(PATIENCE.compiling);
    await session.compile();
    session.optimisation.notices.forEach(warning(run, events));
    const { device, parameterCount: parameters, baselines } = session;
    events.started?.({ run: run.folder, steps: experiment.training.steps, from: position.step, device, parameters, baselines });
    const done = await trainOn({ session, run, pulse, events, probe, signal }, position);
    return { run, done };
  } catch (error) {
    if (!run) throw error;
    const told = ended(run, exhausted(error, session.setup));
    run.close();
    throw told;
  } finally {
    await session.release();
    session.setup.corpus.dataset.close();
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

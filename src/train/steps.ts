import type { ProbeOptions } from '../experiment/probes';
import type { ProbeResult } from '../shared/probe-types';
import type { Done } from '../shared/trainer-protocol';
import type { Baseline, Metrics } from '../shared/types';
import { highestOf } from '../objectives/ramp';
import { Balance } from './balance';
import { discardAfter, loadState, newestReadable, saveCheckpoint } from './checkpoint';
import { Diverged, DivergenceWatch } from './divergence';
import type { Experiment } from './experiment';
import { createFeeder, type Feeder } from './feeder';
import type { Step } from './optimisation';
import { keyOf, stepKeyAt, tokensOf, type Part } from './plan';
import type { Pulse } from './pulse';
import { readProbes, type Run } from './run';
import { learningRateAt } from './schedule';
import type { TrainingSession } from './session';

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

/** Where and how downstream tasks are run in the course of a run. */
export interface ProbePlace {
  readonly run: string;
  /** What file names are relative to. */
  readonly folder: string;
  readonly threads: number;
  readonly signal: AbortSignal | undefined;
  readonly warn: (message: string) => void;
  /** Is called while the work goes on. */
  readonly onProgress: (message: string) => void;
}

/** Runs downstream tasks on the newest checkpoint of a run; one that fails is warned of and left out. Undefined when `signal` aborts on the way. */
export type RunProbes = (probes: readonly ProbeOptions[], place: ProbePlace) => Promise<ProbeResult[] | undefined>;

/** How long the trainer may be busy with one thing before it counts as hung, in milliseconds: with held-out data, with a disk, with a downstream task. */
const PATIENCE = { evaluating: 60_000, saving: 120_000, probing: 3_600_000 } as const;
/** The same for a step: so many times the longest one so far, and at least so many milliseconds; for the first one so many. */
const STEP_PATIENCE = { factor: 20, least: 1_500, first: 60_000 } as const;

/** The learning rate after each step back, as a factor. */
const STEP_BACK_FACTOR = 0.5;

/** Where a run goes on. */
export interface Position {
  /** Steps that are done. */
  readonly step: number;
  readonly stepsBack: number;
  /** The metrics so far. */
  readonly lines: readonly Metrics[];
}

export const BEGINNING: Position = { step: 0, stepsBack: 0, lines: [] };

/** A run with all that its steps need. */
export interface Training {
  readonly session: TrainingSession;
  readonly run: Run;
  readonly pulse: Pulse;
  readonly events: Partial<TrainEvents>;
  readonly probe?: RunProbes | undefined;
  readonly signal: AbortSignal | undefined;
}

export const warning =
  (run: Run, events: Partial<TrainEvents> = {}) =>
  (message: string): void => {
    run.log(`warning: ${message}`);
    events.warning?.(message);
  };

/** Whether held-out data is measured after so many steps. */
function isMeasured(step: number, { steps, evaluateEvery, checkpointEvery, keepBest }: Experiment['training']): boolean {
  // A checkpoint that may be the best must be measured.
  return step % evaluateEvery === 0 || step === steps || (keepBest !== undefined && step % checkpointEvery === 0);
}

/** Brings state and metrics back to the newest valid checkpoint, or to the beginning. */
export function goBack(session: TrainingSession, run: Run, warn: (message: string) => void): Position {
  const saved = newestReadable(run.folder, loadState, warn);
  if (saved) session.restore(saved.contents, saved.folder);
  else session.reset();
  const { step, stepsBack } = saved?.contents ?? BEGINNING;
  return { step, stepsBack, lines: run.rewind(step) };
}

/** Trains to the end, going back to the last good checkpoint as often as the experiment lets a run that diverges. */
export async function trainOn(training: Training, start: Position): Promise<Done> {
  const { session, run, events } = training;
  const { stepBacks, learningRate } = session.setup.experiment.training;
  const warn = warning(run, events);
  for (let position = start; ;) {
    const feeder = createFeeder(session.setup, position.step);
    try {
      return await trainFrom(training, position, feeder);
    } catch (error) {
      if (!(error instanceof Diverged)) throw error;
      discardAfter(run.folder, error.goodUntil, run.storage);
      const stepsBack = position.stepsBack + 1;
      if (stepsBack > stepBacks) throw error;
      position = { ...goBack(session, run, warn), stepsBack };
      const rate = learningRate * STEP_BACK_FACTOR ** stepsBack;
      warn(`${error.message} Back to step ${position.step}, and on with a learning rate of ${Number(rate.toPrecision(3))}.`);
    } finally {
      await feeder.close();
    }
  }
}

/** Trains step after step; the lines of `position` bring whatever watches the run to where it was. */
async function trainFrom({ session, run, pulse, events, probe, signal }: Training, position: Position, feeder: Feeder): Promise<Done> {
  const { experiment, folder, config, corpus, plan } = session.setup;
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
  let probed = lines.findLast((line) => line.probes)?.step;
  let loss = lines.findLast((line) => line.loss)?.loss ?? {};
  for (const line of lines) if (line.loss) watch(line);

  const started = performance.now() - 1000 * (lines.at(-1)?.seconds ?? 0);
  const seconds = (): number => (performance.now() - started) / 1000;
  let longest = STEP_PATIENCE.first / STEP_PATIENCE.factor;
  const expectSteps = (): void => pulse.expect(Math.max(STEP_PATIENCE.least, STEP_PATIENCE.factor * longest));

  function watch(line: Metrics): string | undefined {
    divergence.observe(line.step, line.loss!, line.gradientNorm!);
    return balance.observe(atFullWeight(line.gradientNorms ?? {}, plan.at(line.step - 1)), line.loss!);
  }
  const report = (line: Metrics): void => {
    run.metrics(line);
    events.metrics?.(line);
  };
  /** Where the steps that are done at once from a step on end: where something else is to be done, another set of objectives is trained, or enough is done. */
  const endOfChunk = (from: number): number => {
    const set = plan.setAt(from);
    const most = Math.min(steps, from + session.optimisation.chunkOf(set));
    let end = from + 1;
    while (end < most && !isMeasured(end, training) && !isSaved(end) && keyOf(plan.setAt(end)) === keyOf(set)) end++;
    return end;
  };
  const evaluate = async (): Promise<void> => {
    pulse.expect(PATIENCE.evaluating);
    await session.optimisation.download();
    const results = await session.evaluator.evaluate(signal);
    if (results) report((measured = { step, tokens, seconds: seconds(), eval: results }));
    expectSteps();
  };
  const isProbed = (at: number): boolean =>
    probe !== undefined &&
    experiment.probes.length > 0 &&
    (at === steps || (training.probeEvery !== undefined && at > 0 && at % training.probeEvery === 0));
  const runProbes = async (): Promise<void> => {
    if (!probe || !isProbed(step) || probed === step) return;
    const onProgress = (message: string): void => {
      pulse.expect(PATIENCE.probing);
      events.status?.(message);
    };
    onProgress('Running the probes');
    const probes = await probe(experiment.probes, { run: run.folder, folder, threads: session.threads, signal, warn, onProgress });
    if (probes) {
      run.probed({ step, probes });
      const values = probes.map(({ name, main, metrics }): [string, number] => [`${name}: ${main}`, metrics[main]!.value]);
      report({ step, tokens, seconds: seconds(), probes: Object.fromEntries(values) });
      probed = step;
    }
    expectSteps();
  };
  const isSaved = (at: number): boolean => at % checkpointEvery === 0 || at === steps || isProbed(at);
  const save = async (): Promise<void> => {
    await session.optimisation.download();
    const spoilt = session.spoilt();
    if (spoilt !== undefined) throw new Diverged(`The parameter "${spoilt}" is no longer a number at step ${step}.`, step - 1);
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
  session.optimisation.goOnFrom(step);
  if (isMeasured(step, training) && measured?.step !== step) {
    await evaluate();
    // A run that was stopped here has a checkpoint that does not know its measurement.
    if (saved === step) await save();
  }
  if (saved === step) await runProbes();
  while (step < steps && !signal?.aborted) {
    const before = performance.now();
    const inputs: Step[] = [];
    for (const end = endOfChunk(step); step + inputs.length < end;) {
      const at = step + inputs.length;
      const learningRate = learningRateAt(at, training) * STEP_BACK_FACTOR ** stepsBack;
      inputs.push({ parts: plan.at(at), batches: await feeder.next(), key: stepKeyAt(experiment.seed, at), learningRate });
    }
    const wait = performance.now() - before;
    expectSteps();
    const done = await session.optimisation.steps(inputs);
    const milliseconds = performance.now() - before;
    // The first step of a graph takes longer than all others.
    longest = step === position.step ? milliseconds : Math.max(longest, milliseconds);
    const began = seconds() - milliseconds / 1000;
    for (const [i, scalars] of done.entries()) {
      const own = tokensAt(step);
      step++;
      tokens += own;
      loss = named(scalars, 'loss:');
      const gradientNorms = named(scalars, 'gradientNorm:');
      const line: Metrics = {
        step,
        tokens,
        // Steps that were done in one run share its time.
        seconds: began + ((i + 1) * milliseconds) / 1000 / done.length,
        loss,
        learningRate: inputs[i]!.learningRate,
        gradientNorm: scalars.get('gradientNorm')!,
        ...(Object.keys(gradientNorms).length > 0 && { gradientNorms }),
        tokensPerSecond: (1000 * own * done.length) / milliseconds,
        dataWait: wait / milliseconds,
      };
      report(line);
      const imbalance = watch(line);
      if (imbalance !== undefined) warn(imbalance);
    }
    if (isMeasured(step, training)) await evaluate();
    if (isSaved(step)) await save();
    await runProbes();
  }
  if (saved !== step) await save();
  // Without its last measurements a run is not done.
  const reason = step < steps || measured?.step !== step || (isProbed(step) && probed !== step) ? 'stopped' : 'completed';
  const probes = probed === step ? readProbes(run.folder).findLast((record) => record.step === step)?.probes : undefined;
  return {
    run: run.folder,
    steps: step,
    reason,
    loss,
    eval: measured?.eval ?? {},
    baselines: session.baselines,
    ...(probes && { probes }),
  };
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

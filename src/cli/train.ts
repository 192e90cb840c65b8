import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../shared/errors';
import type { Done } from '../shared/trainer-protocol';
import type { Device } from '../shared/types';
import { runProbes } from '../probe/in-run';
import { resume, train } from '../train/loop';
import type { TrainEvents } from '../train/steps';
import { probeTable } from './probe';
import { describe, Progress } from './progress';
import { reportError } from './report';
import { outcomeRecord, outcomeTable, resultTable, type Outcome } from './results';

interface Options {
  readonly steps?: number;
  readonly device?: Device;
  readonly deviceIndex?: number;
  readonly threads?: number;
  readonly out?: string;
  readonly resume?: string;
  readonly json?: boolean | undefined;
}

/** Runs experiments one after another. One alone fails with its error; of several, those that fail do not keep the others from running. */
export async function trainCommand(paths: readonly string[], options: Options): Promise<void> {
  const controller = new AbortController();
  // The first Ctrl-C stops after the step in hand, with a checkpoint; the second at once.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  if (options.resume !== undefined) return resumeRun(options.resume, paths, options, controller.signal);
  const experiments = paths.flatMap(experimentsAt);
  if (experiments.length === 0)
    throw new UserError('No experiment is named.', 'Name a file such as quickstart.lab.json, or --resume a run.');
  if (experiments.length === 1) await runOne(experiments[0]!, options, controller.signal, {});
  else await runAll(experiments, options, controller.signal);
}

async function resumeRun(run: string, paths: readonly string[], options: Options, signal: AbortSignal): Promise<void> {
  const { steps, out, device, deviceIndex, threads, json } = options;
  if (paths.length > 0 || steps !== undefined || out !== undefined)
    throw new UserError(
      '--resume goes on with one run as it began: with no experiment, --steps or --out.',
      'Leave them away, or start a new run.',
    );
  await follow({ json }, {}, (events) => resume({ run, device, deviceIndex, threads, signal, events, probe: runProbes }));
}

/** A path itself, or the experiments of a folder by name. */
function experimentsAt(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  const found = readdirSync(path).filter((name) => name.endsWith('.lab.json'));
  if (found.length === 0) throw new UserError(`${path} holds no experiment (*.lab.json).`, 'Name another folder, or a file.', 'experiment');
  return found.sort().map((name) => join(path, name));
}

async function runAll(experiments: readonly string[], options: Options, signal: AbortSignal): Promise<void> {
  const outcomes: Outcome[] = [];
  for (const [i, experiment] of experiments.entries()) {
    if (signal.aborted) {
      outcomes.push({ experiment, seconds: 0 });
      continue;
    }
    const started = performance.now();
    const seconds = (): number => (performance.now() - started) / 1000;
    if (!options.json) process.stdout.write(`\n── ${i + 1} of ${experiments.length}: ${experiment}\n`);
    try {
      const done = await runOne(experiment, options, signal, { experiment });
      outcomes.push({ experiment, seconds: seconds(), done });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      process.exitCode = Math.max(reportError(error), Number(process.exitCode ?? 0));
      outcomes.push({ experiment, seconds: seconds(), error: message });
      if (options.json) printEvent('failed', { experiment, message });
    }
  }
  if (options.json) printEvent('results', { experiments: outcomes.map(outcomeRecord) });
  else process.stdout.write(`\n${outcomeTable(outcomes)}\n`);
}

async function runOne(experiment: string, { json, out, ...overrides }: Options, signal: AbortSignal, about: object): Promise<Done> {
  return follow({ json }, about, (events) => train({ experiment, runs: out, ...overrides, signal, events, probe: runProbes }));
}

/** Tells how training goes on and what came of it. @param about what every event says besides, for programs */
async function follow(
  { json }: Pick<Options, 'json'>,
  about: object,
  work: (events: Partial<TrainEvents>) => Promise<Done>,
): Promise<Done> {
  const progress = new Progress();
  const done = await work(json ? eventLines(about) : progressLines(progress));
  if (json) {
    printEvent('done', { ...done, ...about });
    return done;
  }
  progress.end();
  const end = done.reason === 'completed' ? 'Completed' : 'Stopped';
  const further = done.reason === 'completed' ? '' : `Go on with: objective-lab train --resume ${JSON.stringify(done.run)}\n`;
  process.stdout.write(
    `${end} after ${done.steps} steps: ${describe(done.eval)}\n${done.run}\n${further}\n${resultTable(done)}\n${done.probes ? `\n${probeTable(done.probes)}\n` : ''}`,
  );
  return done;
}

const printEvent = (event: string, details: object): boolean => process.stdout.write(`${JSON.stringify({ event, ...details })}\n`);

const eventLines = (about: object): TrainEvents => ({
  status: (message) => printEvent('status', { message, ...about }),
  started: (details) => printEvent('started', { ...details, ...about }),
  metrics: (line) => printEvent(line.eval ? 'eval' : 'step', { ...line, ...about }),
  checkpoint: (details) => printEvent('checkpoint', { ...details, ...about }),
  warning: (message) => printEvent('warning', { message, ...about }),
});

const progressLines = (progress: Progress): Partial<TrainEvents> => ({
  status: (message) => progress.note(message),
  started: ({ run, steps, device, parameters }) => {
    progress.start(steps);
    progress.note(`${parameters.toLocaleString('en')} parameters on ${device}\nRun: ${run}`);
  },
  metrics: (line) => progress.update(line),
  warning: (message) => progress.note(`Warning: ${message}`),
});

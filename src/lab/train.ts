import { resolve } from 'node:path';
import { formatCount, formatDuration, secondsLeft } from '../shared/format';
import { UserError } from '../shared/errors';
import { VIEW_MIME } from '../shared/views';
import type { Baseline, Metrics } from '../shared/types';
import { loadExperiment, readExperiment, type LoadedExperiment } from '../train/experiment';
import { train } from '../train/loop';
import { summarise } from '../train/run';
import type { ExperimentInput, LabRun, TrainingOptions } from './api';
import { bundleOfView, shownBy, type Bundle } from './display';
import type { Surroundings } from './lab';
import { curveView, MOST_POINTS, runOf } from './runs';

/** How often the chart of a run that goes on is drawn, in milliseconds. */
const REDRAW = 1_000;

/** Charts of one session have numbers of their own, so that each run has one. */
let charts = 0;
/** The training in hand: another waits for it, as it does where a cell was interrupted and the last step is still being done. */
let last: Promise<unknown> = Promise.resolve();

/** An experiment from its file, or from an object as its file would say it. */
export function experimentOf(
  experiment: ExperimentInput | string,
  { folder, name }: Pick<Surroundings, 'folder' | 'name'>,
): LoadedExperiment {
  if (typeof experiment === 'string') return loadExperiment(resolve(folder, experiment));
  const path = resolve(folder, `${name}.lab.json`);
  try {
    return readExperiment(jsonOf(experiment), path);
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'experiment') throw error;
    // It is in a cell: there is no such file, and no line of it, to look at.
    const message = error.message.replaceAll(`${path}:`, '').replace(/^\d+:\d+: /gm, '');
    throw new UserError(message, undefined, 'experiment', { cause: error });
  }
}

function jsonOf(experiment: unknown): string {
  try {
    const text = JSON.stringify(experiment, null, 2) as string | undefined;
    if (text !== undefined) return text;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    throw new UserError(`The experiment cannot be written as JSON: ${reason}.`, 'Give what its file would say.', 'argument', {
      cause: error,
    });
  }
  throw new UserError('There is no experiment.', 'Give the path of a *.lab.json, or an object as its file would say it.', 'argument');
}

/** Runs an experiment to its end in this process, with a chart that follows it. */
export async function trainRun(
  experiment: ExperimentInput | string,
  { steps, device, threads, live = true }: TrainingOptions,
  surroundings: Surroundings,
): Promise<LabRun> {
  const signal = surroundings.signal();
  const before = last;
  let finish: () => void = () => undefined;
  last = new Promise<void>((done) => (finish = done));
  try {
    await before;
    signal?.throwIfAborted();
    const loaded = experimentOf(experiment, surroundings);
    const chart = new LiveChart(loaded.name, surroundings, live);
    const done = await train({ experiment: loaded, runs: surroundings.runs, steps, device, threads, signal, events: chart });
    signal?.throwIfAborted();
    chart.end(done.reason === 'completed' ? `Completed after ${formatCount(done.steps)} steps.` : `Stopped at step ${done.steps}.`);
    return runOf(summarise(done.run)!);
  } finally {
    finish();
  }
}

/** The chart of one run: what is known so far, drawn now and then in the same place. */
class LiveChart {
  readonly #id = `chart-${++charts}`;
  readonly #lines: Metrics[] = [];
  #steps = 1;
  #baselines: readonly Baseline[] = [];
  #drawn = -Infinity;

  constructor(
    private readonly name: string,
    private readonly surroundings: Surroundings,
    private readonly live: boolean,
  ) {}

  readonly status = (message: string): void => this.#draw(`${message}…`, true);

  readonly started = ({
    steps,
    device,
    parameters,
    baselines,
  }: {
    steps: number;
    device: string;
    parameters: number;
    baselines: Baseline[];
  }): void => {
    this.#steps = steps;
    this.#baselines = baselines;
    this.#draw(`${formatCount(parameters)} parameters on ${device}`, true);
  };

  readonly metrics = (line: Metrics): void => {
    this.#lines.push(line);
    const { step, seconds, tokens } = line;
    const left = secondsLeft({ step, steps: this.#steps, seconds });
    const speed = seconds > 0 ? `, ${formatCount(tokens / seconds)} tokens/s` : '';
    this.#draw(
      `Step ${formatCount(step)} of ${formatCount(this.#steps)}${speed}${left === undefined ? '' : `, ${formatDuration(left)} left`}`,
      false,
    );
  };

  readonly warning = (message: string): void => void process.stderr.write(`${message}\n`);

  end(note: string): void {
    this.#draw(note, true, true);
  }

  #draw(note: string, now: boolean, final = false): void {
    if ((!this.live && !final) || (!now && performance.now() - this.#drawn < REDRAW)) return;
    this.#drawn = performance.now();
    const stride = Math.ceil(this.#lines.length / MOST_POINTS);
    const shown = this.#lines.filter((line, i) => line.eval !== undefined || i % stride === 0 || i === this.#lines.length - 1);
    const view = curveView({ name: this.name, steps: this.#steps, baselines: this.#baselines }, shown, note);
    // Its twins are drawn once, when it changes no more.
    const bundle = (): Bundle => (final ? bundleOfView(view) : { [VIEW_MIME]: view, 'text/plain': `${view.title}: ${note}` });
    this.surroundings.display(shownBy({}, bundle), this.#id);
  }
}

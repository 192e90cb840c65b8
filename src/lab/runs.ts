import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Reader } from '../inspect/reader';
import { compare } from '../shared/baselines';
import { UserError } from '../shared/errors';
import { History } from '../shared/learning-curves';
import type { CurveView, TableView } from '../shared/views';
import type { Baseline, Metrics, RunSummary } from '../shared/types';
import { listRuns, readMetrics, summarise } from '../train/run';
import type { LabRun, ModelChoice } from './api';
import { shownAs } from './display';

/** Models that are kept open; the one used longest ago makes room. */
const OPEN_MODELS = 4;
/** Points of a curve that a notebook shows, and that its file keeps. */
export const MOST_POINTS = 400;

/** Runs as notebooks see them, and the models that are open. */
export class RunShelf {
  readonly #readers = new Map<string, Reader>();
  #last: string | undefined;

  /** @param runs the folder of runs @param folder from which paths are seen */
  constructor(
    private readonly runs: string,
    private readonly folder: string,
  ) {}

  list(): LabRun[] {
    const found = listRuns(this.runs).map(runOf);
    return shownAs(found, () => listView(found));
  }

  /** A run by its folder, the name of its folder, or its own name: the newest that has it. */
  find(id: string): LabRun {
    const path = [join(this.runs, id), resolve(this.folder, id)].find((each) => existsSync(join(each, 'status.json')));
    const summary = path === undefined ? listRuns(this.runs).find(({ name }) => name === id) : summarise(path);
    if (!summary) {
      const known = listRuns(this.runs)
        .slice(0, 5)
        .map(({ id: each }) => each);
      const hint = known.length > 0 ? `The newest are ${known.join(', ')}; lab.runs() lists all.` : 'lab.train() makes the first.';
      throw new UserError(`There is no run "${id}" in ${this.runs}.`, hint, 'run');
    }
    this.#last = summary.folder;
    return runOf(summary);
  }

  /** The run that is meant where none is named. */
  use(folder: string): void {
    this.#last = folder;
  }

  /** A model by what a cell names: a run, a path, or nothing for the run trained or opened last, otherwise the newest. */
  reader(model?: ModelChoice): Reader {
    const path = this.#pathOf(model);
    const known = this.#readers.get(path);
    this.#readers.delete(path);
    const reader = known ?? new Reader(path);
    known?.refresh();
    this.#readers.set(path, reader);
    for (const oldest of [...this.#readers.keys()].slice(0, -OPEN_MODELS)) this.#readers.delete(oldest);
    return reader;
  }

  #pathOf(model?: ModelChoice): string {
    if (typeof model === 'object') return model.folder;
    if (model !== undefined) {
      const path = resolve(this.folder, model);
      return existsSync(path) ? path : this.find(model).folder;
    }
    const folder = this.#last ?? listRuns(this.runs).find(({ checkpoint }) => checkpoint !== undefined)?.folder;
    if (folder !== undefined) return folder;
    throw new UserError('There is no model yet.', 'Train one with lab.train(), or name one: { model: "path/of/a/model" }.', 'model');
  }
}

export function runOf(summary: RunSummary): LabRun {
  const run: LabRun = {
    ...summary,
    metrics: () => readMetrics(summary.folder, -1, Number.MAX_SAFE_INTEGER),
    curve: () => {
      const lines = readMetrics(summary.folder, -1, MOST_POINTS);
      return shownAs(lines, () => curveView(summary, lines, summary.state));
    },
  };
  return shownAs(run, () => resultView(summary));
}

/** The learning curves of a run: for each objective its plots, and the pulls of several. */
export function curveView(
  { name, steps, baselines }: { name: string; steps: number; baselines: readonly Baseline[] },
  lines: readonly Metrics[],
  note: string,
): CurveView {
  const history = new History();
  history.add(lines);
  const norms = history.gradientNorms(steps);
  const plots = [
    ...history.objectives.flatMap((objective) =>
      history
        .plots(objective, baselines, steps)
        .map((plot) => ({ ...plot, title: history.objectives.length > 1 ? `${objective}: ${plot.title}` : plot.title })),
    ),
    ...(norms ? [norms] : []),
  ];
  const rounded = (value: number | null): number | null => (value === null ? null : Number(value.toPrecision(5)));
  return {
    kind: 'curve',
    title: name,
    note,
    plots: plots.map(({ title, steps: at, series, logarithmic = false }) => ({
      title,
      steps: [...at],
      series: series.map(({ label, role, values }) => ({ label, role, values: values.map(rounded) })),
      logarithmic,
    })),
  };
}

/** What a run learned, against what it must beat. */
export function resultView({ id, state, step, steps, baselines, eval: results, message }: RunSummary): TableView {
  const compared = compare(baselines, results);
  return {
    kind: 'table',
    columns: ['objective', 'metric', 'model', 'baseline', 'by', ''],
    rows: compared.map(({ objective, name, reached, value, by, margin }) => [
      objective,
      name,
      Number(reached.toFixed(3)),
      Number(value.toFixed(3)),
      by,
      margin > 0 ? 'beaten' : 'not beaten',
    ]),
    note: [`${id}: ${state}, step ${step} of ${steps}.`, message].filter(Boolean).join(' '),
  };
}

const listView = (runs: readonly LabRun[]): TableView => ({
  kind: 'table',
  columns: ['run', 'state', 'step', 'objectives', 'held out'],
  rows: runs.map(({ id, state, step, steps, objectives, eval: results = {} }) => [
    id,
    state,
    `${step} of ${steps}`,
    objectives.join(' + '),
    objectives.flatMap((name) => (results[name] === undefined ? [] : [`${name} ${results[name].toFixed(3)}`])).join(', '),
  ]),
});

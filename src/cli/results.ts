import { compare, type Comparison } from '../shared/baselines';
import type { Done } from '../shared/trainer-protocol';
import { grid } from './text';

/** What became of one experiment. */
export interface Outcome {
  /** Path as it was given. */
  readonly experiment: string;
  readonly seconds: number;
  /** What it came to; without it and without an error it was not run. */
  readonly done?: Done;
  readonly error?: string;
}

const HEADER = ['objective', 'metric', 'baseline', 'by', 'model', 'margin', ''];

const cells = ({ objective, name, value, by, reached, margin }: Comparison): string[] => [
  objective,
  name,
  value.toFixed(3),
  by,
  reached.toFixed(3),
  `${margin > 0 ? '+' : ''}${margin.toFixed(3)}`,
  margin > 0 ? 'beaten' : 'not beaten',
];

const EXPLANATION = 'Measured on held-out text; the margin says by how much the model is better than the baseline.';

/** What a run learned: for each objective its held-out metric against what must be beaten. */
export const resultTable = ({ baselines, eval: results }: Done): string =>
  `${grid([HEADER, ...compare(baselines, results).map(cells)], [0, 1, 3, 6])}\n${EXPLANATION}`;

/** The same for several experiments in one table. */
export function outcomeTable(outcomes: readonly Outcome[]): string {
  const rows = outcomes.flatMap(({ experiment, seconds, done, error }) => {
    const name = `${nameOf(experiment)}${done?.reason === 'stopped' ? ` (stopped at step ${done.steps})` : ''}`;
    const without = [error === undefined ? 'not run' : 'failed', ...HEADER.slice(1).map(() => '')];
    const compared = done ? compare(done.baselines, done.eval).map(cells) : [without];
    return compared.map((row) => [name, ...row, seconds.toFixed(0)]);
  });
  return `${grid([['experiment', ...HEADER, 'seconds'], ...rows], [0, 1, 2, 4, 7])}\n${EXPLANATION}`;
}

/** The same for programs. */
export const outcomeRecord = ({ experiment, seconds, done, error }: Outcome): object => ({
  experiment,
  seconds,
  ...(done && { run: done.run, reason: done.reason, steps: done.steps, results: compare(done.baselines, done.eval) }),
  ...(error !== undefined && { error }),
});

const nameOf = (path: string): string => path.replace(/^.*[\\/]/, '').replace(/\.lab\.json$/, '');

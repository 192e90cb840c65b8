import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { compare } from '../shared/baselines';
import { UserError } from '../shared/errors';
import { formatCount, formatNats } from '../shared/format';
import type { RunSummary } from '../shared/types';
import { listRuns } from '../train/run';
import { grid } from './text';

const HEADER = ['run', 'state', 'step', 'started', 'held out (baseline)', 'checkpoint'];

/** Lists the runs below a workspace folder, or those of a folder of runs, newest first. */
export function runsCommand(folder: string, { json }: { json?: boolean }): void {
  const root = resolve(folder);
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory())
    throw new UserError(`${root} is no folder.`, 'Name the folder of an experiment, or a folder of runs.', 'run');
  const below = join(root, '.objective-lab', 'runs');
  const runs = listRuns(existsSync(below) ? below : root);
  if (json) process.stdout.write(`${JSON.stringify({ runs })}\n`);
  else if (runs.length === 0) process.stdout.write(`${root} has no runs yet.\n`);
  else process.stdout.write(`${grid([HEADER, ...runs.map(row)], [0, 1, 3, 4])}\n`);
}

function row(run: RunSummary): string[] {
  const measured = compare(run.baselines, run.eval).map(
    ({ metric, reached, value }) => `${metric} ${formatNats(reached)} (${formatNats(value)})`,
  );
  return [
    run.id,
    run.state,
    `${formatCount(run.step)}/${formatCount(run.steps)}`,
    run.startedAt.slice(0, 16).replace('T', ' '),
    measured.join(', '),
    run.checkpoint === undefined ? 'none' : formatCount(run.checkpoint),
  ];
}

import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { diskError } from '../shared/errors';
import { Baseline, Metrics, RunState, type RunSummary } from '../shared/types';
import { listCheckpoints } from './checkpoint';
import { replaceFile } from './files';

const Status = z.object({
  name: z.string(),
  state: RunState,
  step: z.int(),
  steps: z.int(),
  startedAt: z.string(),
  objectives: z.array(z.string()),
  baselines: z.array(Baseline).default([]),
  /** The process that trains: a run whose process is gone was interrupted. */
  pid: z.int(),
  message: z.string().optional(),
});
export type Status = z.infer<typeof Status>;

const STATUS = 'status.json';
const METRICS = 'metrics.jsonl';

/** A run's folder, while it is written. The folder is the truth; messages are only news of it. */
export class Run {
  #status: Status;

  private constructor(
    readonly folder: string,
    status: Status,
  ) {
    this.#status = status;
  }

  /** Makes `<yyyymmdd-hhmmss>-<name>` below `runs`. @throws UserError (code `disk`) */
  static create(runs: string, name: string, experiment: unknown, details: Pick<Status, 'steps' | 'objectives' | 'baselines'>): Run {
    const now = new Date();
    const stamp = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
    const slug = name.replace(/[^\p{L}\p{N}._-]+/gu, '-').slice(0, 60);
    const base = join(runs, `${stamp}-${slug}`);
    let folder = base;
    for (let i = 2; existsSync(folder); i++) folder = `${base}-${i}`;
    try {
      mkdirSync(folder, { recursive: true });
    } catch (error) {
      throw diskError(folder, error);
    }
    const run = new Run(folder, { name, state: 'preparing', step: 0, startedAt: now.toISOString(), pid: process.pid, ...details });
    replaceFile(join(folder, 'experiment.json'), `${JSON.stringify(experiment, null, 2)}\n`);
    run.update({});
    return run;
  }

  update(change: Partial<Status>): void {
    this.#status = { ...this.#status, ...change };
    replaceFile(join(this.folder, STATUS), `${JSON.stringify(this.#status, null, 2)}\n`);
  }

  metrics(line: Metrics): void {
    this.#append(METRICS, JSON.stringify(line));
  }

  log(message: string): void {
    this.#append('log.txt', `${new Date().toISOString()} ${message}`);
  }

  #append(file: string, line: string): void {
    const path = join(this.folder, file);
    try {
      appendFileSync(path, `${line}\n`);
    } catch (error) {
      throw diskError(path, error);
    }
  }
}

/** The runs below a folder, newest first. Folders that are no runs, or whose files are missing, are passed over. */
export function listRuns(runs: string): RunSummary[] {
  if (!existsSync(runs)) return [];
  return readdirSync(runs, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => summarise(join(runs, entry.name)) ?? [])
    .sort((a, b) => b.startedAt.localeCompare(a.startedAt) || b.id.localeCompare(a.id));
}

/** A run as lists show it, or undefined when the folder holds no readable run. */
export function summarise(folder: string): RunSummary | undefined {
  const status = readStatus(folder);
  if (!status) return undefined;
  const { pid, ...rest } = status;
  const live = rest.state === 'running' || rest.state === 'preparing';
  const last = lastLines(folder);
  const checkpoint = listCheckpoints(folder).at(-1)?.step;
  return {
    ...rest,
    id: basename(folder),
    folder,
    state: live && !isAlive(pid) ? 'interrupted' : rest.state,
    step: Math.max(rest.step, last.step),
    ...(last.loss && { loss: last.loss }),
    ...(last.eval && { eval: last.eval }),
    ...(checkpoint !== undefined && { checkpoint }),
  };
}

function readStatus(folder: string): Status | undefined {
  try {
    return Status.parse(JSON.parse(readFileSync(join(folder, STATUS), 'utf8')));
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The metrics of a run after a step, thinned evenly to about `limit` lines; evaluations are always kept. A line cut off by a crash is passed over. */
export function readMetrics(folder: string, after: number, limit: number): Metrics[] {
  const path = join(folder, METRICS);
  if (!existsSync(path)) return [];
  const lines = parseLines(readFileSync(path, 'utf8')).filter(({ step }) => step > after);
  const stride = Math.ceil(lines.length / limit);
  return lines.filter((line, i) => line.eval !== undefined || i % stride === 0 || i === lines.length - 1);
}

const parseLines = (text: string): Metrics[] =>
  text.split('\n').flatMap((line) => {
    try {
      return [Metrics.parse(JSON.parse(line))];
    } catch {
      return [];
    }
  });

function lastLines(folder: string): { step: number; loss?: Metrics['loss']; eval?: Metrics['eval'] } {
  const lines = readMetrics(folder, -1, Number.MAX_SAFE_INTEGER);
  const loss = lines.findLast((line) => line.loss)?.loss;
  const evaluation = lines.findLast((line) => line.eval)?.eval;
  return { step: lines.at(-1)?.step ?? 0, ...(loss && { loss }), ...(evaluation && { eval: evaluation }) };
}

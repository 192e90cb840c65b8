import { existsSync, mkdirSync, readdirSync, readFileSync, type Dirent } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { ProbeRecord } from '../shared/probe-types';
import { diskError, UserError } from '../shared/errors';
import { Baseline, Metrics, RunState, type RunSummary } from '../shared/types';
import { checkpointsOf, listCheckpoints } from './checkpoint';
import { RECORD } from './experiment';
import { ownerOf, RunLock } from './lock';
import { requireOwnFolder } from './own-folder';
import { disk, replaceFile, writeAll, type Storage } from './storage';
import { beginning, eventFile, isEventFile, metricsRecord } from './tensorboard';

const Status = z.object({
  name: z.string(),
  state: RunState,
  step: z.int(),
  steps: z.int(),
  startedAt: z.string(),
  objectives: z.array(z.string()),
  baselines: z.array(Baseline).default([]),
  message: z.string().optional(),
  /** The code of the error that ended it. */
  code: z.string().optional(),
});
export type Status = z.infer<typeof Status>;

const STATUS = 'status.json';
const METRICS = 'metrics.jsonl';
/** What downstream tasks measured: a line for each time. */
export const PROBES = 'probes.jsonl';

/** How long another process's hold on the run may go unnoticed, in milliseconds. */
const VERIFY_EVERY = 1_000;

/** A run's folder, while it is written. The folder is the truth; messages are only news of it. */
export class Run {
  #status: Status;
  #verified = performance.now();
  /** The event file that TensorBoard reads, since the run began or was taken up. */
  #events: string | undefined;

  private constructor(
    readonly folder: string,
    status: Status,
    private readonly lock: RunLock,
    readonly storage: Storage,
  ) {
    this.#status = status;
  }

  /** Makes `<yyyymmdd-hhmmss>-<name>` below `runs`, and locks it. @throws UserError (code `disk`) */
  static create(
    runs: string,
    name: string,
    experiment: unknown,
    details: Pick<Status, 'steps' | 'objectives' | 'baselines'>,
    storage: Storage = disk,
  ): Run {
    const now = new Date();
    const stamp = now.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 15);
    const slug = name.replace(/[^\p{L}\p{N}._-]+/gu, '-').slice(0, 60);
    const base = join(runs, `${stamp}-${slug}`);
    try {
      requireOwnFolder(runs);
      mkdirSync(runs, { recursive: true });
      const folder = makeFirstFree(base, storage);
      const lock = RunLock.create(folder, storage);
      const run = new Run(folder, { name, state: 'preparing', step: 0, startedAt: now.toISOString(), ...details }, lock, storage);
      replaceFile(join(folder, RECORD), `${JSON.stringify(experiment, null, 2)}\n`, storage);
      run.update({});
      return run;
    } catch (error) {
      throw diskError(base, error);
    }
  }

  /**
   * Takes up a run that was stopped or interrupted.
   *
   * @throws UserError (code `run`) when the folder holds no run, or a completed one; (code `busy`) when another process trains it
   */
  static async resume(folder: string, storage: Storage = disk): Promise<Run> {
    requireOwnFolder(checkpointsOf(folder));
    resumable(folder);
    const lock = await RunLock.acquire(folder, storage);
    try {
      // Whoever had it meanwhile may have gone on with it.
      return new Run(folder, resumable(folder), lock, storage);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  get status(): Readonly<Status> {
    return this.#status;
  }

  update(change: Partial<Status>): void {
    this.#status = { ...this.#status, ...change };
    replaceFile(join(this.folder, STATUS), `${JSON.stringify(this.#status, null, 2)}\n`, this.storage);
  }

  /** The run goes on from a step; why it did not is forgotten. */
  goOn(step: number): void {
    const { message: _, code: __, ...rest } = this.#status;
    this.#status = rest;
    this.update({ state: 'running', step });
    const written = readdirSync(this.folder).filter(isEventFile).length;
    this.#events = eventFile(this.#status.startedAt, written);
    this.#append(this.#events, [beginning(step, Date.now() / 1000)]);
  }

  /** @throws UserError (code `busy`) when another process has taken the run over */
  metrics(line: Metrics): void {
    if (performance.now() - this.#verified > VERIFY_EVERY) this.verify();
    this.#append(METRICS, `${JSON.stringify(line)}\n`);
    if (this.#events !== undefined) this.#append(this.#events, [metricsRecord(line, Date.now() / 1000)]);
  }

  verify(): void {
    this.lock.verify();
    this.#verified = performance.now();
  }

  probed(record: ProbeRecord): void {
    this.#append(PROBES, `${JSON.stringify(record)}\n`);
  }

  log(message: string): void {
    this.#append('log.txt', `${new Date().toISOString()} ${message}\n`);
  }

  /** Brings the metrics so far to the disk, so that no checkpoint outlives them. */
  flush(): void {
    this.#appendTo(METRICS, (file) => this.storage.sync(file));
  }

  /** Forgets the metrics after a step, and what probes measured then; returns the other metrics. */
  rewind(step: number): Metrics[] {
    const path = join(this.folder, METRICS);
    const kept = (existsSync(path) ? parseLines(readFileSync(path, 'utf8'), Metrics) : []).filter((line) => line.step <= step);
    replaceFile(path, kept.map((line) => `${JSON.stringify(line)}\n`).join(''), this.storage);
    const probes = readProbes(this.folder);
    if (probes.some((record) => record.step > step))
      replaceFile(
        join(this.folder, PROBES),
        probes.flatMap((record) => (record.step > step ? [] : `${JSON.stringify(record)}\n`)).join(''),
        this.storage,
      );
    return kept;
  }

  /** Lets others have the run. */
  close(): void {
    this.lock.release();
  }

  #append(name: string, contents: string | readonly Uint8Array[]): void {
    this.#appendTo(name, (file) => writeAll(file, contents, this.storage));
  }

  #appendTo(name: string, work: (file: number) => void): void {
    const path = join(this.folder, name);
    try {
      const file = this.storage.open(path, 'a');
      try {
        work(file);
      } finally {
        this.storage.close(file);
      }
    } catch (error) {
      throw diskError(path, error);
    }
  }
}

function resumable(folder: string): Status {
  const status = readStatus(folder);
  if (!status)
    throw new UserError(`${folder} is no run, or its ${STATUS} is damaged.`, 'Choose a folder below .objective-lab/runs.', 'run');
  if (status.state !== 'completed') return status;
  throw new UserError(
    `The run ${folder} is completed: it has done its ${status.steps} steps.`,
    'Start a new run of the experiment.',
    'run',
  );
}

/** Two windows may start a run in the same second. */
function makeFirstFree(base: string, storage: Storage): string {
  for (let i = 1; ; i++) {
    const folder = i === 1 ? base : `${base}-${i}`;
    try {
      storage.makeFolder(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

/**
 * The runs below a folder, newest first. Folders that are no runs, or whose files are missing, are passed over, and so are links: what is listed is
 * what may be deleted.
 *
 * @throws UserError (code `run`) when it cannot be read; (code `disk`) when it lies behind a link
 */
export function listRuns(runs: string): RunSummary[] {
  requireOwnFolder(runs);
  if (!existsSync(runs)) return [];
  return entriesOf(runs)
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => summarise(join(runs, entry.name)) ?? [])
    .sort((a, b) => b.startedAt.localeCompare(a.startedAt) || b.id.localeCompare(a.id));
}

function entriesOf(runs: string): Dirent[] {
  try {
    return readdirSync(runs, { withFileTypes: true });
  } catch (error) {
    throw new UserError(`The folder of runs ${runs} cannot be read.`, 'It must be a folder that you may read.', 'run', { cause: error });
  }
}

/** A run as lists show it, or undefined when the folder holds no readable run. */
export function summarise(folder: string): RunSummary | undefined {
  const status = readStatus(folder);
  if (!status) return undefined;
  const { code: _, ...rest } = status;
  const live = rest.state === 'running' || rest.state === 'preparing';
  const last = lastLines(folder);
  const checkpoint = listCheckpoints(folder).at(-1)?.step;
  return {
    ...rest,
    id: basename(folder),
    folder,
    state: live && !ownerOf(folder) ? 'interrupted' : rest.state,
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

/**
 * Asks the process that trains a run to stop as Ctrl-C would: with a checkpoint. (Windows knows no such question: there it ends at once, and the run
 * goes on from its last checkpoint when it is resumed.)
 *
 * @returns whether there is such a process on this machine
 */
export function askToStop(folder: string): boolean {
  const owner = ownerOf(folder);
  if (owner?.host !== hostname()) return false;
  process.kill(owner.pid, 'SIGTERM');
  return true;
}

/** The metrics of a run after a step, thinned evenly to about `limit` lines; evaluations and probes are always kept. A line cut off by a crash is passed over. */
export function readMetrics(folder: string, after: number, limit: number): Metrics[] {
  const lines = parseLines(textOf(join(folder, METRICS)), Metrics).filter(({ step }) => step > after);
  const stride = Math.ceil(lines.length / limit);
  return lines.filter((line, i) => line.eval !== undefined || line.probes !== undefined || i % stride === 0 || i === lines.length - 1);
}

/** What downstream tasks measured of a run, in the order of the steps. A line cut off by a crash is passed over. */
export const readProbes = (folder: string): ProbeRecord[] => parseLines(textOf(join(folder, PROBES)), ProbeRecord);

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const parseLines = <T>(text: string, schema: z.core.$ZodType<T>): T[] =>
  text.split('\n').flatMap((line) => {
    try {
      return [z.parse(schema, JSON.parse(line))];
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

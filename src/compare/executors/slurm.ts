import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { UserError } from '../../shared/errors';
import { replaceFile } from '../../train/storage';
import type { ExecutorContext, MemberExecutor } from '../executor';
import { cancel, endOf, queued, submit, terminate, type Task } from './slurm-commands';
import { JobBook } from './slurm-jobs';
import { slurmScript, taskLog, type SlurmOptions } from './slurm-script';

/** Ends of a job that say nothing against its member: another one goes on from its checkpoint. `COMPLETED` is one that was told to stop. */
const TRY_AGAIN: readonly (string | undefined)[] = ['TIMEOUT', 'NODE_FAIL', 'PREEMPTED', 'BOOT_FAIL', 'COMPLETED', undefined];
/** How often members are submitted again within one call. */
const RESUBMISSIONS = 3;

/**
 * Members as tasks of a job array, on a folder that all nodes share. Members that are in the queue already, submitted by an earlier process, are watched
 * and not submitted twice. One whose job ended without word from it is submitted again; one that failed by itself is left to whoever resumes.
 */
export class SlurmExecutor implements MemberExecutor {
  /** @param times milliseconds between two looks at the queue, and those that a member has for its last checkpoint when it is stopped */
  constructor(
    private readonly options: SlurmOptions,
    private readonly times = { poll: 5000, grace: 120_000 },
  ) {}

  /** @throws UserError (code `executor`) when Slurm is not there or refuses, or the workers do not see the folder */
  async run(members: readonly string[], context: ExecutorContext): Promise<void> {
    const book = new JobBook(context.folder);
    let left = members;
    for (let jobs = 0; left.length > 0; jobs++) {
      if (jobs > RESUBMISSIONS) {
        context.warn(`${left.join(', ')}: given up after ${jobs} jobs. Resume the comparison to go on.`);
        return;
      }
      await this.#submit(left, book, context);
      await this.#watch(book, context);
      left = await lost(left, book, context);
    }
  }

  dryRun(members: readonly string[], context: ExecutorContext): ReadonlyMap<string, string> {
    const { name } = new JobBook(context.folder).plan(members);
    return new Map([[scriptOf(name), slurmScript(name, members, context, this.options)]]);
  }

  async #submit(members: readonly string[], book: JobBook, context: ExecutorContext): Promise<void> {
    const tasks = await queued(book.arrays.map(({ name }) => name));
    const waiting = new Set<string | undefined>();
    for (const array of book.arrays) {
      const own = tasks.filter(({ name }) => name === array.name);
      for (const { task } of own) waiting.add(array.members[task]);
      if (own[0] && array.id === undefined) book.enter({ ...array, id: own[0].job });
    }
    const known = members.filter((member) => waiting.has(member));
    if (known.length > 0) context.tell(`${known.length} of the members are in Slurm's queue already.`);
    const fresh = members.filter((member) => !waiting.has(member));
    if (fresh.length === 0 || context.signal.aborted) return;
    const array = book.plan(fresh);
    const script = join(context.folder, scriptOf(array.name));
    for (const folder of ['slurm', 'logs']) mkdirSync(join(context.folder, folder), { recursive: true });
    replaceFile(script, slurmScript(array.name, fresh, context, this.options));
    book.enter(array);
    try {
      const id = await submit(script);
      book.enter({ ...array, id });
      context.tell(`Slurm's job ${id}: ${fresh.length} members.`);
    } catch (error) {
      book.remove(array);
      throw error;
    }
  }

  /** Resolves when nothing of the comparison is in the queue. Once aborted, it stops what is. */
  async #watch(book: JobBook, { signal, tell, warn }: ExecutorContext): Promise<void> {
    const names = book.arrays.map(({ name }) => name);
    const asked = new Set<string>();
    let news = '';
    let deadline = Infinity;
    for (;;) {
      // A controller that is started anew is no reason to give up jobs that go on without it; one that cannot be reached to stop them is.
      const tasks = await queued(names).catch((error: unknown) => {
        if (signal.aborted || !(error instanceof UserError)) throw error;
        return error.message;
      });
      if (tasks.length === 0) return;
      const now = typeof tasks === 'string' ? `${tasks} Trying again.` : summary(tasks);
      if (now !== news) (typeof tasks === 'string' ? warn : tell)(now);
      news = now;
      if (signal.aborted && typeof tasks !== 'string') {
        deadline = Math.min(deadline, Date.now() + this.times.grace);
        await stop(tasks, asked, Date.now() >= deadline);
      }
      await delay(this.times.poll, undefined, signal.aborted ? {} : { signal }).catch(() => undefined);
    }
  }
}

const scriptOf = (name: string): string => join('slurm', `${name}.sh`);

function summary(tasks: readonly Task[]): string {
  const waiting = tasks.filter(({ state }) => state === 'PENDING');
  const reasons = [...new Set(waiting.map(({ reason }) => reason))].join(', ');
  return `In Slurm's queue: ${tasks.length - waiting.length} run, ${waiting.length} wait${waiting.length > 0 ? ` (${reasons})` : ''}.`;
}

/** What waits never starts; what runs is told to stop, once, and ended when its time for that is over. */
async function stop(tasks: readonly Task[], asked: Set<string>, atOnce: boolean): Promise<void> {
  const running = tasks.filter(({ state }) => state === 'RUNNING');
  const key = ({ job, task }: Task): string => `${job}_${task}`;
  const fresh = running.filter((task) => !asked.has(key(task)));
  for (const task of fresh) asked.add(key(task));
  await cancel(tasks.filter(({ state }) => state !== 'COMPLETING' && (state !== 'RUNNING' || atOnce)));
  if (!atOnce) await terminate(fresh);
}

/** Members whose jobs are over without word from them, and that another job may help. Of the others among them it tells what is known. */
async function lost(members: readonly string[], book: JobBook, context: ExecutorContext): Promise<string[]> {
  if (context.signal.aborted) return [];
  const again: string[] = [];
  let unseen = 0;
  const silent = members.filter((member) => !['done', 'failed'].includes(stateOf(context.folder, member)));
  for (const member of silent) {
    const { id, members: of } = book.arrays.findLast((array) => array.members.includes(member))!;
    const log = id === undefined ? undefined : taskLog(id, of.indexOf(member));
    const end = id === undefined ? undefined : await endOf(id, of.indexOf(member));
    const written = log !== undefined && existsSync(join(context.folder, log));
    if (end === 'FAILED' && !written) unseen++;
    const more = TRY_AGAIN.includes(end);
    if (more) again.push(member);
    const why = written ? `its last words are "${lastLine(join(context.folder, log))}" (${log})` : 'it left no log';
    context.warn(`${member}: Slurm's job ended with ${end ?? 'no word'}; ${more ? 'it is submitted again' : why}.`);
  }
  if (unseen > 0 && unseen === members.length)
    throw new UserError(
      `Slurm's workers do not see ${context.folder}: jobs fail there without a log.`,
      'Keep the comparison on a file system that all nodes mount at the same path.',
      'executor',
    );
  return again;
}

/** What a member says of itself; nothing while it has said nothing. */
function stateOf(folder: string, member: string): string {
  try {
    return String((JSON.parse(readFileSync(join(folder, 'members', `${member}.json`), 'utf8')) as { state?: unknown }).state);
  } catch {
    return '';
  }
}

const lastLine = (file: string): string => readFileSync(file, 'utf8').trimEnd().split('\n').at(-1)!.slice(0, 300);

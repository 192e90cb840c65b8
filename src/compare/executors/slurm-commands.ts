import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { UserError } from '../../shared/errors';

const execute = promisify(execFile);

/** A task of a job array that waits or runs. */
export interface Task {
  readonly name: string;
  readonly job: string;
  readonly task: number;
  /** Slurm's word, such as `PENDING`, `RUNNING` or `COMPLETING`. */
  readonly state: string;
  /** Why it waits, such as `Resources`. */
  readonly reason: string;
}

/** Runs a program of Slurm's; resolves with what it prints. @throws UserError (code `executor`) that says what Slurm said */
async function slurm(program: string, args: readonly string[]): Promise<string> {
  try {
    // Formats that a person has set for their eyes would change what is read here.
    const { SQUEUE_FORMAT: _format, SQUEUE_SORT: _sort, SQUEUE_STATES: _states, ...env } = process.env;
    return (await execute(program, args, { env: { ...env, LC_ALL: 'C' }, maxBuffer: 2 ** 26 })).stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new UserError(
        `Slurm's ${program} is not on this machine.`,
        'Start the comparison on a login node of the cluster, or set "executor" to { "kind": "local" }.',
        'executor',
        { cause: error },
      );
    const said = String((error as { stderr?: unknown }).stderr ?? error)
      .split('\n')
      .map((line) => line.replace(/^\w+: (error: )?/, '').trim())
      .filter((line) => line !== '')
      .join(' ');
    throw new UserError(`Slurm's ${program} failed: ${said}.`, await way(said), 'executor', { cause: error });
  }
}

/** The way out of what Slurm complained of. */
async function way(said: string): Promise<string> {
  if (/partition/i.test(said)) {
    const { stdout } = await execute('sinfo', ['--noheader', '--format=%R']).catch(() => ({ stdout: '' }));
    const names = [...new Set(stdout.split('\n').filter((name) => name !== ''))];
    return `The cluster's partitions are ${names.join(', ') || 'shown by sinfo'}: choose one in "executor.partition".`;
  }
  if (/configuration is not available|invalid generic resource|memory specification|CPU count/i.test(said))
    return 'Ask for less in "executor": "cpus", "memory" or "gpus", or for another "partition" (`sinfo --Node --long` shows what there is).';
  if (/array/i.test(said)) return '`scontrol show config` says how long an array may be (MaxArraySize): compare fewer members at once.';
  if (/time limit/i.test(said)) return 'Set "executor.time" to what the partition allows (`sinfo` shows it).';
  if (/account|qos/i.test(said)) return 'Name yours in "executor.options", such as "--account=lab".';
  return 'See `scontrol ping` and `sinfo` for the state of the cluster, and "executor" in the comparison.';
}

/** Submits a batch script. @returns the job's id */
export async function submit(script: string): Promise<string> {
  return (await slurm('sbatch', ['--parsable', script])).trim().split(';')[0]!;
}

/** What waits or runs of the arrays of these names. */
export async function queued(names: readonly string[]): Promise<Task[]> {
  if (names.length === 0) return [];
  const lines = await slurm('squeue', ['--noheader', '--array', `--name=${names.join(',')}`, '--format=%j|%F|%K|%T|%r']);
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', job = '', task, state = '', reason = ''] = line.trim().split('|');
      return { name, job, task: Number(task), state, reason };
    });
}

const idOf = ({ job, task }: Task): string => `${job}_${task}`;

/** What scancel says of tasks that have ended since they were seen in the queue, and of nothing else. */
const OVER = /^[^:]+: (Kill job error on job id \S+: (Invalid job id specified|Job\/step already completing or completed)[ .]*)+$/;

async function scancel(tasks: readonly Task[], ...options: string[]): Promise<void> {
  if (tasks.length === 0) return;
  try {
    await slurm('scancel', [...options, ...tasks.map(idOf)]);
  } catch (error) {
    if (!(error instanceof UserError && OVER.test(error.message))) throw error;
  }
}

/** Ends tasks at once; those that wait never start. */
export const cancel = (tasks: readonly Task[]): Promise<void> => scancel(tasks);

/** SIGTERM to the members' own processes. */
export const terminate = (tasks: readonly Task[]): Promise<void> => scancel(tasks, '--batch', '--signal=TERM');

/**
 * How a task ended, in Slurm's word, such as `COMPLETED`, `FAILED`, `TIMEOUT`, `NODE_FAIL` or `PREEMPTED`. The accounting knows if there is any; the
 * controller for some minutes. Undefined when neither does.
 */
export async function endOf(job: string, task: number): Promise<string | undefined> {
  const id = `${job}_${task}`;
  const ask = async (program: string, args: readonly string[]): Promise<string> => slurm(program, args).catch(() => '');
  const accounted = /^[A-Z_]+/.exec(await ask('sacct', ['--noheader', '--parsable2', '--allocations', `--jobs=${id}`, '--format=State']));
  return accounted?.[0] ?? /\bJobState=([A-Z_]+)/.exec(await ask('scontrol', ['--oneliner', 'show', 'job', id]))?.[1];
}

import { join } from 'node:path';
import type { Executor } from '../../experiment/comparison';
import { commandLine } from '../../shared/command-line';
import type { ExecutorContext } from '../executor';

export type SlurmOptions = Extract<Executor, { kind: 'slurm' }>;

/** A member whose time is nearly up is told so many seconds before, so that it leaves a checkpoint. */
const WARNING_SECONDS = 60;

/** Where the output of an array's task goes, seen from the comparison's folder. */
export const taskLog = (job: string, task: number | string): string => join('logs', `${job}_${task}.out`);

/**
 * The batch script of a job array that trains one member a task. It is complete: `sbatch` needs nothing but the file, and the options stand where a
 * person looks for them.
 */
export function slurmScript(name: string, members: readonly string[], context: ExecutorContext, options: SlurmOptions): string {
  const { partition, cpus, memory, gpus, time, atOnce, node } = options;
  const directives = [
    `--job-name=${name}`,
    `--array=0-${members.length - 1}${atOnce === undefined ? '' : `%${atOnce}`}`,
    // Slurm writes no log where the folder is missing, and replaces % in this path; relative to the next one there is nothing else to replace.
    `--output=${taskLog('%A', '%a')}`,
    `--chdir=${context.folder}`,
    '--nodes=1',
    '--ntasks=1',
    `--cpus-per-task=${cpus}`,
    ...(partition === undefined ? [] : [`--partition=${partition}`]),
    ...(memory === undefined ? [] : [`--mem=${memory}`]),
    ...(gpus === 0 ? [] : [`--gres=gpu:${gpus}`]),
    ...(time === undefined ? [] : [`--time=${time}`]),
    // To the batch shell alone, which is the member's own process: the script ends with `exec`.
    `--signal=B:TERM@${WARNING_SECONDS}`,
    // Another node goes on where this one failed. The log is added to.
    '--requeue',
    '--open-mode=append',
    ...options.options,
  ];
  const tasks = members.map((member, task) => {
    const [first, ...rest] = context.command(member);
    return `  ${task}) exec ${commandLine([node ?? first!, ...rest])} ;;`;
  });
  return `${['#!/bin/sh', ...directives.map((option) => `#SBATCH ${directive(option)}`), '', 'case "$SLURM_ARRAY_TASK_ID" in', ...tasks, 'esac'].join('\n')}\n`;
}

/** An option as sbatch reads it in a script: in double quotes with escapes, where it is more than letters and digits. */
const directive = (option: string): string =>
  /^[\w%=:@,./-]+$/.test(option) ? option : `"${option.replaceAll(/["\\]/g, String.raw`\$&`)}"`;

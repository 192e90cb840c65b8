import { availableParallelism } from 'node:os';
import type { Executor } from '../experiment/comparison';
import { availableMemory } from '../train/device-memory';
import type { Experiment } from '../train/experiment';
import { countGpus } from '../train/gpus';
import type { ComparisonPlan } from './plan';

/** Threads that a step of a member may use: set by the experiment, or the machine's cores shared evenly among the members that run at once. */
export function threadsFor(executor: Executor, { training }: Experiment, members: number, cores = availableParallelism()): number {
  if (training.threads !== undefined) return training.threads;
  if (executor.kind === 'slurm') return executor.cpus;
  return Math.max(1, Math.floor(cores / Math.min(executor.workers ?? cores, members)));
}

/** GPUs among which the members are spread; none where none of them uses CUDA. */
export const gpusFor = ({ variants }: Pick<ComparisonPlan, 'variants'>): number => (devicesOf(variants).has('cuda') ? countGpus() : 0);

const devicesOf = (variants: ComparisonPlan['variants']): Set<unknown> =>
  new Set(variants.map(({ experiment }) => (experiment as Experiment).training.device));

/** Members that the machine bears at once: no more threads than cores, no more memory than is free, and one at a time on each graphics card. */
export function workersFor(
  { variants, executor, members }: Pick<ComparisonPlan, 'variants' | 'executor' | 'members'>,
  { cores = availableParallelism(), memory = availableMemory('cpu')!, gpus = 1 }: { cores?: number; memory?: number; gpus?: number } = {},
): number {
  if (executor.kind === 'local' && executor.workers !== undefined) return Math.min(executor.workers, members.length);
  const devices = devicesOf(variants);
  if (devices.has('webgpu')) return 1;
  if (devices.has('cuda')) return Math.min(Math.max(1, gpus), members.length);
  const experiments = variants.map(({ experiment }) => experiment as Experiment);
  const threads = Math.max(...experiments.map(({ training }) => training.threads ?? 1));
  const largest = Math.max(...variants.map((variant) => variant.memory ?? 0));
  return Math.max(1, Math.min(Math.floor(cores / threads), Math.floor(memory / largest), members.length));
}

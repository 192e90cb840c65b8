import type { Preset } from '../../experiment/model';
import { BenchmarkModel } from '../workload';
import type { Precision } from '../../shared/types';
import { differenceOf, type Difference } from './summary';
import { makeRunner, runnerOn, type Device, type Runner } from './runner';

export interface ParitySpec {
  readonly preset: Preset;
  readonly precision: Precision;
  readonly device: Device;
  /** Sequences of a step; the benchmark's by default. */
  readonly batch?: number;
  readonly steps: number;
  /** Of the processor, for the run that is compared with. */
  readonly threads: number;
}

export interface ParityRow extends Difference {
  readonly preset: Preset;
  readonly precision: Precision;
  readonly steps: number;
  /** Losses of the last step; through JSON null where they are not finite. */
  readonly cpu: number | null;
  readonly device: number | null;
}

/**
 * Trains the same model on the processor, in float32 and one step a run, and on the device, with dropout: its masks are functions of the step. A precision
 * for each process: what a library makes of TF32 may hold until it ends.
 */
export async function measureParity({ preset, precision, device, batch, steps, threads }: ParitySpec): Promise<ParityRow> {
  const fresh = (): BenchmarkModel => new BenchmarkModel({ preset, objectives: ['mlm'], dropout: 0.1, ...(batch && { batch }) });
  const expected = await lossesOf(await runnerOn(fresh(), { threads }), steps, 1);
  const losses = await lossesOf(await makeRunner(fresh(), device, precision), steps, STEPS_A_RUN);
  return { preset, precision, steps, ...differenceOf(losses, expected), cpu: expected.at(-1)!, device: losses.at(-1)! };
}

/** Of the device; it divides any number of steps that is asked for here. */
const STEPS_A_RUN = 5;

async function lossesOf(runner: Runner, steps: number, stepsARun: number): Promise<number[]> {
  const losses: number[] = [];
  while (losses.length < steps) losses.push(...(await runner.run(stepsARun)));
  await runner.release();
  return losses;
}

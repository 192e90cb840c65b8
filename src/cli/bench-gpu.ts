import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { version } from '../../package.json';
import { batchFor, MOST_SEQUENCES } from '../bench/gpu/batch';
import { runParts } from '../bench/gpu/budget';
import { cardOf, type Peaks } from '../bench/gpu/cards';
import type { Device } from '../bench/gpu/runner';
import { measure, type Measurement } from '../bench/gpu/measure';
import { plan, type PlanOptions } from '../bench/gpu/plan';
import { resultOf } from '../bench/gpu/result';
import { gpuOf } from '../train/gpus';
import type { Preset } from '../experiment/model';
import { replaceFile } from '../train/storage';
import { Precision } from '../shared/types';
import { describeResult, FORMULAS } from './bench-gpu-report';

export interface BenchGpuOptions {
  readonly device: Device;
  readonly preset?: readonly Preset[];
  readonly batch?: number;
  readonly dropout: number;
  readonly seconds?: number;
  /** What MFU is computed by at every precision, in TFLOP/s, instead of the card's own. */
  readonly peak?: number;
  readonly python: string;
  readonly twin?: string;
  readonly out: string;
  readonly json?: boolean;
  /** What a child process measures, as JSON. */
  readonly part?: string;
}

/** On the processor a few are enough to see that it works. */
const FEW_SEQUENCES = 4;
/** What is measured on a device unless it is asked otherwise. The processor's is to see that all of it works, in a minute. */
const DEFAULTS = {
  cuda: { preset: ['base', 'small', 'mini'], seconds: 470, chunks: [1, 4, 16, 64, 256], parity: { preset: 'mini', steps: 50 } },
  cpu: { preset: ['tiny'], seconds: 55, chunks: [1, 2], parity: { preset: 'tiny', batch: FEW_SEQUENCES, steps: 5 } },
} as const;
/** Whose roofline graphs are held against where there is no card. */
const REFERENCE = cardOf('NVIDIA H100 80GB HBM3')!;
const MOST_THREADS = 8;
/** The unit of a GPU's memory. */
const MIB = 2 ** 20;

/**
 * Measures training on a GPU, unattended and in time: each part in a process of its own, which is this program again with `--part`. What is known is
 * written after each part.
 */
export async function benchGpuCommand({ json, part, ...options }: BenchGpuOptions): Promise<void> {
  if (part !== undefined) {
    for await (const result of measure(JSON.parse(part) as Measurement)) process.stdout.write(`${JSON.stringify(result)}\n`);
    return;
  }
  const started = new Date();
  const defaults = DEFAULTS[options.device];
  const out = resolve(options.out);
  const gpu = options.device === 'cuda' ? gpuOf(0) : undefined;
  const card = gpu && cardOf(gpu.name);
  const peaks: Peaks =
    options.peak === undefined ? (card ?? {}) : Object.fromEntries(Precision.options.map((name) => [name, options.peak]));
  const { device, dropout, python, twin, preset = defaults.preset } = options;
  const fitting = (): number => (gpu ? batchFor(gpu.memory * MIB, preset, dropout) : MOST_SEQUENCES);
  const batch = options.batch ?? (device === 'cpu' ? FEW_SEQUENCES : fitting());
  const seconds = options.seconds ?? defaults.seconds;
  const planned: PlanOptions = {
    ...{ device, presets: preset, batch, dropout, python },
    twin: twin === undefined ? undefined : resolve(twin),
    chunks: defaults.chunks,
    parity: { ...defaults.parity, threads: Math.min(MOST_THREADS, availableParallelism()) },
    card: card ?? REFERENCE,
  };
  const parts = plan([process.execPath, realpathSync(process.argv[1]!)], planned);
  const scratch = mkdtempSync(join(tmpdir(), 'objective-lab-bench-'));
  // For what parts leave behind when they are stopped.
  process.env.TMPDIR = scratch;
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const head = { version, date: started.toISOString(), device, gpu, formulas: FORMULAS, seconds };
  const elapsed = (): number => (Date.now() - started.getTime()) / 1000;
  const outcomes = await runParts(parts, {
    seconds: seconds - elapsed(),
    begin: ({ name }, limit) => process.stderr.write(`${elapsed().toFixed(0).padStart(4)} s  ${name}, at most ${limit.toFixed(0)} s …\n`),
    end: (sofar) => replaceFile(out, `${JSON.stringify({ ...head, took: elapsed(), ...resultOf(parts, sofar, peaks) }, null, 1)}\n`),
  });
  const result = resultOf(parts, outcomes, peaks);
  process.stdout.write(json ? `${JSON.stringify({ ...head, took: elapsed(), ...result })}\n` : `${describeResult(result)}\n\n${out}\n`);
  // A child that a driver holds would keep this process.
  process.exit();
}

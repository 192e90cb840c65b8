import { mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { input, type Value } from '../onnx/graph';
import * as ops from '../onnx/ops';
import { optimise } from '../onnx/optimise';
import { serialise } from '../onnx/serialise';
import { filled } from '../onnx/types';
import { median } from '../shared/statistics';
import { replaceFile } from './storage';
import { Session } from './device';

/** What is known of machines: for each, the fastest number of threads by hidden size and rows. */
const Known = z.record(z.string(), z.record(z.string(), z.int().positive()));

const ROUNDS = 9;
/** More threads must be this much faster to be taken: they are not free for whatever else the machine does. */
const WORTH = 0.95;
/** Work of a run in FLOP: some tens of milliseconds. */
const MOST_WORK = 3e9;

/**
 * How many threads a step of this size runs fastest with on this machine, by timing a feed-forward layer with each number in turn. Counting cores
 * does not tell: on a shared machine two threads may be slower than one. Measured once for each size and machine, and kept in `folder`.
 *
 * @param rows tokens in a step
 */
export async function fastestThreads(hiddenSize: number, rows: number, folder: string, cores = availableParallelism()): Promise<number> {
  const counts = candidates(cores);
  if (counts.length === 1) return 1;
  const machine = `${hostname()}: ${cpus()[0]?.model.trim() ?? process.arch}, ${cores} cores`;
  const size = `${hiddenSize}×${rows}`;
  const path = join(folder, 'threads.json');
  const known = read(path);
  const before = known[machine]?.[size];
  if (before !== undefined && counts.includes(before)) return before;
  const threads = await measure(counts, hiddenSize, Math.max(1, Math.min(rows, Math.floor(MOST_WORK / (16 * hiddenSize ** 2)))));
  try {
    mkdirSync(folder, { recursive: true });
    replaceFile(path, `${JSON.stringify({ ...known, [machine]: { ...known[machine], [size]: threads } }, null, 2)}\n`);
  } catch {
    // Not kept: measured again next time.
  }
  return threads;
}

/** 1, 2, 4, … and the number of cores. */
function candidates(cores: number): number[] {
  const powers = Array.from({ length: Math.floor(Math.log2(cores)) + 1 }, (_, i) => 2 ** i);
  return [...new Set([...powers, cores])];
}

function read(path: string): z.infer<typeof Known> {
  try {
    return Known.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return {};
  }
}

async function measure(counts: readonly number[], hiddenSize: number, rows: number): Promise<number> {
  const shapes = { x: [rows, hiddenSize], up: [4 * hiddenSize, hiddenSize], down: [hiddenSize, 4 * hiddenSize] };
  const value = (name: keyof typeof shapes): Value => input(name, 'float32', shapes[name]);
  const hidden = ops.gelu(ops.gemm(value('x'), value('up'), undefined, { transB: 1 }));
  const y = ops.gemm(hidden, value('down'), undefined, { transB: 1 });
  const graph = serialise(optimise(new Map([['y', ops.reduceSum(y)]]), 'cpu'));
  const feeds = new Map(Object.entries(shapes).map(([name, shape]) => [name, filled('float32', shape, 0.01)]));
  const arms: { threads: number; session: Session; times: number[] }[] = [];
  for (const threads of counts) arms.push({ threads, session: await Session.create(graph, { threads }), times: [] });
  // In turns, so that a change of the machine's speed meets all; the first round only wakes the threads up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { session, times } of arms) {
      const start = performance.now();
      await session.run(feeds);
      if (round > 0) times.push(performance.now() - start);
    }
  }
  for (const { session } of arms) await session.release();
  return arms.reduce((best, arm) => (median(arm.times) < WORTH * median(best.times) ? arm : best)).threads;
}

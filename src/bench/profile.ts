import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import type { Tensor } from '../onnx/types';
import { Session } from '../train/device';

/** After the first, which allocates and is not counted. */
const RUNS = 3;

/** What ONNX Runtime writes of each run and of each kernel in it, in the trace format of Chrome: times in microseconds. */
const Events = z.array(
  z.object({ cat: z.string(), name: z.string(), ts: z.number(), dur: z.number(), args: z.object({ op_name: z.string() }).partial() }),
);

/** Milliseconds a run by kind of operator, and the seconds that the session took to make. */
export async function profile(
  model: Uint8Array,
  threads: number,
  feeds: ReadonlyMap<string, Tensor>,
  into: ReadonlyMap<string, Tensor>,
): Promise<{ operators: Map<string, number>; sessionSeconds: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'objective-lab-profile-'));
  try {
    const started = performance.now();
    const session = await Session.create(model, { threads, profile: join(folder, 'run') });
    const sessionSeconds = (performance.now() - started) / 1000;
    for (let i = 0; i < 1 + RUNS; i++) await session.run(feeds, into);
    session.endProfiling();
    await session.release();
    const [file] = readdirSync(folder);
    const trace: unknown = JSON.parse(readFileSync(join(folder, file!), 'utf8'));
    return { operators: kernelTimes(trace), sessionSeconds };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds a run by kind of operator, from the trace of a session. The first run is left out. */
export function kernelTimes(trace: unknown): Map<string, number> {
  const events = Events.parse(trace);
  const [first, ...runs] = events.filter(({ name }) => name === 'model_run').sort((a, b) => a.ts - b.ts);
  const operators = new Map<string, number>();
  for (const { cat, name, ts, dur, args } of events) {
    if (cat !== 'Node' || !name.endsWith('_kernel_time') || args.op_name === undefined || !first || ts < first.ts + first.dur) continue;
    operators.set(args.op_name, (operators.get(args.op_name) ?? 0) + dur / 1000 / runs.length);
  }
  return operators;
}

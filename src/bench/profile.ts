import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Tensor } from '../onnx/types';
import { Session } from '../train/device';

const RUNS = 3;

/** What ONNX Runtime writes of each kernel it ran, in the trace format of Chrome. */
const Events = z.array(z.object({ cat: z.string(), name: z.string(), dur: z.number(), args: z.object({ op_name: z.string() }).partial() }));

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
    for (let i = 0; i < RUNS; i++) await session.run(feeds, into);
    session.endProfiling();
    await session.release();
    const [file] = readdirSync(folder);
    const events = Events.parse(JSON.parse(readFileSync(join(folder, file!), 'utf8')));
    const operators = new Map<string, number>();
    for (const { cat, name, dur, args } of events) {
      if (cat !== 'Node' || !name.endsWith('_kernel_time') || args.op_name === undefined) continue;
      operators.set(args.op_name, (operators.get(args.op_name) ?? 0) + dur / 1000 / RUNS);
    }
    return { operators, sessionSeconds };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

import { utimesSync, writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { attempt } from './storage';
import type { PulseStart } from './pulse';

/** The thread that says twice a second that the trainer is at work, for as long as the trainer's own thread is not overdue. */
const { overdue, channel } = workerData as PulseStart;
let lock: string | undefined;
parentPort!.on('message', (path: string) => (lock = path));

const BEAT = 500;

setInterval(() => {
  if (process.hrtime.bigint() > Atomics.load(overdue, 0)) return;
  const now = new Date();
  // Neither is worth a failure: whoever listens may be gone, and the run's folder too.
  if (lock !== undefined) attempt(() => utimesSync(lock!, now, now));
  if (channel !== undefined) attempt(() => void writeSync(channel, '.'));
}, BEAT);

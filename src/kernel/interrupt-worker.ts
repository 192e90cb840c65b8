import { Session } from 'node:inspector';
import { Socket } from 'node:net';
import { workerData } from 'node:worker_threads';
import type { InterruptStart } from './interrupts';

/**
 * The thread that breaks off a cell which keeps the main thread busy: for each byte on standard input it looks whether the main thread has heard of the
 * interruption by itself, and otherwise has its JavaScript ended, whatever it is at.
 */
const { heard } = workerData as InterruptStart;
/** How long the main thread has, in milliseconds. */
const GRACE = 300;
/** How long it has to end by itself. */
const FAREWELL = 2_000;

let asked = 0;
const socket = new Socket({ fd: 0 });
socket.on('data', (bytes) => {
  asked += bytes.length;
  const turn = asked;
  setTimeout(() => {
    if (Atomics.load(heard, 0) >= turn) return;
    const session = new Session();
    session.connectToMainThread();
    session.post('Runtime.terminateExecution', () => session.disconnect());
  }, GRACE);
});
// Whoever started the kernel is gone. A main thread that is busy for ever does not hear of it.
socket.on('close', () => setTimeout(() => process.kill(process.pid, 'SIGKILL'), FAREWELL));

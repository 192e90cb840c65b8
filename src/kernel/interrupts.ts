import { Worker } from 'node:worker_threads';
import program from './interrupt-worker?thread';

export interface InterruptStart {
  /** Interruptions that the main thread has heard of. */
  readonly heard: Int32Array;
}

/** Lets cells be interrupted that do not let messages in, see `interrupt-worker.ts`. @returns tells that the main thread has heard of one */
export function watchInterrupts(): () => void {
  const heard = new Int32Array(new SharedArrayBuffer(4));
  const start: InterruptStart = { heard };
  new Worker(program, { eval: true, workerData: start }).unref();
  return () => Atomics.add(heard, 0, 1);
}

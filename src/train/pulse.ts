import { Worker } from 'node:worker_threads';
import { PULSE_CHANNEL } from '../shared/trainer-protocol';
import program from './pulse-worker?thread';

export interface PulseStart {
  /** When the trainer's own thread should have been heard of again, by the process's monotonic clock in nanoseconds. */
  readonly overdue: BigInt64Array;
  /** A file descriptor that gets a byte with every beat. */
  readonly channel: number | undefined;
}

/** How often the trainer's own thread shows itself while it waits for something, in milliseconds. */
const TICK = 250;

/**
 * Shows that a trainer is at work: a thread of its own touches the run's lock and writes to the parent's channel, but only while the trainer's own
 * thread is heard of as often as it said. A frozen process falls silent, and so does one whose own thread hangs; one that is inside a long step that it
 * announced does not.
 */
export class Pulse {
  readonly #overdue = new BigInt64Array(new SharedArrayBuffer(8));
  readonly #worker: Worker;
  readonly #ticks: NodeJS.Timeout;
  #patience = 0;

  /** @param patience see {@link expect} */
  constructor(patience: number) {
    this.expect(patience);
    const channel = process.env[PULSE_CHANNEL];
    const start: PulseStart = { overdue: this.#overdue, channel: channel === undefined ? undefined : Number(channel) };
    this.#worker = new Worker(program, { eval: true, workerData: start });
    this.#worker.unref();
    this.#ticks = setInterval(() => this.#tick(), TICK);
    this.#ticks.unref();
  }

  /** The longest time, in milliseconds, that the calling thread may stay inside one piece of work from now on. */
  expect(patience: number): void {
    this.#patience = patience;
    this.#tick();
  }

  /** The run whose lock is touched. */
  hold(lock: string): void {
    this.#worker.postMessage(lock);
  }

  async stop(): Promise<void> {
    clearInterval(this.#ticks);
    await this.#worker.terminate();
  }

  #tick(): void {
    Atomics.store(this.#overdue, 0, process.hrtime.bigint() + BigInt(Math.ceil(this.#patience * 1e6)));
  }
}

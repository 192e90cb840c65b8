/** How long a trainer that trains may be silent before it counts as hung, in milliseconds: it says twice a second that it is at work. */
const LONGEST_SILENCE = 3_000;
const LOOK_EVERY = 500;

/** Notices that a trainer has fallen silent. Time in which this process itself did not run (a machine that slept) does not count. */
export class SilenceWatch {
  #silent = 0;
  #looked = performance.now();
  #began = false;
  readonly #timer: NodeJS.Timeout;

  constructor(onSilence: (milliseconds: number) => void) {
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#silent += Math.min(now - this.#looked, 2 * LOOK_EVERY);
      this.#looked = now;
      if (!this.#began || this.#silent < LONGEST_SILENCE) return;
      this.stop();
      onSilence(this.#silent);
    }, LOOK_EVERY);
  }

  /** The trainer was heard of. The first time begins the watch. */
  heard(): void {
    this.#began = true;
    this.#silent = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Calls a function at once, then at most once every `interval` milliseconds while calls keep coming; the last call is never lost. */
export class Throttle {
  #timer: NodeJS.Timeout | undefined;
  #waiting = false;

  constructor(
    private readonly interval: number,
    private readonly work: () => void,
  ) {}

  call(): void {
    if (this.#timer) {
      this.#waiting = true;
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!this.#waiting) return;
      this.#waiting = false;
      this.call();
    }, this.interval);
    this.work();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#waiting = false;
  }
}

/** Calls a function `delay` milliseconds after a call; those that come meanwhile are one with it. */
export class Delay {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly delay: number,
    private readonly work: () => void,
  ) {}

  call(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.work();
    }, this.delay);
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }
}

/** Calls a function once no call has come for `delay` milliseconds. */
export class Debounce {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly delay: number,
    private readonly work: () => void,
  ) {}

  call(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.work, this.delay);
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }
}

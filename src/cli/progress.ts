import type { Metrics } from '../shared/types';

const BAR_WIDTH = 24;

/** A progress bar with loss, tokens/s and time left on a terminal; a line every so often elsewhere. */
export class Progress {
  #total = 0;
  #last = 0;
  readonly #live = process.stdout.isTTY;

  start(total: number): void {
    this.#total = total;
  }

  note(message: string): void {
    this.#clear();
    process.stdout.write(`${message}\n`);
  }

  update({ step, seconds, loss, eval: results, tokens }: Metrics): void {
    if (results) this.note(`step ${step}: held-out ${describe(results)}`);
    const now = performance.now();
    if (!loss || now - this.#last < (this.#live ? 100 : 5000)) return;
    this.#last = now;
    const share = step / this.#total;
    const filled = Math.round(BAR_WIDTH * share);
    const left = Math.round((seconds / step) * (this.#total - step));
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`;
    const line = `${bar} ${step}/${this.#total}  ${describe(loss)}  ${Math.round(tokens / seconds).toLocaleString('en')} tokens/s  ${clock(left)} left`;
    this.#clear();
    process.stdout.write(this.#live ? line.slice(0, (process.stdout.columns || 120) - 1) : `${line}\n`);
  }

  end(): void {
    this.#clear();
  }

  #clear(): void {
    if (this.#live) process.stdout.write('\r\x1b[K');
  }
}

export const describe = (values: Readonly<Record<string, number>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${value.toFixed(3)}`)
    .join(', ');

const clock = (seconds: number): string => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;

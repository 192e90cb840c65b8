import type { Device, Metrics } from '../shared/types';
import { train } from '../train/loop';

interface Options {
  readonly steps?: number;
  readonly device?: Device;
  readonly threads?: number;
  readonly out?: string;
  readonly json?: boolean;
}

const BAR_WIDTH = 24;

export async function trainCommand(experiment: string, { out, json, ...overrides }: Options): Promise<void> {
  const controller = new AbortController();
  // The first Ctrl-C stops after the step in hand, with a checkpoint; the second at once.
  process.once('SIGINT', () => controller.abort());
  const print = (event: string, details: object): boolean => process.stdout.write(`${JSON.stringify({ event, ...details })}\n`);
  const progress = new Progress();
  const result = await train({
    experiment,
    runs: out,
    ...overrides,
    signal: controller.signal,
    events: json
      ? {
          status: (message) => print('status', { message }),
          started: (details) => print('started', details),
          metrics: (line) => print(line.eval ? 'eval' : 'step', line),
          checkpoint: (details) => print('checkpoint', details),
        }
      : {
          status: (message) => progress.note(message),
          started: ({ run, steps: total, device: on, parameters }) => {
            progress.start(total);
            progress.note(`${parameters.toLocaleString('en')} parameters on ${on}\nRun: ${run}`);
          },
          metrics: (line) => progress.update(line),
        },
  });
  if (json) {
    print('done', result);
    return;
  }
  progress.end();
  const { run, steps: done, reason, eval: results } = result;
  process.stdout.write(`${reason === 'completed' ? 'Completed' : 'Stopped'} after ${done} steps: ${describe(results)}\n${run}\n`);
}

const describe = (values: Record<string, number>): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${value.toFixed(3)}`)
    .join(', ');

/** A progress bar with loss, tokens/s and time left on a terminal; a line every so often elsewhere. */
class Progress {
  #total = 0;
  #held = '';
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
    if (results) {
      this.#held = `held-out ${describe(results)}`;
      this.note(`step ${step}: ${this.#held}`);
    }
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

const clock = (seconds: number): string => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;

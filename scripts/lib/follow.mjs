// Shows in the terminal what runs write into their folders, whoever started them.
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

const POLL_MS = 500;
/** Steps follow each other too fast to read: one line in this many milliseconds. */
const STEP_MS = 2000;

/**
 * @typedef {object} Metrics a line of metrics.jsonl, see src/shared/types.ts
 * @property {number} step
 * @property {number} tokens
 * @property {number} seconds
 * @property {Record<string, number>} [loss]
 * @property {Record<string, number>} [eval]
 */

/** @param {Record<string, number>} values */
const describe = (values) =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${value.toFixed(3)}`)
    .join('  ');

/**
 * One line of metrics for people.
 * @param {Metrics} line
 */
export function formatMetrics({ step, tokens, seconds, loss, eval: heldOut }) {
  if (heldOut) return `step ${step}  held-out  ${describe(heldOut)}`;
  const speed = seconds > 0 ? `  ${Math.round(tokens / seconds).toLocaleString('en')} tokens/s` : '';
  return `step ${step}  loss  ${describe(loss ?? {})}${speed}`;
}

/**
 * Follows all runs below a folder from now on; it need not exist yet. Returns the function that ends it.
 * @param {string} runs
 * @param {(line: string) => void} print
 */
export function followRuns(runs, print) {
  /** @type {Map<string, Tail>} */
  const tails = new Map();
  /** @type {Map<string, number>} */
  const shown = new Map();
  const look = (/** @type {boolean} */ fromEnd) => {
    for (const run of folders(runs)) {
      for (const file of ['log.txt', 'metrics.jsonl']) {
        const path = join(runs, run, file);
        const tail = tails.get(path) ?? new Tail(path, fromEnd);
        tails.set(path, tail);
        for (const line of tail.read()) {
          if (file === 'log.txt') {
            print(`[${run}] ${line}`);
            continue;
          }
          const metrics = parse(line);
          if (!metrics) continue;
          if (!metrics.eval && performance.now() - (shown.get(run) ?? -STEP_MS) < STEP_MS) continue;
          if (!metrics.eval) shown.set(run, performance.now());
          print(`[${run}] ${formatMetrics(metrics)}`);
        }
      }
    }
  };
  // What earlier sessions wrote is no news.
  look(true);
  const timer = setInterval(() => look(false), POLL_MS);
  return () => clearInterval(timer);
}

/** @param {string} folder */
function folders(folder) {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
}

/** The complete lines that were appended to a file since the last look; none while it does not exist. */
class Tail {
  #offset = 0;
  #rest = '';

  /**
   * @param {string} path
   * @param {boolean} fromEnd
   */
  constructor(path, fromEnd) {
    this.path = path;
    if (fromEnd) this.#offset = this.#size();
  }

  /** @returns {string[]} */
  read() {
    const size = this.#size();
    if (size <= this.#offset) return [];
    const bytes = Buffer.alloc(size - this.#offset);
    const file = openSync(this.path, 'r');
    const length = readSync(file, bytes, 0, bytes.length, this.#offset);
    closeSync(file);
    this.#offset += length;
    const lines = (this.#rest + bytes.toString('utf8', 0, length)).split('\n');
    this.#rest = lines.pop() ?? '';
    return lines.filter((line) => line !== '');
  }

  #size() {
    return statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
  }
}

/**
 * A line of metrics; a line that a crash cut off is none.
 * @param {string} line
 * @returns {Metrics | undefined}
 */
function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

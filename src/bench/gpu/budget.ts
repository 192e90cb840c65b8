import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A piece of work for a process of its own, which prints each result as a line of JSON as soon as it has it. */
export interface Part {
  readonly name: string;
  /** Seconds that it is given at least; it is not begun where they are not left. */
  readonly seconds: number;
  readonly command: readonly string[];
  /** A word why it is not begun at all, once the results of those before are known. */
  readonly refuse?: (before: readonly Outcome[]) => string | undefined;
}

export interface Outcome {
  readonly part: string;
  /** `stopped`: its time was over; what it had printed by then is in `results`. */
  readonly outcome: 'done' | 'stopped' | 'failed' | 'skipped';
  /** Why it is not done. */
  readonly why?: string;
  readonly seconds: number;
  readonly results: readonly unknown[];
}

export interface Budget {
  /** Wall-clock seconds for all parts. */
  readonly seconds: number;
  /** Called before each part. */
  readonly begin: (part: Part, limit: number) => void;
  /** Called after each part, with all outcomes so far. */
  readonly end: (outcomes: readonly Outcome[]) => void;
}

/**
 * Runs parts one after another and ends in time whatever they do. Each may take its share of the time that is left, so that what one does not use goes to
 * those after it; one that goes on is killed, with all processes that it started.
 */
export async function runParts(parts: readonly Part[], { seconds, begin, end }: Budget): Promise<Outcome[]> {
  const deadline = performance.now() + 1000 * seconds;
  const outcomes: Outcome[] = [];
  for (const [i, part] of parts.entries()) {
    const left = (deadline - performance.now()) / 1000;
    const limit = Math.max(part.seconds, (left * part.seconds) / parts.slice(i).reduce((sum, each) => sum + each.seconds, 0));
    const refusal =
      part.refuse?.(outcomes) ?? (left < part.seconds ? `it needs ${part.seconds} s, and ${left.toFixed(0)} s are left` : undefined);
    if (refusal === undefined) begin(part, limit);
    outcomes.push(
      refusal === undefined ? await runPart(part, limit) : { part: part.name, outcome: 'skipped', why: refusal, seconds: 0, results: [] },
    );
    end(outcomes);
  }
  return outcomes;
}

/** Characters of what a part writes to its standard error that are kept: why it failed is at their end. */
const KEPT = 4000;

function runPart({ name, command: [program, ...args] }: Part, limit: number): Promise<Outcome> {
  const started = performance.now();
  const results: unknown[] = [];
  let errors = '';
  // A group of its own: what a part has started ends with it.
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-KEPT)));
  createInterface({ input: child.stdout }).on('line', (line) => {
    try {
      results.push(JSON.parse(line));
    } catch {
      // Libraries print lines of their own, and one that crashes half a line.
    }
  });
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  };
  process.once('exit', kill);
  return new Promise((resolve) => {
    const finish = (outcome: Outcome['outcome'], why?: string): void => {
      clearTimeout(timer);
      process.off('exit', kill);
      const seconds = (performance.now() - started) / 1000;
      resolve({ part: name, outcome, ...(why !== undefined && { why }), seconds, results: [...results] });
    };
    const timer = setTimeout(() => {
      kill();
      // One that a driver holds does not end even so: nobody waits for it.
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      finish('stopped', `its ${limit.toFixed(0)} s were over`);
    }, 1000 * limit);
    child.on('error', ({ message }) => finish('failed', message));
    child.on('close', (code, killed) =>
      code === 0 ? finish('done') : finish('failed', reasonOf(errors) ?? `it ended by itself (${killed ?? `exit code ${code}`})`),
    );
  });
}

/** The line of a program's messages that tells what went wrong. */
export function reasonOf(messages: string): string | undefined {
  const lines = messages.split('\n').map((line) => line.trim().replace(/^objective-lab: /, ''));
  return lines.findLast((line) => /error: /i.test(line)) ?? lines.findLast((line) => line !== '');
}

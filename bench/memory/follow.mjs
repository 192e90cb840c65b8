import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/**
 * Trains an experiment in a process of its own and watches its memory.
 *
 * @param {string} root of the repository, built
 * @param {string} experiment
 * @param {(line: any, resident: number) => void} [onStep] hears of every training step, with the memory in MB
 * @returns {Promise<{ events: any[], peak: number }>} everything but the steps, with the seconds since the start as `at` and the memory as `resident`; the most memory, all in MB
 */
export async function follow(root, experiment, onStep) {
  const started = performance.now();
  const child = spawn(process.execPath, [join(root, 'dist', 'cli.js'), 'train', experiment, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const memory = (/** @type {string} */ field) => {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
  };
  const events = [];
  let peak = 0;
  const look = () => {
    try {
      peak = memory('VmHWM') || peak;
    } catch {
      // It has ended.
    }
  };
  const timer = setInterval(look, 200);
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line);
    if (event.event === 'step') onStep?.(event, memory('VmRSS'));
    else {
      look();
      events.push({ ...event, at: (performance.now() - started) / 1000, resident: memory('VmRSS') });
    }
  }
  clearInterval(timer);
  return { events, peak };
}

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Longest wait for a reply; a first step may compile for minutes. */
const PATIENCE = 10 * 60 * 1000;

/** A process that does training steps one at a time, by the protocol of README.md. */
export class Contender {
  #child;
  #lines;
  #errors = '';
  #closed;

  /** @param spec its `command` and `env`; @param folder the workload; @throws Error with the reason in one line */
  static async start({ command, env }, folder, threads) {
    const contender = new Contender(command, { ...env, THREADS: String(threads) }, folder);
    Object.assign(contender, await contender.#reply());
    return contender;
  }

  constructor([program, ...args], env, folder) {
    this.#child = spawn(program, [...args, folder], { env: { ...process.env, ...env } });
    // A contender that has ended takes no more lines; why it ended is told where its reply is missed.
    this.#child.stdin.on('error', () => undefined);
    this.#child.on('error', ({ message }) => (this.#errors += `Error: ${message}`));
    this.#child.stderr.on('data', (text) => (this.#errors += text));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#closed = new Promise((resolve) => this.#child.on('close', (code, signal) => resolve(signal ?? `code ${code}`)));
  }

  /** One optimiser step: `{ ms, loss }`. */
  step() {
    this.#child.stdin.write('step\n');
    return this.#reply();
  }

  async quit() {
    this.#child.stdin.end('quit\n');
    await this.#closed;
  }

  async #reply() {
    const timer = setTimeout(() => {
      this.#errors += `\nError: no reply for ${PATIENCE / 60_000} minutes\n`;
      this.#child.kill('SIGKILL');
    }, PATIENCE);
    try {
      for (;;) {
        const { value, done } = await this.#lines.next();
        if (done) {
          const end = await this.#closed;
          throw new Error(`${reasonOf(this.#errors)} (${end})`);
        }
        // Libraries may print lines of their own.
        if (value.startsWith('{"')) return JSON.parse(value);
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The line of a program's messages that tells what went wrong. */
export function reasonOf(messages) {
  const lines = messages.split('\n').map((line) => line.replace(/^npm error /, '').trim());
  return lines.findLast((line) => /error: /i.test(line)) ?? lines.findLast((line) => line !== '') ?? 'no reason given';
}

import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { MessageHandler } from '../shared/rpc';
import { host, trainer } from '../shared/trainer-protocol';
import type { Log } from './log';

export interface TrainerOptions {
  /** What the process is for, as messages and the log call it. */
  readonly role: 'training' | 'inspection';
  /** `trainer.js`, an absolute path. */
  readonly entry: string;
  /** The Node (or Electron) that runs it. */
  readonly execPath: string;
  readonly log: Log;
}

/** How long a process that was asked to end may take before it is killed, in milliseconds. */
const GRACE = 3_000;

/** One trainer process and the messages to it. It is never reused after its end: whoever needs another one makes another one. */
export class TrainerProcess {
  readonly messages: MessageHandler<typeof host, typeof trainer>;
  /** Resolves when the process is gone, with a clause that says how (`it was killed by SIGKILL`); `undefined` when {@link dispose} ended it. */
  readonly ended: Promise<string | undefined>;
  readonly #child: ChildProcess;
  #disposed = false;

  constructor({ role, entry, execPath, log }: TrainerOptions) {
    this.#child = fork(entry, [], {
      execPath,
      execArgv: [],
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', ORT_DISABLE_TELEMETRY: '1' },
      serialization: 'advanced',
      silent: true,
    });
    const child = this.#child;
    log.info(`The ${role} process starts: ${execPath} ${entry} (pid ${child.pid ?? 'none'})`);
    this.messages = new MessageHandler(
      host,
      trainer,
      {},
      // A send that fails means that the process is going away, which `ended` reports.
      (message) => child.connected && child.send(message as object, () => undefined),
      (problem) => log.warn(`The ${role} process sent what is not in the protocol: ${problem}`),
    );
    child.on('message', (message) => this.messages.receive(message));
    for (const stream of [child.stdout, child.stderr]) if (stream) logLines(stream, (line) => log.info(`[${role}] ${line}`));
    this.messages.on('log', ({ level, message }) => log[level === 'warning' ? 'warn' : level](`[${role}] ${message}`));

    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        const clause = this.#disposed ? undefined : how;
        log.info(`The ${role} process ended${clause ? `: ${clause}` : ''}.`);
        this.messages.close({
          code: clause ? 'trainer-ended' : 'cancelled',
          message: `The ${role} process ended unexpectedly: ${how}.`,
          hint: 'The log says more.',
        });
        resolve(clause);
      };
      child.once('exit', (code, signal) => end(signal ? `it was killed by ${signal}` : `it exited with code ${code ?? 'unknown'}`));
      child.on('error', (error) => {
        if (child.pid === undefined) end(`${execPath} could not be started (${error.message}); the setting objectiveLab.nodePath names it`);
        else log.warn(`The ${role} process: ${error.message}`);
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Ends the process, politely first. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), GRACE);
    void this.ended.then(() => clearTimeout(timer));
  }
}

function logLines(stream: Readable, write: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Infinity }).on('line', write);
}

import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { MessageHandler } from '../shared/rpc';
import { host, PULSE_CHANNEL, trainer } from '../shared/trainer-protocol';
import type { Log } from './log';
import { SilenceWatch } from './silence';

export interface TrainerOptions {
  /** What the process is for, as messages and the log call it. */
  readonly role: 'training' | 'inspection';
  /** `trainer.js`, an absolute path. */
  readonly entry: string;
  /** The Node (or Electron) that runs it. */
  readonly execPath: string;
  readonly log: Log;
  /** Whether it goes on when this process ends. */
  readonly outlive?: boolean;
}

/** The file descriptor that follows those of standard streams and messages. */
const CHANNEL = 4;

/** How long a process that was asked to end may take before it is killed, in milliseconds. */
const GRACE = 3_000;

/** One trainer process and the messages to it. It is never reused after its end: whoever needs another one makes another one. */
export class TrainerProcess {
  readonly messages: MessageHandler<typeof host, typeof trainer>;
  /** Resolves when the process is gone, with a clause that says how (`it was killed by SIGKILL`); `undefined` when {@link dispose} ended it. */
  readonly ended: Promise<string | undefined>;
  readonly #child: ChildProcess;
  readonly #outlive: boolean;
  #disposed = false;
  #hung = false;

  constructor({ role, entry, execPath, log, outlive = false }: TrainerOptions) {
    this.#outlive = outlive;
    this.#child = fork(entry, [], {
      execPath,
      execArgv: [],
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', ORT_DISABLE_TELEMETRY: '1', [PULSE_CHANNEL]: String(CHANNEL) },
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
      // In a process group of its own, so that what ends the editor's leaves it alone.
      detached: outlive,
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

    const silence = new SilenceWatch((milliseconds) => {
      log.warn(`The ${role} process has not been heard of for ${(milliseconds / 1000).toFixed(1)} s: it is ended.`);
      this.#hung = true;
      child.kill('SIGKILL');
    });
    (child.stdio[CHANNEL] as Readable).on('data', () => silence.heard()).on('error', () => undefined);

    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        silence.stop();
        const clause = this.#disposed ? undefined : this.#hung ? 'it hung and was ended' : how;
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

  /** Lets the process go on by itself, if it was started so; otherwise ends it. */
  abandon(): void {
    if (!this.#outlive) return this.dispose();
    this.#disposed = true;
    this.#child.disconnect();
    this.#child.unref();
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

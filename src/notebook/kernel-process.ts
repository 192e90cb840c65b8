import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { client, kernel, type Ended, type Output } from '../shared/kernel-protocol';
import { MessageHandler } from '../shared/rpc';

export interface KernelOptions {
  /** `kernel.js`, an absolute path. */
  readonly entry: string;
  /** The Node (or Electron) that runs it. */
  readonly execPath: string;
  /** The notebook's folder, and that of runs. */
  readonly folder: string;
  readonly runs: string;
  /** What runs are called whose experiment has no name. */
  readonly name: string;
  readonly log: (level: 'info' | 'warning' | 'error', message: string) => void;
}

/** How long an interrupted cell may go on, and how long a process that was asked to end, before it is killed; in milliseconds. */
const PATIENCE = 8_000;
const GRACE = 2_000;

/**
 * The process behind one notebook and the messages to it. It is never used again after its end: whoever needs another one makes another one.
 *
 * Cells keep their variables in it. It is a process of its own, so that whatever a cell does, an editor goes on.
 */
export class KernelProcess {
  /** Resolves when the process is gone, with a clause that says how; undefined when {@link dispose} ended it. */
  readonly ended: Promise<string | undefined>;
  readonly #child: ChildProcess;
  readonly #messages: MessageHandler<typeof client, typeof kernel>;
  readonly #listeners = new Map<number, (output: Output) => void>();
  #disposed = false;
  #stuck = false;

  constructor({ entry, execPath, folder, runs, name, log }: KernelOptions) {
    const child = fork(entry, [folder, runs, name], {
      cwd: folder,
      execPath,
      // A cell that is broken off leaves no trace of the callbacks that it was called from: Node would take that for damage.
      execArgv: ['--no-force-async-hooks-checks', '--disable-warning=ExperimentalWarning'],
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', ORT_DISABLE_TELEMETRY: '1' },
      serialization: 'advanced',
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    this.#messages = new MessageHandler(
      client,
      kernel,
      {},
      (message) => child.connected && child.send(message as object, () => undefined),
      (problem) => log('warning', `The kernel sent what is not in the protocol: ${problem}`),
    );
    child.on('message', (message) => this.#messages.receive(message));
    this.#messages.on('output', ({ count, output }) => this.#listeners.get(count)?.(output));
    this.#messages.on('log', ({ level, message }) => log(level, `[kernel] ${message}`));
    // Broken when the process ends, of which `ended` tells.
    child.stdin?.on('error', () => undefined);
    for (const stream of [child.stdout, child.stderr])
      if (stream) createInterface({ input: stream, crlfDelay: Infinity }).on('line', (line) => log('info', `[kernel] ${line}`));
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        const clause = this.#disposed ? undefined : this.#stuck ? 'it did not let itself be interrupted, and was ended' : how;
        this.#messages.close({ code: 'kernel-ended', message: `The kernel ended: ${clause ?? 'it was restarted'}.` });
        resolve(clause);
      };
      child.once('exit', (code, signal) =>
        end(signal ? `it was killed by ${signal}` : `its process exited with code ${code ?? 'unknown'}`),
      );
      child.on('error', (error) => {
        if (child.pid === undefined) end(`${execPath} could not be started (${error.message})`);
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Runs a cell.
   *
   * @param count its number in the order of execution
   * @param onOutput hears what it writes and shows
   * @returns how it ended; rejects with `RemoteError` (code `kernel-ended`) when the process ends before
   */
  async execute(count: number, code: string, onOutput: (output: Output) => void): Promise<Ended> {
    this.#listeners.set(count, onOutput);
    try {
      return await this.#messages.request('execute', { count, code });
    } finally {
      this.#listeners.delete(count);
    }
  }

  /** Breaks off the cell in hand; variables stay. A process that does not let itself be interrupted is ended. */
  async interrupt(): Promise<void> {
    this.#child.stdin?.write('.');
    const timer = setTimeout(() => {
      this.#stuck = true;
      this.#child.kill('SIGKILL');
    }, PATIENCE);
    await this.#messages.request('interrupt', {}).catch(() => undefined);
    clearTimeout(timer);
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

/** What a cell is told whose kernel ended under it. */
export const lost = (how: string): { name: string; message: string; stack: string } => {
  const message = `The kernel ended: ${how}. Its variables are gone: run the cells again from the first.`;
  return { name: 'KernelEnded', message, stack: `KernelEnded: ${message}` };
};

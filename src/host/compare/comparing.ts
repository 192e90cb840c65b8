import * as vscode from 'vscode';
import type { ComparedMember, ComparisonReport } from '../../shared/comparison-types';
import { UserError } from '../../shared/errors';
import { RemoteError } from '../../shared/rpc';
import type { TrainerProcess } from '../trainer-process';

/** How long the members may take to write their last checkpoints before the process is ended, in milliseconds. */
const LONGEST_STOP = 90_000;

/** What a comparison does once it is planned, if nothing else is said. */
export const TRAINING = 'Training';

/** What is known of the comparison in progress, from the trainer's events. */
export interface LiveComparison {
  readonly name: string;
  /** Known before the first event where the comparison has begun before. */
  folder: string;
  /** What the trainer is doing, for people: how far the plan is, then what the executor says of its queue. */
  status: string;
  stopping: boolean;
  readonly members: Map<string, ComparedMember>;
}

/** Runs one comparison at a time, in a process of its own that ends with it. */
export class Comparing implements vscode.Disposable {
  #live: LiveComparison | undefined;
  #process: TrainerProcess | undefined;
  #outlives = false;
  readonly #change = new vscode.EventEmitter<void>();
  readonly #warning = new vscode.EventEmitter<string>();

  /** The comparison in progress began, went on or ended. */
  readonly onDidChange = this.#change.event;
  readonly onDidWarn = this.#warning.event;

  /** @param spawn starts a trainer; with `outlive` one that goes on when this window closes */
  constructor(private readonly spawn: (outlive: boolean) => TrainerProcess) {}

  get live(): Readonly<LiveComparison> | undefined {
    return this.#live;
  }

  /** Whether the comparison in progress goes on when this window closes. */
  get outlives(): boolean {
    return this.#live !== undefined && this.#outlives;
  }

  /**
   * Runs a comparison to its end. Rejects with `RemoteError`: the trainer's own errors, or code `trainer-ended` when its process died.
   *
   * @param of what it is called, and its folder
   * @param comparison a `*.compare.json`, or the folder of one that has begun
   */
  async run(
    of: { readonly name: string; readonly folder: string },
    comparison: string,
    { resume, outlive }: { readonly resume: boolean; readonly outlive: boolean },
  ): Promise<ComparisonReport> {
    if (this.#live) throw new UserError(`The comparison ${this.#live.name} goes on already.`, 'Stop it first: one at a time.', 'busy');
    const live: LiveComparison = { ...of, status: 'Starting', stopping: false, members: new Map() };
    this.#live = live;
    this.#outlives = outlive;
    this.#tell();
    try {
      const process = (this.#process = this.spawn(outlive));
      this.#listen(process, live);
      return await process.messages.request('compare', { comparison, resume, outlive });
    } finally {
      this.#process?.dispose();
      this.#process = undefined;
      this.#live = undefined;
      this.#tell();
    }
  }

  /** Stops the comparison in progress; resolves when its members have written their checkpoints. Does nothing when there is none. */
  async stop(timeout = LONGEST_STOP): Promise<void> {
    const process = this.#process;
    if (!process || !this.#live) return;
    this.#live.stopping = true;
    this.#change.fire();
    try {
      await process.messages.request('stop', {}, { timeout });
    } catch (error) {
      process.dispose();
      if (error instanceof RemoteError && error.code === 'timeout')
        throw new UserError('The members did not stop in time and were ended.', 'The comparison can be resumed.', 'timeout');
      throw error;
    }
  }

  dispose(): void {
    this.#process?.abandon();
    for (const emitter of [this.#change, this.#warning]) emitter.dispose();
  }

  /** Also keeps the context key `objectiveLab.comparing`. */
  #tell(): void {
    void vscode.commands.executeCommand('setContext', 'objectiveLab.comparing', this.#live !== undefined);
    this.#change.fire();
  }

  #listen({ messages }: TrainerProcess, live: LiveComparison): void {
    messages.on('status', ({ message }) => {
      live.status = message;
      this.#change.fire();
    });
    messages.on('compared', ({ folder }) => {
      live.folder = folder;
      live.status = TRAINING;
      this.#change.fire();
    });
    messages.on('member', (member) => {
      live.members.set(member.id, member);
      this.#change.fire();
    });
    messages.on('warning', ({ message }) => this.#warning.fire(message));
  }
}

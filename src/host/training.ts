import * as vscode from 'vscode';
import { UserError } from '../shared/errors';
import { RemoteError, type Params } from '../shared/rpc';
import type { Done, trainer } from '../shared/trainer-protocol';
import type { Baseline, Metrics, RunSummary } from '../shared/types';
import type { TrainerProcess } from './trainer-process';

/** How long the trainer may take to write its last checkpoint before it is ended, in milliseconds. */
const LONGEST_STOP = 60_000;

/** What is known of the run in progress, from the trainer's events. */
export interface LiveRun {
  readonly name: string;
  readonly startedAt: string;
  /** What the trainer is doing, for people; until the first step. */
  status: string;
  stopping: boolean;
  /** The rest is known once the run's folder exists, or is taken up again. */
  folder?: string;
  steps?: number;
  device?: string;
  parameters?: number;
  baselines?: Baseline[];
  checkpoint?: number;
  /** The newest loss of each objective: where they take turns, a step has that of one. */
  loss?: Metrics['loss'];
  eval?: Metrics['eval'];
  last?: Metrics;
}

/** Trains one experiment at a time, each in a process of its own that ends with the run. */
export class Training implements vscode.Disposable {
  #live: LiveRun | undefined;
  #process: TrainerProcess | undefined;
  #outlives = false;
  readonly #change = new vscode.EventEmitter<void>();
  readonly #metrics = new vscode.EventEmitter<{ run: string; line: Metrics }>();
  readonly #warning = new vscode.EventEmitter<string>();

  /** The run in progress began, went on or ended. */
  readonly onDidChange = this.#change.event;
  readonly onDidMeasure = this.#metrics.event;
  /** Something about the run in progress that a person should know. */
  readonly onDidWarn = this.#warning.event;

  /** @param spawn starts a trainer; with `outlive` one that goes on when this window closes */
  constructor(private readonly spawn: (outlive: boolean) => TrainerProcess) {}

  get live(): Readonly<LiveRun> | undefined {
    return this.#live;
  }

  /** Whether the run in progress goes on when this window closes. */
  get outlives(): boolean {
    return this.#live !== undefined && this.#outlives;
  }

  /** Runs an experiment to its end. Rejects with `RemoteError`: the trainer's own errors, or code `trainer-ended` when its process died. */
  run(params: Params<typeof trainer, 'train'>): Promise<Done> {
    const name = params.experiment.replace(/^.*[\\/]/, '').replace(/\.lab\.json$/, '');
    return this.#follow({ name }, params.outlive ?? false, ({ messages }) => messages.request('train', params));
  }

  /** Goes on with a run to its end; otherwise like {@link run}. */
  resume({ name, startedAt }: RunSummary, params: Params<typeof trainer, 'resume'>): Promise<Done> {
    return this.#follow({ name, startedAt, folder: params.run }, params.outlive ?? false, ({ messages }) =>
      messages.request('resume', params),
    );
  }

  async #follow(
    known: Pick<LiveRun, 'name' | 'folder'> & { startedAt?: string },
    outlive: boolean,
    ask: (process: TrainerProcess) => Promise<Done>,
  ): Promise<Done> {
    if (this.#live) throw new UserError(`${this.#live.name} is being trained already.`, 'Stop it first: one run at a time.', 'busy');
    const live: LiveRun = { startedAt: new Date().toISOString(), ...known, status: 'Starting', stopping: false };
    this.#live = live;
    this.#outlives = outlive;
    try {
      const process = (this.#process = this.spawn(outlive));
      this.#listen(process, live);
      this.#change.fire();
      return await ask(process);
    } finally {
      this.#process?.dispose();
      this.#process = undefined;
      this.#live = undefined;
      this.#change.fire();
    }
  }

  /** Stops the run in progress; resolves when its checkpoint is written. Does nothing when there is none. */
  async stop(timeout = LONGEST_STOP): Promise<void> {
    const process = this.#process;
    if (!process || !this.#live) return;
    this.#live.stopping = true;
    this.#change.fire();
    try {
      await process.messages.request('stop', {}, { timeout });
    } catch (error) {
      process.dispose();
      if (error instanceof RemoteError && error.code === 'timeout') {
        throw new UserError(
          'The trainer did not stop in time and was ended.',
          'The run can be looked at from its last checkpoint.',
          'timeout',
        );
      }
      throw error;
    }
  }

  dispose(): void {
    this.#process?.abandon();
    for (const emitter of [this.#change, this.#metrics, this.#warning]) emitter.dispose();
  }

  #listen({ messages }: TrainerProcess, live: LiveRun): void {
    messages.on('status', ({ message }) => {
      live.status = message;
      this.#change.fire();
    });
    messages.on('started', ({ run, ...details }) => {
      Object.assign(live, { folder: run, ...details });
      this.#change.fire();
    });
    messages.on('metrics', (line) => {
      live.last = { ...live.last, ...line };
      if (line.loss) live.loss = { ...live.loss, ...line.loss };
      if (line.eval) live.eval = line.eval;
      this.#change.fire();
      if (live.folder !== undefined) this.#metrics.fire({ run: live.folder, line });
    });
    messages.on('warning', ({ message }) => this.#warning.fire(message));
    messages.on('checkpoint', ({ step }) => {
      live.checkpoint = step;
      this.#change.fire();
    });
  }
}

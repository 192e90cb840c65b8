import * as vscode from 'vscode';
import { formatCount } from '../shared/format';
import type { RunSummary } from '../shared/types';
import type { Runs } from './runs';

/** Which model reads texts, in the inspector as in the editor: that of the chosen run, otherwise that of the foremost. */
export class ReaderChoice implements vscode.Disposable {
  #run: string | undefined;
  #checkpoint: string | undefined;
  #known: string | undefined;
  readonly #change = new vscode.EventEmitter<void>();
  readonly #subscription: vscode.Disposable;

  /** Another model, or a newer checkpoint of the same run. */
  readonly onDidChange = this.#change.event;

  constructor(private readonly runs: Runs) {
    this.#subscription = runs.onDidChange(() => this.#look());
  }

  get run(): RunSummary | undefined {
    return this.runs.find(this.#run) ?? this.runs.foremost;
  }

  /** The checkpoint that was chosen, an absolute path; undefined when the newest is followed. */
  get checkpoint(): string | undefined {
    return this.#checkpoint;
  }

  /** What requests name: an absolute path. Undefined while there is nothing to read with. */
  get model(): string | undefined {
    const { run } = this;
    return run?.checkpoint === undefined ? undefined : (this.#checkpoint ?? run.folder);
  }

  /** Names the model's parameters: equal versions give equal answers. */
  get version(): string | undefined {
    return this.model === undefined ? undefined : `${this.model}@${this.#checkpoint === undefined ? (this.run?.checkpoint ?? '') : ''}`;
  }

  /** What reads, for people: `quickstart, step 300`. */
  get title(): string {
    const step = this.#checkpoint === undefined ? this.run?.checkpoint : Number(/step-(\d+)$/.exec(this.#checkpoint)?.[1]);
    return `${this.run?.name ?? ''}, step ${formatCount(step ?? NaN)}`;
  }

  /** Chooses a run by its folder, and one of its checkpoints or the newest there will be. */
  choose(run: string, checkpoint?: string): void {
    this.#run = run;
    this.#checkpoint = checkpoint;
    this.#look();
  }

  dispose(): void {
    vscode.Disposable.from(this.#subscription, this.#change).dispose();
  }

  #look(): void {
    const now = this.version ?? this.run?.folder;
    if (now === this.#known) return;
    this.#known = now;
    this.#change.fire();
  }
}

import { basename } from 'node:path';
import * as vscode from 'vscode';
import type { CheckpointSummary, RunSummary } from '../shared/types';
import type { ModelChoice, Models, Side } from '../shared/webview/inspector';
import type { Inspection } from './inspection';
import type { ReaderChoice } from './reader-choice';
import type { Runs } from './runs';

/** What the second model is: a run, with one of its checkpoints or the newest, or a model folder from elsewhere. */
interface Second {
  readonly model: string;
  readonly checkpoint?: string | undefined;
}

/** The model that reads the file in the inspector, and the one that reads it beside for comparison, each with the checkpoints to choose from. */
export class InspectorModels {
  #second: Second | undefined;
  /** Checkpoints by run, with the newest that they were listed for. */
  readonly #checkpoints = new Map<string, { readonly newest: number | undefined; readonly list: readonly CheckpointSummary[] }>();

  constructor(
    private readonly runs: Runs,
    private readonly reader: ReaderChoice,
    private readonly inspection: Inspection,
  ) {}

  /** The path that requests name; undefined for a side that has no model. */
  pathOf(side: Side): string | undefined {
    if (side === 'first') return this.reader.model;
    // The newest checkpoint is named, so that every answer is made by what the view shows.
    const newest = this.#second && this.#checkpoints.get(this.#second.model)?.list.at(-1)?.folder;
    return this.#second?.checkpoint ?? newest ?? this.#second?.model;
  }

  /** @param model a run or a model folder; absent: nothing is compared */
  choose(side: Side, model: string | undefined, checkpoint: string | undefined): void {
    if (side === 'second') this.#second = model === undefined ? undefined : { model, checkpoint };
    else if (model !== undefined) this.reader.choose(model, checkpoint);
  }

  /** Asks for a model folder to compare with. @returns whether one was chosen */
  async browse(): Promise<boolean> {
    const [folder] =
      (await vscode.window.showOpenDialog({
        canSelectFolders: true,
        canSelectFiles: false,
        openLabel: 'Compare',
        title: 'A model folder, with config.json, tokenizer.json and model.safetensors',
      })) ?? [];
    if (folder) this.choose('second', folder.fsPath, undefined);
    return folder !== undefined;
  }

  /** What the view offers and shows. A checkpoint that is there no more gives way to the newest. */
  async describe(): Promise<Models> {
    const { run } = this.reader;
    const second = this.#second && this.runs.find(this.#second.model);
    const first = run && (await this.#choiceOf(run, this.reader.checkpoint));
    if (run && first && first.checkpoint !== this.reader.checkpoint) this.reader.choose(run.folder);
    const other = second
      ? await this.#choiceOf(second, this.#second?.checkpoint)
      : this.#second && { model: this.#second.model, name: basename(this.#second.model), checkpoints: [] };
    if (second && other?.checkpoint === undefined) this.#second = { model: second.folder };
    return { runs: [...this.runs.all], ...(first && { first }), ...(other && { second: other }) };
  }

  async #choiceOf(run: RunSummary, checkpoint: string | undefined): Promise<ModelChoice> {
    const checkpoints = [...(await this.#checkpointsOf(run))];
    const chosen = checkpoints.some(({ folder }) => folder === checkpoint) ? checkpoint : undefined;
    return { model: run.folder, name: run.name, checkpoints, ...(chosen !== undefined && { checkpoint: chosen }) };
  }

  async #checkpointsOf({ folder, checkpoint: newest }: RunSummary): Promise<readonly CheckpointSummary[]> {
    if (newest === undefined) return [];
    const known = this.#checkpoints.get(folder);
    if (known?.newest === newest) return known.list;
    const list = await this.inspection.request('checkpoints', { run: folder });
    this.#checkpoints.set(folder, { newest, list });
    return list;
  }
}

import { dirname } from 'node:path';
import * as vscode from 'vscode';
import type { Result } from '../../shared/rpc';
import type { trainer } from '../../shared/trainer-protocol';
import type { Inspection } from '../inspection';
import type { Reporter } from '../report';
import { Throttle } from '../throttle';
import { COMPARISONS, isComparison, OUTSIDE } from '../workspace';
import type { Comparing } from './comparing';

/** The least time between two readings of the comparisons' folders, in milliseconds. */
const READING = 2_000;

export type ListedComparison = Result<typeof trainer, 'comparisons'>[number];

/** The comparisons of the workspace that have begun: their folders are the truth, the events of the one in progress the news of it. */
export class Comparisons implements vscode.Disposable {
  #all: readonly ListedComparison[] = [];
  #known = false;
  readonly #change = new vscode.EventEmitter<void>();
  readonly #reading: Throttle;
  readonly #subscriptions: vscode.Disposable;

  /** The list was read anew. */
  readonly onDidChange = this.#change.event;

  constructor(
    private readonly inspection: Inspection,
    comparing: Comparing,
    reporter: Reporter,
  ) {
    this.#reading = new Throttle(READING, () => reporter.background(this.refresh()));
    // What the members' runs write is none of the list's business.
    const watcher = vscode.workspace.createFileSystemWatcher('**/.objective-lab/comparisons/*/{plan.json,members/*.json}');
    const changed = (): void => this.#reading.call();
    this.#subscriptions = vscode.Disposable.from(
      watcher,
      watcher.onDidCreate(changed),
      watcher.onDidChange(changed),
      watcher.onDidDelete(changed),
      comparing.onDidChange(changed),
      vscode.workspace.onDidChangeWorkspaceFolders(changed),
      this.#change,
    );
  }

  /** Newest first. */
  get all(): readonly ListedComparison[] {
    return this.#all;
  }

  get known(): boolean {
    return this.#known;
  }

  find(folder: string | undefined): ListedComparison | undefined {
    return this.#all.find((each) => each.folder === folder);
  }

  /** Reads the folders anew. Starts no process where no comparison has begun. */
  async refresh(): Promise<void> {
    const begun = await foldersWith(await comparisonRoots());
    const lists = await Promise.all(begun.map((folder) => this.inspection.request('comparisons', { folder })));
    this.#all = lists.flat().sort((a, b) => b.createdAt.localeCompare(a.createdAt));
    this.#known = true;
    this.#change.fire();
  }

  dispose(): void {
    this.#reading.dispose();
    this.#subscriptions.dispose();
  }
}

/** Folders that comparisons may stand in: those of the workspace, and those of `*.compare.json` files. */
export async function comparisonRoots(): Promise<string[]> {
  const open = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file').map(({ uri }) => uri.fsPath);
  const files = (await vscode.workspace.findFiles(COMPARISONS, OUTSIDE)).filter(isComparison);
  return [...new Set([...open, ...files.map(({ fsPath }) => dirname(fsPath))])];
}

async function foldersWith(folders: readonly string[]): Promise<string[]> {
  const begun = await Promise.all(
    folders.map((folder) =>
      vscode.workspace.fs.stat(vscode.Uri.joinPath(vscode.Uri.file(folder), '.objective-lab', 'comparisons')).then(
        () => true,
        () => false,
      ),
    ),
  );
  return folders.filter((_, i) => begun[i]);
}

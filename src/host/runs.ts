import { dirname } from 'node:path';
import * as vscode from 'vscode';
import type { RunSummary } from '../shared/types';
import type { Inspection } from './inspection';
import type { Reporter } from './report';
import { withLive } from './run-list';
import type { Training } from './training';
import { Throttle } from './throttle';
import { runsFolder } from './workspace';

/** The least time between two readings of the runs' folders, in milliseconds. */
const READING = 1_000;

/** The runs of the workspace, newest first: the folders are the truth, the training's events the news of it. */
export class Runs implements vscode.Disposable {
  #stored: readonly RunSummary[] = [];
  /** Runs of comparisons that somebody looks at, and their folders: they are found, but not listed among the workspace's own. */
  #members: readonly RunSummary[] = [];
  readonly #adopted = new Set<string>();
  #known = false;
  readonly #change = new vscode.EventEmitter<void>();
  readonly #subscriptions: vscode.Disposable[] = [];
  readonly #reading: Throttle;
  #watchers: vscode.Disposable[] = [];

  readonly onDidChange = this.#change.event;

  constructor(
    private readonly inspection: Inspection,
    private readonly training: Training,
    reporter: Reporter,
  ) {
    this.#reading = new Throttle(READING, () => reporter.background(this.refresh()));
    this.#subscriptions.push(
      this.training.onDidChange(() => this.#change.fire()),
      vscode.workspace.onDidChangeWorkspaceFolders(() => {
        this.#watch();
        this.#reading.call();
      }),
    );
    this.#watch();
  }

  get all(): readonly RunSummary[] {
    return withLive(this.#stored, this.training.live);
  }

  /** Whether the folders have been read at least once. */
  get known(): boolean {
    return this.#known;
  }

  find(folder: string | undefined): RunSummary | undefined {
    return folder === undefined ? undefined : [...this.all, ...this.#members].find((run) => run.folder === folder);
  }

  /** The run to show when nobody chose one: the one in progress, otherwise the newest that a model can be read from, otherwise the newest. */
  get foremost(): RunSummary | undefined {
    const all = this.all;
    return all.find((run) => run.folder === this.training.live?.folder) ?? all.find((run) => run.checkpoint !== undefined) ?? all[0];
  }

  /** Lets {@link find} know the run of a comparison's member, and those beside it. */
  async adopt(folder: string): Promise<void> {
    const runs = dirname(folder);
    if (this.#adopted.has(runs) || !isOfComparison(runs)) return;
    this.#adopted.add(runs);
    await this.refresh();
  }

  /** Reads the folders anew. Starts no process while there is no run. */
  async refresh(): Promise<void> {
    const read = (folders: Iterable<string>): Promise<RunSummary[][]> =>
      Promise.all([...folders].map((runs) => this.inspection.request('runs', { runs })));
    const [stored, members] = await Promise.all([read(await foldersWithRuns()), read(this.#adopted)]);
    this.#stored = stored.flat().sort((a, b) => b.startedAt.localeCompare(a.startedAt));
    this.#members = members.flat();
    this.#known = true;
    this.#change.fire();
  }

  dispose(): void {
    this.#reading.dispose();
    vscode.Disposable.from(...this.#watchers, ...this.#subscriptions, this.#change).dispose();
  }

  /** Of a comparison whose runs nobody looks at. */
  #isNobodys(path: string): boolean {
    return isOfComparison(path) && ![...this.#adopted].some((runs) => path.startsWith(runs));
  }

  #watch(): void {
    vscode.Disposable.from(...this.#watchers).dispose();
    this.#watchers = (vscode.workspace.workspaceFolders ?? []).map((folder) => {
      const watched = new vscode.RelativePattern(folder, '{.objective-lab/runs,**/.objective-lab/comparisons/*/runs}/**');
      const watcher = vscode.workspace.createFileSystemWatcher(watched);
      const changed = (uri: vscode.Uri): void => {
        if (this.#isNobodys(uri.fsPath)) return;
        // The run in progress tells of itself by events; reading its folder with every line would be for nothing.
        const live = this.training.live?.folder;
        if (live === undefined || !uri.fsPath.startsWith(live)) this.#reading.call();
      };
      return vscode.Disposable.from(
        watcher,
        watcher.onDidCreate(changed),
        watcher.onDidChange(changed),
        watcher.onDidDelete(({ fsPath }) => this.#isNobodys(fsPath) || this.#reading.call()),
      );
    });
  }
}

const isOfComparison = (path: string): boolean => /[\\/]\.objective-lab[\\/]comparisons[\\/]/.test(path);

async function foldersWithRuns(): Promise<string[]> {
  const folders = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme === 'file').map(runsFolder);
  const filled = await Promise.all(
    folders.map((folder) =>
      vscode.workspace.fs.readDirectory(folder).then(
        (entries) => entries.length > 0,
        () => false,
      ),
    ),
  );
  return folders.filter((_, index) => filled[index]).map(({ fsPath }) => fsPath);
}

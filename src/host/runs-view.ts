import * as vscode from 'vscode';
import { compare } from '../shared/baselines';
import { formatCount, formatNats } from '../shared/format';
import type { RunState, RunSummary } from '../shared/types';
import type { ComparisonItem, RunItem } from './commands';
import type { ListedComparison } from './compare/comparisons';
import { progressOf } from './compare/run-comparison';
import type { Lab } from './lab';
import { isResumable, isUnfinished } from './run-list';
import { Throttle } from './throttle';

/** The least time between two redraws that only count on, in milliseconds: a row that is redrawn between the press and the release of a button loses the click. */
const REDRAW = 3_000;

const ICONS: Readonly<Record<RunState, vscode.ThemeIcon>> = {
  preparing: new vscode.ThemeIcon('loading~spin'),
  running: new vscode.ThemeIcon('sync~spin', new vscode.ThemeColor('charts.blue')),
  completed: new vscode.ThemeIcon('pass', new vscode.ThemeColor('testing.iconPassed')),
  stopped: new vscode.ThemeIcon('debug-stop'),
  paused: new vscode.ThemeIcon('debug-pause', new vscode.ThemeColor('problemsWarningIcon.foreground')),
  failed: new vscode.ThemeIcon('error', new vscode.ThemeColor('testing.iconFailed')),
  interrupted: new vscode.ThemeIcon('warning', new vscode.ThemeColor('problemsWarningIcon.foreground')),
};

type Row = RunItem | ComparisonItem;

/** The Runs view: one row a comparison, then one a run, newest first. */
export class RunsView implements vscode.TreeDataProvider<Row>, vscode.Disposable {
  readonly #change = new vscode.EventEmitter<void>();
  readonly #redraw = new Throttle(REDRAW, () => this.#change.fire());
  /** The rows and their commands as last drawn. */
  #drawn = '';
  readonly #subscriptions: vscode.Disposable;
  readonly onDidChangeTreeData = this.#change.event;

  constructor(private readonly lab: Lab) {
    this.#subscriptions = vscode.Disposable.from(
      lab.runs.onDidChange(() => this.#changed()),
      lab.comparisons.onDidChange(() => this.#changed()),
      lab.comparing.onDidChange(() => this.#changed()),
      vscode.window.createTreeView('objectiveLab.runs', { treeDataProvider: this }),
      this.#change,
    );
  }

  /** Rows that come, go or change their state are drawn at once. */
  #changed(): void {
    const rows = this.#rows().map((row) =>
      ('run' in row
        ? [row.run.folder, row.run.state, this.#context(row.run)]
        : [row.comparison.folder, comparisonContext(row.comparison, this.#isLive(row.comparison))]
      ).join(),
    );
    if (rows.join('\n') === this.#drawn) return this.#redraw.call();
    this.#drawn = rows.join('\n');
    this.#change.fire();
  }

  async getChildren(): Promise<Row[]> {
    const { runs, comparisons, reporter } = this.lab;
    try {
      if (!runs.known) await runs.refresh();
      if (!comparisons.known) await comparisons.refresh();
    } catch (error) {
      reporter.show(error);
    }
    return this.#rows();
  }

  #rows(): Row[] {
    const { runs, comparisons } = this.lab;
    return [...comparisons.all.map((comparison) => ({ comparison })), ...runs.all.map((run) => ({ run }))];
  }

  getTreeItem(row: Row): vscode.TreeItem {
    return 'run' in row ? this.#runItem(row) : this.#comparisonItem(row);
  }

  #comparisonItem({ comparison }: ComparisonItem): vscode.TreeItem {
    const { name, folder, members } = comparison;
    const live = this.#isLive(comparison);
    const item = new vscode.TreeItem(name);
    item.id = folder;
    item.description = progressOf(members);
    item.tooltip = `Comparison ${name}: ${progressOf(members)}`;
    item.iconPath = new vscode.ThemeIcon(live ? 'sync~spin' : 'graph-scatter', live ? new vscode.ThemeColor('charts.blue') : undefined);
    item.contextValue = comparisonContext(comparison, live);
    item.accessibilityInformation = { label: `Comparison ${name}, ${progressOf(members)}` };
    item.command = { title: 'Open Comparison', command: 'objectiveLab.openComparison', arguments: [{ comparison }] };
    return item;
  }

  #runItem({ run }: RunItem): vscode.TreeItem {
    const item = new vscode.TreeItem(run.name);
    item.id = run.folder;
    item.description = description(run);
    item.tooltip = tooltip(run);
    item.iconPath = ICONS[run.state];
    item.contextValue = this.#context(run);
    item.accessibilityInformation = { label: `${run.name}, ${run.state}, ${description(run)}` };
    item.command = { title: 'Open Training Chart', command: 'objectiveLab.openDashboard', arguments: [{ run }] };
    return item;
  }

  #isLive({ folder }: ListedComparison): boolean {
    return this.lab.comparing.live?.folder === folder;
  }

  /** Which commands a row has. */
  #context(run: RunSummary): string {
    if (run.folder === this.lab.training.live?.folder) return 'run.live';
    return isUnfinished(run) ? 'run.elsewhere' : isResumable(run) ? 'run.resumable' : 'run';
  }

  dispose(): void {
    this.#redraw.dispose();
    this.#subscriptions.dispose();
  }
}

/** Which commands a row of a comparison has. */
function comparisonContext({ members }: ListedComparison, live: boolean): string {
  if (live || members.some(({ state }) => state === 'running')) return 'comparison.live';
  return members.every(({ state }) => state === 'done') ? 'comparison' : 'comparison.resumable';
}

function description({ step, steps, loss }: RunSummary): string {
  const total = loss?.total;
  return `${formatCount(step)}/${formatCount(steps)}${total === undefined ? '' : ` · loss ${formatNats(total)}`}`;
}

/** Names and messages come from files, so they are appended as text, never as Markdown. */
function tooltip(run: RunSummary): vscode.MarkdownString {
  const text = new vscode.MarkdownString();
  const line = (label: string, value: string): void => {
    text.appendMarkdown(`**${label}** `).appendText(value).appendMarkdown('  \n');
  };
  text.appendText(run.id).appendMarkdown('\n\n');
  line('State', run.state);
  line('Started', new Date(run.startedAt).toLocaleString());
  line('Steps', `${formatCount(run.step)} of ${formatCount(run.steps)}`);
  line('Checkpoint', run.checkpoint === undefined ? 'none yet' : `step ${formatCount(run.checkpoint)}`);
  for (const [name, value] of Object.entries(run.loss ?? {})) line(`Loss, ${name}`, formatNats(value));
  const compared = new Map(compare(run.baselines, run.eval).map((comparison) => [comparison.metric, comparison]));
  for (const [name, value] of Object.entries(run.eval ?? {})) {
    const beside = compared.get(name);
    line(`Held out, ${name}`, `${formatNats(value)}${beside ? ` (${beside.by}: ${formatNats(beside.value)})` : ''}`);
  }
  if (run.message !== undefined) line('Message', run.message);
  return text;
}

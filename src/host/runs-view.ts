import * as vscode from 'vscode';
import { compare } from '../shared/baselines';
import { formatCount, formatNats } from '../shared/format';
import type { RunState, RunSummary } from '../shared/types';
import type { RunItem } from './commands';
import type { Lab } from './lab';
import { isResumable, isUnfinished } from './run-list';
import { Throttle } from './throttle';

/** The least time between two redraws of the view, in milliseconds. */
const REDRAW = 500;

const ICONS: Readonly<Record<RunState, vscode.ThemeIcon>> = {
  preparing: new vscode.ThemeIcon('loading~spin'),
  running: new vscode.ThemeIcon('sync~spin', new vscode.ThemeColor('charts.blue')),
  completed: new vscode.ThemeIcon('pass', new vscode.ThemeColor('testing.iconPassed')),
  stopped: new vscode.ThemeIcon('debug-stop'),
  paused: new vscode.ThemeIcon('debug-pause', new vscode.ThemeColor('problemsWarningIcon.foreground')),
  failed: new vscode.ThemeIcon('error', new vscode.ThemeColor('testing.iconFailed')),
  interrupted: new vscode.ThemeIcon('warning', new vscode.ThemeColor('problemsWarningIcon.foreground')),
};

/** The Runs view: one row a run, newest first. */
export class RunsView implements vscode.TreeDataProvider<RunItem>, vscode.Disposable {
  readonly #change = new vscode.EventEmitter<void>();
  readonly #redraw = new Throttle(REDRAW, () => this.#change.fire());
  readonly #subscriptions: vscode.Disposable;
  readonly onDidChangeTreeData = this.#change.event;

  constructor(private readonly lab: Lab) {
    this.#subscriptions = vscode.Disposable.from(
      lab.runs.onDidChange(() => this.#redraw.call()),
      vscode.window.createTreeView('objectiveLab.runs', { treeDataProvider: this }),
      this.#change,
    );
  }

  async getChildren(): Promise<RunItem[]> {
    const { runs, reporter } = this.lab;
    try {
      if (!runs.known) await runs.refresh();
    } catch (error) {
      reporter.show(error);
    }
    return runs.all.map((run) => ({ run }));
  }

  getTreeItem({ run }: RunItem): vscode.TreeItem {
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

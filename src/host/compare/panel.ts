import { resolve } from 'node:path';
import * as vscode from 'vscode';
import type { Handlers } from '../../shared/rpc';
import { comparisonHost } from '../../shared/webview/comparison';
import { act } from '../actions';
import type { Inspection } from '../inspection';
import { sentence, type Reporter } from '../report';
import { Throttle } from '../throttle';
import { sideColumn, WebviewLink } from '../webview-link';
import { folderOf, pathFrom } from '../workspace';
import type { Comparing } from './comparing';
import type { Comparisons } from './comparisons';
import { statusLine } from './run-comparison';

/** The least time between two readings of the report, in milliseconds: it is worked out anew from the members' files. */
const READING = 1_500;

/** What a comparison found, and how its members get on. */
export class ComparisonPanel implements vscode.Disposable, vscode.WebviewPanelSerializer {
  static readonly viewType = 'objectiveLab.comparison';

  #link: WebviewLink<typeof comparisonHost> | undefined;
  #folder: string | undefined;
  readonly #news: Throttle;
  readonly #subscriptions: vscode.Disposable;

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly comparisons: Comparisons,
    private readonly comparing: Comparing,
    private readonly inspection: Inspection,
    private readonly reporter: Reporter,
  ) {
    this.#news = new Throttle(READING, () => this.reporter.background(this.#send()));
    this.#subscriptions = vscode.Disposable.from(
      vscode.window.registerWebviewPanelSerializer(ComparisonPanel.viewType, this),
      comparing.onDidChange(() => this.#news.call()),
      comparisons.onDidChange(() => this.#news.call()),
    );
  }

  /** Opens the view of a comparison, or says that there is none. @param folder of the comparison */
  open(folder: string | undefined): void {
    this.#folder = folder;
    if (this.#link) {
      this.#link.panel.reveal(undefined, true);
      this.#news.call();
      return;
    }
    const place = { viewColumn: sideColumn(), preserveFocus: true };
    this.#attach(vscode.window.createWebviewPanel(ComparisonPanel.viewType, 'Comparison', place));
  }

  /** `state` is what the page remembered: the comparison it showed. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const remembered = (state as { folder?: unknown } | undefined)?.folder;
    if (typeof remembered === 'string' && remembered !== '') this.#folder = remembered;
    this.#attach(panel);
    return Promise.resolve();
  }

  dispose(): void {
    this.#news.dispose();
    this.#link?.panel.dispose();
    this.#subscriptions.dispose();
  }

  #attach(panel: vscode.WebviewPanel): void {
    const view = { name: 'comparison', title: 'Comparison', extensionUri: this.extensionUri } as const;
    const link = new WebviewLink(panel, view, comparisonHost, this.#handlers, this.reporter.log);
    this.#link = link;
    link.messages.on('ready', () => this.reporter.background(this.#send()));
    panel.onDidDispose(() => {
      if (this.#link === link) this.#link = undefined;
    });
    this.reporter.background(link.load());
  }

  readonly #handlers: Handlers<typeof comparisonHost> = {
    stop: () => this.#command('stopComparison'),
    resume: () => this.#command('resumeComparison'),
    openReport: async () => {
      const uri = vscode.Uri.joinPath(vscode.Uri.file(this.#folder ?? ''), 'report.md');
      await vscode.commands.executeCommand('markdown.showPreview', uri);
      return {};
    },
    openRun: async ({ run }) => {
      const folder = resolve(this.#folder ?? '', run);
      await vscode.commands.executeCommand('objectiveLab.openDashboard', { run: { folder } });
      return {};
    },
    copy: async ({ text }) => {
      await vscode.env.clipboard.writeText(text);
      return {};
    },
    act: ({ action }) => act(action, () => this.#news.call()),
  };

  async #command(name: 'stopComparison' | 'resumeComparison'): Promise<Record<string, never>> {
    const comparison = this.comparisons.find(this.#folder);
    if (comparison) await vscode.commands.executeCommand(`objectiveLab.${name}`, { comparison });
    return {};
  }

  async #send(): Promise<void> {
    const link = this.#link;
    if (!link) return;
    if (!this.comparisons.known) await this.comparisons.refresh();
    const folder = (this.#folder ??= this.comparing.live?.folder ?? this.comparisons.all[0]?.folder);
    const live = this.comparing.live?.folder === folder ? this.comparing.live : undefined;
    if (folder === undefined || !this.comparisons.find(folder)) {
      link.messages.emit('notice', live ? { title: live.name, detail: live.status } : NONE);
      return;
    }
    try {
      const report = await this.inspection.request('comparison', { folder });
      if (folder !== this.#folder) return;
      link.panel.title = `Comparison: ${report.name}`;
      const uri = vscode.Uri.file(folder);
      const written = await vscode.workspace.fs.stat(vscode.Uri.joinPath(uri, 'report.md')).then(
        () => true,
        () => false,
      );
      link.messages.emit('report', {
        folder,
        path: pathFrom(folderOf(uri), folder),
        report,
        written,
        ...(live && { live: { status: statusLine(live), stopping: live.stopping } }),
      });
    } catch (error) {
      this.reporter.note(error);
      const detail = error instanceof Error ? sentence(error) : String(error);
      link.messages.emit('notice', { title: 'The comparison could not be read', detail, action: { id: 'retry', label: 'Try Again' } });
    }
  }
}

const NONE = {
  title: 'No comparison yet',
  detail: 'A comparison trains the same model with different objectives at equal cost, and says which is best for which task.',
  action: { id: 'compare', label: 'Compare Objectives' },
} as const;

import * as vscode from 'vscode';
import type { Handlers } from '../shared/rpc';
import type { Metrics } from '../shared/types';
import { dashboardHost } from '../shared/webview/dashboard';
import { act } from './actions';
import type { Inspection } from './inspection';
import { runNotice } from './notices';
import { sentence, type Reporter } from './report';
import type { Runs } from './runs';
import { Throttle } from './throttle';
import type { Training } from './training';
import { sideColumn, WebviewLink } from './webview-link';

/** How many lines of a run's history are asked for. */
const HISTORY = 2_000;

/** The training chart: the history of one run and, while it goes on, the news of it. */
export class Dashboard implements vscode.Disposable, vscode.WebviewPanelSerializer {
  static readonly viewType = 'objectiveLab.dashboard';

  #link: WebviewLink<typeof dashboardHost> | undefined;
  #run: string | undefined;
  /** The last step sent, so that news begin where history ends. */
  #sent = -1;
  #news: Metrics[] = [];
  readonly #flush = new Throttle(200, () => this.#sendNews());
  readonly #subscriptions: vscode.Disposable;

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly runs: Runs,
    private readonly training: Training,
    private readonly inspection: Inspection,
    private readonly reporter: Reporter,
  ) {
    this.#subscriptions = vscode.Disposable.from(
      vscode.window.registerWebviewPanelSerializer(Dashboard.viewType, this),
      training.onDidMeasure(({ run, line }) => {
        if (run !== this.#run) return;
        this.#news.push(line);
        this.#flush.call();
      }),
      runs.onDidChange(() => this.#flush.call()),
    );
  }

  /** Opens the chart of a run, or says that there is none. */
  open(run: string | undefined): void {
    const another = run !== this.#run;
    this.#run = run;
    if (!this.#link) {
      const place = { viewColumn: sideColumn(), preserveFocus: true };
      this.#attach(vscode.window.createWebviewPanel(Dashboard.viewType, 'Training', place));
      return;
    }
    this.#link.panel.reveal(undefined, true);
    if (another) this.reporter.background(this.#sendAll());
  }

  /** `state` is what the page remembered: the run it showed. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const remembered = (state as { run?: unknown } | undefined)?.run;
    if (typeof remembered === 'string' && remembered !== '') this.#run = remembered;
    this.#attach(panel);
    return Promise.resolve();
  }

  dispose(): void {
    this.#flush.dispose();
    this.#link?.panel.dispose();
    this.#subscriptions.dispose();
  }

  #attach(panel: vscode.WebviewPanel): void {
    const view = { name: 'dashboard', title: 'Training', extensionUri: this.extensionUri } as const;
    const link = new WebviewLink(panel, view, dashboardHost, this.#handlers, this.reporter.log);
    this.#link = link;
    link.messages.on('ready', () => this.reporter.background(this.#sendAll()));
    panel.onDidDispose(() => {
      if (this.#link === link) this.#link = undefined;
    });
    this.reporter.background(link.load());
  }

  readonly #handlers: Handlers<typeof dashboardHost> = {
    stopRun: ({ run }) => this.#command('stopRun', run),
    resumeRun: ({ run }) => this.#command('resumeRun', run),
    inspectRun: ({ run }) => this.#command('openInspector', run),
    act: ({ action }) => act(action, () => this.reporter.background(this.#sendAll())),
  };

  async #command(name: 'stopRun' | 'resumeRun' | 'openInspector', folder: string): Promise<Record<string, never>> {
    const run = this.runs.find(folder);
    if (run) await vscode.commands.executeCommand(`objectiveLab.${name}`, { run });
    return {};
  }

  /** Everything from the start: the run, then its history. */
  async #sendAll(): Promise<void> {
    if (!this.runs.known) await this.runs.refresh();
    if (this.#run !== undefined && !this.runs.find(this.#run)) await this.runs.adopt(this.#run);
    const run = (this.#run = this.runs.find(this.#run)?.folder ?? this.runs.foremost?.folder);
    const notice = runNotice({
      folderOpen: !!vscode.workspace.workspaceFolders?.length,
      trusted: vscode.workspace.isTrusted,
      run: this.runs.find(run),
    });
    if (notice) this.#link?.messages.emit('notice', notice);
    if (run === undefined) return;
    this.#news = [];
    try {
      this.#link?.messages.emit('objectives', await this.inspection.request('objectives', {}));
      this.#sendRun();
      const lines = await this.inspection.request('metrics', { run, after: -1, limit: HISTORY });
      if (run !== this.#run) return;
      this.#sent = lines.at(-1)?.step ?? -1;
      this.#link?.messages.emit('metrics', { run, reset: true, lines });
    } catch (error) {
      this.reporter.note(error);
      const detail = error instanceof Error ? sentence(error) : String(error);
      this.#link?.messages.emit('notice', { title: 'The metrics could not be read', detail, action: { id: 'retry', label: 'Try Again' } });
    }
  }

  #sendNews(): void {
    if (!this.#link) return;
    if (this.#run === undefined) {
      if (this.runs.foremost) this.reporter.background(this.#sendAll());
      return;
    }
    this.#sendRun();
    const [run, lines] = [this.#run, this.#news];
    this.#news = [];
    if (lines.length > 0) return this.#send(run, lines);
    const step = this.runs.find(run)?.step ?? 0;
    if (run === this.training.live?.folder || step === this.#sent) return;
    // One that was resumed elsewhere has gone back.
    this.reporter.background(step < this.#sent ? this.#sendAll() : this.#readNews(run));
  }

  /** The news of a run that another process trains are in its folder only. The last step is asked for again: its evaluation may have followed. */
  async #readNews(run: string): Promise<void> {
    const lines = await this.inspection.request('metrics', { run, after: this.#sent - 1, limit: HISTORY });
    if (run === this.#run && lines.length > 0) this.#send(run, lines);
  }

  #send(run: string, lines: Metrics[]): void {
    this.#sent = lines.at(-1)?.step ?? -1;
    this.#link?.messages.emit('metrics', { run, reset: false, lines });
  }

  #sendRun(): void {
    const run = this.runs.find(this.#run);
    if (!run || !this.#link) return;
    const live = run.folder === this.training.live?.folder ? this.training.live : undefined;
    this.#link.panel.title = `Training: ${run.name}`;
    this.#link.messages.emit('run', {
      run,
      ...(live && { status: live.stopping ? 'Stopping; the checkpoint is being written' : live.status }),
      ...(live?.device !== undefined && { device: live.device }),
      ...(live?.parameters !== undefined && { parameters: live.parameters }),
    });
  }
}

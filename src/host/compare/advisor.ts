import * as vscode from 'vscode';
import type { Handlers } from '../../shared/rpc';
import { advisorHost } from '../../shared/webview/advisor';
import type { Inspection } from '../inspection';
import type { Reporter } from '../report';
import { sideColumn, WebviewLink } from '../webview-link';
import { comparisonRoots } from './comparisons';

/** The advisor: which objectives suit a task, by what papers found and what comparisons of the workspace measured. */
export class Advisor implements vscode.Disposable, vscode.WebviewPanelSerializer {
  static readonly viewType = 'objectiveLab.advisor';

  #panel: vscode.WebviewPanel | undefined;
  readonly #registration: vscode.Disposable;

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly inspection: Inspection,
    private readonly reporter: Reporter,
  ) {
    this.#registration = vscode.window.registerWebviewPanelSerializer(Advisor.viewType, this);
  }

  open(): void {
    if (this.#panel) this.#panel.reveal();
    else this.#attach(vscode.window.createWebviewPanel(Advisor.viewType, 'Objective Advisor', sideColumn()));
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    this.#attach(panel);
    return Promise.resolve();
  }

  dispose(): void {
    this.#panel?.dispose();
    this.#registration.dispose();
  }

  #attach(panel: vscode.WebviewPanel): void {
    const view = { name: 'advisor', title: 'Objective Advisor', extensionUri: this.extensionUri } as const;
    const link = new WebviewLink(panel, view, advisorHost, this.#handlers, this.reporter.log);
    this.#panel = panel;
    panel.onDidDispose(() => {
      if (this.#panel === panel) this.#panel = undefined;
    });
    this.reporter.background(link.load());
  }

  readonly #handlers: Handlers<typeof advisorHost> = {
    advise: async ({ task, data }) => this.inspection.request('advise', { task, data, folders: await comparisonRoots() }),
    newExperiment: async ({ objectives }) => {
      await vscode.commands.executeCommand('objectiveLab.newExperiment', objectives);
      return {};
    },
    compare: async () => {
      await vscode.commands.executeCommand('objectiveLab.compareObjectives');
      return {};
    },
  };
}

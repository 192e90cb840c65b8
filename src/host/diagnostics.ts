import * as vscode from 'vscode';
import type { Inspection } from './inspection';
import type { Reporter } from './report';
import { Debounce } from './throttle';
import { isComparison, isExperiment } from './workspace';

/** How long typing must pause before a file is checked, in milliseconds. */
const PAUSE = 300;

/** Checks open experiments and comparisons as they are typed, and shows their problems with positions. */
export class FileDiagnostics implements vscode.Disposable {
  readonly #collection = vscode.languages.createDiagnosticCollection('objective-lab');
  readonly #pending = new Map<string, Debounce>();
  readonly #subscriptions: vscode.Disposable;

  constructor(
    private readonly inspection: Inspection,
    private readonly reporter: Reporter,
  ) {
    this.#subscriptions = vscode.Disposable.from(
      vscode.workspace.onDidOpenTextDocument((document) => this.#schedule(document)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.#schedule(document)),
      vscode.workspace.onDidCloseTextDocument((document) => this.#forget(document)),
      this.#collection,
    );
    for (const document of vscode.workspace.textDocuments) this.#schedule(document);
  }

  dispose(): void {
    for (const pending of this.#pending.values()) pending.dispose();
    this.#subscriptions.dispose();
  }

  #schedule(document: vscode.TextDocument): void {
    if (!isExperiment(document.uri) && !isComparison(document.uri)) return;
    const key = document.uri.toString();
    const pending = this.#pending.get(key) ?? new Debounce(PAUSE, () => this.reporter.background(this.#check(document)));
    this.#pending.set(key, pending);
    pending.call();
  }

  #forget({ uri }: vscode.TextDocument): void {
    this.#pending.get(uri.toString())?.dispose();
    this.#pending.delete(uri.toString());
    this.#collection.delete(uri);
  }

  async #check(document: vscode.TextDocument): Promise<void> {
    const { version } = document;
    const problems = await this.inspection.request(isComparison(document.uri) ? 'checkComparison' : 'check', {
      text: document.getText(),
      path: document.uri.fsPath,
    });
    if (document.isClosed || document.version !== version) return;
    this.#collection.set(
      document.uri,
      problems.map(({ start, end, severity, message }) => {
        const range = new vscode.Range(document.positionAt(start), document.positionAt(end));
        const level = severity === 'error' ? vscode.DiagnosticSeverity.Error : vscode.DiagnosticSeverity.Warning;
        const diagnostic = new vscode.Diagnostic(range, message, level);
        diagnostic.source = 'Objective Lab';
        return diagnostic;
      }),
    );
  }
}

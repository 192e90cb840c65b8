import * as vscode from 'vscode';
import { RemoteError } from '../../shared/rpc';
import { checkpointNotice, runNotice } from '../notices';
import { sentence } from '../report';
import { Delay } from '../throttle';
import { legend, statusLine, type Reading } from './legend';
import type { Surprisal } from './surprisal';

/** How long the legend lags behind, in milliseconds: after an edit the window paints the words first. */
const LAG = 250;

/** The status bar's legend while surprisal is on; a click offers what can be done about it. */
export class SurprisalStatus implements vscode.Disposable {
  readonly #item = vscode.window.createStatusBarItem('objectiveLab.surprisal', vscode.StatusBarAlignment.Left, 9);
  readonly #redraw = new Delay(LAG, () => this.#draw());
  readonly #subscription: vscode.Disposable;

  constructor(private readonly surprisal: Surprisal) {
    this.#item.name = 'Surprisal';
    this.#item.command = 'objectiveLab.surprisalMenu';
    this.#subscription = surprisal.onDidChange(() => this.#redraw.call());
  }

  dispose(): void {
    this.#redraw.dispose();
    vscode.Disposable.from(this.#subscription, this.#item).dispose();
  }

  #draw(): void {
    if (!this.surprisal.on) return this.#item.hide();
    const reading = readingOf(this.surprisal);
    const broken = reading.state === 'unfit' || reading.state === 'failed';
    this.#item.text = `$(${broken ? 'warning' : 'pulse'}) ${statusLine(reading)}`;
    const tooltip = new vscode.MarkdownString(legend(reading));
    tooltip.supportHtml = true;
    this.#item.tooltip = tooltip;
    this.#item.show();
  }
}

/** Offers what can be done while surprisal is on: to turn it off first of all. */
export async function surprisalMenu(surprisal: Surprisal): Promise<void> {
  const reading = readingOf(surprisal);
  const choices: (vscode.QuickPickItem & { run: () => unknown })[] = [
    { label: 'Turn Surprisal Off', run: () => surprisal.toggle() },
    ...(reading.state === 'failed' ? [{ label: 'Try Again', run: () => surprisal.retry() }] : []),
    ...(reading.state === 'missing' ? [{ label: 'Start a Run', run: () => vscode.commands.executeCommand('objectiveLab.startRun') }] : []),
    { label: 'Choose Another Run in the Inspector', run: () => vscode.commands.executeCommand('objectiveLab.openInspector') },
  ];
  const picked = await vscode.window.showQuickPick(choices, { title: statusLine(reading) });
  await picked?.run();
}

function readingOf({ active, reader, runs }: Surprisal): Reading {
  const { run } = reader;
  const situation = { folderOpen: !!vscode.workspace.workspaceFolders?.length, trusted: vscode.workspace.isTrusted, run };
  const missing = runs.known ? (runNotice(situation) ?? (run && checkpointNotice(run, undefined))) : { title: 'Looking for runs' };
  if (missing) return { state: 'missing', notice: missing };
  if (!active) return { state: 'missing', notice: { title: 'No text in view', detail: 'Open a text file to see its words painted.' } };
  const { problem, unfit, progress } = active;
  if (progress.empty) return { state: 'missing', notice: { title: 'Empty file', detail: 'Type something to see how unexpected it is.' } };
  if (problem) {
    const detail = sentence({ message: problem.message, hint: problem instanceof RemoteError ? problem.hint : undefined });
    return { state: unfit ? 'unfit' : 'failed', detail };
  }
  return { state: 'read', reader: reader.title, ...progress };
}

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import * as vscode from 'vscode';
import { MessageHandler, type Endpoint, type Handlers } from '../shared/rpc';
import { webview } from '../shared/webview/view';
import { shellHtml } from './webview-html';

/** How long a page may wait for what comes with it, in milliseconds: about as long as a window takes to make room for a page. */
const BEGINNING = 150;

interface View {
  readonly name: 'inspector' | 'dashboard' | 'comparison' | 'advisor' | 'machine';
  readonly title: string;
  readonly extensionUri: vscode.Uri;
}

/** A webview panel that shows one of our views, and the messages to it. */
export class WebviewLink<Local extends Endpoint> {
  readonly messages: MessageHandler<Local, typeof webview>;
  /** What was said before there is a page: it comes with the page. */
  #beginning: unknown[] | undefined = [];

  constructor(
    readonly panel: vscode.WebviewPanel,
    private readonly view: View,
    endpoint: Local,
    handlers: Handlers<Local>,
    log: vscode.LogOutputChannel,
  ) {
    this.messages = new MessageHandler(
      endpoint,
      webview,
      handlers,
      (message) => {
        if (this.#beginning) this.#beginning.push(message);
        else void panel.webview.postMessage(message).then(undefined, (error: unknown) => log.warn(String(error)));
      },
      (problem) => log.warn(`The ${view.name} sent what is not in the protocol: ${problem}`),
    );
    panel.webview.onDidReceiveMessage((message) => this.messages.receive(message));
    panel.onDidDispose(() => {
      this.#beginning = undefined;
      this.messages.close({ code: 'cancelled', message: 'The view was closed.' });
    });
    const icon = (theme: string): vscode.Uri => vscode.Uri.joinPath(view.extensionUri, 'media', `tab-${theme}.svg`);
    panel.iconPath = { light: icon('light'), dark: icon('dark') };
    panel.webview.options = { enableScripts: true, localResourceRoots: [] };
  }

  /** Loads the page. What has been said by the end of `begun` comes with it, unless that takes long. */
  async load(begun?: Promise<unknown>): Promise<void> {
    if (begun) await Promise.race([begun, setTimeout(BEGINNING)]);
    const beginning = this.#beginning;
    // It was closed meanwhile.
    if (!beginning) return;
    this.#beginning = undefined;
    const { name, title, extensionUri } = this.view;
    const built = (kind: string): string =>
      readFileSync(vscode.Uri.joinPath(extensionUri, 'dist', 'webview', `${name}.${kind}`).fsPath, 'utf8');
    this.panel.webview.html = shellHtml({
      title,
      nonce: randomBytes(16).toString('base64url'),
      script: built('js'),
      style: built('css'),
      beginning,
    });
  }
}

/** Where a new panel of ours goes: onto one that is in view, otherwise beside the active editor; never over the text that is read. */
export function sideColumn(): vscode.ViewColumn {
  const ours = (tab: vscode.Tab | undefined): boolean =>
    tab?.input instanceof vscode.TabInputWebview && tab.input.viewType.includes('objectiveLab.');
  const group = vscode.window.tabGroups.all.find(({ activeTab }) => ours(activeTab));
  return group?.viewColumn ?? vscode.ViewColumn.Beside;
}

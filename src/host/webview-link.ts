import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as vscode from 'vscode';
import { MessageHandler, type Endpoint, type Handlers } from '../shared/rpc';
import { webview } from '../shared/webview/view';
import { shellHtml } from './webview-html';

/** A webview panel that shows one of our views, and the messages to it. */
export class WebviewLink<Local extends Endpoint> {
  readonly messages: MessageHandler<Local, typeof webview>;

  constructor(
    readonly panel: vscode.WebviewPanel,
    view: {
      readonly name: 'inspector' | 'dashboard' | 'comparison' | 'advisor' | 'machine';
      readonly title: string;
      readonly extensionUri: vscode.Uri;
    },
    endpoint: Local,
    handlers: Handlers<Local>,
    log: vscode.LogOutputChannel,
  ) {
    const root = vscode.Uri.joinPath(view.extensionUri, 'dist', 'webview');
    this.messages = new MessageHandler(
      endpoint,
      webview,
      handlers,
      (message) => void panel.webview.postMessage(message).then(undefined, (error: unknown) => log.warn(String(error))),
      (problem) => log.warn(`The ${view.name} sent what is not in the protocol: ${problem}`),
    );
    panel.webview.onDidReceiveMessage((message) => this.messages.receive(message));
    panel.onDidDispose(() => this.messages.close({ code: 'cancelled', message: 'The view was closed.' }));
    const icon = (theme: string): vscode.Uri => vscode.Uri.joinPath(view.extensionUri, 'media', `tab-${theme}.svg`);
    panel.iconPath = { light: icon('light'), dark: icon('dark') };
    panel.webview.options = { enableScripts: true, localResourceRoots: [root] };
    panel.webview.html = shellHtml({
      title: view.title,
      cspSource: panel.webview.cspSource,
      nonce: randomBytes(16).toString('base64url'),
      script: panel.webview.asWebviewUri(vscode.Uri.joinPath(root, `${view.name}.js`)).toString(),
      style: readFileSync(vscode.Uri.joinPath(root, `${view.name}.css`).fsPath, 'utf8'),
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

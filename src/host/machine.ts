import { homedir } from 'node:os';
import * as vscode from 'vscode';
import { DOWNLOAD, requireCudaPlatform, type Diagnosis } from '../shared/machine';
import type { Handlers } from '../shared/rpc';
import { machineHost } from '../shared/webview/machine';
import { signalOf } from './cancellation';
import type { Inspection } from './inspection';
import type { Reporter } from './report';
import { sideColumn, WebviewLink } from './webview-link';

/** Where CUDA was set up from, in the extension's memory: an update of the extension takes its own folder away, and the provider with it. */
const SOURCE = 'cudaSource';
const DOWNLOADED = 'the download';

type Source = vscode.QuickPickItem & { readonly ask: () => Promise<{ readonly from: string | undefined } | undefined> };

const SOURCES: readonly Source[] = [
  { label: 'Download', detail: `CUDA 12: ${DOWNLOAD}`, ask: confirmDownload },
  {
    label: 'A Folder…',
    detail: 'CUDA 12 or 13: a folder that holds libonnxruntime_providers_cuda.so and libonnxruntime_providers_shared.so.',
    ask: () => chosen({ canSelectFolders: true, canSelectFiles: false }),
  },
  {
    label: 'A Package…',
    detail: "CUDA 12 or 13: a package of npm's kind (.tgz) that holds them.",
    ask: () => chosen({ filters: { Package: ['tgz', 'tar.gz'] } }),
  },
];

async function confirmDownload(): Promise<{ from: undefined } | undefined> {
  const asked = { modal: true, detail: `If you go on, ${DOWNLOAD}` };
  const pressed = await vscode.window.showInformationMessage('Download the CUDA provider?', asked, 'Download');
  return pressed && { from: undefined };
}

async function chosen(options: vscode.OpenDialogOptions): Promise<{ from: string } | undefined> {
  const [uri] = (await vscode.window.showOpenDialog({ ...options, title: 'The CUDA Provider', openLabel: 'Set Up' })) ?? [];
  return uri && { from: uri.fsPath };
}

/** What this machine has for training, on show, and the set-up of CUDA. The inspection process does the work. */
export class Machine implements vscode.Disposable, vscode.WebviewPanelSerializer {
  static readonly viewType = 'objectiveLab.machine';

  #link: WebviewLink<typeof machineHost> | undefined;
  #last: Diagnosis | undefined;
  readonly #registration: vscode.Disposable;

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly state: vscode.Memento,
    private readonly inspection: Inspection,
    private readonly reporter: Reporter,
  ) {
    this.#registration = vscode.window.registerWebviewPanelSerializer(Machine.viewType, this);
  }

  /** Checks, and shows what came of it. */
  open(): void {
    if (this.#link) {
      this.#link.panel.reveal();
      this.#link.messages.emit('check', {});
    } else this.#attach(vscode.window.createWebviewPanel(Machine.viewType, 'This Machine', sideColumn()));
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    this.#attach(panel);
    return Promise.resolve();
  }

  /** Puts the CUDA provider beside the runtime, if it works. @param given a folder or package; the person is asked when it is absent */
  async setUpCuda(given: string | undefined): Promise<void> {
    requireCudaPlatform(process.platform, process.arch);
    const source =
      given === undefined
        ? await (
            await vscode.window.showQuickPick(SOURCES, { title: 'Set Up CUDA', placeHolder: 'Where the CUDA provider comes from' })
          )?.ask()
        : { from: given };
    if (!source) return;
    const { from } = source;
    await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title: 'Setting up CUDA', cancellable: true },
      (_, token) => this.inspection.request('setUpCuda', { from }, { signal: signalOf(token) }),
    );
    await this.state.update(SOURCE, from ?? DOWNLOADED);
    this.reporter.background(
      vscode.window
        .showInformationMessage('CUDA works. Runs whose device is "auto" use it from now on.', 'Check This Machine')
        .then((pressed) => pressed && this.open()),
    );
  }

  dispose(): void {
    this.#link?.panel.dispose();
    this.#registration.dispose();
  }

  #attach(panel: vscode.WebviewPanel): void {
    const view = { name: 'machine', title: 'This Machine', extensionUri: this.extensionUri } as const;
    const link = new WebviewLink(panel, view, machineHost, this.#handlers, this.reporter.log);
    this.#link = link;
    panel.onDidDispose(() => {
      if (this.#link === link) this.#link = undefined;
    });
    this.reporter.background(link.load());
  }

  readonly #handlers: Handlers<typeof machineHost> = {
    examine: async () => {
      const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? homedir();
      const diagnosis = (this.#last = await this.inspection.request('examineMachine', { folder }));
      const lost = diagnosis.cuda.provider === undefined ? undefined : this.state.get<string>(SOURCE);
      return { diagnosis, ...(lost !== undefined && { lost }) };
    },
    copy: async ({ text }) => {
      await vscode.env.clipboard.writeText(text);
      return {};
    },
    typeCommand: ({ missing }) => {
      const command = this.#last?.missing[missing]?.mend;
      if (command !== undefined) {
        const terminal = vscode.window.createTerminal('Objective Lab');
        terminal.show();
        // Without the line's end: it is the person's to run.
        terminal.sendText(command, false);
      }
      return {};
    },
    setUpCuda: async () => {
      await vscode.commands.executeCommand('objectiveLab.setUpCuda');
      return {};
    },
  };
}

import * as vscode from 'vscode';
import { RemoteError, type Handlers } from '../shared/rpc';
import { inspectorHost, type Notice, type Reading } from '../shared/webview-protocol';
import { act } from './actions';
import { ActiveText } from './active-text';
import type { Inspection } from './inspection';
import { checkpointNotice, runNotice, textNotice } from './notices';
import type { ReaderChoice } from './reader-choice';
import { isCancelled, sentence, type Reporter } from './report';
import { Revealer } from './reveal';
import { checkpointInterval } from './run-folder';
import type { Runs } from './runs';
import { partAround, shifted } from './text-part';
import { Debounce, Throttle } from './throttle';
import { sideColumn, WebviewLink } from './webview-link';
import { basename, folderOf, pathFrom } from './workspace';

/** How much text is tokenised around the cursor, and how many of its tokens are shown at most. */
const TOKENS_TEXT = 3_000;
const TOKENS_SHOWN = 512;
/** How much text is compared by units at most, in UTF-16 units. */
const SIMILARITY_TEXT = 100_000;
const CANDIDATES = 8;

/** A reading as the view has it, with what it was made from. */
interface Current {
  readonly shown: Reading;
  readonly model: string;
  readonly text: string;
}

/** The inspector panel: reads the active text through a run's newest checkpoint, and follows both. */
export class Inspector implements vscode.Disposable, vscode.WebviewPanelSerializer {
  static readonly viewType = 'objectiveLab.inspector';

  #link: WebviewLink<typeof inspectorHost> | undefined;
  #reading: Current | undefined;
  #version = 0;
  #running: AbortController | undefined;
  readonly #active = new ActiveText();
  readonly #revealer = new Revealer();
  readonly #read = new Debounce(200, () => this.#update());
  /** News of the run come with every step: they must not put off a reading for ever, as they would a pause. */
  readonly #follow = new Throttle(1_000, () => this.#update());
  readonly #tellRuns = new Throttle(500, () => this.#sendRuns());
  readonly #subscriptions: vscode.Disposable;

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly runs: Runs,
    private readonly reader: ReaderChoice,
    private readonly inspection: Inspection,
    private readonly reporter: Reporter,
  ) {
    this.#subscriptions = vscode.Disposable.from(
      vscode.window.registerWebviewPanelSerializer(Inspector.viewType, this),
      this.#active.onDidSwitch(() => this.#read.call()),
      this.#active.onDidEdit(() => this.#read.call()),
      this.#active.onDidMove(() => {
        if (!this.#shows(this.#active.anchor)) this.#read.call();
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.#read.call()),
      runs.onDidChange(() => this.#look()),
      reader.onDidChange(() => this.#look()),
      this.#active,
      this.#revealer,
    );
  }

  /** Opens the panel beside the editor, for a run's model or the foremost run's. */
  open(run?: string): void {
    if (run !== undefined) this.reader.choose(run);
    if (this.#link) {
      this.#link.panel.reveal(undefined, true);
      this.#tellRuns.call();
      return this.#update();
    }
    const place = { viewColumn: sideColumn(), preserveFocus: true };
    this.#attach(vscode.window.createWebviewPanel(Inspector.viewType, 'Inspector', place));
  }

  deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    this.#attach(panel);
    return Promise.resolve();
  }

  dispose(): void {
    this.#running?.abort();
    this.#read.dispose();
    this.#follow.dispose();
    this.#tellRuns.dispose();
    this.#link?.panel.dispose();
    this.#subscriptions.dispose();
  }

  #attach(panel: vscode.WebviewPanel): void {
    const view = { name: 'inspector', title: 'Inspector', extensionUri: this.extensionUri } as const;
    const link = new WebviewLink(panel, view, inspectorHost, this.#handlers, this.reporter.log);
    this.#link = link;
    panel.onDidDispose(() => {
      this.#running?.abort();
      if (this.#link === link) this.#link = undefined;
    });
  }

  readonly #handlers: Handlers<typeof inspectorHost> = {
    ready: () => {
      this.#reading = undefined;
      this.#tellRuns.call();
      this.#update();
      return {};
    },
    predict: ({ version, hidden }, signal) => {
      const { model, shown } = this.#current(version);
      return this.inspection.request('predict', { model, text: shown.part.text, hidden, top: CANDIDATES }, { signal });
    },
    mask: ({ version, draw }, signal) => {
      const { model, shown } = this.#current(version);
      return this.inspection.request('mask', { model, text: shown.part.text, draw }, { signal });
    },
    similarity: async ({ version, unit, limit }, signal) => {
      const { model, text, shown } = this.#current(version);
      const { start, end } = partAround(text, shown.part.start, SIMILARITY_TEXT);
      const { units, matrix } = await this.inspection.request(
        'similarity',
        { model, text: text.slice(start, end), unit, limit },
        { signal },
      );
      return { units: shifted(units, start), matrix };
    },
    reveal: async ({ uri, spans }) => {
      await this.#revealer.reveal(vscode.Uri.parse(uri, true), spans);
      return {};
    },
    selectRun: ({ run }) => {
      this.reader.choose(run);
      return {};
    },
    copy: async ({ text }) => {
      await vscode.env.clipboard.writeText(text);
      return {};
    },
    act: ({ action }) =>
      act(action, () => {
        this.inspection.retry();
        this.#update();
      }),
  };

  #current(version: number): Current {
    if (this.#reading?.shown.version === version) return this.#reading;
    throw new RemoteError({ code: 'stale', message: 'The text or the model has changed since.' });
  }

  #shows(anchor: number): boolean {
    const shown = this.#reading?.shown;
    const last = shown?.tokens.at(-1);
    return shown !== undefined && last !== undefined && anchor >= shown.part.start && anchor <= last.end;
  }

  /** Reads anew if another model, or a newer one, is there to read with. */
  #look(): void {
    this.#tellRuns.call();
    const { run } = this.reader;
    if (run?.folder !== this.#reading?.model || run?.checkpoint !== this.#reading?.shown.step) this.#follow.call();
  }

  #sendRuns(): void {
    const selected = this.reader.run?.folder;
    this.#link?.messages.emit('runs', { runs: [...this.runs.all], ...(selected !== undefined && { selected }) });
  }

  #notice(notice: Notice): void {
    this.#reading = undefined;
    this.#link?.messages.emit('notice', notice);
  }

  /** Reads anew; a reading that is overtaken by another one is dropped. */
  #update(): void {
    this.#running?.abort();
    if (!this.#link) return;
    const running = (this.#running = new AbortController());
    this.#readText(running.signal).catch((error: unknown) => {
      if (isCancelled(error) || running.signal.aborted) return;
      this.reporter.note(error);
      const known = error instanceof Error ? error : new Error(String(error));
      const detail = sentence({ message: known.message, hint: error instanceof RemoteError ? error.hint : undefined });
      this.#notice({ title: 'The model could not read this file', detail, action: { id: 'retry', label: 'Try Again' } });
    });
  }

  async #readText(signal: AbortSignal): Promise<void> {
    if (!this.runs.known) await this.runs.refresh();
    const { run } = this.reader;
    const missing =
      runNotice({ folderOpen: !!vscode.workspace.workspaceFolders?.length, trusted: vscode.workspace.isTrusted, run }) ??
      (run && checkpointNotice(run, run.checkpoint === undefined ? await checkpointInterval(run.folder) : undefined)) ??
      textNotice(this.#active.active);
    const { document } = this.#active;
    const late = (): boolean => signal.aborted;
    if (late()) return;
    if (missing) {
      this.#notice(missing);
      return;
    }
    if (!run || !document) return;

    const text = document.getText();
    const kept = this.#reading?.shown.uri === document.uri.toString() && this.#shows(this.#active.anchor) ? this.#reading : undefined;
    // The part stays where it is while the cursor is inside: what is shown should not jump with every keystroke.
    const around = partAround(text, this.#active.anchor, TOKENS_TEXT);
    const start = kept && text.startsWith(kept.text.slice(0, kept.shown.part.start)) ? kept.shown.part.start : around.start;
    const end = start === around.start ? around.end : Math.min(text.length, start + TOKENS_TEXT);
    const partText = text.slice(start, end);
    const { tokens, step } = await this.inspection.request('tokenize', { model: run.folder, text: partText }, { signal });
    if (late()) return;

    const shown = shifted(tokens.slice(0, TOKENS_SHOWN), start);
    const lineAt = (offset: number): number => document.positionAt(offset).line + 1;
    const folder = folderOf(document.uri);
    const reading: Reading = {
      version: ++this.#version,
      uri: document.uri.toString(),
      name: basename(document.uri),
      model: pathFrom(folder, run.folder),
      ...(!document.isUntitled && { file: pathFrom(folder, document.uri.fsPath) }),
      ...(step !== undefined && { step }),
      part: {
        start,
        text: partText,
        firstLine: lineAt(start),
        lastLine: lineAt(shown.at(-1)?.end ?? start),
        lineCount: document.lineCount,
      },
      tokens: shown,
    };
    this.#reading = { shown: reading, model: run.folder, text };
    this.#link?.messages.emit('reading', reading);
  }
}

import * as vscode from 'vscode';
import { RemoteError, type Handlers } from '../shared/rpc';
import { inspectorHost, type Reading, type Side } from '../shared/webview/inspector';
import type { Notice } from '../shared/webview/view';
import { act } from './actions';
import { ActiveText } from './active-text';
import type { Inspection } from './inspection';
import { InspectorModels } from './inspector-models';
import { wordHandlers } from './inspector-words';
import { InspectorSentences } from './inspector-sentences';
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

/** A reading as the view has it, with what it was made from. */
interface Current {
  readonly shown: Reading;
  /** The version of the reader, see `ReaderChoice`. */
  readonly reader: string | undefined;
  readonly text: string;
}

/** The inspector panel: reads the active text through the chosen model, and follows both. While it is hidden it does nothing. */
export class Inspector implements vscode.Disposable, vscode.WebviewPanelSerializer {
  static readonly viewType = 'objectiveLab.inspector';

  #link: WebviewLink<typeof inspectorHost> | undefined;
  #reading: Current | undefined;
  /** Tells the view again what it was told last: a reading, or why there is none. */
  #repeat: (() => void) | undefined;
  #version = 0;
  #running: AbortController | undefined;
  readonly #active = new ActiveText();
  readonly #revealer = new Revealer();
  readonly #read = new Debounce(200, () => void this.#update());
  /** A slider that is moved, and checkpoints that come fast: they must not put off a reading for ever, as they would a pause. */
  readonly #follow = new Throttle(100, () => void this.#update());
  readonly #tellModels = new Throttle(500, () => this.reporter.background(this.#sendModels()));
  readonly #models: InspectorModels;
  readonly #handlers: Handlers<typeof inspectorHost>;
  readonly #tellCursor = new Throttle(100, () => this.#sendCursor());
  readonly #sentences: InspectorSentences;
  readonly #subscriptions: vscode.Disposable;

  constructor(
    private readonly extensionUri: vscode.Uri,
    private readonly runs: Runs,
    private readonly reader: ReaderChoice,
    private readonly inspection: Inspection,
    private readonly reporter: Reporter,
  ) {
    this.#models = new InspectorModels(runs, reader, inspection);
    this.#sentences = new InspectorSentences(inspection, (side) => this.#modelOf(side));
    this.#handlers = this.#answers();
    this.#subscriptions = vscode.Disposable.from(
      vscode.window.registerWebviewPanelSerializer(Inspector.viewType, this),
      this.#active.onDidSwitch(() => this.#read.call()),
      this.#active.onDidEdit(() => this.#read.call()),
      this.#active.onDidMove(() => {
        if (!this.#shows(this.#active.anchor)) this.#read.call();
        this.#tellCursor.call();
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
      this.#tellModels.call();
      void this.#update();
      return;
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
    this.#tellModels.dispose();
    this.#tellCursor.dispose();
    this.#link?.panel.dispose();
    this.#subscriptions.dispose();
  }

  #attach(panel: vscode.WebviewPanel): void {
    const view = { name: 'inspector', title: 'Inspector', extensionUri: this.extensionUri } as const;
    const link = new WebviewLink(panel, view, inspectorHost, this.#handlers, this.reporter.log);
    this.#link = link;
    // What is said before the view is there comes with its page or waits for it; where loading takes long it may be lost, and is said again.
    let begun = panel.visible;
    panel.onDidChangeViewState(() => (begun &&= panel.visible));
    link.messages.on('ready', () => {
      this.#tellModels.call();
      if (begun) this.#repeat?.();
      else void this.#update();
      begun = false;
    });
    panel.onDidDispose(() => {
      this.#running?.abort();
      if (this.#link === link) this.#link = undefined;
    });
    this.#reading = this.#repeat = undefined;
    const models = this.#sendModels();
    this.reporter.background(models);
    this.reporter.background(link.load(Promise.allSettled([models, this.#update()])));
  }

  #answers(): Handlers<typeof inspectorHost> {
    return {
      ...this.#sentences.handlers,
      ...wordHandlers(this.inspection, (version, side) => this.#current(version, side)),
      batch: (query, signal) => this.inspection.request('batch', { model: this.#modelOf('first'), ...query }, { signal }),
      reveal: async ({ uri, spans }) => {
        await this.#revealer.reveal(vscode.Uri.parse(uri, true), spans);
        return {};
      },
      chooseModel: ({ side, model, checkpoint }) => {
        this.#models.choose(side, model, checkpoint);
        this.#tellModels.call();
        return {};
      },
      browseModel: async () => {
        if (await this.#models.browse()) this.#tellModels.call();
        return {};
      },
      copy: async ({ text }) => {
        await vscode.env.clipboard.writeText(text);
        return {};
      },
      act: ({ action }) =>
        act(action, () => {
          this.inspection.retry();
          void this.#update();
        }),
    };
  }

  #modelOf(side: Side): string {
    const model = this.#models.pathOf(side);
    if (model !== undefined) return model;
    throw new RemoteError({ code: 'stale', message: 'There is no model to read with.' });
  }

  #current(version: number, side: Side): Current & { readonly model: string } {
    if (this.#reading?.shown.version === version) return { ...this.#reading, model: this.#modelOf(side) };
    throw new RemoteError({ code: 'stale', message: 'The text or the model has changed since.' });
  }

  #shows(anchor: number): boolean {
    const shown = this.#reading?.shown;
    const last = shown?.tokens.at(-1);
    return shown !== undefined && last !== undefined && anchor >= shown.part.start && anchor <= last.end;
  }

  /** Reads anew if another model, or a newer one, is there to read with. */
  #look(): void {
    this.#tellModels.call();
    if (this.reader.version !== this.#reading?.reader) this.#follow.call();
  }

  async #sendModels(): Promise<void> {
    const link = this.#link;
    // A panel that comes into view asks for everything itself.
    if (link?.panel.visible) link.messages.emit('models', await this.#models.describe());
  }

  #sendCursor(): void {
    const { editor, document } = this.#active;
    if (!editor || !this.#link?.panel.visible || document?.uri.toString() !== this.#reading?.shown.uri) return;
    this.#link.messages.emit('cursor', { offset: editor.document.offsetAt(editor.selection.active) });
  }

  #notice(notice: Notice): void {
    this.#reading = undefined;
    this.#tell(() => this.#link?.messages.emit('notice', notice));
  }

  #tell(say: () => void): void {
    this.#repeat = say;
    say();
  }

  /** Reads anew; a reading that is overtaken by another one is dropped. */
  async #update(): Promise<void> {
    this.#running?.abort();
    if (!this.#link?.panel.visible) return;
    const running = (this.#running = new AbortController());
    try {
      await this.#readText(running.signal);
    } catch (error) {
      if (isCancelled(error) || running.signal.aborted) return;
      this.reporter.note(error);
      const known = error instanceof Error ? error : new Error(String(error));
      const detail = sentence({ message: known.message, hint: error instanceof RemoteError ? error.hint : undefined });
      this.#notice({ title: 'The model could not read this file', detail, action: { id: 'retry', label: 'Try Again' } });
    }
  }

  async #readText(signal: AbortSignal): Promise<void> {
    if (!this.runs.known) await this.runs.refresh();
    const { run, model, version: reader } = this.reader;
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
    if (model === undefined || !document) return;

    const text = document.getText();
    const kept = this.#reading?.shown.uri === document.uri.toString() && this.#shows(this.#active.anchor) ? this.#reading : undefined;
    // The part stays where it is while the cursor is inside: what is shown should not jump with every keystroke.
    const around = partAround(text, this.#active.anchor, TOKENS_TEXT);
    const start = kept && text.startsWith(kept.text.slice(0, kept.shown.part.start)) ? kept.shown.part.start : around.start;
    const end = start === around.start ? around.end : Math.min(text.length, start + TOKENS_TEXT);
    const partText = text.slice(start, end);
    const { tokens, step } = await this.inspection.request('tokenize', { model, text: partText }, { signal });
    if (late()) return;

    const listed = shifted(tokens.slice(0, TOKENS_SHOWN), start);
    const lineAt = (offset: number): number => document.positionAt(offset).line + 1;
    const folder = folderOf(document.uri);
    const shown: Reading = {
      version: ++this.#version,
      uri: document.uri.toString(),
      name: basename(document.uri),
      content: this.#sentences.take({ uri: document.uri.toString(), folder, model, step, text }, start),
      model: pathFrom(folder, model),
      ...(!document.isUntitled && { file: pathFrom(folder, document.uri.fsPath) }),
      ...(step !== undefined && { step }),
      part: {
        start,
        text: partText,
        firstLine: lineAt(start),
        lastLine: lineAt(listed.at(-1)?.end ?? start),
        lineCount: document.lineCount,
      },
      tokens: listed,
    };
    this.#reading = { shown, reader, text };
    this.#tell(() => this.#link?.messages.emit('reading', shown));
    this.#tellCursor.call();
  }
}

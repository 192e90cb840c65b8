import * as vscode from 'vscode';
import type { WordSurprisal } from '../../shared/types';
import { ActiveText } from '../active-text';
import type { Inspection } from '../inspection';
import type { ReaderChoice } from '../reader-choice';
import type { Reporter } from '../report';
import type { Runs } from '../runs';
import { DocumentSurprisal } from './document-surprisal';
import type { Passage } from './passages';
import { Scores } from './scores';
import { makeStyles } from './styles';
import { isText } from './texts';

/** What is shown while surprisal is on. */
interface Showing {
  readonly active: ActiveText;
  readonly styles: readonly vscode.TextEditorDecorationType[];
  readonly documents: Map<vscode.TextDocument, DocumentSurprisal>;
  readonly subscriptions: vscode.Disposable;
}

/** Paints the words of every visible document by their surprisal, while it is on. */
export class Surprisal implements vscode.Disposable {
  #showing: Showing | undefined;
  readonly #scores = new Scores();
  readonly #news = new vscode.EventEmitter<void>();

  /** It was turned on or off, another document is active, or one is scored further. */
  readonly onDidChange = this.#news.event;

  constructor(
    readonly runs: Runs,
    readonly reader: ReaderChoice,
    private readonly inspection: Inspection,
    private readonly reporter: Reporter,
  ) {}

  get on(): boolean {
    return this.#showing !== undefined;
  }

  /** The document whose state the status bar tells: that of the active editor. */
  get active(): DocumentSurprisal | undefined {
    const document = this.#showing?.active.document;
    return document && this.#showing?.documents.get(document);
  }

  /** The scored word at a place, if it is on. */
  wordAt(document: vscode.TextDocument, offset: number): { passage: Passage; word: WordSurprisal } | undefined {
    return this.#showing?.documents.get(document)?.wordAt(offset);
  }

  /** Makes a word's surprisal what a closer look found, in nats, and paints it so. */
  correct({ text }: Passage, word: WordSurprisal, surprisal: number): void {
    const { version } = this.reader;
    const score = version === undefined ? undefined : this.#scores.get(version, text);
    if (!score || version === undefined) return;
    const words = score.words.map((each) => (each.start === word.start ? { ...each, surprisal } : each));
    this.#scores.set(version, text, words, score.depth);
    for (const document of this.#showing?.documents.values() ?? []) document.repaint();
  }

  async toggle(): Promise<void> {
    if (this.#showing) this.#turnOff();
    else this.#turnOn();
    void vscode.commands.executeCommand('setContext', 'objectiveLab.surprisal', this.on);
    this.#news.fire();
    if (this.on && !this.runs.known) await this.runs.refresh();
  }

  /** Asks again after a failure. */
  retry(): void {
    this.inspection.retry();
    this.#each((document) => document.retry());
  }

  dispose(): void {
    this.#turnOff();
    this.#news.dispose();
  }

  #turnOn(): void {
    const active = new ActiveText();
    this.#showing = {
      active,
      styles: [...makeStyles(), ...makeStyles()],
      documents: new Map(),
      subscriptions: vscode.Disposable.from(
        active,
        active.onDidSwitch(() => this.#news.fire()),
        vscode.window.onDidChangeVisibleTextEditors(() => this.#follow()),
        vscode.window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => this.#of(textEditor.document)?.scroll()),
        vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
          if (contentChanges.length > 0) this.#of(document)?.edit(contentChanges);
        }),
        this.reader.onDidChange(() => this.#each((document) => document.update())),
        // How the run goes is told even where nothing can be read with it yet.
        this.runs.onDidChange(() => this.#news.fire()),
      ),
    };
    this.#follow();
  }

  #turnOff(): void {
    this.#each((document) => document.dispose());
    if (this.#showing) vscode.Disposable.from(this.#showing.subscriptions, ...this.#showing.styles).dispose();
    this.#showing = undefined;
  }

  /** Documents that can be seen are worked on, others are left alone. */
  #follow(): void {
    if (!this.#showing) return;
    const { documents, styles } = this.#showing;
    const visible = new Set(vscode.window.visibleTextEditors.map(({ document }) => document).filter(isText));
    for (const [document, surprisal] of documents) {
      if (visible.has(document)) continue;
      surprisal.dispose();
      documents.delete(document);
    }
    for (const document of visible) {
      if (!documents.has(document)) documents.set(document, this.#make(document, styles));
    }
    this.#each((document) => document.update());
  }

  #make(document: vscode.TextDocument, styles: readonly vscode.TextEditorDecorationType[]): DocumentSurprisal {
    return new DocumentSurprisal(
      document,
      this.reader,
      this.#scores,
      styles,
      (model, text, effort, signal) => this.inspection.request('surprisal', { model, text, ...effort }, { signal }),
      () => this.#news.fire(),
      (error) => this.reporter.note(error),
    );
  }

  #of(document: vscode.TextDocument): DocumentSurprisal | undefined {
    return this.#showing?.documents.get(document);
  }

  #each(work: (document: DocumentSurprisal) => void): void {
    for (const document of this.#showing?.documents.values() ?? []) work(document);
  }
}

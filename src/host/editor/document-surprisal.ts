import * as vscode from 'vscode';
import { RemoteError } from '../../shared/rpc';
import type { Span, WordSurprisal } from '../../shared/types';
import type { ReaderChoice } from '../reader-choice';
import { Debounce, Throttle } from '../throttle';
import { INTENSITIES } from './intensity';
import { marksOf, moved, sameMarks, type Mark } from './marks';
import { overlaps, passagesAfter, passagesOf, type Change, type Passage } from './passages';
import type { Score, Scores } from './scores';
import { Scoring, summary, type Ask } from './scoring';
import { rangeOf, spanOf } from './texts';

/** The least time between two looks at a document that changes or scrolls, in milliseconds. */
const LOOK = 30;
/** Edits that follow each other faster than this, in milliseconds, are a burst of typing: scores wait for its end, and leave it the processor. */
const BURST = 150;
/** How long nobody must have typed before more is scored than what can be seen, in milliseconds. */
const PAUSE = 2_000;
/** Of a longer document only what can be seen is scored, in UTF-16 units: 180,000 words of English. */
const LONGEST = 1_000_000;

/** How far before and behind what can be seen words are painted, in UTF-16 units: each mark costs the window time with every keystroke. */
const PAINTED_MARGIN = 400;

/** How long marks may be on their way to the editor, in milliseconds: an edit of that time may have come before them. */
const IN_FLIGHT = 300;

/** Keeps the surprisal of one document scored, what can be seen and a screen around it first, and painted in the editors that show it. */
export class DocumentSurprisal implements vscode.Disposable {
  /** What went wrong with the last request, and with which version of the model. */
  #problem: { readonly version: string | undefined; readonly error: Error } | undefined;
  #read: { readonly version: number; readonly passages: Passage[]; readonly whole: boolean } | undefined;
  #near: readonly Span[] = [];
  #painted: readonly Span[] = [];
  #marks: Mark[] = [];
  /**
   * What was sent to each editor since the last edit, by class. One that was sent before may have met a text which was further on: where the editor has
   * it now is not known.
   */
  #sent = new Map<vscode.TextEditor, Mark[][]>();
  #sentAt = -Infinity;
  /** The passage that was edited last: its marks are sent apart from all others, which stay as they are. */
  #live: Span | undefined;
  #settled = true;
  readonly #scoring: Scoring;
  readonly #look = new Throttle(LOOK, () => this.update());
  #editedAt = -Infinity;
  /** Where the last edit ended, as an offset in the document. */
  #editEnd: number | undefined;
  readonly #typed = new Debounce(BURST, () => this.update());
  readonly #settle = new Debounce(PAUSE, () => {
    this.#settled = true;
    // On a busy machine edits are heard of later than marks are thought to be on their way: now all are where they belong.
    this.#sent.clear();
    this.update();
  });

  constructor(
    private readonly document: vscode.TextDocument,
    private readonly reader: ReaderChoice,
    private readonly scores: Scores,
    private readonly styles: readonly vscode.TextEditorDecorationType[],
    ask: Ask,
    private readonly onNews: () => void,
    onFailed: (error: unknown) => void,
  ) {
    this.#scoring = new Scoring(
      scores,
      ask,
      (passage) => {
        this.#problem = undefined;
        if (this.#painted.some((span) => overlaps(span, passage))) this.#paint();
        this.onNews();
      },
      (reason) => {
        const error = reason instanceof Error ? reason : new Error(String(reason));
        // Every edit tries again.
        if (error.message !== this.#problem?.error.message) onFailed(error);
        this.#problem = { version: this.reader.version, error };
        this.onNews();
      },
    );
  }

  get problem(): Error | undefined {
    return this.#problem?.error;
  }

  /** Whether the model can read nothing in this way. */
  get unfit(): boolean {
    return this.problem instanceof RemoteError && this.problem.code === 'model';
  }

  /** Whole is false for a document of which only what can be seen is scored. */
  get progress(): { done: number; perplexity?: number; whole: boolean; empty: boolean } {
    const { passages, whole } = this.#current();
    const { version } = this.reader;
    const found = summary(passages, (text) => (version === undefined ? undefined : this.scores.get(version, text)));
    return { ...found, whole, empty: passages.length === 0 };
  }

  /** The scored word at a place of the document, its span within the passage, and the passage. */
  wordAt(offset: number): { passage: Passage; word: WordSurprisal } | undefined {
    const { version } = this.reader;
    const passage = this.#current().passages.find(({ start, end }) => start <= offset && offset < end);
    const words = passage && version !== undefined ? this.scores.get(version, passage.text)?.words : undefined;
    const word = passage && words?.find(({ start, end }) => passage.start + start <= offset && offset < passage.start + end);
    return passage && word && { passage, word };
  }

  /** Takes up edits: marks move at once, scores follow. */
  edit(edits: readonly vscode.TextDocumentContentChangeEvent[]): void {
    const changes = edits.map(({ rangeOffset: offset, rangeLength: removed, text }) => ({ offset, removed, inserted: text.length }));
    if (changes.length === 1) this.#reread(changes[0]!);
    for (const change of changes) {
      this.#editEnd = change.offset + change.inserted;
      this.#marks = moved(this.#marks, change);
      for (const [editor, classes] of this.#sent)
        this.#sent.set(
          editor,
          classes.map((marks) => moved(marks, change)),
        );
    }
    const live = this.#current().passages.find((passage) => changes.some(({ offset }) => passage.start <= offset && offset <= passage.end));
    if (live) this.#live = live;
    if (performance.now() - this.#sentAt < IN_FLIGHT) this.#sent.clear();
    this.#settled = false;
    this.#settle.call();
    const now = performance.now();
    const since = now - this.#editedAt;
    this.#editedAt = now;
    if (since < BURST) {
      this.#scoring.update(undefined);
      this.#typed.call();
    } else this.#look.call();
  }

  /** Takes up scrolling. */
  scroll(): void {
    this.#look.call();
  }

  /** Takes up whatever has changed. */
  update(): void {
    const editors = vscode.window.visibleTextEditors.filter(({ document }) => document === this.document);
    for (const editor of this.#sent.keys()) if (!editors.includes(editor)) this.#sent.delete(editor);
    const ranges = editors.flatMap(({ visibleRanges }) => visibleRanges);
    const visible = ranges.map((range) => spanOf(this.document, range));
    this.#near = ranges.map((range) => spanOf(this.document, withMargin(range, range.end.line - range.start.line + 1)));
    this.#painted = visible.map(({ start, end }) => ({ start: start - PAINTED_MARGIN, end: end + PAINTED_MARGIN }));
    const { model, version } = this.reader;
    const { passages } = this.#current();
    if (version !== this.#problem?.version) this.#problem = undefined;
    this.#scoring.update(
      model !== undefined && version !== undefined && !this.unfit
        ? { model, version, passages, visible, near: this.#near, editEnd: this.#editEnd, settled: this.#settled }
        : undefined,
    );
    // While somebody types the editor moves what it shows by itself, and new scores are painted as they come.
    if (this.#settled) this.#paint();
    this.onNews();
  }

  /** Paints anew, since a score has changed. */
  repaint(): void {
    this.#paint();
    this.onNews();
  }

  /** Asks again after a failure. */
  retry(): void {
    this.#problem = undefined;
    this.update();
  }

  dispose(): void {
    this.#scoring.dispose();
    this.#look.dispose();
    this.#typed.dispose();
    this.#settle.dispose();
  }

  #current(): { readonly passages: Passage[]; readonly whole: boolean } {
    const { version } = this.document;
    if (this.#read?.version === version) return this.#read;
    const text = this.document.getText();
    const whole = text.length <= LONGEST;
    const all = passagesOf(text);
    const passages = whole ? all : all.filter((passage) => this.#near.some((span) => overlaps(span, passage)));
    // What can be seen moves while the text stays, so a part of it is found anew each time.
    this.#read = whole ? { version, passages, whole } : undefined;
    return { passages, whole };
  }

  /** Takes up one change in what was read: in a long document to read all of it takes longer than to score the word. */
  #reread(change: Change): void {
    const { version, lineCount } = this.document;
    if (this.#read?.version !== version - 1) return;
    const length = this.document.offsetAt(this.document.lineAt(lineCount - 1).range.end);
    if (length > LONGEST) return;
    const read = (start: number, end: number): string => this.document.getText(rangeOf(this.document, { start, end }));
    this.#read = { version, passages: passagesAfter(this.#read.passages, change, length, read), whole: true };
  }

  #paint(): void {
    const { version } = this.reader;
    const seen = (span: Span): boolean => this.#painted.some((painted) => overlaps(painted, span));
    const scoreOf = ({ text }: Passage): Score | undefined => (version === undefined ? undefined : this.scores.get(version, text));
    this.#marks = marksOf(this.#current().passages.filter(seen), scoreOf, this.#marks).filter(seen);
    const [kept, edited] = [false, true].map((live) =>
      this.#marks.filter((mark) => (this.#live !== undefined && overlaps(this.#live, mark)) === live),
    );
    const classes = [kept!, edited!].flatMap((marks) => INTENSITIES.map((_, level) => marks.filter((mark) => mark.level === level)));
    for (const editor of vscode.window.visibleTextEditors) {
      if (editor.document !== this.document) continue;
      const sent = this.#sent.get(editor);
      this.styles.forEach((style, i) => {
        const marks = classes[i] ?? [];
        if (sent && sameMarks(marks, sent[i] ?? [])) return;
        editor.setDecorations(
          style,
          marks.map((mark) => rangeOf(this.document, mark)),
        );
        this.#sentAt = performance.now();
      });
      this.#sent.set(editor, classes);
    }
  }
}

/** A range with some lines before and behind it. */
function withMargin({ start, end }: vscode.Range, lines: number): vscode.Range {
  return new vscode.Range(Math.max(0, start.line - lines), 0, end.line + lines, 0);
}

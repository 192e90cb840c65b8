import * as vscode from 'vscode';
import { basename } from './workspace';

/** The schemes whose documents are a person's own text; the output panel and the like are not. */
export const SCHEMES = new Set(['file', 'untitled', 'vscode-remote', 'vscode-userdata']);

/** The text the person works on: the active editor's, which stays the same while a webview or a panel has the focus. */
export class ActiveText implements vscode.Disposable {
  #document: vscode.TextDocument | undefined;
  #other: string | undefined;
  readonly #switch = new vscode.EventEmitter<void>();
  readonly #edit = new vscode.EventEmitter<void>();
  readonly #move = new vscode.EventEmitter<void>();
  readonly #subscriptions: vscode.Disposable;

  /** Another document. */
  readonly onDidSwitch = this.#switch.event;
  readonly onDidEdit = this.#edit.event;
  /** The cursor moved, or the editor scrolled. */
  readonly onDidMove = this.#move.event;

  constructor() {
    const ours = (document: vscode.TextDocument): boolean => document === this.#document;
    this.#subscriptions = vscode.Disposable.from(
      vscode.window.onDidChangeActiveTextEditor(() => this.#look()),
      vscode.window.tabGroups.onDidChangeTabs(() => this.#look()),
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (ours(document) && contentChanges.length > 0) this.#edit.fire();
      }),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => {
        if (ours(textEditor.document)) this.#move.fire();
      }),
      vscode.window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => {
        if (ours(textEditor.document)) this.#move.fire();
      }),
      vscode.workspace.onDidCloseTextDocument((document) => {
        if (!ours(document)) return;
        this.#document = undefined;
        this.#look();
        this.#switch.fire();
      }),
      this.#switch,
      this.#edit,
      this.#move,
    );
    this.#look();
  }

  get document(): vscode.TextDocument | undefined {
    return this.#document;
  }

  /** Name and text of what is active; the text of what is not a text file is undefined. */
  get active(): { name: string; text: string | undefined } | undefined {
    if (this.#other !== undefined) return { name: this.#other, text: undefined };
    return this.#document && { name: basename(this.#document.uri), text: this.#document.getText() };
  }

  get editor(): vscode.TextEditor | undefined {
    return vscode.window.visibleTextEditors.find(({ document }) => document === this.#document);
  }

  /** Where the person looks, as an offset: the cursor if it can be seen, otherwise the first line that can. */
  get anchor(): number {
    const { editor } = this;
    const visible = editor?.visibleRanges[0];
    if (!editor || !visible) return 0;
    const { active } = editor.selection;
    return editor.document.offsetAt(editor.visibleRanges.some((range) => range.contains(active)) ? active : visible.start);
  }

  dispose(): void {
    this.#subscriptions.dispose();
  }

  #look(): void {
    const [document, other] = [this.#document, this.#other];
    const suitable = ({ document: shown }: vscode.TextEditor): boolean => SCHEMES.has(shown.uri.scheme);
    const active = vscode.window.activeTextEditor;
    if (active && suitable(active)) [this.#document, this.#other] = [active.document, undefined];
    else if (!active) this.#other = activeFileWithoutText();
    this.#document ??= vscode.window.visibleTextEditors.find(suitable)?.document;
    if (this.#document !== document || this.#other !== other) this.#switch.fire();
  }
}

/** The name of the active tab's file when it is an image, a binary file or a notebook. */
function activeFileWithoutText(): string | undefined {
  const tab = vscode.window.tabGroups.activeTabGroup.activeTab;
  if (!tab) return undefined;
  const { input } = tab;
  if (input instanceof vscode.TabInputCustom || input instanceof vscode.TabInputNotebook) return basename(input.uri);
  // A file that the editor takes for binary has a tab of text input, but no text editor.
  const binary =
    input instanceof vscode.TabInputText && !vscode.workspace.textDocuments.some(({ uri }) => uri.toString() === input.uri.toString());
  return binary ? basename(input.uri) : undefined;
}

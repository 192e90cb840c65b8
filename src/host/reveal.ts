import * as vscode from 'vscode';
import type { Span } from '../shared/types';

/** Shows places of a document in its editor, puts the cursor to the first, and marks them until the next edit or the next call. */
export class Revealer implements vscode.Disposable {
  readonly #mark = vscode.window.createTextEditorDecorationType({
    backgroundColor: new vscode.ThemeColor('editor.findMatchHighlightBackground'),
    border: '1px solid',
    borderColor: new vscode.ThemeColor('editor.findMatchHighlightBorder'),
    overviewRulerColor: new vscode.ThemeColor('editorOverviewRuler.findMatchForeground'),
    overviewRulerLane: vscode.OverviewRulerLane.Center,
  });
  readonly #subscription = vscode.workspace.onDidChangeTextDocument(({ document }) => {
    for (const editor of vscode.window.visibleTextEditors) if (editor.document === document) editor.setDecorations(this.#mark, []);
  });

  async reveal(uri: vscode.Uri, spans: readonly Span[]): Promise<void> {
    const open = vscode.window.visibleTextEditors.find(({ document }) => document.uri.toString() === uri.toString());
    const editor = await vscode.window.showTextDocument(open?.document ?? (await vscode.workspace.openTextDocument(uri)), {
      viewColumn: open?.viewColumn ?? vscode.ViewColumn.One,
      preserveFocus: true,
    });
    const ranges = spans.map(({ start, end }) => new vscode.Range(editor.document.positionAt(start), editor.document.positionAt(end)));
    for (const other of vscode.window.visibleTextEditors) other.setDecorations(this.#mark, other === editor ? ranges : []);
    const first = ranges[0];
    if (!first) return;
    // The views follow the cursor: what was chosen in one of them is then marked in all.
    editor.selection = new vscode.Selection(first.start, first.start);
    // Both at once where they fit, otherwise the first: the other one is marked in the overview ruler.
    const union = ranges.reduce((all, range) => all.union(range), first);
    const height = editor.visibleRanges.reduce((lines, range) => lines + range.end.line - range.start.line, 0);
    editor.revealRange(union.end.line - union.start.line < height ? union : first, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
  }

  dispose(): void {
    vscode.Disposable.from(this.#subscription, this.#mark).dispose();
  }
}

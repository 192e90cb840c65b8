const vscode = require('vscode');

/** What the inspector and the surprisal of an edit are held against: the same things to see, with nothing to find out. */
exports.activate = ({ subscriptions }) => {
  subscriptions.push(
    vscode.commands.registerCommand('floor.openWebview', () => {
      const place = { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true };
      const panel = vscode.window.createWebviewPanel('floor', 'Nothing', place, { enableScripts: true });
      panel.webview.html = '<title>Nothing</title><p class="tokens"><span class="token">nothing</span></p>';
    }),
    vscode.commands.registerCommand('floor.markEdits', () => {
      const style = vscode.window.createTextEditorDecorationType({
        backgroundColor: 'rgb(90, 0, 0)',
        rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
      });
      subscriptions.push(
        style,
        vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
          const [change] = contentChanges;
          const editor = vscode.window.activeTextEditor;
          if (editor?.document !== document || !change) return;
          const typed = document.getWordRangeAtPosition(change.range.start.translate(0, change.text.length));
          editor.setDecorations(style, typed ? [typed] : []);
        }),
      );
    }),
  );
};

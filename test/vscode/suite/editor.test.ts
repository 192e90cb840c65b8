import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import { runInState, until, workspaceUri, writeExperiment } from '../support';

const CHAPTER = workspaceUri('text', '001-loomings.md');
const execute = <T>(command: string, ...argumentsOfIt: unknown[]): Thenable<T> =>
  vscode.commands.executeCommand<T>(command, ...argumentsOfIt);

const hoverAt = async (document: vscode.TextDocument, offset: number): Promise<vscode.MarkdownString | undefined> => {
  const hovers = await execute<vscode.Hover[]>('vscode.executeHoverProvider', document.uri, document.positionAt(offset));
  const contents = hovers.flatMap(({ contents }) => contents) as vscode.MarkdownString[];
  return contents.find(({ value }) => value.includes('Surprisal'));
};

const completionsAt = async (text: string, column: number): Promise<vscode.CompletionItem[]> => {
  const document = await vscode.workspace.openTextDocument({ content: text, language: 'plaintext' });
  const position = document.positionAt(column);
  const list = await execute<vscode.CompletionList>('vscode.executeCompletionItemProvider', document.uri, position, undefined, 50);
  return list.items;
};

const spanOf = (item: vscode.CompletionItem | undefined): [number, number] => {
  assert.ok(item?.range instanceof vscode.Range);
  return [item.range.start.character, item.range.end.character];
};

const lensesOf = async (uri: vscode.Uri): Promise<vscode.CodeLens[]> =>
  execute<vscode.CodeLens[]>('vscode.executeCodeLensProvider', uri, 3);

describe('In the editor', () => {
  let document: vscode.TextDocument;

  before(async function () {
    this.timeout(90_000);
    await execute('objectiveLab.startRun', await writeExperiment('editor', { steps: 20 }));
    await runInState('editor', 'completed');
    document = await vscode.workspace.openTextDocument(CHAPTER);
    await vscode.window.showTextDocument(document);
  });

  it('nothing is said of words while surprisal is off', async () => {
    assert.equal(await hoverAt(document, document.getText().indexOf('Ishmael')), undefined);
  });

  it('a word tells what the model would put there, and a prediction replaces it', async () => {
    await execute('objectiveLab.toggleSurprisal');
    const offset = document.getText().indexOf('money');
    const hover = await until('a hover', () => hoverAt(document, offset));
    assert.match(hover.value, /^\*\*money\*\*: .* Surprisal \d+\.\d+ nats, probability <?\d+\.\d+ %, rank [\d,]+\./);
    assert.deepEqual(hover.isTrusted, { enabledCommands: ['objectiveLab.replaceText'] });
    assert.equal(hover.value.match(/\[Use this\]/g)?.length, 5);
    const again = await hoverAt(document, offset);
    assert.equal(again?.value, hover.value, 'the number that is painted is the one that was told');

    const [, query = ''] = /objectiveLab\.replaceText\?(\S+)/.exec(hover.value) ?? [];
    const [replacement] = JSON.parse(decodeURIComponent(query)) as [{ text: string }];
    await execute('objectiveLab.replaceText', replacement);
    assert.equal(document.getText().slice(offset, offset + replacement.text.length), replacement.text);
    // The same once more: the word is gone, so nothing is replaced.
    const text = document.getText();
    await execute('objectiveLab.replaceText', replacement);
    assert.equal(document.getText(), text);
    await execute('undo');
    assert.equal(document.getText().slice(offset, offset + 5), 'money');
  });

  it('a word that an edit brings is scored, where it stands', async () => {
    const edit = new vscode.WorkspaceEdit();
    edit.insert(CHAPTER, document.positionAt(document.getText().indexOf('money')), '🏴‍☠️ gold and ');
    await vscode.workspace.applyEdit(edit);
    const hover = await until('the new word', () => hoverAt(document, document.getText().indexOf('gold') + 2));
    assert.match(hover.value, /^\*\*gold\*\*/);
    assert.match((await hoverAt(document, document.getText().indexOf('money')))?.value ?? '', /^\*\*money\*\*/);
    await execute('undo');
    await execute('objectiveLab.toggleSurprisal');
  });

  it('offers Predict Here on a word and on a selection, not on white space', async () => {
    const actions = async (start: number, end: number): Promise<string[]> => {
      const range = new vscode.Range(document.positionAt(start), document.positionAt(end));
      const found = await execute<vscode.CodeAction[]>(
        'vscode.executeCodeActionProvider',
        CHAPTER,
        range,
        vscode.CodeActionKind.RefactorRewrite.value,
      );
      return found.map(({ title }) => title).filter((title) => title === 'Predict Here');
    };
    const text = document.getText();
    assert.deepEqual(await actions(text.indexOf('Ishmael') + 2, text.indexOf('Ishmael') + 2), ['Predict Here']);
    assert.deepEqual(await actions(text.indexOf('Some years'), text.indexOf('Some years') + 10), ['Predict Here']);
    assert.deepEqual(await actions(text.indexOf('\n\n') + 1, text.indexOf('\n\n') + 1), []);
  });

  it('[MASK] is completed with what the model would put there, in its order', async () => {
    const items = await completionsAt('He went to [MASK] in a ship.', 17);
    const ours = items.filter(({ detail }) => detail?.endsWith('%')).sort((a, b) => (a.sortText ?? '').localeCompare(b.sortText ?? ''));
    assert.equal(ours.length, 20);
    const percent = ours.map(({ detail = '' }) => Number(detail.replace(/[<%]/g, '')));
    assert.deepEqual(
      percent,
      percent.toSorted((a, b) => b - a),
    );
    assert.deepEqual(spanOf(ours[0]), [11, 17]);
  });

  it('the beginning of [MASK] is completed, other words are left alone', async () => {
    const mask = (items: vscode.CompletionItem[]): vscode.CompletionItem | undefined => items.find(({ label }) => label === '[MASK]');
    const begun = mask(await completionsAt('He went to [MA] in', 14));
    assert.deepEqual(spanOf(begun), [11, 15]);
    assert.equal(begun?.command?.command, 'editor.action.triggerSuggest');
    assert.equal(mask(await completionsAt('He went to Ma', 13)), undefined);
  });

  it('each paragraph has its nearest sentence above it when the setting says so', async () => {
    assert.deepEqual(await lensesOf(CHAPTER), []);
    const settings = vscode.workspace.getConfiguration('objectiveLab');
    await settings.update('nearestSentence', true, vscode.ConfigurationTarget.Workspace);
    try {
      const lenses = await until(
        'the nearest sentences',
        async () => {
          const found = (await lensesOf(CHAPTER)).filter(({ command }) => command?.title);
          return found.length >= 3 && found.every(({ command }) => /^≈ “.+” — \S+\.md:\d+ \(-?\d\.\d\d\)$/.test(command?.title ?? ''))
            ? found
            : undefined;
        },
        60_000,
      );
      const [neighbour] = lenses[0]?.command?.arguments as [{ path: string; text: string }];
      await execute('objectiveLab.revealNeighbour', neighbour);
      const shown = vscode.window.visibleTextEditors.find((editor) => editor.document.uri.fsPath === neighbour.path);
      assert.ok(shown?.document.getText().includes(neighbour.text));
    } finally {
      await settings.update('nearestSentence', undefined, vscode.ConfigurationTarget.Workspace);
    }
    assert.deepEqual(await lensesOf(CHAPTER), []);
  }).timeout(90_000);
});

import assert from 'node:assert/strict';
import { stat, writeFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import { checkExperiment } from '../../../src/experiment/parse';
import { ExperimentSchema } from '../../../src/train/experiment';
import { accepting, problemsOf, template, until, workspaceUri } from '../support';

describe('An experiment file', () => {
  it('shows a wrong value where it stands', async () => {
    const { document, problems } = await problemsOf('wrong-value', '"rate": 0.15', '"rate": 1.5');
    assert.equal(problems.length, 1);
    const [problem] = problems;
    assert.ok(problem);
    assert.equal(document.getText(problem.range), '1.5');
    assert.equal(problem.severity, vscode.DiagnosticSeverity.Error);
    assert.match(problem.message, /objectives\[0\]\.rate/);
  });

  it('shows an unknown field where its name stands, and the one that was meant', async () => {
    const { document, problems } = await problemsOf('unknown-field', '"evaluateEvery"', '"evaluateEvry"');
    assert.deepEqual(
      problems.map(({ range }) => document.getText(range)),
      ['"evaluateEvry"'],
    );
    assert.match(problems[0]?.message ?? '', /Did you mean `training\.evaluateEvery`|Did you mean `evaluateEvery`/);
  });

  it('shows a syntax error on its line, and takes it back once it is mended', async () => {
    const { document, problems } = await problemsOf('syntax-error', '"seed": 1,', '"seed": 1');
    const wanted = document.positionAt(document.getText().indexOf('"corpus"'));
    assert.deepEqual(problems[0]?.range.start, wanted);

    const edit = new vscode.WorkspaceEdit();
    edit.insert(document.uri, document.positionAt(document.getText().indexOf('"seed": 1') + '"seed": 1'.length), ',');
    await vscode.workspace.applyEdit(edit);
    await until('no problems left', () => vscode.languages.getDiagnostics(document.uri).length === 0 || undefined);
  });

  it('explains its fields on hovering, and completes them', async () => {
    const uri = workspaceUri('explained.lab.json');
    await writeFile(uri.fsPath, template('explained').replace('"steps": 1000,', '"steps": 1000, "wei"'));
    const document = await vscode.workspace.openTextDocument(uri);
    const text = document.getText();
    const at = document.positionAt(text.indexOf('"temperature"') + 2);
    // The editor's JSON service answers once it has read the schema.
    const hover = await until('an explanation of temperature', async () => {
      const hovers = await vscode.commands.executeCommand<vscode.Hover[]>('vscode.executeHoverProvider', uri, at);
      return hovers.flatMap(({ contents }) =>
        contents.map((content) => (content instanceof vscode.MarkdownString ? content.value : '')),
      )[0];
    });
    assert.match(hover, /negatives/);
    const end = document.positionAt(text.indexOf('"wei"') + 4);
    const { items } = await vscode.commands.executeCommand<vscode.CompletionList>('vscode.executeCompletionItemProvider', uri, end);
    const labels = items.map(({ label }) => (typeof label === 'string' ? label : label.label));
    assert.ok(labels.includes('weightDecay'), `proposals: ${labels.join(' ')}`);
  });

  it('is written by New Experiment for the chosen objectives, valid as it is', async () => {
    const uri = workspaceUri('mlm.lab.json');
    // The ticked objective, and the proposed name.
    await until('the new experiment', async () => {
      await accepting('objectiveLab.newExperiment');
      return stat(uri.fsPath).catch(() => undefined);
    });
    assert.equal(vscode.window.activeTextEditor?.document.uri.toString(), uri.toString());
    const { document } = vscode.window.activeTextEditor;
    assert.deepEqual(checkExperiment(document.getText(), ExperimentSchema), []);
    assert.match(document.getText(), /\/\/ Masked language modelling.*\n.*"type": "mlm"/);
    assert.equal(document.languageId, 'jsonc', 'its comments are no errors');
  });
});

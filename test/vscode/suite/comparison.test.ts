import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import { checkComparison } from '../../../src/compare/load';
import { accepting, until, workspaceUri, writeExperiment } from '../support';

const problemsIn = (uri: vscode.Uri): vscode.Diagnostic[] =>
  vscode.languages.getDiagnostics(uri).filter(({ source }) => source === 'Objective Lab');

describe('A comparison file', () => {
  it('is written by Compare Objectives from the tables of the workspace, valid as it is', async () => {
    const experiment = await writeExperiment('base', { steps: 20 });
    await writeFile(workspaceUri('mood.tsv').fsPath, 'sentence\tlabel\nWell done.\t1\nAlas!\t0\n');
    const uri = workspaceUri('base-objectives.compare.json');
    await until('the new comparison', async () => {
      await accepting('objectiveLab.compareObjectives', experiment);
      return stat(uri.fsPath).catch(() => undefined);
    });
    assert.equal(vscode.window.activeTextEditor?.document.uri.toString(), uri.toString());
    const text = await readFile(uri.fsPath, 'utf8');
    assert.deepEqual(checkComparison(text, uri.fsPath), []);
    assert.match(text, /"type": "classification", "name": "mood", "train": "mood.tsv"/);
    assert.match(text, /"name": "mlm \+ contrastive"/);
    assert.equal(vscode.window.activeTextEditor.document.languageId, 'jsonc', 'its comments are no errors');
  });

  it("shows its mistakes where they stand, its variants' included, and takes them back once they are mended", async () => {
    const experiment = await writeExperiment('base', { steps: 20 });
    const uri = workspaceUri('wrong.compare.json');
    const comparison = {
      experiment: vscode.workspace.asRelativePath(experiment),
      variants: [{ name: 'broken', change: { model: 'enormous' } }, { name: 'as it is' }],
      budget: { tokens: 100_000 },
      probes: [{ type: 'perplexity' }],
    };
    await writeFile(uri.fsPath, JSON.stringify(comparison, null, 2));
    const document = await vscode.workspace.openTextDocument(uri);
    const [problem] = await until('a problem', () => (problemsIn(uri).length > 0 ? problemsIn(uri) : undefined));
    assert.match(problem?.message ?? '', /broken/);
    assert.equal(document.getText(problem?.range), '"enormous"');
    const edit = new vscode.WorkspaceEdit();
    edit.replace(uri, problem!.range, '"tiny"');
    await vscode.workspace.applyEdit(edit);
    await until('no problems left', () => problemsIn(uri).length === 0 || undefined);
  });
});

import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import * as vscode from 'vscode';
import { makeNotebook, writeNotebook } from '../../../src/notebook/ipynb';
import { VIEW_MIME } from '../../../src/shared/views';
import { onOwnText, TEMPLATES } from '../../../src/host/notebook/templates';
import { EXTENSION, storedRuns, until, workspaceUri, writeExperiment } from '../support';

/** Opens a notebook with these cells of code, with our kernel. */
async function openCells(name: string, ...cells: string[]): Promise<vscode.NotebookDocument> {
  const uri = workspaceUri(`${name}.ipynb`);
  await writeFile(uri.fsPath, writeNotebook(makeNotebook(cells.map((text) => ({ kind: 'code', text })))));
  return show(uri);
}

async function show(uri: vscode.Uri): Promise<vscode.NotebookDocument> {
  const notebook = await vscode.workspace.openNotebookDocument(uri);
  const editor = await vscode.window.showNotebookDocument(notebook);
  await vscode.commands.executeCommand('notebook.selectKernel', { id: 'typescript', extension: EXTENSION, editor });
  return notebook;
}

const runCell = (notebook: vscode.NotebookDocument, index: number): Thenable<unknown> =>
  vscode.commands.executeCommand('notebook.cell.execute', { ranges: [{ start: index, end: index + 1 }], document: notebook.uri });

const summaryOf = (notebook: vscode.NotebookDocument, index: number): vscode.NotebookCellExecutionSummary | undefined =>
  notebook.cellAt(index).executionSummary;

/** Waits for the end of a cell that has not been run before; gives what it wrote and showed as text. */
async function ended(notebook: vscode.NotebookDocument, index: number, success: boolean, timeout = 30_000): Promise<string> {
  await until(
    `the end of cell ${index} of ${notebook.uri.path}`,
    () => (summaryOf(notebook, index)?.timing && summaryOf(notebook, index)?.success !== undefined ? true : undefined),
    timeout,
  );
  const text = textOf(notebook, index);
  assert.equal(summaryOf(notebook, index)?.success, success, text);
  return text;
}

const itemsOf = (notebook: vscode.NotebookDocument, index: number): vscode.NotebookCellOutputItem[] =>
  notebook.cellAt(index).outputs.flatMap(({ items }) => [...items]);

const textOf = (notebook: vscode.NotebookDocument, index: number): string =>
  itemsOf(notebook, index)
    .filter(({ mime }) => /stdout|stderr|error|text\/plain/.test(mime))
    .map(({ data }) => new TextDecoder().decode(data))
    .join('');

const isFile = (uri: vscode.Uri): Promise<boolean> =>
  stat(uri.fsPath).then(
    () => true,
    () => false,
  );

async function close(): Promise<void> {
  await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
}

describe('A notebook', () => {
  afterEach(close);

  it('runs its cells in a process of its own, in order, and shares their variables', async () => {
    const notebook = await openCells('order', "const a: number = await Promise.resolve(20);\nconsole.log('wrote', process.pid);", 'a + 1');
    await vscode.commands.executeCommand('notebook.execute', notebook.uri);
    const written = await ended(notebook, 0, true);
    assert.match(written, /^wrote \d+\n$/);
    assert.notEqual(Number(written.split(' ')[1]), process.pid);
    assert.equal(await ended(notebook, 1, true), '21');
    assert.deepEqual([summaryOf(notebook, 0)?.executionOrder, summaryOf(notebook, 1)?.executionOrder], [1, 2]);
  });

  it('stops at a cell that fails, and says in which cell and line', async () => {
    const notebook = await openCells('failing', "type T = 1;\n\nthrow new RangeError('no');", "console.log('never')");
    await vscode.commands.executeCommand('notebook.execute', notebook.uri);
    assert.match(await ended(notebook, 0, false), /RangeError: no.*cell \[1\], line 3, column 7/s);
    assert.equal(textOf(notebook, 1), '');
  });

  it('is interrupted in a loop that never ends, keeps its variables, and forgets them with a restart', async () => {
    const notebook = await openCells('endless', "var kept = 3;\nconsole.log('on');\nwhile (true);", 'kept', 'typeof kept');
    void runCell(notebook, 0);
    await until('its first line', () => (textOf(notebook, 0).includes('on') ? true : undefined));
    await vscode.commands.executeCommand('notebook.cancelExecution', { document: notebook.uri, ranges: [{ start: 0, end: 1 }] });
    assert.match(await ended(notebook, 0, false), /Interrupted/);
    await runCell(notebook, 1);
    assert.equal(await ended(notebook, 1, true), '3');
    await vscode.commands.executeCommand('objectiveLab.restartKernel');
    await runCell(notebook, 2);
    assert.equal(await ended(notebook, 2, true), "'undefined'");
    assert.equal(summaryOf(notebook, 2)?.executionOrder, 1);
  });

  it('says that its kernel ended, and goes on with another', async () => {
    const notebook = await openCells('crash', 'process.exit(7)', '1 + 1');
    await runCell(notebook, 0);
    assert.match(await ended(notebook, 0, false), /exited with code 7.*run the cells again/s);
    await runCell(notebook, 1);
    assert.equal(await ended(notebook, 1, true), '2');
  });

  it('holds out ten megabytes of text', async () => {
    const notebook = await openCells('flood', "for (let i = 0; i < 100_000; i++) console.log('x'.repeat(99));");
    await runCell(notebook, 0);
    const text = await ended(notebook, 0, true);
    assert.ok(text.length < 1_100_000 && text.includes('more characters were written'), String(text.length));
  });

  it('trains with a chart, looks at the model, and keeps views and their twins in the file', async () => {
    const notebook = await openCells(
      'training',
      "const run = await lab.train({\n  corpus: { root: 'text' }, tokenizer: { vocabularySize: 500 }, model: { layers: 1, hiddenSize: 32, attentionHeads: 2 },\n" +
        "  objectives: [{ type: 'mlm', batchSize: 8, sequenceLength: 16 }], training: { steps: 30, device: 'cpu', threads: 1 },\n});\nrun",
      "await lab.mask('the [MASK] sea')",
    );
    await vscode.commands.executeCommand('notebook.execute', notebook.uri);
    await ended(notebook, 0, true, 60_000);
    await ended(notebook, 1, true);
    const kinds = [0, 1].flatMap((index) =>
      itemsOf(notebook, index).flatMap(({ mime, data }) =>
        mime === VIEW_MIME ? [(JSON.parse(new TextDecoder().decode(data)) as { kind: string }).kind] : [],
      ),
    );
    assert.deepEqual(kinds, ['curve', 'table', 'predictions']);
    assert.ok(itemsOf(notebook, 0).some(({ mime }) => mime === 'image/svg+xml'));
    const [run] = await storedRuns('training');
    assert.equal(run?.state, 'completed');
    assert.ok(await notebook.save());
    const file = JSON.parse(await readFile(notebook.uri.fsPath, 'utf8')) as { cells: { outputs: { data?: Record<string, unknown> }[] }[] };
    const [chart] = file.cells[0]!.outputs;
    assert.equal((chart?.data?.[VIEW_MIME] as { kind: string }).kind, 'curve');
    assert.match(String((chart?.data?.['image/svg+xml'] as string[])[0]), /^<svg/);
  }).timeout(90_000);

  it('is written from an experiment, and runs', async () => {
    await vscode.commands.executeCommand('objectiveLab.openAsNotebook', await writeExperiment('reproduced', { steps: 6 }));
    const uri = workspaceUri('reproduced.ipynb');
    const notebook = await until('the notebook', () => vscode.workspace.notebookDocuments.find((each) => each.uri.fsPath === uri.fsPath));
    await show(uri);
    await runCell(notebook, 1);
    await ended(notebook, 1, true, 60_000);
    const [run] = await storedRuns('reproduced');
    assert.equal(run?.step, 6);
  }).timeout(90_000);

  it('is written from a run, and gives the same numbers', async () => {
    const [run] = await storedRuns('reproduced');
    assert.ok(run);
    await vscode.commands.executeCommand('objectiveLab.openAsNotebook', {
      run: { ...run, id: run.folder.split(/[\\/]/).at(-1), objectives: ['mlm', 'contrastive'] },
    });
    const uri = workspaceUri('reproduced-2.ipynb');
    const notebook = await until('the notebook', () => vscode.workspace.notebookDocuments.find((each) => each.uri.fsPath === uri.fsPath));
    await show(uri);
    const last = notebook.cellCount - 1;
    for (const index of [1, last - 2, last - 1, last]) await runCell(notebook, index);
    const text = await ended(notebook, last, true, 60_000);
    const rows = text
      .split('\n')
      .slice(1, 3)
      .map((line) => line.trim().split(/\s+/).slice(1).join(' '));
    assert.equal(rows[0], rows[1]);
    assert.match(rows[0] ?? '', /\d/);
  }).timeout(90_000);

  it('is written from a comparison, and runs it to its recommendations', async () => {
    const experiment = await writeExperiment('compared-base', { steps: 20 });
    const uri = workspaceUri('two.compare.json');
    const comparison = {
      experiment: vscode.workspace.asRelativePath(experiment),
      variants: [{ name: 'mlm', change: { objectives: [{ type: 'mlm', batchSize: 4, sequenceLength: 16 }] } }, { name: 'both' }],
      budget: { tokens: 8_000 },
      seeds: [1],
      probes: [{ type: 'perplexity' }],
    };
    await writeFile(uri.fsPath, JSON.stringify(comparison));
    await vscode.commands.executeCommand('objectiveLab.openAsNotebook', uri);
    const notebook = await show(workspaceUri('two.ipynb'));
    const cells = notebook.getCells().flatMap(({ kind }, index) => (kind === vscode.NotebookCellKind.Code ? [index] : []));
    await vscode.commands.executeCommand('notebook.execute', notebook.uri);
    for (const index of cells) await ended(notebook, index, true, 60_000);
    assert.match(textOf(notebook, cells[1]!), /perplexity/);
  }).timeout(90_000);

  it('is begun by New Exploration from the template that is chosen, and replaces no file', async () => {
    for (const [index, file] of [...TEMPLATES.keys(), 0].map((i) => [i, TEMPLATES[i]!.file] as const)) {
      const name = index === 0 && (await isFile(workspaceUri(`${file}.ipynb`))) ? `${file}-2` : file;
      const uri = workspaceUri(`${name}.ipynb`);
      // A list that comes late or loses the focus to another part of the window chooses nothing: whoever wanted a notebook asks again.
      await until(`the file ${name}.ipynb`, async () => {
        const asked = vscode.commands.executeCommand('objectiveLab.newExploration');
        await pause(500);
        for (let i = 0; i < index; i++) await vscode.commands.executeCommand('workbench.action.quickOpenSelectNext');
        await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
        await Promise.race([asked, pause(5000)]);
        await vscode.commands.executeCommand('workbench.action.closeQuickOpen');
        await asked;
        return (await isFile(uri)) ? true : undefined;
      });
      // An editor may become the active one after it is shown.
      const shown = (): (string | undefined)[] => vscode.window.visibleNotebookEditors.map(({ notebook }) => notebook.uri.fsPath);
      await until(`the notebook ${name} in view`, () => (shown().includes(uri.fsPath) ? true : undefined));
      assert.equal(await readFile(uri.fsPath, 'utf8'), onOwnText(TEMPLATES[index]!.text));
      await close();
    }
  });

  it('completes and explains `lab`, and what other cells declare, with nothing underlined', async () => {
    const notebook = await openCells(
      'types',
      "const run = lab.run('x');\nconst loss: number = await Promise.resolve(1);",
      'lab.',
      'run.',
      'loss.toFixed(2)',
      "import { basename } from 'node:path';\nconst answer = 42;",
      'basename(process.cwd()) + answer',
    );
    const problemsOf = (index: number): string[] =>
      vscode.languages
        .getDiagnostics(notebook.cellAt(index).document.uri)
        .filter(({ severity }) => severity <= vscode.DiagnosticSeverity.Warning)
        .map(({ message }) => message);
    const labelsOf = async (index: number): Promise<string[]> => {
      const { document } = notebook.cellAt(index);
      const list = await vscode.commands.executeCommand<vscode.CompletionList>(
        'vscode.executeCompletionItemProvider',
        document.uri,
        document.lineAt(document.lineCount - 1).range.end,
      );
      return list.items.map(({ label }) => (typeof label === 'string' ? label : label.label));
    };
    const all = (wanted: string[], found: string[]): true | undefined => (wanted.every((each) => found.includes(each)) ? true : undefined);
    await until('completions of lab', async () => all(['train', 'mask', 'similarity', 'onnx', 'objective'], await labelsOf(1)));
    await until('completions of a variable of another cell', async () => all(['metrics', 'curve', 'folder'], await labelsOf(2)));
    const [hover] = await vscode.commands.executeCommand<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      notebook.cellAt(0).document.uri,
      new vscode.Position(0, 17),
    );
    const said = hover?.contents.map((part) => (part as vscode.MarkdownString).value).join('\n') ?? '';
    assert.match(said, /run\(id: string\).*becomes the model that is asked/s);
    await until('what is wrong with a cell', () => (problemsOf(1).length > 0 ? true : undefined));
    for (const index of [0, 3, 4, 5]) assert.deepEqual(problemsOf(index), [], `cell ${index}`);
  }).timeout(90_000);

  it('that begins an exploration reads the text of the workspace', () => {
    for (const { text } of TEMPLATES) {
      assert.ok(text.includes('moby-dick'));
      const own = onOwnText(text);
      assert.doesNotMatch(own, /moby/i);
      assert.match(own, /corpus: \{ include: \['\*\*\/\*\.md', '\*\*\/\*\.txt'\] \}/);
    }
  });
});

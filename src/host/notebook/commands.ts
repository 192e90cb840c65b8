import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod';
import { writeNotebook } from '../../notebook/ipynb';
import { notebookOfComparison, notebookOfExperiment, notebookOfRun } from '../../notebook/reproduce';
import { UserError } from '../../shared/errors';
import type { RunSummary } from '../../shared/types';
import { chooseExperiment, chooseFolder } from '../experiments';
import type { Lab } from '../lab';
import { basename, folderOf, requireTrust } from '../workspace';
import { NOTEBOOK_TYPE } from './notebooks';
import { onOwnText, TEMPLATES } from './templates';

const COMPARISON = '.compare.json';

/** Asks for a template, writes it into the workspace, and opens it. */
export async function newExploration(): Promise<void> {
  const folder = await chooseFolder();
  if (!folder) return;
  const picked = await vscode.window.showQuickPick([...TEMPLATES], { title: 'New Exploration', placeHolder: 'A notebook to begin with' });
  if (picked) await open(await write(folder.uri, picked.file, onOwnText(picked.text)));
}

/** Writes a notebook that reproduces a run, an experiment or a comparison, beside the experiment; opens it. */
export async function openAsNotebook(lab: Lab, called: RunSummary | vscode.Uri | undefined): Promise<void> {
  requireTrust();
  if (called && !(called instanceof vscode.Uri)) return open(await writeRun(called));
  if (called?.path.endsWith(COMPARISON)) {
    const file = basename(called);
    const notebook = notebookOfComparison(file, file.slice(0, -COMPARISON.length));
    return open(await write(vscode.Uri.joinPath(called, '..'), file.slice(0, -COMPARISON.length), writeNotebook(notebook)));
  }
  const experiment = await chooseExperiment(lab, called);
  if (!experiment) return;
  const file = basename(experiment);
  const name = file.replace(/\.lab\.json$/, '');
  const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(experiment));
  // The text may be unfinished: what it names is enough to know what to look at.
  const objectives = [...text.matchAll(/"type"\s*:\s*"([\w-]+)"/g)].map(([, type]) => type!);
  await open(await write(vscode.Uri.joinPath(experiment, '..'), name, writeNotebook(notebookOfExperiment(file, { name, objectives }))));
}

/** What a run's folder says of its experiment. */
const Record = z.looseObject({ resolved: z.looseObject({ folder: z.string().default('../../..') }) });

async function writeRun({ id, name, folder, objectives }: RunSummary): Promise<vscode.Uri> {
  const { resolved, ...experiment } = await recordOf(folder);
  const beside = resolve(folder, resolved.folder);
  const workspace = folderOf(vscode.Uri.file(folder));
  const inside = workspace && isInside(workspace.uri.fsPath, beside);
  const place = inside ? beside : dirname(dirname(dirname(folder)));
  // Paths of an experiment are seen from its own folder.
  const { corpus } = experiment as { corpus?: { root?: string } };
  const root = relative(place, resolve(beside, corpus?.root ?? '.')).replaceAll('\\', '/') || '.';
  const moved = { ...experiment, corpus: { ...corpus, root } };
  return write(vscode.Uri.file(place), name, writeNotebook(notebookOfRun(id, moved, { name, objectives })));
}

async function recordOf(folder: string): Promise<z.infer<typeof Record>> {
  const path = join(folder, 'experiment.json');
  try {
    return Record.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    throw new UserError(`${path} is missing or damaged.`, 'Choose another run.', 'run', { cause: error });
  }
}

function isInside(folder: string, path: string): boolean {
  const from = relative(folder, path);
  return !from.startsWith('..') && !isAbsolute(from);
}

/** Writes a notebook under the first name that is free: nothing is ever replaced. */
async function write(folder: vscode.Uri, name: string, text: string): Promise<vscode.Uri> {
  for (let i = 1; ; i++) {
    const uri = vscode.Uri.joinPath(folder, `${name.replace(/[/\\]/g, '-')}${i === 1 ? '' : `-${i}`}.ipynb`);
    const taken = await vscode.workspace.fs.stat(uri).then(
      () => true,
      () => false,
    );
    if (taken) continue;
    await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
    return uri;
  }
}

const open = async (uri: vscode.Uri): Promise<void> => {
  const notebook = await vscode.workspace.openNotebookDocument(uri);
  if (notebook.notebookType === NOTEBOOK_TYPE) await vscode.window.showNotebookDocument(notebook);
};

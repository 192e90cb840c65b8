import * as vscode from 'vscode';
import { UserError } from '../shared/errors';
import type { ObjectiveSummary } from '../shared/types';
import type { Lab } from './lab';
import { activeTab, basename, findExperiments, isExperiment, requireTrust } from './workspace';

/**
 * The experiment a command means: the file it was called on, the one in the active editor when that is the only hint, otherwise the person's choice.
 * Offers to make one when the workspace has none. `undefined` when the person gave up.
 */
export async function chooseExperiment(
  lab: Lab,
  called: vscode.Uri | undefined,
  title = 'Start Run',
  placeHolder = 'Experiment to run',
): Promise<vscode.Uri | undefined> {
  const open = [called, activeTab(), vscode.window.activeTextEditor?.document.uri].find((uri) => uri && isExperiment(uri));
  if (open) return open;
  requireFolder();
  const found = await findExperiments();
  if (found.length === 0) {
    const pressed = await vscode.window.showInformationMessage('This workspace has no experiment (*.lab.json) yet.', 'New Experiment');
    if (pressed) await newExperiment(lab);
    return undefined;
  }
  if (found.length === 1) return found[0];
  const picked = await vscode.window.showQuickPick(
    found.map((uri) => ({
      label: basename(uri),
      description: vscode.workspace.asRelativePath(uri),
      iconPath: new vscode.ThemeIcon('beaker'),
      uri,
    })),
    { title, placeHolder },
  );
  return picked?.uri;
}

/**
 * Asks for objectives and a name, writes a commented experiment at the root of the workspace, and opens it.
 *
 * @param wanted types of objectives that are chosen already
 */
export async function newExperiment({ inspection }: Lab, wanted?: readonly string[]): Promise<void> {
  const folder = await chooseFolder();
  if (!folder) return;
  const objectives = wanted ? [...wanted] : await chooseObjectives(await inspection.request('objectives', {}));
  if (!objectives) return;
  const name = await vscode.window.showInputBox({
    title: 'New Experiment',
    prompt: `Name of the experiment; the file is NAME.lab.json in ${folder.name}.`,
    value: objectives.join('-'),
    validateInput: (value) =>
      /^[\p{L}\p{N}][\p{L}\p{N} ._-]*$/u.test(value.trim()) ? undefined : 'Letters, digits, spaces, dots, hyphens and underscores.',
  });
  if (name === undefined) return;
  const uri = vscode.Uri.joinPath(folder.uri, `${name.trim()}.lab.json`);
  if (await exists(uri)) throw new UserError(`${basename(uri)} exists already.`, 'Choose another name.', 'experiment');
  const { text } = await inspection.request('template', { name: name.trim(), objectives });
  await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
  await vscode.window.showTextDocument(uri);
}

/** The types that the person ticked, at least one; `undefined` when the person gave up. */
async function chooseObjectives(known: readonly ObjectiveSummary[]): Promise<string[] | undefined> {
  const items = known.map(({ type, title, description, needs, goodFor }, i) => ({
    label: title,
    description,
    detail: `Needs: ${needs} Good for: ${goodFor}`,
    picked: i === 0,
    type,
  }));
  const picked = await vscode.window.showQuickPick(items, {
    title: 'New Experiment',
    placeHolder: 'What the model is asked to learn: one objective, or several together',
    canPickMany: true,
    matchOnDescription: true,
    matchOnDetail: true,
  });
  if (picked?.length === 0) throw new UserError('No objective was chosen.', 'Tick at least one.', 'experiment');
  return picked?.map(({ type }) => type);
}

/** Saves an experiment or a comparison if it is open with changes, so that what runs is what the person sees. */
export async function saveExperiment(uri: vscode.Uri): Promise<void> {
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (open?.isDirty && !(await open.save()))
    throw new UserError(`${basename(uri)} could not be saved.`, 'Save it, then start it again.', 'experiment');
}

/** The folder of the workspace that a new file goes to. @throws UserError in an untrusted workspace, and where no folder is open */
export async function chooseFolder(): Promise<vscode.WorkspaceFolder | undefined> {
  requireTrust();
  const folders = requireFolder();
  return folders.length === 1 ? folders[0] : vscode.window.showWorkspaceFolderPick({ placeHolder: 'Folder for the new file' });
}

function requireFolder(): readonly vscode.WorkspaceFolder[] {
  const folders = vscode.workspace.workspaceFolders;
  if (folders?.length) return folders;
  throw new UserError('No folder is open.', 'Open the folder with your text first (File: Open Folder…).', 'workspace');
}

export async function exists(uri: vscode.Uri): Promise<boolean> {
  return vscode.workspace.fs.stat(uri).then(
    () => true,
    () => false,
  );
}

import { isAbsolute, relative, sep } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../shared/errors';

export const EXPERIMENTS = '**/*.lab.json';
export const COMPARISONS = '**/*.compare.json';
export const OUTSIDE = '{**/node_modules/**,**/.objective-lab/**}';

/** Where the runs of a workspace folder live. */
export function runsFolder(folder: vscode.WorkspaceFolder): vscode.Uri {
  return vscode.Uri.joinPath(folder.uri, '.objective-lab', 'runs');
}

/** The runs folder for an experiment: that of its workspace folder. Throws `UserError` for a file outside the workspace. */
export function runsFolderOf(experiment: vscode.Uri): string {
  const folder = vscode.workspace.getWorkspaceFolder(experiment);
  if (folder) return runsFolder(folder).fsPath;
  throw new UserError(
    `${basename(experiment)} is outside the open folder, so there is no place for its runs.`,
    'Open the folder that holds it (File: Open Folder…), then start it again.',
    'workspace',
  );
}

export function basename(uri: vscode.Uri): string {
  return uri.path.slice(uri.path.lastIndexOf('/') + 1);
}

/** The folder of the workspace that a document belongs to; the first for one that belongs to none. */
export function folderOf(uri: vscode.Uri): vscode.WorkspaceFolder | undefined {
  return vscode.workspace.getWorkspaceFolder(uri) ?? vscode.workspace.workspaceFolders?.[0];
}

/** A file or folder as a command that runs in `folder` names it: by a relative path with `/`, by its whole path when it is elsewhere. */
export function pathFrom(folder: vscode.WorkspaceFolder | undefined, path: string): string {
  const inside = folder && relative(folder.uri.fsPath, path).split(sep).join('/');
  return inside === undefined || inside.startsWith('../') || isAbsolute(inside) ? path : inside;
}

export function isExperiment(uri: vscode.Uri): boolean {
  return uri.scheme === 'file' && uri.path.endsWith('.lab.json');
}

export function isComparison(uri: vscode.Uri): boolean {
  return uri.scheme === 'file' && uri.path.endsWith('.compare.json');
}

/** Every experiment of the workspace, by path. */
export async function findExperiments(): Promise<vscode.Uri[]> {
  const found = await vscode.workspace.findFiles(EXPERIMENTS, OUTSIDE);
  return found.sort((a, b) => a.path.localeCompare(b.path));
}

/** The file of the tab in front. A tab is there at once; its editor is active only when the file has been read, and until then another one is. */
export function activeTab(): vscode.Uri | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  return input instanceof vscode.TabInputText ? input.uri : undefined;
}

/** Throws unless the workspace is trusted: training reads and writes what the workspace says, so an untrusted one may be looked at only. */
export function requireTrust(): void {
  if (vscode.workspace.isTrusted) return;
  throw new UserError('Nothing is run in an untrusted workspace.', 'Trust the workspace to start, stop or delete runs.', 'untrusted');
}

/** The Node that runs the trainer: the setting, otherwise the one (or the Electron) that runs the extension host. */
export function nodePath(): string {
  return vscode.workspace.getConfiguration('objectiveLab').get('nodePath', '').trim() || process.execPath;
}

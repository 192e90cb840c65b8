import { dirname, join } from 'node:path';
import * as vscode from 'vscode';
import { UserError } from '../../shared/errors';
import type { Reporter } from '../report';
import { folderOf, nodePath, runsFolder } from '../workspace';
import { KernelSession } from './session';

/** Notebooks as VS Code itself reads and writes `.ipynb` files. */
export const NOTEBOOK_TYPE = 'jupyter-notebook';

/** The kernels of notebooks in TypeScript. There are none until the workspace is trusted. */
export class Notebooks implements vscode.Disposable {
  readonly #sessions = new Map<string, KernelSession>();
  readonly #subscriptions: vscode.Disposable[] = [];
  #controller: vscode.NotebookController | undefined;

  /** @param entry `kernel.js`, an absolute path */
  constructor(
    private readonly entry: string,
    private readonly reporter: Reporter,
  ) {
    if (vscode.workspace.isTrusted) this.#create();
    else this.#subscriptions.push(vscode.workspace.onDidGrantWorkspaceTrust(() => this.#create()));
    this.#subscriptions.push(
      vscode.workspace.onDidOpenNotebookDocument((notebook) => this.#prefer(notebook)),
      vscode.workspace.onDidCloseNotebookDocument((notebook) => {
        this.#sessions.get(notebook.uri.toString())?.dispose();
        this.#sessions.delete(notebook.uri.toString());
      }),
    );
  }

  /** Ends the kernel of a notebook: the one that is named, or the one in front. */
  async restart(uri?: vscode.Uri): Promise<void> {
    const wanted = uri ?? vscode.window.activeNotebookEditor?.notebook.uri;
    if (!wanted) throw new UserError('No notebook is open.', 'Open one, then restart its kernel.', 'notebook');
    await this.#sessions.get(wanted.toString())?.restart();
  }

  /** The process behind a notebook, if it has one. */
  pidOf(uri: vscode.Uri): number | undefined {
    return this.#sessions.get(uri.toString())?.pid;
  }

  dispose(): void {
    for (const session of this.#sessions.values()) session.dispose();
    vscode.Disposable.from(...this.#subscriptions).dispose();
    this.#controller?.dispose();
  }

  #create(): void {
    const controller = vscode.notebooks.createNotebookController('typescript', NOTEBOOK_TYPE, 'Objective Lab (TypeScript)');
    controller.description = 'Cells in TypeScript, with the engine of Objective Lab as `lab`';
    controller.supportedLanguages = ['typescript'];
    controller.supportsExecutionOrder = true;
    controller.executeHandler = (cells, notebook) => this.#session(notebook, controller).run(cells);
    controller.interruptHandler = (notebook) => this.#sessions.get(notebook.uri.toString())?.interrupt();
    this.#controller = controller;
    for (const notebook of vscode.workspace.notebookDocuments) this.#prefer(notebook);
  }

  /** A notebook in TypeScript takes this kernel without being asked. */
  #prefer(notebook: vscode.NotebookDocument): void {
    if (notebook.notebookType !== NOTEBOOK_TYPE || !isTypeScript(notebook)) return;
    this.#controller?.updateNotebookAffinity(notebook, vscode.NotebookControllerAffinity.Preferred);
  }

  #session(notebook: vscode.NotebookDocument, controller: vscode.NotebookController): KernelSession {
    const key = notebook.uri.toString();
    const known = this.#sessions.get(key);
    if (known) return known;
    const session = new KernelSession(
      notebook,
      controller,
      () => this.#options(notebook),
      (how) => this.reporter.warn(`The kernel of a notebook ended: ${how}. The next cell starts another, without its variables.`),
    );
    this.#sessions.set(key, session);
    return session;
  }

  #options(notebook: vscode.NotebookDocument): ReturnType<ConstructorParameters<typeof KernelSession>[2]> {
    const workspace = folderOf(notebook.uri);
    const folder = notebook.uri.scheme === 'file' ? dirname(notebook.uri.fsPath) : workspace?.uri.fsPath;
    if (folder === undefined) throw new UserError('The notebook is in no folder.', 'Save it, or open a folder first.', 'notebook');
    const { log } = this.reporter;
    return {
      entry: this.entry,
      execPath: nodePath(),
      folder,
      runs: workspace ? runsFolder(workspace).fsPath : join(folder, '.objective-lab', 'runs'),
      log: (level, message) => log[level === 'warning' ? 'warn' : level](message),
    };
  }
}

/** Whether the notebook says that it is written in TypeScript, by its kernel or by its first cell of code. */
function isTypeScript(notebook: vscode.NotebookDocument): boolean {
  const { metadata } = notebook.metadata as { metadata?: { kernelspec?: { language?: string } } };
  if (metadata?.kernelspec?.language !== undefined) return metadata.kernelspec.language === 'typescript';
  const cell = notebook.getCells().find(({ kind }) => kind === vscode.NotebookCellKind.Code);
  return cell?.document.languageId === 'typescript';
}

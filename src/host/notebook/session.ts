import { basename } from 'node:path';
import type * as vscode from 'vscode';
import { KernelProcess, type KernelOptions } from '../../notebook/kernel-process';
import { execute } from '../../notebook/run';
import { CellWriter } from './outputs';

/** What a kernel is started with, beside its notebook. */
export type Spawn = (notebook: vscode.NotebookDocument) => Omit<KernelOptions, 'name'>;

/** One notebook's kernel: started with its first cell, and the cells that wait for it, one after the other. */
export class KernelSession implements vscode.Disposable {
  #process: KernelProcess | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  /** Number of cells that were run since the kernel started. */
  #count = 0;
  #busy = false;
  /** Changes when the cells that wait are not to be run any more. */
  #turn = 0;

  /** @param onEnd hears that the process ended between cells, with a clause that says how */
  constructor(
    private readonly notebook: vscode.NotebookDocument,
    private readonly controller: vscode.NotebookController,
    private readonly spawn: Spawn,
    private readonly onEnd: (how: string) => void,
  ) {}

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Runs cells in order; when one fails, those after it are not run. */
  async run(cells: readonly vscode.NotebookCell[]): Promise<void> {
    const turn = this.#turn;
    const executions = cells.map((cell) => this.controller.createNotebookCellExecution(cell));
    const work = this.#queue.then(async () => {
      let going = true;
      for (const execution of executions) {
        if (going && turn === this.#turn) going = await this.#run(execution);
        else skip(execution);
      }
    });
    this.#queue = work.catch(() => undefined);
    await work;
  }

  /** Breaks off the cell in hand, and drops those that wait. */
  async interrupt(): Promise<void> {
    this.#turn++;
    await this.#process?.interrupt();
  }

  /** Ends the process: the next cell starts another, with no variables. */
  async restart(): Promise<void> {
    this.#turn++;
    const process = this.#process;
    this.#process = undefined;
    process?.dispose();
    await process?.ended;
    await this.#queue;
    this.#count = 0;
  }

  dispose(): void {
    this.#turn++;
    this.#process?.dispose();
  }

  async #run(execution: vscode.NotebookCellExecution): Promise<boolean> {
    const kernel = (this.#process ??= this.#start());
    const count = ++this.#count;
    execution.executionOrder = count;
    execution.start(Date.now());
    const writer = new CellWriter(execution);
    this.#busy = true;
    try {
      writer.clear();
      const error = await execute(kernel, count, execution.cell.document.getText(), (output) => writer.add(output));
      if (error) writer.fail(error);
      await writer.written;
      execution.end(error === undefined, Date.now());
      return error === undefined;
    } catch (error) {
      execution.end(false, Date.now());
      throw error;
    } finally {
      this.#busy = false;
    }
  }

  #start(): KernelProcess {
    const { uri } = this.notebook;
    const kernel = new KernelProcess({ ...this.spawn(this.notebook), name: basename(uri.path).replace(/\.ipynb$/, '') });
    this.#count = 0;
    void kernel.ended.then((how) => {
      if (this.#process === kernel) this.#process = undefined;
      if (how !== undefined && !this.#busy) this.onEnd(how);
    });
    return kernel;
  }
}

/** A cell whose turn does not come. */
function skip(execution: vscode.NotebookCellExecution): void {
  execution.start();
  execution.end(undefined);
}

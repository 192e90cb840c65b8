import * as vscode from 'vscode';
import type { CellError, Output } from '../../shared/kernel-protocol';
import { VIEW_MIME } from '../../shared/views';

const { NotebookCellOutput, NotebookCellOutputItem } = vscode;

/** Writes what a cell says into its outputs, in order: text of one stream into one output, a display into the place of an earlier one of its id. */
export class CellWriter {
  #written: Promise<unknown> = Promise.resolve();
  #stream: { readonly name: string; readonly output: vscode.NotebookCellOutput } | undefined;
  readonly #displays = new Map<string, vscode.NotebookCellOutput>();

  constructor(private readonly execution: vscode.NotebookCellExecution) {}

  /** Resolves when all of it is there. */
  get written(): Promise<unknown> {
    return this.#written;
  }

  clear(): void {
    this.#then(() => this.execution.clearOutput());
  }

  add(output: Output): void {
    if (output.kind === 'stream') return this.#add(output.name, output.text);
    this.#stream = undefined;
    const items = Object.entries(output.data).map(([mime, value]) => itemOf(mime, value));
    const known = output.id === undefined ? undefined : this.#displays.get(output.id);
    if (known) return this.#then(() => this.execution.replaceOutputItems(items, known));
    const made = new NotebookCellOutput(items);
    if (output.id !== undefined) this.#displays.set(output.id, made);
    this.#then(() => this.execution.appendOutput(made));
  }

  fail({ name, message, stack }: CellError): void {
    this.#then(() => this.execution.appendOutput(new NotebookCellOutput([NotebookCellOutputItem.error({ name, message, stack })])));
  }

  #add(name: 'stdout' | 'stderr', text: string): void {
    const item = NotebookCellOutputItem[name](text);
    const same = this.#stream?.name === name ? this.#stream.output : undefined;
    if (same) return this.#then(() => this.execution.appendOutputItems(item, same));
    const output = new NotebookCellOutput([item]);
    this.#stream = { name, output };
    this.#then(() => this.execution.appendOutput(output));
  }

  #then(write: () => Thenable<void>): void {
    // A cell that was deleted meanwhile takes nothing more.
    this.#written = this.#written.then(write).catch(() => undefined);
  }
}

const itemOf = (mime: string, value: unknown): vscode.NotebookCellOutputItem =>
  mime === VIEW_MIME || typeof value !== 'string' ? NotebookCellOutputItem.json(value, mime) : NotebookCellOutputItem.text(value, mime);

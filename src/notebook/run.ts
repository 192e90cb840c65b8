import type { CellError } from '../shared/kernel-protocol';
import { RemoteError } from '../shared/rpc';
import { CellOutputs, sourceOf, type Cell, type Notebook } from './ipynb';
import { lost, type KernelProcess } from './kernel-process';

export interface NotebookEvents {
  /** A cell begins; `index` counts the code cells from 1. */
  readonly begins?: (index: number, of: number, source: string) => void;
  readonly ends?: (index: number, seconds: number, error: CellError | undefined) => void;
  readonly writes?: (text: string) => void;
}

/**
 * Runs the code cells of a notebook in order, until one fails.
 *
 * @returns the notebook with the outputs of the cells that were run and without those of others, and the error if one failed
 */
export async function runNotebook(
  notebook: Notebook,
  kernel: KernelProcess,
  { begins, ends, writes }: NotebookEvents = {},
): Promise<{ notebook: Notebook; error?: CellError; cell?: number }> {
  const cells: Cell[] = notebook.cells.map((cell) => (cell.cell_type === 'code' ? { ...cell, execution_count: null, outputs: [] } : cell));
  const code = cells.flatMap((cell, at) => (cell.cell_type === 'code' && sourceOf(cell).trim() !== '' ? [at] : []));
  for (const [i, at] of code.entries()) {
    const [cell, outputs, started] = [cells[at]!, new CellOutputs(), performance.now()];
    begins?.(i + 1, code.length, sourceOf(cell));
    const error = await execute(kernel, i + 1, sourceOf(cell), (output) => {
      outputs.add(output);
      if (output.kind === 'stream') writes?.(output.text);
    });
    if (error) outputs.fail(error);
    cells[at] = { ...cell, execution_count: i + 1, outputs: outputs.list };
    ends?.(i + 1, (performance.now() - started) / 1000, error);
    if (error) return { notebook: { ...notebook, cells }, error, cell: i + 1 };
  }
  return { notebook: { ...notebook, cells } };
}

/** Runs one cell; that the kernel ended under it is the cell's error. */
export async function execute(
  kernel: KernelProcess,
  count: number,
  code: string,
  onOutput: Parameters<KernelProcess['execute']>[2],
): Promise<CellError | undefined> {
  try {
    return (await kernel.execute(count, code, onOutput)).error;
  } catch (error) {
    if (!(error instanceof RemoteError) || error.code !== 'kernel-ended') throw error;
    return lost((await kernel.ended) ?? 'it was restarted');
  }
}

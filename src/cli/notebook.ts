import { join, basename, dirname, resolve } from 'node:path';
import { KernelProcess } from '../notebook/kernel-process';
import { METADATA, parseNotebook, writeNotebook } from '../notebook/ipynb';
import { runNotebook } from '../notebook/run';
import { replaceFile } from '../train/storage';
import { readText } from './file';

interface Options {
  readonly out?: string;
  readonly runs?: string;
}

/**
 * Runs the cells of a notebook in order, with no editor, and writes it with its outputs. The exit code is 1 when a cell fails: what came before it is
 * written all the same, later cells are not run.
 */
export async function notebookCommand(path: string, { out, runs }: Options): Promise<void> {
  const notebook = parseNotebook(readText(path), path);
  const folder = dirname(resolve(path));
  const kernel = new KernelProcess({
    // Beside this program, as the build puts it.
    entry: join(__dirname, 'kernel.js'),
    execPath: process.execPath,
    folder,
    runs: resolve(runs ?? join(folder, '.objective-lab', 'runs')),
    name: basename(path, '.ipynb'),
    log: (level, message) => level !== 'info' && process.stderr.write(`${message}\n`),
  });
  // The first Ctrl-C interrupts the cell in hand, the second ends everything.
  process.once('SIGINT', () => void kernel.interrupt());
  try {
    const ran = await runNotebook(notebook, kernel, {
      begins: (index, of, source) => process.stdout.write(`── ${index} of ${of}: ${source.trim().split('\n')[0]!.slice(0, 100)}\n`),
      writes: (text) => process.stdout.write(text),
      ends: (_, seconds, error) => process.stdout.write(error ? `${error.stack}\n` : `   ${seconds.toFixed(1)} s\n`),
    });
    const metadata = { ...METADATA, ...ran.notebook.metadata };
    if (out !== undefined) replaceFile(resolve(out), writeNotebook({ ...ran.notebook, metadata }));
    if (!ran.error) return;
    process.stderr.write(`objective-lab: cell ${ran.cell} of ${path} failed: ${ran.error.name}: ${ran.error.message.split('\n')[0]}\n`);
    process.exitCode = 1;
  } finally {
    kernel.dispose();
  }
}

import * as z from 'zod';
import { UserError } from '../shared/errors';
import type { CellError, Output } from '../shared/kernel-protocol';
import { VIEW_MIME } from '../shared/views';

/** Text as notebooks keep it: one string, or its lines. */
const Text = z.union([z.string(), z.array(z.string())]);

const Cell = z.looseObject({
  cell_type: z.enum(['code', 'markdown', 'raw']),
  source: Text,
  metadata: z.record(z.string(), z.unknown()).default({}),
  id: z.string().optional(),
});
export type Cell = z.infer<typeof Cell>;

/** A notebook file, nbformat 4 (https://nbformat.readthedocs.io); what is in it beyond that is kept. */
export const Notebook = z.looseObject({
  nbformat: z.literal(4),
  nbformat_minor: z.int().nonnegative(),
  metadata: z.looseObject({
    kernelspec: z.looseObject({ language: z.string().optional(), name: z.string().optional() }).optional(),
    language_info: z.looseObject({ name: z.string() }).optional(),
  }),
  cells: z.array(Cell),
});
export type Notebook = z.infer<typeof Notebook>;

/** What a notebook of ours says of its language and its kernel. */
export const METADATA = {
  kernelspec: { name: 'objective-lab', display_name: 'Objective Lab (TypeScript)', language: 'typescript' },
  language_info: { name: 'typescript', file_extension: '.ts', mimetype: 'text/x-typescript' },
} as const;

/** Reads a notebook. @param path as messages name it @throws UserError (code `notebook`) for what is none, or is written in another language */
export function parseNotebook(text: string, path: string): Notebook {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${path} is no notebook: it is not JSON.`, 'Name an .ipynb file.', 'notebook', { cause: error });
  }
  const { success, data, error } = Notebook.safeParse(value);
  if (!success) {
    const reason = z.prettifyError(error).split('\n').slice(0, 2).join(' ');
    throw new UserError(
      `${path} is no notebook of format 4: ${reason}.`,
      'Open it in an editor and save it in the current format.',
      'notebook',
    );
  }
  const language = (data.metadata.kernelspec?.language ?? data.metadata.language_info?.name ?? 'typescript').toLowerCase();
  if (language !== 'typescript')
    throw new UserError(`${path} is written in ${language}.`, 'Objective Lab runs notebooks in TypeScript.', 'notebook');
  return data;
}

export const sourceOf = ({ source }: Cell): string => (typeof source === 'string' ? source : source.join(''));

/** As Jupyter writes notebooks: indented by one blank, a line end at the end. */
export const writeNotebook = (notebook: Notebook): string => `${JSON.stringify(notebook, null, 1)}\n`;

/** A notebook of ours from its cells. */
export function makeNotebook(cells: readonly { readonly kind: 'code' | 'markdown'; readonly text: string }[]): Notebook {
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: structuredClone(METADATA),
    cells: cells.map(({ kind, text }, i) => ({
      cell_type: kind,
      id: `cell-${i + 1}`,
      metadata: {},
      ...(kind === 'code' && { execution_count: null, outputs: [] }),
      source: linesOf(text),
    })),
  };
}

/** Lines with their ends, as notebooks keep them so that differences read well. */
const linesOf = (text: string): string[] => text.split(/(?<=\n)/);

/** The outputs of a cell as a notebook keeps them, gathered from what the kernel sends. */
export class CellOutputs {
  readonly #outputs: object[] = [];
  readonly #displays = new Map<string, number>();

  add(output: Output): void {
    if (output.kind === 'stream') return this.#stream(output.name, output.text);
    const shown = { output_type: 'display_data', metadata: {}, data: dataOf(output.data) };
    const known = output.id === undefined ? undefined : this.#displays.get(output.id);
    if (known !== undefined) this.#outputs[known] = shown;
    else {
      if (output.id !== undefined) this.#displays.set(output.id, this.#outputs.length);
      this.#outputs.push(shown);
    }
  }

  fail({ name, message, stack }: CellError): void {
    this.#outputs.push({ output_type: 'error', ename: name, evalue: message, traceback: stack.split('\n') });
  }

  get list(): readonly object[] {
    return this.#outputs;
  }

  #stream(name: string, text: string): void {
    const last = this.#outputs.at(-1) as { output_type?: string; name?: string; text?: string[] } | undefined;
    if (last?.output_type === 'stream' && last.name === name) last.text = linesOf((last.text ?? []).join('') + text);
    else this.#outputs.push({ output_type: 'stream', name, text: linesOf(text) });
  }
}

/** JSON stays as it is, text becomes lines. */
const dataOf = (data: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(data).map(([mime, value]) => [mime, mime === VIEW_MIME || typeof value !== 'string' ? value : linesOf(value)]),
  );

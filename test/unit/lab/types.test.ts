import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { labTypes } from '../../../scripts/lib/lab-types.mjs';
import { notebookOfComparison, notebookOfExperiment, notebookOfRun } from '../../../src/notebook/reproduce';
import { parseNotebook, sourceOf, type Notebook } from '../../../src/notebook/ipynb';

/** What the editor overlooks in cells: an await at the top of a script, and names that are declared twice. */
const ALLOWED = new Set([1375, 1378, 2451]);

/** Libraries, read once. */
const libraries = new Map<string, ts.SourceFile | undefined>();

let types: string;
beforeAll(() => {
  types = labTypes();
}, 120_000);

/** What TypeScript finds wrong with cells that share their variables, as the editor's server sees them: scripts beside the declarations of `lab`. */
function problemsOf(cells: readonly string[]): string[] {
  const files = new Map([['/lab.d.ts', types], ...cells.map((text, i): [string, string] => [`/cell-${i + 1}.ts`, text])]);
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
  };
  const host = ts.createCompilerHost(options);
  const [readFile, fileExists, getSourceFile] = [host.readFile.bind(host), host.fileExists.bind(host), host.getSourceFile.bind(host)];
  host.readFile = (name) => files.get(name) ?? readFile(name);
  host.fileExists = (name) => files.has(name) || fileExists(name);
  host.getSourceFile = (name, version) => {
    const text = files.get(name);
    if (text !== undefined) return ts.createSourceFile(name, text, version, true);
    if (!libraries.has(name)) libraries.set(name, getSourceFile(name, version));
    return libraries.get(name);
  };
  return ts
    .getPreEmitDiagnostics(ts.createProgram([...files.keys()], options, host))
    .filter(({ code }) => !ALLOWED.has(code))
    .map(({ file, messageText, start = 0 }) => {
      const { line } = file?.getLineAndCharacterOfPosition(start) ?? { line: 0 };
      return `${file?.fileName}:${line + 1} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
}

const codeOf = ({ cells }: Notebook): string[] => cells.flatMap((cell) => (cell.cell_type === 'code' ? [sourceOf(cell)] : []));

describe('the declarations of lab', () => {
  it('stand on their own, and tell right from wrong', () => {
    expect(problemsOf(['lab.train({ objectives: [{ type: "mlm", rate: 0.2 }, { type: "own", x: 1 }], training: { steps: 5 } });'])).toEqual(
      [],
    );
    expect(problemsOf(['const a: string = lab.runs()[0]!.step;'])[0]).toMatch(
      /cell-1\.ts:1 Type 'number' is not assignable to type 'string'/,
    );
    expect(problemsOf(['lab.train({ objectives: [], training: { step: 5 } });'])[0]).toMatch(/step/);
    expect(problemsOf(["lab.onnx.ops.add(lab.onnx.input('x', 'float31', [1]), 1);"])[0]).toMatch(/float31/);
  });

  it('are kept small enough for an editor', () => expect(types.length).toBeLessThan(150_000));

  it.each(readdirSync('samples/notebooks').filter((name) => name.endsWith('.ipynb')))('fit the sample notebook %s', (name) => {
    expect(problemsOf(codeOf(parseNotebook(readFileSync(join('samples/notebooks', name), 'utf8'), name)))).toEqual([]);
  });

  it('fit the notebooks that are written from experiments and runs', () => {
    const known = { name: 'a', objectives: ['mlm', 'contrastive'] };
    const experiment = { name: 'a', corpus: { root: '.' }, objectives: [{ type: 'mlm' }], training: { steps: 3 } };
    expect(problemsOf(codeOf(notebookOfExperiment("it's.lab.json", known)))).toEqual([]);
    expect(problemsOf(codeOf(notebookOfComparison("it's.compare.json", "it's")))).toEqual([]);
    expect(problemsOf(codeOf(notebookOfRun('20260101-000000-a', experiment, known)))).toEqual([]);
  });
});

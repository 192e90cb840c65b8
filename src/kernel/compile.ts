import { SourceMap, type SourceMapPayload } from 'node:module';
import ts from 'typescript';
import { CellSyntaxError } from './errors';
import { CHECK, WAIT } from './names';
import { rewrite } from './rewrite';

/** A cell as JavaScript: the body of an async function, line for line what `map` leads back to the source. */
export interface CompiledCell {
  readonly code: string;
  /** Variables, functions, classes and imports that the cell declares at its top. */
  readonly declared: readonly string[];
  readonly map: SourceMap;
}

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleDetection: ts.ModuleDetectionKind.Force,
  // An import that this cell does not use may be meant for the next one.
  verbatimModuleSyntax: true,
  sourceMap: true,
};

/**
 * Makes a cell of TypeScript a script that can be run beside others: types are removed, its declarations become global variables, imports are loaded
 * when it runs, and its last expression is its result.
 *
 * @param globals names that a cell may not declare
 * @throws CellSyntaxError with line and column, from 1
 */
export function compileCell(source: string, globals: ReadonlySet<string> = new Set()): CompiledCell {
  const declared: string[] = [];
  let refused: Refused | undefined;
  const { outputText, sourceMapText, diagnostics } = ts.transpileModule(source, {
    compilerOptions: OPTIONS,
    fileName: 'cell.ts',
    reportDiagnostics: true,
    transformers: {
      before: [
        () => (file) => {
          refused = refusedIn(file);
          return file;
        },
      ],
      after: [(context) => (file) => rewrite(file, context, declared)],
    },
  });
  const [problem] = diagnostics ?? [];
  if (problem)
    throw new CellSyntaxError(ts.flattenDiagnosticMessageText(problem.messageText, '\n'), ...placeOf(source, problem.start ?? 0));
  if (refused) throw new CellSyntaxError(refused.message, ...placeOf(source, refused.start));
  const taken = declared.find((name) => globals.has(name) || name === WAIT || name === CHECK);
  if (taken !== undefined) {
    const start = new RegExp(`(?<![\\w$.])${taken.replaceAll('$', '\\$')}(?![\\w$])`).exec(source)?.index ?? 0;
    throw new CellSyntaxError(`"${taken}" is a global name that everything here relies on: choose another.`, ...placeOf(source, start));
  }
  return {
    code: outputText.replace(/\/\/# sourceMappingURL=.*\s*$/, ''),
    declared,
    map: new SourceMap(JSON.parse(sourceMapText!) as SourceMapPayload),
  };
}

interface Refused {
  readonly message: string;
  readonly start: number;
}

/** What only modules and blocks can have: at the top of a cell it would do nothing, or something else. */
function refusedIn(file: ts.SourceFile): Refused | undefined {
  for (const statement of file.statements) {
    const start = statement.getStart(file);
    // `await using` has the flags of `const` and of `using`.
    if (ts.isVariableStatement(statement) && (statement.declarationList.flags & ts.NodeFlags.Using) !== 0)
      return {
        start,
        message: 'What a cell declares stays when it ends. Write "using" inside a block { … }, at whose end it is disposed of.',
      };
    if (ts.isImportEqualsDeclaration(statement) && ts.isExternalModuleReference(statement.moduleReference) && !statement.isTypeOnly)
      return { start, message: `Write "const ${statement.name.text} = require(…)" or "import * as ${statement.name.text} from …".` };
    if (ts.isExportDeclaration(statement) && statement.moduleSpecifier && !statement.isTypeOnly)
      return { start, message: 'A cell exports nothing: other cells see what it declares. Import what you need from the module.' };
  }
  return undefined;
}

function placeOf(source: string, offset: number): [line: number, column: number] {
  const lines = source.slice(0, offset).split(/\r\n|\r|\n/);
  return [lines.length, lines.at(-1)!.length + 1];
}

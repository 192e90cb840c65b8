// The types of `lab` as one file of declarations, for cells of notebooks: dist/lab.d.ts.
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';
import { root } from './paths.mjs';

const ENTRY = join(root, 'src', 'lab', 'api.ts');
/** What modules are called in the file: their paths below src/. */
const PREFIX = 'objective-lab/';
const HEAD = `/** The engine of Objective Lab. */\ndeclare const lab: import('${PREFIX}lab/api').Lab;\ndeclare const require: (id: string) => any;\n`;

/** A type in full, whatever it is called. */
const EXPANDED = [
  ts.TypeFormatFlags.NoTruncation,
  ts.TypeFormatFlags.InTypeAlias,
  ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope,
  ts.TypeFormatFlags.MultilineObjectLiterals,
].reduce((all, flag) => all | flag);

/**
 * Writes the declarations, unless no source has changed since the last time.
 *
 * @param {string} path
 */
export function writeLabTypes(path) {
  if (existsSync(path) && statSync(path).mtimeMs > newestOf(join(root, 'src'))) return;
  writeFileSync(path, labTypes());
}

/**
 * Every module that the API's types come from, as an ambient one. Types that schemas imply are written out, so that the file needs no library.
 *
 * @returns {string}
 */
export function labTypes() {
  const program = ts.createProgram([ENTRY], {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.Preserve,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: ['node'],
    typeRoots: [join(root, 'node_modules', '@types')],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    resolveJsonModule: true,
    skipLibCheck: true,
    declaration: true,
    emitDeclarationOnly: true,
  });
  /** @type {Map<string, string>} */
  const modules = new Map();
  const visit = (/** @type {string} */ file) => {
    if (modules.has(nameOf(file))) return;
    const source = program.getSourceFile(file);
    if (!source) return;
    const { text, imports } = ambient(declarationsOf(program, source), file, inferred(program, source));
    modules.set(nameOf(file), text);
    for (const each of imports) visit(each);
  };
  visit(ENTRY);
  return [HEAD, ...[...modules].map(([name, text]) => `declare module '${name}' {\n${text}}\n`)].join('\n');
}

const nameOf = (/** @type {string} */ file) => PREFIX + relative(join(root, 'src'), file).replaceAll('\\', '/').replace(/\.ts$/, '');

/**
 * @param {ts.Program} program
 * @param {ts.SourceFile} source
 */
function declarationsOf(program, source) {
  let text = '';
  program.emit(source, (_, contents) => (text = contents), undefined, true);
  return ts.createSourceFile('module.d.ts', text, ts.ScriptTarget.ES2023, true);
}

/**
 * The type aliases of a module that a schema implies, written out.
 *
 * @param {ts.Program} program
 * @param {ts.SourceFile} source
 */
function inferred(program, source) {
  const checker = program.getTypeChecker();
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const statement of source.statements) {
    if (!ts.isTypeAliasDeclaration(statement) || statement.typeParameters || !/\bz\.(infer|input|output)\b/.test(statement.type.getText()))
      continue;
    found.set(statement.name.text, checker.typeToString(checker.getTypeAtLocation(statement.name), undefined, EXPANDED));
  }
  return found;
}

/**
 * A module's declarations as they stand inside `declare module`, and the modules that they name.
 *
 * @param {ts.SourceFile} declarations
 * @param {string} file
 * @param {ReadonlyMap<string, string>} types written out
 */
function ambient(declarations, file, types) {
  /** @type {string[]} */
  const imports = [];
  const parts = declarations.statements.flatMap((statement) => {
    if (ts.isTypeAliasDeclaration(statement) && types.has(statement.name.text))
      return [`export type ${statement.name.text} = ${types.get(statement.name.text)};`];
    const text = statement.getFullText(declarations).trim();
    // Schemas are of no use without their library.
    if (ts.isVariableStatement(statement) && /\bz\.Zod/.test(text)) return [];
    if (ts.isImportDeclaration(statement) && /from ['"]zod['"]/.test(text)) return [];
    return [text.replace(/^((?:\s*\/\*\*.*?\*\/\s*)?)(export )?declare /s, '$1$2')];
  });
  const text = parts
    .join('\n')
    .replace(/(from |import\()(['"])(\.[^'"]*)\2/g, (_, before, /** @type {string} */ quote, /** @type {string} */ path) => {
      const target = [`${resolve(dirname(file), path)}.ts`, join(resolve(dirname(file), path), 'index.ts')].find((each) =>
        existsSync(each),
      );
      if (!target) return `${before}${quote}${path}${quote}`;
      imports.push(target);
      return `${before}${quote}${nameOf(target)}${quote}`;
    });
  return { text: `${text}\n`, imports };
}

/**
 * When any file of a folder was last changed.
 *
 * @param {string} folder
 * @returns {number}
 */
const newestOf = (folder) =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((newest, entry) => Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs), 0);

import ts from 'typescript';
import { CHECK, WAIT } from './names';

const { factory: f } = ts;

/**
 * Rewrites a cell whose types are gone. What it declares at its top is assigned to global variables, so that later cells see it: functions first, as they
 * are hoisted. Imports become dynamic ones. The last statement, if it is an expression, is returned. Each await goes through {@link WAIT}.
 *
 * @param declared gets the names of the global variables
 */
export function rewrite(file: ts.SourceFile, context: ts.TransformationContext, declared: string[]): ts.SourceFile {
  const [hoisted, imports, others]: ts.Statement[][] = [[], [], []];
  for (const statement of file.statements) {
    if (ts.isFunctionDeclaration(statement)) hoisted!.push(assignFunction(statement, declared));
    else if (ts.isImportDeclaration(statement)) imports!.push(importing(statement, declared));
    else others!.push(...topLevel(statement, declared, context));
  }
  const last = others!.at(-1);
  if (last && ts.isExpressionStatement(last) && last === lastOf(file, last)) {
    others!.pop();
    others!.push(at(f.createReturnStatement(last.expression), last));
  }
  const whole = f.updateSourceFile(file, [...hoisted!, ...imports!, ...others!]);
  return ts.visitEachChild(whole, interruptible(context), context);
}

/** The statement itself if it is what the cell ends with: one that a declaration was made into is no result. */
const lastOf = (file: ts.SourceFile, statement: ts.Statement): ts.Statement | undefined =>
  file.statements.findLast((each) => !ts.isFunctionDeclaration(each) && !ts.isNotEmittedStatement(each) && !isEmptyExport(each)) ===
  statement
    ? statement
    : undefined;

const isEmptyExport = (statement: ts.Statement): boolean => ts.isExportDeclaration(statement) && statement.moduleSpecifier === undefined;

function topLevel(statement: ts.Statement, declared: string[], context: ts.TransformationContext): ts.Statement[] {
  if (ts.isVariableStatement(statement)) {
    const assignments = statement.declarationList.declarations.map((declaration) => assignVariable(declaration, declared));
    return assignments.map((assignment) => at(f.createExpressionStatement(assignment), statement));
  }
  if (ts.isClassDeclaration(statement)) {
    const { typeParameters, heritageClauses, members } = statement;
    // The compiler gives a name of its own to a class that has none.
    const { name } = ts.getOriginalNode(statement) as ts.ClassDeclaration;
    const written = name ?? f.createIdentifier('default_1');
    declared.push(written.text);
    const expression = at(f.createClassExpression(undefined, written, typeParameters, heritageClauses, members), statement);
    return [at(f.createExpressionStatement(f.createAssignment(f.createIdentifier(written.text), expression)), statement)];
  }
  if (ts.isExportDeclaration(statement) || ts.isNotEmittedStatement(statement)) return [];
  if (ts.isExportAssignment(statement)) return [at(f.createExpressionStatement(statement.expression), statement)];
  return [ts.visitNode(statement, hoistVars(declared, context)) as ts.Statement];
}

/** A `var` in a block, a loop or a branch belongs to the whole cell, as it does in any script. */
function hoistVars(declared: string[], context: ts.TransformationContext): (node: ts.Node) => ts.Node {
  const isVar = (node: ts.Node | undefined): node is ts.VariableDeclarationList =>
    node !== undefined && ts.isVariableDeclarationList(node) && (node.flags & ts.NodeFlags.BlockScoped) === 0;
  const assigned = ({ declarations }: ts.VariableDeclarationList): ts.Expression | undefined => {
    const made = declarations.map((declaration) => {
      const assignment = assignVariable(declaration, declared);
      return declaration.initializer ? assignment : f.createVoidZero();
    });
    return made.length === 0 ? undefined : made.reduce((before, each) => f.createComma(before, each));
  };
  /** What each round of a loop is assigned to. */
  const targetOf = ({ declarations: [declaration] }: ts.VariableDeclarationList): ts.Expression => pattern(declaration!.name, declared);
  const visit = (node: ts.Node): ts.Node => {
    if (ts.isFunctionLike(node) || ts.isClassLike(node)) return node;
    const inner = ts.visitEachChild(node, visit, context);
    if (ts.isVariableStatement(inner) && isVar(inner.declarationList))
      return at(f.createExpressionStatement(f.createParenthesizedExpression(assigned(inner.declarationList)!)), inner);
    if (ts.isForStatement(inner) && isVar(inner.initializer))
      return f.updateForStatement(inner, assigned(inner.initializer), inner.condition, inner.incrementor, inner.statement);
    if (ts.isForOfStatement(inner) && isVar(inner.initializer))
      return f.updateForOfStatement(inner, inner.awaitModifier, targetOf(inner.initializer), inner.expression, inner.statement);
    if (ts.isForInStatement(inner) && isVar(inner.initializer))
      return f.updateForInStatement(inner, targetOf(inner.initializer), inner.expression, inner.statement);
    return inner;
  };
  return visit;
}

function assignFunction(statement: ts.FunctionDeclaration, declared: string[]): ts.Statement {
  const { name, asteriskToken, typeParameters, parameters, type, body } = statement;
  const modifiers = statement.modifiers?.filter((modifier) => modifier.kind === ts.SyntaxKind.AsyncKeyword) as ts.Modifier[] | undefined;
  const written = name ?? f.createIdentifier('default_1');
  declared.push(written.text);
  const expression = at(
    f.createFunctionExpression(modifiers, asteriskToken, written, typeParameters, parameters, type, body ?? f.createBlock([])),
    statement,
  );
  return at(f.createExpressionStatement(f.createAssignment(f.createIdentifier(written.text), expression)), statement);
}

function assignVariable({ name, initializer }: ts.VariableDeclaration, declared: string[]): ts.Expression {
  const value = initializer ?? f.createVoidZero();
  if (ts.isIdentifier(name)) {
    declared.push(name.text);
    return at(f.createAssignment(name, value), name);
  }
  // At the head of a statement a brace would begin a block.
  return at(f.createParenthesizedExpression(f.createAssignment(pattern(name, declared), value)), name);
}

/** The assignment pattern that a binding pattern stands for. */
function pattern(name: ts.BindingName, declared: string[]): ts.Expression {
  if (ts.isIdentifier(name)) {
    declared.push(name.text);
    return name;
  }
  const target = (element: ts.BindingElement): ts.Expression => {
    const bound = pattern(element.name, declared);
    return element.initializer ? f.createAssignment(bound, element.initializer) : bound;
  };
  if (ts.isArrayBindingPattern(name))
    return f.createArrayLiteralExpression(
      name.elements.map((element) =>
        ts.isOmittedExpression(element) ? element : element.dotDotDotToken ? f.createSpreadElement(target(element)) : target(element),
      ),
    );
  return f.createObjectLiteralExpression(
    name.elements.map((element) => {
      if (element.dotDotDotToken) return f.createSpreadAssignment(target(element));
      const key = element.propertyName ?? f.createIdentifier((element.name as ts.Identifier).text);
      return f.createPropertyAssignment(key, target(element));
    }),
  );
}

function importing(statement: ts.ImportDeclaration, declared: string[]): ts.Statement {
  const { importClause: clause, moduleSpecifier, attributes } = statement;
  const loaded = f.createAwaitExpression(
    f.createCallExpression(f.createToken(ts.SyntaxKind.ImportKeyword) as never, undefined, [
      moduleSpecifier,
      ...(attributes ? [attributesOf(attributes)] : []),
    ]),
  );
  const bindings = clause?.namedBindings;
  const assign = (target: ts.Expression, value: ts.Expression): ts.Expression =>
    f.createParenthesizedExpression(f.createAssignment(target, value));
  const property = (imported: ts.ModuleExportName | string, local: ts.Identifier): ts.ObjectLiteralElementLike => {
    declared.push(local.text);
    const key = typeof imported === 'string' ? imported : imported.text;
    return f.createPropertyAssignment(f.createStringLiteral(key), f.createIdentifier(local.text));
  };
  const names = [
    ...(clause?.name ? [property('default', clause.name)] : []),
    ...(bindings && ts.isNamedImports(bindings)
      ? bindings.elements.map(({ propertyName, name }) => property(propertyName ?? name, name))
      : []),
  ];
  let expression: ts.Expression = loaded;
  if (bindings && ts.isNamespaceImport(bindings)) {
    declared.push(bindings.name.text);
    expression = assign(f.createIdentifier(bindings.name.text), expression);
  }
  if (names.length > 0) expression = assign(f.createObjectLiteralExpression(names), expression);
  return at(f.createExpressionStatement(expression), statement);
}

/** `with { type: 'json' }` as `import()` takes it. */
const attributesOf = ({ elements }: ts.ImportAttributes): ts.Expression => {
  const entries = elements.map(({ name, value }) => f.createPropertyAssignment(name, value));
  return f.createObjectLiteralExpression([f.createPropertyAssignment('with', f.createObjectLiteralExpression(entries))]);
};

/** Makes awaits, and the rounds of `for await`, end when the cell is interrupted. */
function interruptible(context: ts.TransformationContext): (node: ts.Node) => ts.Node {
  const call = (name: string, args: ts.Expression[]): ts.Expression => f.createCallExpression(f.createIdentifier(name), undefined, args);
  const visit = (node: ts.Node): ts.Node => {
    const inner = ts.visitEachChild(node, visit, context);
    if (ts.isAwaitExpression(inner)) return f.updateAwaitExpression(inner, at(call(WAIT, [inner.expression]), inner.expression));
    if (ts.isForOfStatement(inner) && inner.awaitModifier) {
      const body = f.createBlock([f.createExpressionStatement(call(CHECK, [])), inner.statement]);
      return f.updateForOfStatement(inner, inner.awaitModifier, inner.initializer, inner.expression, body);
    }
    return inner;
  };
  return visit;
}

/** Gives a node the place in the source of the one that it was made from. */
const at = <N extends ts.Node>(node: N, from: ts.Node): N => ts.setSourceMapRange(ts.setTextRange(node, from), ts.getSourceMapRange(from));

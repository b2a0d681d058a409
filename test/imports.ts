import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

/** One import or re-export of a source file. */
export interface ImportOf {
  /** As it is written: `../der/reader.ts`, `node:fs`, `yaml`. */
  readonly specifier: string;
  /** Of a file of ours, its path under src/; otherwise undefined. */
  readonly file: string | undefined;
  readonly line: number;
  /** `type` leaves nothing behind in JavaScript; `dynamic` is loaded when it is reached. */
  readonly kind: 'static' | 'dynamic' | 'type';
}

export interface SourceFile {
  /** Under src/, with forward slashes. */
  readonly path: string;
  readonly imports: readonly ImportOf[];
  readonly tree: ts.SourceFile;
}

/** Every TypeScript file under `root`, parsed, without declaration files. */
export function readSources(root: string): readonly SourceFile[] {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return names
    .filter(name => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .sort()
    .map(name => {
      const path = name.replaceAll('\\', '/');
      return parseSource(path, readFileSync(join(root, name), 'utf8'));
    });
}

/** Parses one file; `path` is its place under src/. */
export function parseSource(path: string, text: string): SourceFile {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  const imports: ImportOf[] = [];
  const visit = (node: ts.Node): void => {
    const found = importOf(node, path);
    if (found !== undefined) imports.push(found);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return { path, imports, tree };
}

function importOf(node: ts.Node, path: string): ImportOf | undefined {
  const written = specifierOf(node);
  if (written === undefined) return undefined;
  const { specifier, kind } = written;
  const file = specifier.startsWith('.')
    ? relative('.', join(dirname(path), specifier)).replaceAll('\\', '/')
    : undefined;
  return { specifier, file, kind, line: lineOf(node) };
}

function specifierOf(node: ts.Node): Pick<ImportOf, 'specifier' | 'kind'> | undefined {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    const typeOnly = node.importClause !== undefined && isTypeOnly(node.importClause);
    return { specifier: node.moduleSpecifier.text, kind: typeOnly ? 'type' : 'static' };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
    return { specifier: node.moduleSpecifier.text, kind: node.isTypeOnly ? 'type' : 'static' };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
    return { specifier: node.argument.literal.text, kind: 'type' };
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [argument] = node.arguments;
    // A computed import() cannot be checked, so it stands out as one that no table allows.
    return { specifier: argument && ts.isStringLiteral(argument) ? argument.text : '(computed)', kind: 'dynamic' };
  }
  return undefined;
}

function isTypeOnly(clause: ts.ImportClause): boolean {
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const { name, namedBindings } = clause;
  return (
    name === undefined &&
    namedBindings !== undefined &&
    ts.isNamedImports(namedBindings) &&
    namedBindings.elements.length > 0 &&
    namedBindings.elements.every(element => element.isTypeOnly)
  );
}

/** The use of something ambient: `process`, `Date.now()`, `new Date()`, timers, randomness. */
export interface AmbientUse {
  readonly what: string;
  readonly line: number;
}

const ambientNames = new Set([
  'process',
  'console',
  'performance',
  'fetch',
  'crypto',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'globalThis',
  'require',
]);
const ambientMembers = new Set(['Date.now', 'Math.random']);

/** What of the ambient world a file reaches for by a global name. */
export function ambientUses(source: SourceFile): readonly AmbientUse[] {
  const uses: AmbientUse[] = [];
  const visit = (node: ts.Node): void => {
    const what = ambient(node);
    if (what !== undefined) uses.push({ what, line: lineOf(node) });
    ts.forEachChild(node, visit);
  };
  visit(source.tree);
  return uses;
}

function ambient(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    const member = `${node.expression.text}.${node.name.text}`;
    return ambientMembers.has(member) ? member : undefined;
  }
  if (isDateConstructor(node)) return 'new Date() without an argument';
  if (ts.isIdentifier(node) && ambientNames.has(node.text) && isReference(node)) return node.text;
  return undefined;
}

function isDateConstructor(node: ts.Node): boolean {
  const isDate = (expression: ts.Expression): boolean => ts.isIdentifier(expression) && expression.text === 'Date';
  if (ts.isNewExpression(node)) return isDate(node.expression) && (node.arguments?.length ?? 0) === 0;
  // Called without `new`, Date ignores its arguments and returns the present.
  return ts.isCallExpression(node) && isDate(node.expression);
}

/** Whether an identifier is read as a variable, rather than naming a member, a parameter or a binding of the file's own. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  if (ts.isCallExpression(parent) || ts.isNewExpression(parent)) return true;
  if (ts.isVariableDeclaration(parent)) return parent.initializer === node;
  return (
    ts.isElementAccessExpression(parent) || ts.isTypeOfExpression(parent) || ts.isShorthandPropertyAssignment(parent)
  );
}

function lineOf(node: ts.Node): number {
  return node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line + 1;
}

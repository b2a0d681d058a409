import { describe, expect, it } from 'vitest';
import { ambientUses, type ImportOf, parseSource, readSources, type SourceFile } from './imports.ts';

/** What everything may import: a failure, and text made safe for a terminal. */
const everywhere = ['errors', 'printable', 'printable-json'];

/**
 * What each part of src/ may import of the others (DESIGN.md, "The parts"). A part is a folder, or a file beside it of the same name.
 * Imports point one way: a part stands above all that it names.
 */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  single: ['run', 'worker'],
  program: ['run', 'worker'],
  worker: ['audit', 'enrolment', 'verification'],
  run: ['main', 'terminal'],
  main: ['commands', 'system'],
  commands: [
    ...[
      'audit',
      'renewal',
      'enrolment',
      'inspect',
      'peer',
      'status',
      'templates',
      'verification',
      'issuers',
      'authority',
      'deployment',
      'issuance',
    ],
    ...['path', 'keys', 'x509', 'der', 'config', 'options', 'files', 'lines', 'lock-directory', 'system'],
  ],
  audit: [
    ...['authority', 'x509', 'der', 'options', 'files', 'file-operations'],
    ...['lock', 'lock-directory', 'system', 'thread-work'],
  ],
  enrolment: [
    ...['issuers', 'authority', 'deployment', 'issuance', 'keys', 'x509', 'der'],
    ...['config', 'options', 'files', 'system', 'thread-work', 'concurrency'],
  ],
  status: [
    ...['authority', 'deployment', 'issuance', 'path', 'keys', 'x509', 'der'],
    ...['config', 'options', 'files', 'file-operations', 'system'],
  ],
  renewal: [
    ...['enrolment', 'issuers', 'authority', 'deployment', 'x509'],
    ...['config', 'options', 'files', 'file-operations', 'lock', 'lock-directory', 'system'],
    'concurrency',
  ],
  verification: [
    'lines',
    'system',
    'thread-work',
    'authority',
    'deployment',
    'path',
    'keys',
    'x509',
    'der',
    'options',
    'files',
    'file-operations',
  ],
  inspect: [
    'peer',
    'status',
    'authority',
    'deployment',
    'path',
    'keys',
    'x509',
    'der',
    'config',
    'options',
    'files',
    'file-operations',
    'system',
  ],
  templates: ['peer', 'authority', 'config', 'options', 'file-operations'],
  peer: ['x509', 'der', 'options'],
  issuers: ['authority', 'issuance', 'path', 'keys', 'x509', 'der', 'config', 'options', 'files'],
  deployment: [
    ...['issuance', 'path', 'keys', 'x509', 'der', 'system'],
    ...['config', 'options', 'files', 'file-operations', 'lock', 'lock-directory', 'process-identity', 'staging'],
    'concurrency',
  ],
  authority: [
    ...['issuance', 'path', 'keys', 'x509', 'der', 'system'],
    ...['config', 'options', 'files', 'file-operations', 'lock', 'lock-directory', 'staging'],
  ],
  concurrency: [],
  config: ['issuance', 'keys', 'options', 'x509', 'der'],
  issuance: ['path', 'keys', 'options', 'x509', 'der'],
  options: ['keys', 'x509', 'der'],
  keys: ['x509', 'der'],
  path: ['x509', 'der'],
  x509: ['der'],
  der: [],
  lock: ['lock-directory', 'files', 'file-operations', 'process-identity'],
  'lock-directory': ['files', 'file-operations', 'process-identity'],
  files: ['file-operations', 'process-identity'],
  'file-operations': [],
  'process-identity': [],
  terminal: ['garbage-collector', 'lines', 'standard-output', 'system', 'threads'],
  'standard-output': ['system'],
  threads: ['system'],
  'garbage-collector': [],
  'thread-work': ['system'],
  system: ['lines'],
  lines: [],
  printable: [],
  'printable-json': [],
  staging: ['files', 'file-operations'],
  errors: [],
};

/** The only importers of each package (DESIGN.md, "The parts"). */
const packageImporters: Readonly<Record<string, readonly string[]>> = {
  '@noble/hashes/sha2.js': ['x509'],
  '@peculiar/asn1-schema': ['issuance'],
  '@peculiar/asn1-x509': ['issuance'],
  '@peculiar/webcrypto': ['keys'],
  '@peculiar/x509': ['issuance'],
  'reflect-metadata': ['issuance'],
  chalk: ['terminal'],
  'cli-table3': ['terminal'],
  commander: ['main', 'commands'],
  inquirer: ['terminal'],
  yaml: ['config'],
};

/** Who knows that there are files: those that keep state on disk, and those that look at what others keep there. */
const filesystemUsers = [
  ...['files', 'file-operations', 'lock', 'lock-directory', 'process-identity', 'staging'],
  ...['authority', 'deployment', 'inspect', 'renewal', 'verification'],
];

/** The built-ins of Node that reach outside the process, and who may. Those not named here (crypto, path, util, buffer) are free. */
const builtInImporters: Readonly<Record<string, readonly string[]>> = {
  'node:child_process': ['deployment'],
  'node:fs': [...filesystemUsers, 'standard-output', 'terminal'],
  'node:fs/promises': filesystemUsers,
  'node:net': ['peer'],
  'node:os': ['process-identity', 'lock', 'terminal', 'threads'],
  'node:timers/promises': ['lock'],
  'node:tls': ['peer'],
  'node:v8': ['garbage-collector', 'worker'],
  'node:vm': ['garbage-collector'],
  'node:worker_threads': ['single', 'threads', 'worker'],
};

/** No I/O, no clock, no environment: time, randomness and keys are arguments. Of Node they get hashes and signature checks. */
const pure = ['der', 'x509', 'path'];
const builtInsOfPure = ['node:crypto'];

/** Loaded at the use only: each costs more than reading a certificate does (TRAPS.md). */
const heavyPackages = [
  ...['@peculiar/asn1-schema', '@peculiar/asn1-x509', '@peculiar/webcrypto', '@peculiar/x509', 'reflect-metadata'],
  ...['chalk', 'cli-table3', 'inquirer'],
];

const sources = readSources(new URL('../src', import.meta.url).pathname);

describe('the layers of src/', () => {
  it('has a row for every part, and no row for a part that could not be', () => {
    const parts = new Set(sources.map(source => partOf(source.path)));
    expect([...parts].filter(part => !(part in mayImport))).toEqual([]);
    const named = Object.values(mayImport).flat();
    expect(named.filter(part => !(part in mayImport))).toEqual([]);
  });

  it('has a table without cycles', () => {
    expect(Object.keys(mayImport).flatMap(part => cycleFrom(part, []))).toEqual([]);
  });

  it('imports downwards only, as the table says', () => {
    expect(sources.flatMap(importsAgainstTheTable)).toEqual([]);
  });

  it('uses each package and each reach outside the process in its own place only', () => {
    expect(sources.flatMap(packagesOutOfPlace)).toEqual([]);
  });

  it('keeps der, x509 and path without I/O, clock, environment and randomness', () => {
    expect(sources.filter(isPure).flatMap(impurities)).toEqual([]);
  });

  it('loads no heavy package before a command needs it', () => {
    const atStart = ['program.ts', 'commands/inspect.ts', 'commands/renew-modes.ts', 'commands/verify-chain.ts'];
    expect(atStart.flatMap(heavyOnStart)).toEqual([]);
  });
});

describe('the check itself', () => {
  it.each([
    ["import { x } from '../path/verify.ts';", 'x509/a.ts', importsAgainstTheTable],
    ["export { x } from '../commands/inspect.ts';", 'der/a.ts', importsAgainstTheTable],
    ["const x = await import('../main.ts');", 'authority/a.ts', importsAgainstTheTable],
    ["type A = import('../main.ts').A;", 'authority/a.ts', importsAgainstTheTable],
    ['const x = await import(name);', 'authority/a.ts', importsAgainstTheTable],
    ["import 'yaml';", 'commands/a.ts', packagesOutOfPlace],
    ["import 'left-pad';", 'commands/a.ts', packagesOutOfPlace],
    ["import fs from 'node:fs/promises';", 'issuance/a.ts', packagesOutOfPlace],
    ["import { readFileSync } from 'node:fs';", 'x509/a.ts', impurities],
    ['const now = Date.now();', 'path/a.ts', impurities],
    ['const now = new Date();', 'path/a.ts', impurities],
    ['const now = Date();', 'path/a.ts', impurities],
    ['const home = process.env.HOME;', 'der/a.ts', impurities],
    ['const n = Math.random();', 'x509/a.ts', impurities],
    ["import { randomBytes } from 'node:crypto';", 'x509/a.ts', impurities],
  ])('refuses %s in %s', (text, path, check) => {
    expect(check(parseSource(path, text))).toHaveLength(1);
  });

  it.each([
    ["import { x } from '../der/reader.ts';", 'x509/a.ts'],
    ["import { createHash, verify } from 'node:crypto';", 'x509/a.ts'],
    ['const date = new Date(at);', 'path/a.ts'],
    ['const facts = { process: 1, console: 2 }; use(facts.process);', 'path/a.ts'],
  ])('allows %s in %s', (text, path) => {
    const source = parseSource(path, text);
    expect([...importsAgainstTheTable(source), ...packagesOutOfPlace(source), ...impurities(source)]).toEqual([]);
  });
});

function partOf(path: string): string {
  return (path.split('/')[0] ?? '').replace(/\.ts$/, '');
}

function isPure(source: SourceFile): boolean {
  return pure.includes(partOf(source.path));
}

function cycleFrom(part: string, above: readonly string[]): readonly string[] {
  if (above.includes(part)) return [[...above.slice(above.indexOf(part)), part].join(' → ')];
  return (mayImport[part] ?? []).flatMap(below => cycleFrom(below, [...above, part]));
}

function importsAgainstTheTable(source: SourceFile): readonly string[] {
  const from = partOf(source.path);
  const allowed = [from, ...everywhere, ...(mayImport[from] ?? [])];
  return source.imports.flatMap(found => {
    if (found.specifier === '(computed)') return [`${place(source, found)}: a computed import() cannot be checked`];
    if (found.file === undefined || found.file.startsWith('..')) return [];
    const to = partOf(found.file);
    return allowed.includes(to) ? [] : [`${place(source, found)}: ${from} may not import ${to} (${found.specifier})`];
  });
}

function packagesOutOfPlace(source: SourceFile): readonly string[] {
  const from = partOf(source.path);
  return source.imports.flatMap(found => {
    if (found.file !== undefined || found.specifier === '(computed)') return [];
    const builtIn = found.specifier.startsWith('node:');
    const importers = builtIn ? (builtInImporters[found.specifier] ?? [from]) : packageImporters[found.specifier];
    if (importers === undefined) return [`${place(source, found)}: no table names the package ${found.specifier}`];
    if (importers.includes(from)) return [];
    return [`${place(source, found)}: only ${importers.join(', ')} may import ${found.specifier}`];
  });
}

function impurities(source: SourceFile): readonly string[] {
  const imported = source.imports
    .filter(found => found.specifier.startsWith('node:') && !builtInsOfPure.includes(found.specifier))
    .map(found => `${place(source, found)}: ${partOf(source.path)} is pure and may not import ${found.specifier}`);
  const random = [
    ...source.tree.text.matchAll(/\b(randomBytes|randomUUID|randomInt|getRandomValues|generateKeyPair\w*)\b/g),
  ];
  const reached = [
    ...ambientUses(source).map(use => ({ what: use.what, line: use.line })),
    ...random.map(match => ({ what: match[1] ?? '', line: source.tree.text.slice(0, match.index).split('\n').length })),
  ];
  return [
    ...imported,
    ...reached.map(use => `src/${source.path}:${use.line}: ${partOf(source.path)} is pure and may not use ${use.what}`),
  ];
}

/** The heavy packages that stand in the static imports of a file, its imports' imports, and so on, each with the way there. */
function heavyOnStart(entry: string): readonly string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  const walk = (path: string, way: readonly string[]): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const source = sources.find(candidate => candidate.path === path);
    for (const { kind, specifier, file } of source?.imports ?? []) {
      if (kind !== 'static') continue;
      if (heavyPackages.includes(specifier)) found.push([...way, path, specifier].join(' → '));
      else if (file !== undefined) walk(file, [...way, path]);
    }
  };
  walk(entry, []);
  return found;
}

function place(source: SourceFile, found: ImportOf): string {
  return `src/${source.path}:${found.line}`;
}

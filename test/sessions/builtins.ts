import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { requireTool } from '../interop/requirements.ts';

export interface BuiltinResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

export interface BuiltinContext {
  /** Lines given by `|`. */
  readonly content: readonly string[];
  /** What the last mtlsctl command printed. */
  readonly lastStdout: string;
  /** Trees as `snapshot` has seen them, by path. */
  readonly snapshots: Map<string, string>;
}

/** What a session can print besides mtlsctl's output. */
const printers: Readonly<Record<string, (args: readonly string[]) => string | BuiltinResult>> = {
  cat: ([path = '']) => fs.readFileSync(path, 'utf8'),
  ls: ([path = '.']) => list(fs.readdirSync(path)),
  mode: ([path = '']) => `${(fs.statSync(path).mode & 0o7777).toString(8).padStart(4, '0')}\n`,
  openssl: args => openssl(args),
};

/** What it can do to files, and look at; a check that fails throws. */
const actions: Readonly<Record<string, (args: readonly string[], context: BuiltinContext) => void>> = {
  absent(paths) {
    for (const path of paths) check(!fs.existsSync(path), `${path} exists`);
  },
  append([path = ''], { content }) {
    fs.appendFileSync(path, asLines(content));
  },
  chmod([mode = '', path = '']) {
    fs.chmodSync(path, Number.parseInt(mode, 8));
  },
  cp([from = '', to = '']) {
    if (fs.statSync(from).isDirectory()) fs.cpSync(from, to, { recursive: true, verbatimSymlinks: true });
    else fs.copyFileSync(from, to);
  },
  exists(paths) {
    for (const path of paths) check(fs.existsSync(path), `${path} does not exist`);
  },
  flip([path = '']) {
    flipOneBit(path);
  },
  freeze([root = '']) {
    for (const path of ['.', ...fs.readdirSync(root, { recursive: true, encoding: 'utf8' })])
      removeWriteRights(join(root, path));
  },
  join([to = '', ...from]) {
    fs.writeFileSync(to, from.map(path => fs.readFileSync(path, 'utf8')).join(''));
  },
  link([target = '', path = '']) {
    fs.symlinkSync(target, path);
  },
  mkdir(paths) {
    for (const path of paths) fs.mkdirSync(path, { recursive: true });
  },
  mkfifo([path = '']) {
    const { status } = spawnSync('mkfifo', [path]);
    check(status === 0, `${path} can't be made a pipe`);
  },
  mv([from = '', to = '']) {
    fs.renameSync(from, to);
  },
  rm(paths) {
    for (const path of paths) fs.rmSync(path, { recursive: true });
  },
  same([one = '', other = '']) {
    check(fs.readFileSync(one).equals(fs.readFileSync(other)), `${one} and ${other} differ`);
  },
  save([path = ''], { lastStdout }) {
    fs.writeFileSync(path, lastStdout);
  },
  snapshot(paths, { snapshots }) {
    for (const path of paths) snapshots.set(path, describeTree(path));
  },
  unchanged(paths, { snapshots }) {
    for (const path of paths) sameTree(path, snapshots.get(path));
  },
  write([path = ''], { content }) {
    fs.writeFileSync(path, asLines(content));
  },
};

/** Runs one, or returns undefined where there is none of that name. */
export function runBuiltin(name: string, args: readonly string[], context: BuiltinContext): BuiltinResult | undefined {
  const print = printers[name];
  const action = actions[name];
  if (print === undefined && action === undefined) return undefined;
  action?.(args, context);
  const printed = print?.(args) ?? '';
  return typeof printed === 'string' ? { stdout: printed, stderr: '', status: 0 } : printed;
}

function removeWriteRights(path: string): void {
  const stat = fs.lstatSync(path);
  if (!stat.isSymbolicLink()) fs.chmodSync(path, stat.mode & 0o555);
}

function asLines(content: readonly string[]): string {
  return content.map(line => `${line}\n`).join('');
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

function list(names: readonly string[]): string {
  return [...names]
    .sort()
    .map(name => `${name}\n`)
    .join('');
}

/** Changes the last bit of the first PEM block's content: in a certificate or a request, of its signature. */
function flipOneBit(path: string): void {
  const [, begin = '', base64 = '', rest = ''] =
    /^(-----BEGIN [^\n]*\n)([^-]*)(.*)$/s.exec(fs.readFileSync(path, 'utf8')) ?? [];
  const der = Buffer.from(base64, 'base64');
  der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  fs.writeFileSync(path, `${begin}${lines.join('\n')}\n${rest}`);
}

function openssl(args: readonly string[]): BuiltinResult {
  const run = spawnSync(requireTool('openssl'), [...args], { encoding: 'utf8' });
  if (run.error !== undefined) throw run.error;
  return { stdout: run.stdout, stderr: run.status === 0 ? '' : run.stderr, status: run.status ?? 70 };
}

/** Every path below with its kind, mode, time of change and content. Locks come and go with the commands that hold them. */
function describeTree(root: string): string {
  const lines: string[] = [];
  const walk = (path: string): void => {
    const stat = fs.lstatSync(path);
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isSymbolicLink()) lines.push(`${path} -> ${fs.readlinkSync(path)}`);
    else if (stat.isDirectory()) {
      lines.push(`${path}/ ${mode}`);
      for (const name of fs.readdirSync(path).sort()) if (name !== '.locks') walk(join(path, name));
    } else lines.push(`${path} ${mode} ${stat.mtimeMs} ${fs.readFileSync(path, 'base64')}`);
  };
  if (fs.existsSync(root)) walk(root);
  return lines.join('\n');
}

function sameTree(path: string, before: string | undefined): void {
  if (before === undefined) throw new Error(`there is no snapshot of ${path}`);
  const now = new Set(describeTree(path).split('\n'));
  const then = new Set(before.split('\n'));
  const gone = [...then].filter(line => !now.has(line)).map(line => `- ${line.slice(0, 120)}`);
  const come = [...now].filter(line => !then.has(line)).map(line => `+ ${line.slice(0, 120)}`);
  if (gone.length + come.length > 0) throw new Error(`${path} has changed:\n${[...gone, ...come].join('\n')}`);
}

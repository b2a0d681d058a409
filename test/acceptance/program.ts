import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

const project = join(import.meta.dirname, '../..');

/** Makes the program by the project's own build, in a directory of its own. Returns the path of bin/mtlsctl.js. */
export function buildProgram(directory: string): string {
  for (const name of ['bin', 'build.mjs', 'package.json'])
    cpSync(join(project, name), join(directory, name), { recursive: true });
  for (const name of ['node_modules', 'src', 'templates']) symlinkSync(join(project, name), join(directory, name));
  const { status, stderr } = spawnSync(process.execPath, ['build.mjs'], { cwd: directory, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the build failed: ${stderr}`);
  return join(directory, 'bin/mtlsctl.js');
}

export interface Running {
  readonly process: ChildProcessByStdio<null, Readable, Readable>;
  /** The whole lines that it has printed so far. */
  readonly printed: () => readonly string[];
  readonly complaints: () => string;
  /** Resolves when it has printed so many lines, or has ended. */
  readonly lines: (count: number) => Promise<void>;
  /** Its exit status, or the signal that ended it, when all that it printed is here. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

export function startProgram(program: string, ...args: readonly string[]): Running {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err, over] = ['', '', false];
  let heard = (): void => undefined;
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    heard();
  });
  const ended = new Promise<number | NodeJS.Signals | null>(resolve => {
    child.on('close', (status, signal) => {
      over = true;
      heard();
      resolve(signal ?? status);
    });
  });
  const printed = (): readonly string[] => out.split('\n').slice(0, -1);
  const lines = async (count: number): Promise<void> => {
    while (!over && printed().length < count) await new Promise<void>(resolve => (heard = resolve));
  };
  return { process: child, printed, complaints: () => err, lines, ended };
}

/** Runs the program to its end, which has to be good. Returns the lines printed. */
export async function runProgram(program: string, ...args: readonly string[]): Promise<readonly string[]> {
  const running = startProgram(program, ...args);
  const status = await running.ended;
  if (status !== 0) throw new Error(`mtlsctl ${args.join(' ')} ended with ${status}: ${running.complaints()}`);
  return running.printed();
}

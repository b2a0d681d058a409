import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { build } from 'esbuild';

/** Makes one plain JavaScript file of driver.ts, which starts fast. Returns its path. */
export async function buildDriver(directory: string): Promise<string> {
  const outfile = join(directory, 'driver.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'driver.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile,
    logLevel: 'error',
  });
  return outfile;
}

export interface Driver {
  readonly process: ChildProcessByStdio<Writable, Readable, null>;
  /** What it has said so far, whole lines. */
  readonly said: () => readonly string[];
  /** Resolves when it has said so many lines, or has ended. */
  readonly lines: (count: number) => Promise<void>;
  /** Resolves with its exit status, or the signal that ended it, when all it said is here. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

export function startDriver(path: string, ...args: readonly (number | string)[]): Driver {
  const child = spawn(process.execPath, [path, ...args.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  let heard = (): void => undefined;
  child.stdin.on('error', () => undefined);
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    heard();
  });
  const said = (): readonly string[] => text.split('\n').slice(0, -1);
  let over = false;
  const ended = new Promise<number | NodeJS.Signals | null>(resolve => {
    child.on('close', (status, signal) => {
      over = true;
      heard();
      resolve(signal ?? status);
    });
  });
  const lines = async (count: number): Promise<void> => {
    while (!over && said().length < count) await new Promise<void>(resolve => (heard = resolve));
  };
  return { process: child, said, lines, ended };
}

/** Runs work many times over, so many at once. */
export async function times(count: number, atOnce: number, work: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await work(next - 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** What was said after `done`. */
export function doneBy(driver: Driver): readonly string[] {
  return driver.said().flatMap(line => (line.startsWith('done ') ? [line.slice(5)] : []));
}

export function complaintsOf(drivers: readonly Driver[]): readonly string[] {
  return drivers.flatMap(driver => driver.said().filter(line => line.startsWith('bad')));
}

import type { Readable } from 'node:stream';
import { systemErrorCode } from '../errors.ts';
import type { HookRun } from './journal-format.ts';

export interface HookOrder {
  /** For `sh -c`. */
  readonly command: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds, as all lengths of time here. */
  readonly timeout: number;
  /** The present. */
  readonly startedAt: number;
}

export const defaultHookTimeout = 30_000;

/** From asking a hook to end until it is made to. */
const grace = 1000;
/** How long output is waited for that comes after the end: whatever the hook left running may keep the pipe open for ever. */
const lastWords = 200;
const keptLines = 20;
const keptOctets = 8192;
const keptWidth = 500;

/**
 * Runs a hook to its end, or ends it. It has a session of its own, so that it finds no terminal and is ended with all that it started (but for
 * what makes a session of its own in turn); nothing on stdin; and of what it writes, however much, the last lines are kept.
 */
export async function runHook(order: HookOrder): Promise<HookRun> {
  const began = performance.now();
  // Few runs have a hook to run, and it takes 3 ms to load.
  const { spawn } = await import('node:child_process');
  const child = spawn('/bin/sh', ['-c', order.command], {
    env: order.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const tail = keepTail([child.stdout, child.stderr]);
  const watch = endAfter(order.timeout, child.pid);
  try {
    const end = await new Promise<Pick<HookRun, 'exitStatus' | 'signal'>>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (status, signal) => {
        resolve({ ...(status !== null && { exitStatus: status }), ...(signal !== null && { signal }) });
      });
    });
    await tail.ended;
    const duration = Math.round(performance.now() - began);
    const timedOut = watch.hasFired() ? { timedOut: true } : {};
    return { startedAt: order.startedAt, duration, ...end, ...timedOut, output: tail.lines() };
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    return { startedAt: order.startedAt, duration: 0, exitStatus: 127, output: [`cannot start /bin/sh (${code})`] };
  } finally {
    watch.stop();
  }
}

/** Whether a run of a hook did what it was for. */
export function hookSucceeded(run: HookRun): boolean {
  return run.exitStatus === 0 && run.timedOut !== true;
}

function endAfter(timeout: number, pid: number | undefined): { hasFired: () => boolean; stop: () => void } {
  let fired = false;
  let second: NodeJS.Timeout | undefined;
  const first = setTimeout(() => {
    fired = true;
    signalGroup(pid, 'SIGTERM');
    second = setTimeout(() => {
      signalGroup(pid, 'SIGKILL');
    }, grace);
  }, timeout);
  const stop = (): void => {
    clearTimeout(first);
    clearTimeout(second);
    // The shell may have ended at the request while what it started goes on.
    if (fired) signalGroup(pid, 'SIGKILL');
  };
  return { hasFired: () => fired, stop };
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // All of it has ended already, or is not ours any more (a setuid program).
    if (!['ESRCH', 'EPERM'].includes(systemErrorCode(error) ?? '')) throw error;
  }
}

interface Tail {
  /** Resolves when nothing more is to be expected. */
  readonly ended: Promise<void>;
  readonly lines: () => readonly string[];
}

function keepTail(streams: readonly Readable[]): Tail {
  let kept = Buffer.alloc(0);
  const ends = streams.map(
    stream =>
      new Promise<void>(resolve => {
        stream.on('data', (chunk: Buffer) => {
          kept = Buffer.concat([kept, chunk]).subarray(-keptOctets);
        });
        stream.on('error', () => undefined);
        stream.on('close', resolve);
      }),
  );
  return {
    get ended() {
      const giveUp = setTimeout(() => {
        for (const stream of streams) stream.destroy();
      }, lastWords);
      return Promise.all(ends).then(() => {
        clearTimeout(giveUp);
      });
    },
    lines: () => lastLines(kept.toString()),
  };
}

function lastLines(text: string): readonly string[] {
  const lines = text.replace(/\n+$/, '').split('\n');
  return lines
    .slice(-keptLines)
    .filter(line => line !== '')
    .map(line => line.slice(0, keptWidth));
}

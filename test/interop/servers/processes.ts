import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

/** A server that a test has started. */
export interface RunningServer {
  readonly process: ChildProcess;
  /** All that it has written to stdout, stderr and its log file. */
  log(): string;
  stop(): Promise<void>;
}

export interface ServerOrder {
  readonly command: string;
  readonly args: readonly string[];
  /** The directory that it runs in. */
  readonly directory: string;
  /** The log file, if it does not write to stderr. */
  readonly logFile?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: { readonly uid: number; readonly gid: number };
  /** It is ready when it accepts connections here. */
  readonly port: number;
  readonly stopSignal?: NodeJS.Signals;
}

/** The machine may be busy: whoever waits is patient. */
const patience = 30_000;

/** Starts a server and waits until it accepts connections. Throws with its log where it ends instead. */
export async function startServer(order: ServerOrder): Promise<RunningServer> {
  const { args, command, directory, env, logFile, port, user } = order;
  // It ends with the test's process, also where that is killed.
  const bound = ['--pdeathsig', (order.stopSignal ?? 'SIGTERM').slice('SIG'.length), '--', command, ...args];
  const child = spawn('setpriv', bound, {
    cwd: directory,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  let failure: string | undefined;
  child.on('error', error => (failure = error.message));
  const log = (): string =>
    output + (logFile !== undefined && existsSync(logFile) ? readFileSync(logFile, 'utf8') : '');
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null || failure !== undefined;
  const stop = async (): Promise<void> => {
    if (hasEnded()) return;
    const ended = once(child, 'exit');
    child.kill(order.stopSignal ?? 'SIGTERM');
    const forced = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await ended;
    clearTimeout(forced);
  };
  try {
    await until(async () => {
      if (hasEnded()) throw new Error(`${command} has ended: ${failure ?? ''}\n${log()}`);
      return accepts(port);
    }, `${command} to accept connections`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { process: child, log, stop };
}

/** Waits until a condition holds. Throws naming it where it takes too long. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + patience;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await pause(20);
  }
}

/** Waits until what the server has written from there on matches. Throws with it where it does not. */
export async function untilLogged(server: RunningServer, from: number, pattern: RegExp): Promise<void> {
  try {
    await until(() => pattern.test(server.log().slice(from)), String(pattern));
  } catch (error) {
    throw new Error(`${String(error)}; the server's log:\n${server.log().slice(from)}`, { cause: error });
  }
}

/** The processes that a process has started and that have not been waited for, by number. */
export function childrenOf({ pid }: ChildProcess): readonly number[] {
  const numbers = readdirSync('/proc').filter(name => /^\d+$/.test(name));
  return numbers.map(Number).filter(number => pid !== undefined && parentOf(number) === pid);
}

export function isRunning(pid: number): boolean {
  return parentOf(pid) !== undefined;
}

/** The fourth field of proc(5)'s stat; the second may hold anything in its parentheses. `undefined` where there is no such process. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

/** A port on loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

export function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1');
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', () => {
      end(true);
    });
    socket.on('error', () => {
      end(false);
    });
  });
}

/**
 * A `systemctl` that does to the server of the test what Debian's unit would: each of its command lines with the shell command behind it.
 * Returns the PATH on which it comes first.
 */
export function fakeSystemctl(base: string, commands: Readonly<Record<string, string>>): string {
  const directory = join(base, 'bin');
  mkdirSync(directory, { recursive: true });
  const cases = Object.entries(commands).map(([line, command]) => `  '${line}') ${command} ;;\n`);
  const path = join(directory, 'systemctl');
  writeFileSync(
    path,
    `#!/bin/sh\ncase "$*" in\n${cases.join('')}  *) echo "systemctl $*: not known here" >&2; exit 1 ;;\nesac\n`,
  );
  chmodSync(path, 0o755);
  return `${directory}:${process.env['PATH'] ?? ''}`;
}

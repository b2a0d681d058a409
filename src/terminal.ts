import { randomBytes } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { MtlsctlError, systemErrorCode } from './errors.ts';
import { splitLines } from './lines.ts';
import { standardOutput } from './standard-output.ts';
import type { Output, Paint, Progress, Prompter, System } from './system.ts';

/**
 * The real world. The only importer of chalk, cli-table3 and inquirer, each loaded when it is first needed; so are the standard streams,
 * which take Node a millisecond each to set up. `threadFile` is what threads run.
 */
export function realSystem(threadFile: string): System {
  const stdout = standardOutput(1, () => process.stdout);
  const stderr = standardOutput(2, () => process.stderr);
  return {
    args: process.argv.slice(2),
    env: process.env,
    workingDirectory: process.cwd(),
    get host() {
      return hostname() || undefined;
    },
    stdout,
    stderr,
    now: () => Date.now(),
    sleep,
    onSignal: (signal, receive) => {
      process.on(signal, receive);
      return () => process.off(signal, receive);
    },
    randomBytes: count => randomBytes(count),
    readStdin,
    stdinLines: limit => splitLines(stdinChunks(), limit),
    get prompter() {
      // A question that goes into a file (2>log) would be waited on for ever.
      return process.stdin.isTTY && process.stderr.isTTY ? prompter : undefined;
    },
    painter: () => painter(stdout),
    table,
    garbageCollector: async () => (await import('./garbage-collector.ts')).garbageCollector(),
    threads: async () => (await import('./threads.ts')).nodeThreads(threadFile),
    progress: (total, label) => (stderr.isTerminal ? progressBar(stderr, total, label) : silentProgress),
  };
}

/** node:os takes a while to load, and few ask. */
function hostname(): string {
  return process.getBuiltinModule('node:os').hostname();
}

function sleep(ms: number, wake?: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (wake?.aborted === true) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      wake?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    wake?.addEventListener('abort', end);
  });
}

async function readStdin(limit: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stdinChunks()) {
    size += chunk.length;
    if (size > limit) throw new MtlsctlError('too-large', `standard input is larger than ${limit} octets`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function* stdinChunks(): AsyncGenerator<Buffer> {
  // Node gives a directory as a stream that is empty.
  if (fstatSync(0).isDirectory()) throw new MtlsctlError('unreadable', 'cannot read standard input: it is a directory');
  try {
    yield* process.stdin as AsyncIterable<Buffer>;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    throw new MtlsctlError('unreadable', `cannot read standard input (${code})`, { cause: error });
  }
}

const prompter: Prompter = {
  async confirm(message) {
    const { answer } = await ask<{ answer: boolean }>({ type: 'confirm', name: 'answer', message, default: false });
    return answer;
  },
  async input(message, problemOf) {
    const validate = (answer: string): string | true => problemOf(answer) ?? true;
    return (await ask<{ answer: string }>({ type: 'input', name: 'answer', message, validate })).answer;
  },
  async passphrase(message, options) {
    for (;;) {
      const { answer } = await ask<{ answer: string }>({ ...hidden, message });
      if (!options.confirm) return answer;
      const again = await ask<{ answer: string }>({ ...hidden, message: `${message}, again` });
      if (again.answer === answer) return answer;
      process.stderr.write('mtlsctl: the two differ, once more\n');
    }
  },
  async select(message, choices) {
    return (await ask<{ answer: string }>({ type: 'select', name: 'answer', message, choices: [...choices] })).answer;
  },
};

/** Never shown, not even on a key. */
const hidden = { type: 'password', name: 'answer', toggleMask: false } as const;

/** Asks on stderr, since stdout carries the product only. Throws `interrupted` at Ctrl-C, and where the input ends: at Ctrl-D. */
async function ask<Answers>(question: object): Promise<Answers> {
  const { default: inquirer } = await import('inquirer');
  const prompt = inquirer.createPromptModule({ output: process.stderr });
  const { reached, forget } = endOfInput();
  try {
    return (await Promise.race([prompt([question as never]), reached])) as Answers;
  } catch (error) {
    if (error instanceof Error && error.name === 'ExitPromptError') throw interrupted(error);
    throw error;
  } finally {
    forget();
  }
}

/**
 * Inquirer never answers once the input has ended, and Node, with nothing more to wait for, would leave with status 0. What it reads with pauses the
 * input then. It does so after an answer too, of which everybody has heard by the next turn of the event loop.
 */
function endOfInput(): { readonly reached: Promise<never>; readonly forget: () => void } {
  let isOver = false;
  const reached = new Promise<never>((_resolve, reject) => {
    process.stdin.once('pause', () => {
      setImmediate(() => {
        if (isOver) return;
        process.stderr.write('\n');
        reject(interrupted());
      });
    });
  });
  return { reached, forget: () => (isOver = true) };
}

function interrupted(cause?: Error): MtlsctlError {
  return new MtlsctlError('interrupted', 'interrupted before an answer was given', { cause });
}

async function painter(stdout: Output): Promise<Paint> {
  const off = !stdout.isTerminal || (process.env['NO_COLOR'] ?? '') !== '' || process.argv.includes('--no-color');
  if (off) return text => text;
  const { default: chalk } = await import('chalk');
  return (text, colour) => chalk[colour](text);
}

async function table(head: readonly string[], rows: readonly (readonly string[])[]): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const { borderless } = tableStyles;
  const drawn = new Table({
    head: [...head],
    chars: borderless,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  });
  drawn.push(...rows.map(row => [...row]));
  return drawn
    .toString()
    .split('\n')
    .map(line => line.trimEnd())
    .join('\n');
}

/** Columns set apart by spaces only: the rows can be cut and grepped, as those of `kubectl get`. */
const tableStyles = {
  borderless: {
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
    'bottom-right': '',
    left: '',
    'left-mid': '',
    mid: '',
    'mid-mid': '',
    right: '',
    'right-mid': '',
    middle: '',
  },
};

const silentProgress: Progress = { update: () => undefined, finish: () => undefined };

/** Redraws at most once for each percent, so that a thousand services do not cost a thousand writes. */
function progressBar(stderr: Output, total: number, label: string): Progress {
  let shown = -1;
  const draw = (done: number, failed: number): void => {
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
    if (percent === shown) return;
    shown = percent;
    const width = 24;
    const filled = Math.round((width * percent) / 100);
    const bar = '#'.repeat(filled) + '-'.repeat(width - filled);
    const failures = failed === 0 ? '' : `, ${failed} failed`;
    stderr.write(`\r${label} [${bar}] ${done}/${total}${failures}\u001b[K`);
  };
  return {
    update: draw,
    finish: () => {
      stderr.write('\r\u001b[K');
    },
  };
}

import { randomBytes } from 'node:crypto';
import { MtlsctlError } from '../src/errors.ts';
import { splitLines } from '../src/lines.ts';
import type { Output, Progress, Prompter, System } from '../src/system.ts';
import { realSystem } from '../src/terminal.ts';

/** What a person would type at a question; `question` is checked by the caller's own idea of a match. */
export interface ScriptedAnswer {
  matches(question: string): boolean;
  readonly answer: string;
}

export interface FakeSystemOptions {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory?: string;
  /** None unless told, so that renewal times are spread by nothing. */
  readonly host?: string;
  /** Milliseconds since the epoch; the clock stands still unless it is a function. */
  readonly now?: number | (() => number);
  readonly stdin?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Present where a person sits at the terminal: what they will answer, in this order. */
  readonly answers?: readonly ScriptedAnswer[];
  readonly randomBytes?: (count: number) => Uint8Array;
  /** What lets time pass. */
  readonly sleep?: System['sleep'];
}

export interface FakeSystem extends System {
  /** All that was written to stdout so far. */
  output(): string;
  /** All that was written to stderr so far. */
  errors(): string;
  /** The questions that were asked, in order. */
  readonly questions: readonly string[];
  /** How many of the scripted answers have not been asked for. */
  unusedAnswers: () => number;
  /** Sends a signal to whoever listens. */
  signal: (signal: 'SIGHUP' | 'SIGINT' | 'SIGTERM') => void;
  /** Every update of every progress bar. */
  readonly progressUpdates: readonly (readonly [done: number, failed: number])[];
}

export const defaultNow = Date.UTC(2026, 10, 22, 14, 5, 1);

/** A System for tests: a clock that stands still, captured output, a scripted person. Colours are off; tables are the real ones. */
export function fakeSystem(options: FakeSystemOptions): FakeSystem {
  const out = capture(false);
  const err = capture(options.answers !== undefined);
  const person = scriptedPerson(options.answers ?? [], problem => {
    err.write(`(${problem})\n`);
  });
  const now = options.now ?? defaultNow;
  let stdin = options.stdin ?? '';
  const listeners = new Set<{ signal: string; receive: () => void }>();
  const progressUpdates: (readonly [number, number])[] = [];
  return {
    args: options.args,
    env: options.env ?? {},
    workingDirectory: options.workingDirectory ?? process.cwd(),
    host: options.host,
    stdout: out,
    stderr: err,
    now: typeof now === 'function' ? now : () => now,
    sleep: options.sleep ?? (() => Promise.reject(new Error('nothing sleeps in this test'))),
    onSignal: (signal, receive) => {
      const listener = { signal, receive };
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    signal: signal => {
      for (const listener of listeners) if (listener.signal === signal) listener.receive();
    },
    randomBytes: options.randomBytes ?? (count => randomBytes(count)),
    readStdin: async limit => {
      const given = stdin;
      stdin = '';
      return readAll(given, limit);
    },
    stdinLines: limit => splitLines(chunksOf(stdin), limit),
    prompter: options.answers === undefined ? undefined : person.prompter,
    painter: () => Promise.resolve(text => text),
    table: (head, rows) => realSystem(import.meta.url).table(head, rows),
    progress: (): Progress => ({
      update: (done, failed) => progressUpdates.push([done, failed]),
      finish: () => undefined,
    }),
    output: () => out.text(),
    errors: () => err.text(),
    questions: person.questions,
    unusedAnswers: person.unused,
    progressUpdates,
  };
}

function capture(isTerminal: boolean): Output & { text: () => string } {
  const written: string[] = [];
  return {
    isTerminal,
    columns: 80,
    write: text => written.push(text),
    end: text => written.push(text),
    drained: () => Promise.resolve(),
    text: () => written.join(''),
  };
}

type Stdin = NonNullable<FakeSystemOptions['stdin']>;

async function readAll(stdin: Stdin, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of chunksOf(stdin)) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (bytes.length > limit) throw new MtlsctlError('too-large', `standard input is larger than ${limit} octets`);
  return bytes;
}

async function* chunksOf(stdin: Stdin): AsyncGenerator<Uint8Array> {
  if (typeof stdin === 'string') yield new TextEncoder().encode(stdin);
  else if (stdin instanceof Uint8Array) yield stdin;
  else yield* stdin;
}

function scriptedPerson(
  answers: readonly ScriptedAnswer[],
  tell: (problem: string) => void,
): {
  prompter: Prompter;
  questions: string[];
  unused: () => number;
} {
  const questions: string[] = [];
  const reply = (question: string): Promise<string> => {
    const next = answers[questions.length];
    questions.push(question);
    if (next?.matches(question) === true) return Promise.resolve(next.answer);
    return Promise.reject(new Error(`the script has no answer to the question: ${question}`));
  };
  const prompter: Prompter = {
    confirm: async question => /^y(es)?$/i.test(await reply(question)),
    input: async (question, problemOf) => {
      for (;;) {
        const answer = await reply(question);
        const problem = problemOf(answer);
        if (problem === undefined) return answer;
        tell(problem);
      }
    },
    passphrase: question => reply(question),
    select: async (question, choices) => {
      const answer = await reply(question);
      if (choices.includes(answer)) return answer;
      throw new Error(`'${answer}' is not among ${choices.join(', ')}`);
    },
  };
  return { prompter, questions, unused: () => answers.length - questions.length };
}

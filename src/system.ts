import type { Line } from './lines.ts';

/** A stream that text is written to. */
export interface Output {
  readonly isTerminal: boolean;
  /** Width in columns; 80 where there is no terminal. */
  readonly columns: number;
  /** The system's error code of what could not be written (`ENOSPC`); undefined while all is well, and where the reader has gone. */
  readonly problem?: string | undefined;
  write(text: string): void;
  /** Writes the last of it: nothing comes after. */
  end(text: string): void;
  /** Waits while a reader is far behind, so that what writes without end keeps its memory. */
  drained(): Promise<void>;
}

export type Colour = 'bold' | 'cyan' | 'dim' | 'green' | 'red' | 'yellow';

export type Paint = (text: string, colour: Colour) => string;

/** Questions to a person; there is none without a terminal on stdin. */
export interface Prompter {
  confirm(question: string): Promise<boolean>;
  /** Asks again while `problemOf` has something to say of the answer. */
  input(question: string, problemOf: (answer: string) => string | undefined): Promise<string>;
  /** Reads without echo; with `confirm` twice, until both are the same. */
  passphrase(question: string, options: { readonly confirm: boolean }): Promise<string>;
  select(question: string, choices: readonly string[]): Promise<string>;
}

/** A bar on stderr that is redrawn in place; a no-op where stderr is no terminal. */
export interface Progress {
  update(done: number, failed: number): void;
  finish(): void;
}

/** A thread of this program that does a part of its work. */
export interface Thread {
  post(message: unknown): void;
  listen(listeners: {
    readonly message: (message: unknown) => void;
    readonly error: (error: unknown) => void;
    readonly exit: () => void;
  }): void;
}

export interface Threads {
  /** How many can run at the same time. */
  readonly available: number;
  start(data: unknown): Thread;
}

/**
 * All the ambient world there is: clock, environment, standard streams, terminal, randomness.
 * The files of the PKI directory are reached through files.ts.
 */
export interface System {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  /** The name of this machine; undefined where it has none. */
  readonly host: string | undefined;
  readonly stdout: Output;
  readonly stderr: Output;
  /** The present, in milliseconds since 1970-01-01T00:00:00Z. */
  now(): number;
  /** Resolves after so many milliseconds, at most 2^31-1, or as soon as `wake` is aborted. */
  sleep(ms: number, wake?: AbortSignal): Promise<void>;
  /** Calls `receive` for each such signal instead of ending the process; the result ends that. */
  onSignal(signal: 'SIGHUP' | 'SIGINT' | 'SIGTERM', receive: () => void): () => void;
  randomBytes(count: number): Uint8Array;
  /** Reads stdin to its end. Throws `too-large` over `limit` octets, `unreadable`. */
  readStdin(limit: number): Promise<Uint8Array>;
  /** The lines of stdin as they come. One of more than `limit` octets is `too-long`. Throws `unreadable`. */
  stdinLines(limit: number): AsyncIterable<Line>;
  /** Present only when there is a terminal on stdin to answer on, and one on stderr to be asked on. */
  readonly prompter: Prompter | undefined;
  /** Paints for stdout; the identity where colours are off (no terminal, NO_COLOR, --no-color). */
  painter(): Promise<Paint>;
  /** A table of text, its first row the head. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): Promise<string>;
  progress(total: number, label: string): Progress;
  /** Makes a function that gives back at once what nothing refers to any more; absent where that is left to chance. */
  garbageCollector?(): Promise<() => void>;
  /** Absent where all work is done in one thread. */
  threads?(): Promise<Threads>;
}

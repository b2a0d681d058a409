import { type ErrorCode, type ErrorDetails, isMtlsctlError, MtlsctlError } from './errors.ts';
import type { Thread, Threads } from './system.ts';

/*
 * A list of items shared out over threads: each is handed some, tells of each result, and gets more. What crosses is plain data. What a thread has to ask
 * (a passphrase) goes through the main thread, which has the terminal.
 */

export interface SharedWork<Item, Result> {
  readonly threads: Threads;
  /** How many threads at most, this one included where it works too. */
  readonly count: number;
  /** What each thread is started with. */
  readonly order: unknown;
  /** The items, as they are handed to a thread: enough at a time that it is never idle, few enough that all end together. */
  readonly portions: readonly (readonly Item[])[];
  /** Told of one result for each item, in no order. */
  readonly done: (result: Result) => void;
  /** Makes this thread work too. */
  readonly here?: () => Promise<Worker<Item, Result>>;
  readonly answer?: (question: string) => Promise<unknown>;
}

type ToThread =
  | { readonly kind: 'work'; readonly items: readonly unknown[] }
  | { readonly kind: 'answer'; readonly question: string; readonly answer: unknown }
  | { readonly kind: 'end' };

type FromThread =
  | { readonly kind: 'result'; readonly result: unknown }
  | { readonly kind: 'idle' }
  | { readonly kind: 'question'; readonly question: string }
  | { readonly kind: 'failed'; readonly error: ForeignError };

/**
 * The main thread's side. After a failure nothing new is begun; what has begun ends, and the failure is thrown. A thread that ends before its work does
 * is a failure, and so is an item without a result.
 */
export async function shareOut<Item, Result>(work: SharedWork<Item, Result>): Promise<void> {
  const portions = [...work.portions];
  const expected = portions.reduce((sum, portion) => sum + portion.length, 0);
  const count = Math.min(work.count, portions.length);
  let results = 0;
  const desk: Desk = {
    take: () => portions.shift() ?? [],
    stop: () => {
      portions.length = 0;
    },
    done: result => {
      results += 1;
      work.done(result as Result);
    },
    answer: work.answer ?? (question => Promise.reject(new Error(`nobody answers a thread's ${question}`))),
  };
  const others = work.here === undefined ? count : count - 1;
  const outcomes = await Promise.allSettled([
    ...Array.from({ length: others }, () => serveThread(work.threads.start(work.order), desk)),
    ...(work.here === undefined ? [] : [workHere(work.here as () => Promise<Worker<unknown, unknown>>, desk)]),
  ]);
  throwFirst(outcomes);
  if (results !== expected) throw new Error(`threads gave ${results} results for ${expected} items`);
}

/** Threads ask for more meanwhile, and get it whenever this one waits for a file. */
async function workHere(begin: () => Promise<Worker<unknown, unknown>>, { take, stop, done }: Desk): Promise<void> {
  const workOn = async (worker: Worker<unknown, unknown>): Promise<void> => {
    try {
      for (let items = take(); items.length > 0; items = take()) await worker(items, done);
    } catch (error) {
      stop();
      throw error;
    }
  };
  try {
    const worker = await begin();
    throwFirst(await Promise.allSettled(Array.from({ length: portionsAtOnce }, () => workOn(worker))));
  } catch (error) {
    stop();
    throw error;
  }
}

function throwFirst(outcomes: readonly PromiseSettledResult<unknown>[]): void {
  const failed = outcomes.find(outcome => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** While the last items of one portion wait for a file, those of another go on. */
const portionsAtOnce = 2;

/** Where threads come for work. */
interface Desk {
  readonly take: () => readonly unknown[];
  readonly stop: () => void;
  readonly done: (result: unknown) => void;
  readonly answer: (question: string) => Promise<unknown>;
}

function serveThread(thread: Thread, { take, stop, done, answer }: Desk): Promise<void> {
  return new Promise((resolve, reject) => {
    let ending = false;
    const post = (message: ToThread): void => {
      ending ||= message.kind === 'end';
      thread.post(message);
    };
    const fail = (error: unknown): void => {
      stop();
      post({ kind: 'end' });
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    let portions = 0;
    const handOut = (): void => {
      const items = take();
      if (items.length > 0) {
        portions += 1;
        post({ kind: 'work', items });
      } else if (portions === 0 && !ending) post({ kind: 'end' });
    };
    const receive = (message: FromThread): void => {
      if (message.kind === 'result') done(message.result);
      else if (message.kind === 'idle') {
        portions -= 1;
        handOut();
      } else if (message.kind === 'failed') fail(revive(message.error));
      else {
        const { question } = message;
        answer(question).then(given => {
          post({ kind: 'answer', question, answer: given });
        }, fail);
      }
    };
    thread.listen({
      message: message => {
        receive(message as FromThread);
      },
      error: fail,
      exit: () => {
        if (ending) resolve();
        else fail(new Error('a thread ended before its work did'));
      },
    });
    for (let n = 0; n < portionsAtOnce; n += 1) handOut();
  });
}

/** What a thread has of the world. */
export interface ThreadPort {
  post(message: unknown): void;
  listen(receive: (message: unknown) => void): void;
  close(): void;
}

/** Does a portion of the work and tells of each result. */
export type Worker<Item, Result> = (items: readonly Item[], done: (result: Result) => void) => Promise<void>;

/** The thread's side: works on what it is handed until it is told to end. `begin` is called once. */
export function serveWork<Item, Result>(
  port: ThreadPort,
  begin: (ask: (question: string) => Promise<unknown>) => Promise<Worker<Item, Result>>,
): void {
  const post = (message: FromThread): void => {
    port.post(message);
  };
  const waiting = new Map<string, ((answer: unknown) => void)[]>();
  const ask = (question: string): Promise<unknown> =>
    new Promise(resolve => {
      const others = waiting.get(question) ?? [];
      waiting.set(question, [...others, resolve]);
      if (others.length === 0) post({ kind: 'question', question });
    });
  const worker = begin(ask);
  // Its failure is told when there is work.
  worker.catch(() => undefined);
  const work = async (items: readonly Item[]): Promise<void> => {
    await (
      await worker
    )(items, result => {
      post({ kind: 'result', result });
    });
  };
  port.listen(received => {
    const message = received as ToThread;
    if (message.kind === 'end') port.close();
    else if (message.kind === 'answer') {
      for (const resolve of waiting.get(message.question) ?? []) resolve(message.answer);
      waiting.delete(message.question);
    } else {
      work(message.items as readonly Item[]).then(
        () => {
          post({ kind: 'idle' });
        },
        (error: unknown) => {
          post({ kind: 'failed', error: flatten(error) });
        },
      );
    }
  });
}

/** An error as plain data, since a class does not cross threads. */
interface ForeignError {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly stack: string | undefined;
  readonly hints: readonly string[];
  readonly details: ErrorDetails;
}

function revive({ code, message, stack, hints, details }: ForeignError): Error {
  if (code !== undefined) return new MtlsctlError(code, message, { hints, details });
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}

function flatten(error: unknown): ForeignError {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (!isMtlsctlError(error)) return { code: undefined, message, stack, hints: [], details: {} };
  return { code: error.code, message, stack: undefined, hints: error.hints, details: { ...error.details } };
}

import { type ErrorDetails, type ErrorCode, isMtlsctlError, MtlsctlError } from '../errors.ts';
import type { FleetService } from '../config/fleet-file.ts';
import type { Thread, Threads } from '../system.ts';
import { forEachAtOnce } from './concurrency.ts';
import type { ServiceEntry } from './entry.ts';
import { type FleetOrder, fleetEnroller } from './fleet.ts';
import type { EnrolmentOrder } from './set-up.ts';

/*
 * Making a certificate is some milliseconds of JavaScript, so a fleet is shared out over threads. To each other they are what other processes
 * are: the locks and the ledger keep them apart. What an encrypted key asks for goes through the main thread, which has the terminal.
 */

/** What a thread is started with. */
export interface ThreadOrder {
  readonly directory: string;
  readonly host: string | undefined;
  readonly force: boolean;
  readonly leafPassphrase: Uint8Array | undefined;
  readonly issuer: string | undefined;
}

type ToThread =
  | { readonly kind: 'enroll'; readonly services: readonly FleetService[] }
  | { readonly kind: 'passphrase'; readonly authority: string; readonly passphrase: Uint8Array }
  | { readonly kind: 'end' };

type FromThread =
  | { readonly kind: 'done'; readonly entry: ServiceEntry }
  | { readonly kind: 'idle' }
  | { readonly kind: 'passphrase'; readonly authority: string }
  | { readonly kind: 'failed'; readonly error: ForeignError };

/** An error as plain data, since a class does not cross threads. */
interface ForeignError {
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly stack: string | undefined;
  readonly hints: readonly string[];
  readonly details: ErrorDetails;
}

/** Services handed to a thread at a time: enough that it is never idle, few enough that all end together. */
const portion = 16;

/** While the files of one service are on their way to the disk, the thread makes the certificate of another. */
const atOnceInThread = 4;

/** The main thread's side. After a failure nothing new is begun; what has begun ends, and the failure is thrown. */
export async function enrollInThreads(
  order: FleetOrder,
  threads: Threads,
  done: (entry: ServiceEntry) => void,
): Promise<void> {
  const { directory, host, force, leafPassphrase, issuer, services } = order;
  const count = Math.min(order.jobs, Math.ceil(services.length / portion));
  let next = 0;
  const take = (): readonly FleetService[] => services.slice(next, (next += portion));
  const stop = (): void => {
    next = services.length;
  };
  const outcomes = await Promise.allSettled(
    Array.from({ length: count }, () => {
      const thread = threads.start({ directory, host, force, leafPassphrase, issuer } satisfies ThreadOrder);
      return serveThread(thread, { order, take, stop, done });
    }),
  );
  const failed = outcomes.find(outcome => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

interface Serving {
  readonly order: FleetOrder;
  readonly take: () => readonly FleetService[];
  readonly stop: () => void;
  readonly done: (entry: ServiceEntry) => void;
}

function serveThread(thread: Thread, { order, take, stop, done }: Serving): Promise<void> {
  return new Promise((resolve, reject) => {
    const post = (message: ToThread): void => {
      thread.post(message);
    };
    const fail = (error: unknown): void => {
      stop();
      post({ kind: 'end' });
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const handOut = (): void => {
      const services = take();
      post(services.length > 0 ? { kind: 'enroll', services } : { kind: 'end' });
    };
    const receive = (message: FromThread): void => {
      if (message.kind === 'done') done(message.entry);
      else if (message.kind === 'idle') handOut();
      else if (message.kind === 'failed') fail(revive(message.error));
      else {
        const { authority } = message;
        order.caPassphrase(authority).then(passphrase => {
          post({ kind: 'passphrase', authority, passphrase });
        }, fail);
      }
    };
    thread.listen({
      message: message => {
        receive(message as FromThread);
      },
      error: fail,
      exit: resolve,
    });
    handOut();
  });
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

/** What a thread has of the world. */
export interface ThreadPort {
  post(message: unknown): void;
  listen(receive: (message: unknown) => void): void;
  close(): void;
}

/** The thread's side: enrols what it is handed until it is told to end. */
export function serveEnrolments(
  order: ThreadOrder,
  port: ThreadPort,
  world: Pick<EnrolmentOrder, 'now' | 'random'>,
): void {
  const post = (message: FromThread): void => {
    port.post(message);
  };
  const answers = new Map<string, (passphrase: Uint8Array) => void>();
  const caPassphrase = (authority: string): Promise<Uint8Array> =>
    new Promise(resolve => {
      answers.set(authority, resolve);
      post({ kind: 'passphrase', authority });
    });
  const enroller = fleetEnroller(
    { ...order, caPassphrase, now: () => world.now(), random: count => world.random(count) },
    order.issuer,
  );
  const enrollAll = async (services: readonly FleetService[]): Promise<void> => {
    const enroll = await enroller;
    await forEachAtOnce(services, atOnceInThread, async service => {
      post({ kind: 'done', entry: await enroll(service) });
    });
  };
  port.listen(received => {
    const message = received as ToThread;
    if (message.kind === 'end') port.close();
    else if (message.kind === 'passphrase') answers.get(message.authority)?.(message.passphrase);
    else {
      enrollAll(message.services).then(
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

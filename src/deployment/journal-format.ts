import { MtlsctlError } from '../errors.ts';

/**
 * Where the latest renewal of a service stands: begun (`due`); its certificate signed, and kept until it is in force (`issued`); in force, and the
 * hook still to be run with success (`live`); over, the hook too (`done`).
 */
export type JournalState = 'due' | 'issued' | 'live' | 'done';

/** One run of a hook. Instants and lengths of time are in milliseconds, here and below. */
export interface HookRun {
  readonly startedAt: number;
  /** Absent while it runs, and where mtlsctl was ended before it. */
  readonly duration?: number;
  /** Its exit status; absent where a signal ended it, or where it has no end. */
  readonly exitStatus?: number;
  /** What ended it, `SIGKILL` after a timeout. */
  readonly signal?: string;
  readonly timedOut?: boolean;
  /** Its last lines, as it wrote them: print through printable(). */
  readonly output: readonly string[];
}

/** Why the last attempt failed. */
export interface JournalFailure {
  readonly at: number;
  /** An ErrorCode, of this version of the program or another. */
  readonly code: string;
  readonly message: string;
  readonly hints: readonly string[];
}

/** They only grow, as long as the service is there. */
export interface JournalCounters {
  /** Certificates, or other trust anchors, put in force. */
  readonly renewals: number;
  /** Attempts that came to no certificate in force. */
  readonly failures: number;
  readonly hookFailures: number;
}

/** What `renew` knows of one service besides its files. */
export interface Journal {
  readonly state: JournalState;
  /** Since when it is in that state. */
  readonly since: number;
  /** The codes of why it was due. */
  readonly reasons: readonly string[];
  /** The certificate that the renewal made, lower-case hex; absent in the state `due`. */
  readonly serial?: string;
  /** The certificate before it. */
  readonly previousSerial?: string;
  /** In the state `issued`: the certificate and those above it, PEM. Its key lies beside the journal. */
  readonly chain?: string;
  /** The last run of the hook. */
  readonly hook?: HookRun;
  /** The hook that is owed, where that is one given by --hook and not that of service.yaml. */
  readonly hookCommand?: string;
  /** The process that runs the hook now, as formatIdentity() writes it. */
  readonly runner?: string;
  /** A person has put an earlier certificate back (`renew --rollback`): until then it is not replaced only for its age or for what is asked. */
  readonly heldUntil?: number;
  /** What was in force when that was done: it is not what anybody wants put back. Serial numbers of generations that are still there. */
  readonly putAway?: readonly string[];
  /** Of the last attempt, where that failed: of the certificate, or (`hook-failed`) of the hook. */
  readonly failure?: JournalFailure;
  /** Attempts that failed one after the other. */
  readonly attempts: number;
  /** Nothing is tried again by itself before; absent where nothing is to be tried again. */
  readonly retryAt?: number;
  /** When a renewal was last in force, its hook done. */
  readonly lastSuccess?: number;
  readonly counters: JournalCounters;
}

/** The last look at all services, and how many there were. Written by unattended runs only (`--daemon`, `--daemon --once`). */
export interface RunState {
  readonly startedAt: number;
  readonly finishedAt: number;
  /** The last look at which nothing failed. */
  readonly lastSuccess?: number;
  readonly runs: number;
  /** How many services the last look found so: `renewed`, `not-due`, `failed`, `hook-failed`. */
  readonly services: Readonly<Record<string, number>>;
  /** What the last look found wrong with the clock. */
  readonly clock?: string;
}

type Check = (value: unknown) => boolean;

const longestText = 100_000;
const text: Check = value => typeof value === 'string' && value.length <= longestText;
/** No longer than the system runs one. */
const command: Check = value => typeof value === 'string' && value.length <= 200_000;
const texts: Check = value => Array.isArray(value) && value.length <= 1000 && value.every(text);
const count: Check = value => Number.isSafeInteger(value) && Number(value) >= 0;
/** What a Date can hold (ECMA-262, 21.4.1.1), in milliseconds. */
const lastInstant = 8.64e15;
const instant: Check = value => Number.isSafeInteger(value) && Math.abs(Number(value)) <= lastInstant;
const flag: Check = value => typeof value === 'boolean';
const serial: Check = value => typeof value === 'string' && /^-?[0-9a-f]{1,64}$/.test(value);
const serials: Check = value => Array.isArray(value) && value.length <= 1000 && value.every(serial);
const state: Check = value => ['due', 'issued', 'live', 'done'].includes(value as string);
const counts: Check = value => isObject(value) && Object.values(value).every(count);

/** A key that ends in `?` may be absent. */
type Shape = Readonly<Record<string, Check>>;

const fits =
  (shape: Shape): Check =>
  value =>
    isObject(value) && wrongKey(value, shape) === undefined;

const hookShape: Shape = {
  ...{
    startedAt: instant,
    'duration?': count,
    'exitStatus?': count,
    'signal?': text,
    'timedOut?': flag,
    output: texts,
  },
};
const failureShape: Shape = { at: instant, code: text, message: text, hints: texts };
const journalShape: Shape = {
  ...{ state, since: instant, reasons: texts, 'serial?': serial, 'previousSerial?': serial, 'chain?': text },
  ...{ 'hookCommand?': command, 'runner?': text, 'heldUntil?': instant, 'putAway?': serials },
  ...{ 'hook?': fits(hookShape), 'failure?': fits(failureShape), attempts: count, 'retryAt?': instant },
  'lastSuccess?': instant,
  counters: fits({ renewals: count, failures: count, hookFailures: count }),
};
const runShape: Shape = {
  ...{ startedAt: instant, finishedAt: instant, 'lastSuccess?': instant, runs: count, services: counts },
  'clock?': text,
};

/** The keys whose numbers are instants, which a file shows as people read them. */
const instants = new Set(['at', 'finishedAt', 'heldUntil', 'lastSuccess', 'retryAt', 'since', 'startedAt']);

export const encodeJournal = (journal: Journal): string => encode({ schema: 'mtlsctl/journal/v1', ...journal });
export const encodeRunState = (run: RunState): string => encode({ schema: 'mtlsctl/run/v1', ...run });

function encode(value: object): string {
  const show = (key: string, member: unknown): unknown =>
    instants.has(key) && typeof member === 'number' ? new Date(member).toISOString() : member;
  return `${JSON.stringify(value, show, 2)}\n`;
}

/** Reads what encodeJournal() wrote. Throws `malformed` naming the file. Keys of a later version are left out of account. */
export function parseJournal(file: string, path: string): Journal {
  return parse(file, path, journalShape) as unknown as Journal;
}

export function parseRunState(file: string, path: string): RunState {
  return parse(file, path, runShape) as unknown as RunState;
}

function parse(file: string, path: string, shape: Shape): Readonly<Record<string, unknown>> {
  const value = parseJson(file);
  const wrong = isObject(value) ? wrongKey(value, shape) : 'file';
  if (isObject(value) && wrong === undefined) return known(value, shape);
  const what = wrong === 'file' ? 'it is not a JSON object' : `its '${wrong ?? ''}' is missing or wrong`;
  throw new MtlsctlError('malformed', `${path}: ${what}`, {
    hints: [`rm ${path}, and the next 'mtlsctl renew' begins it anew`],
    details: { file: path },
  });
}

function known(value: Readonly<Record<string, unknown>>, shape: Shape): Readonly<Record<string, unknown>> {
  const names = Object.keys(shape).map(key => key.replace(/\?$/, ''));
  return Object.fromEntries(names.filter(name => value[name] !== undefined).map(name => [name, value[name]]));
}

function parseJson(file: string): unknown {
  try {
    const read = (key: string, member: unknown): unknown =>
      instants.has(key) && typeof member === 'string' ? Date.parse(member) : member;
    return JSON.parse(file, read);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrongKey(value: Readonly<Record<string, unknown>>, shape: Shape): string | undefined {
  for (const [key, check] of Object.entries(shape)) {
    const name = key.replace(/\?$/, '');
    if (value[name] === undefined ? name === key : !check(value[name])) return name;
  }
  return undefined;
}

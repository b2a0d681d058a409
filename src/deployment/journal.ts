import { join } from 'node:path';
import { isMtlsctlError } from '../errors.ts';
import { statPath } from '../file-operations.ts';
import { ensureDirectory, readOptional, replaceFile } from '../files.ts';
import {
  encodeJournal,
  encodeRunState,
  type Journal,
  parseJournal,
  parseRunState,
  type RunState,
} from './journal-format.ts';

export type { HookRun, Journal, JournalFailure, JournalState, RunState } from './journal-format.ts';

/*
 * The journals lie in one directory of mtlsctl's own, `.renewal`: not in that of the service, which is mounted where the service runs, and not
 * in a generation, which is replaced. It is its owner's alone, since a hook may print what nobody else should read, and since the key of a
 * certificate that is issued but not yet in force waits there. The names of services are DNS labels: no other file there can have one.
 */

export interface JournalPaths {
  readonly directory: string;
  /** What is known of the service. */
  readonly journal: string;
  /** The key of a certificate that is issued and not yet in force. */
  readonly key: string;
}

export function renewalDirectory(directory: string): string {
  return join(directory, '.renewal');
}

export function journalPaths(directory: string, service: string): JournalPaths {
  const own = renewalDirectory(directory);
  return { directory: own, journal: join(own, `${service}.json`), key: join(own, `${service}.key.pem`) };
}

/** That of a service of which nothing is known. */
export const emptyJournal: Journal = {
  state: 'done',
  since: 0,
  reasons: [],
  attempts: 0,
  counters: { renewals: 0, failures: 0, hookFailures: 0 },
};

/** Far above what we write. */
const limit = 1 << 20;

/**
 * What is known of the renewals of a service; undefined where `renew` has had nothing to do with it yet. Takes no lock: a journal is replaced at
 * one instant. Throws `malformed`, `unreadable` (it is its owner's alone).
 */
export async function readJournal(directory: string, service: string): Promise<Journal | undefined> {
  const path = journalPaths(directory, service).journal;
  const file = await readOptional(path, limit);
  return file === undefined ? undefined : parseJournal(new TextDecoder().decode(file), path);
}

/** Durable at return. Callers hold the service's lock. Throws `unwritable`. */
export async function writeJournal(directory: string, service: string, journal: Journal): Promise<void> {
  const paths = journalPaths(directory, service);
  await ensureDirectory(paths.directory, 0o700);
  await replaceFile(paths.journal, encodeJournal(journal), { mode: 0o600 });
}

function runStatePath(directory: string): string {
  return join(renewalDirectory(directory), '.run.json');
}

/** The last unattended look at all services; undefined where there was none, or where it can't be understood any more. Throws `unreadable`. */
export async function readRunState(directory: string): Promise<RunState | undefined> {
  const path = runStatePath(directory);
  const file = await readOptional(path, limit);
  try {
    return file === undefined ? undefined : parseRunState(new TextDecoder().decode(file), path);
  } catch (error) {
    if (isMtlsctlError(error, 'malformed')) return undefined;
    throw error;
  }
}

/** Makes nothing where the PKI directory is gone. Throws `unwritable`. */
export async function writeRunState(directory: string, run: RunState): Promise<void> {
  if (statPath(directory) === undefined) return;
  await ensureDirectory(renewalDirectory(directory), 0o700);
  await replaceFile(runStatePath(directory), encodeRunState(run), { mode: 0o600 });
}

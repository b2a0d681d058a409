import * as fs from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isMtlsctlError, MtlsctlError } from './errors.ts';
import { attempt, createFile, listNames, makeDirectory, removeFile, statPath } from './file-operations.ts';
import { toldOf } from './files.ts';
import { formatIdentity, livenessOf, ownIdentity, parseIdentity, type ProcessIdentity } from './process-identity.ts';

// Node has no flock(), and a lock file that is taken over from a dead owner has a race: two processes see the same dead owner, one
// removes its file and takes the lock, the other removes the new one. Lamport's bakery (CACM 17 (8), 1974) has no such moment, because
// every file belongs to one process for ever, and removing what a dead process left is right whenever and by whomever it is done.
//
// A process creates `choosing`, lists, creates `ticket` with a number above all that it saw, and removes `choosing` only then. Next it
// waits until each `choosing` of one more listing is gone, and then, in listings begun after that, until no ticket is less than its own.
// Say P holds the lock so, and Q has or will have a ticket too. If Q's `choosing` existed before P's `ticket` did, then P's later listing
// either saw it and waited, or it was gone by then and Q's ticket was there: P has compared itself with Q's ticket. Otherwise Q's listing
// began after P's ticket existed, saw it, and Q's number is greater. All this asks of readdir() is what POSIX promises: that it returns
// the names which exist during the whole of it. Listings from a cache (NFS) don't keep that promise; a PKI directory is a local one.

export interface LockOptions {
  /** How long to wait for the lock, in milliseconds; 30 s unless told. */
  readonly timeoutMs?: number;
  /** What the lock stands for, in the message that it is taken. */
  readonly what?: string;
}

const defaultTimeout = 30_000;

/**
 * Age from which the file of a process that can't be asked after (of another machine or container) counts as abandoned.
 * Holders renew their ticket's mtime ten times as often.
 */
const abandonedAfter = 600_000;
const heartbeatInterval = 60_000;

const shortestPause = 1;
const longestPause = 20;

/** The last in the queue within this process, by lock directory. */
const queues = new Map<string, Promise<void>>();

/** This process's own tickets that are in use; others with its identity are left from a removal that failed. */
const inUse = new Set<string>();

let tickets = 0;

/**
 * Runs an action while no other call, in this or another process, runs one with the same lock directory (made if only it and its
 * parent are missing). The lock of a process that died is passed over at once. Not reentrant: an action that asks for its own lock
 * waits for itself. Throws `lock-held` after the timeout, `unwritable` where the directory can't be written, and what the action throws.
 */
export async function withLock<T>(directory: string, action: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  const path = resolve(directory);
  const wait: Wait = {
    directory: path,
    deadline: performance.now() + (options.timeoutMs ?? defaultTimeout),
    what: options.what ?? path,
  };
  const leaveQueue = await joinQueue(wait);
  try {
    const release = await takeTicket(wait);
    try {
      return await action();
    } finally {
      release();
    }
  } finally {
    leaveQueue();
  }
}

interface Wait {
  readonly directory: string;
  /** By the monotonic clock. */
  readonly deadline: number;
  readonly what: string;
}

/** Waits for the calls before this one in the same process. The result lets the next one in. */
async function joinQueue(wait: Wait): Promise<() => void> {
  const { directory } = wait;
  const before = queues.get(directory);
  let leave = (): void => undefined;
  const left = new Promise<void>(done => {
    leave = done;
  });
  const last = (before ?? Promise.resolve()).then(() => left);
  queues.set(directory, last);
  void last.then(() => {
    if (queues.get(directory) === last) queues.delete(directory);
  });
  if (before === undefined || (await endsBefore(before, wait.deadline))) return leave;
  leave();
  throw lockHeld(wait, undefined);
}

async function endsBefore(event: Promise<void>, deadline: number): Promise<boolean> {
  const timer = new AbortController();
  const late = delay(Math.max(0, deadline - performance.now()), false, { signal: timer.signal }).catch(() => false);
  const inTime = await Promise.race([event.then(() => true), late]);
  timer.abort();
  return inTime;
}

/** A file of the lock directory; a `choosing` has no number. */
interface Entry {
  readonly name: string;
  readonly number: number | undefined;
  readonly id: string;
  readonly owner: ProcessIdentity;
}

async function takeTicket(wait: Wait): Promise<() => void> {
  tickets += 1;
  const id = `${formatIdentity(ownIdentity())}.${tickets}`;
  inUse.add(id);
  const choosing = `choosing.${id}`;
  let mine: Entry | undefined;
  try {
    enter(wait.directory, choosing);
    mine = createTicket(wait.directory, id);
    removeFile(join(wait.directory, choosing));
    await waitForTurn(wait, mine, performance.now());
    return holding(join(wait.directory, mine.name), id);
  } catch (error) {
    // The ticket last: while it is there, nobody who is choosing can get a number that is too low.
    for (const name of [choosing, mine?.name]) {
      if (name !== undefined) attempt(() => removeFile(join(wait.directory, name)));
    }
    inUse.delete(id);
    throw error;
  }
}

function enter(directory: string, choosing: string): void {
  try {
    createEmpty(join(directory, choosing));
  } catch (error) {
    // Nobody has seen the file that could not be made; what is to be looked at is where.
    if (!isMtlsctlError(error, 'not-found')) throw toldOf(directory, join(directory, choosing), error);
    makeLockDirectory(directory);
    createEmpty(join(directory, choosing));
  }
}

function createEmpty(path: string): void {
  fs.closeSync(createFile(path, '', 0o644));
}

function makeLockDirectory(directory: string): void {
  for (const path of [dirname(directory), directory]) {
    if (statPath(path) !== undefined) continue;
    try {
      makeDirectory(path, 0o755);
    } catch (error) {
      if (!isMtlsctlError(error, 'already-exists')) throw error;
    }
  }
}

function createTicket(directory: string, id: string): Entry {
  const number = 1 + list(directory).reduce((highest, entry) => Math.max(highest, entry.number ?? 0), 0);
  const name = `ticket.${String(number).padStart(12, '0')}.${id}`;
  createEmpty(join(directory, name));
  return { name, number, id, owner: ownIdentity() };
}

const entryPattern = /^(?:choosing|ticket\.(\d{12,15}))\.(([\w-]+)\.\d+)$/;

function list(directory: string): readonly Entry[] {
  return (listNames(directory) ?? []).flatMap(name => {
    const [, number, id = '', identity = ''] = entryPattern.exec(name) ?? [];
    const owner = parseIdentity(identity);
    return owner === undefined ? [] : [{ name, number: number === undefined ? undefined : Number(number), id, owner }];
  });
}

async function waitForTurn(wait: Wait, mine: Entry, since: number): Promise<void> {
  let choosing = list(wait.directory).filter(entry => entry.number === undefined);
  for (;;) {
    // Only a listing begun after the last `choosing` was gone shows every ticket that counts.
    const settled = choosing.length === 0;
    const entries = list(wait.directory);
    if (!entries.some(entry => entry.name === mine.name)) throw lockLost(wait);
    choosing = choosing.filter(chooser => entries.some(entry => entry.name === chooser.name));
    const before = entries.filter(entry => precedes(entry, mine)).sort((a, b) => (precedes(a, b) ? -1 : 1));
    const first = choosing[0] ?? before[0];
    if (first === undefined) {
      if (settled) return;
    } else if (isAbandoned(wait.directory, first, mine, since)) {
      // Asking after one owner in each round is enough: whoever is in front decides whether anybody moves.
      removeFile(join(wait.directory, first.name));
    } else {
      await pause(wait, first, choosing.length + before.length);
    }
  }
}

/** In the order of tickets; of two with the same number the lesser name goes first. */
function precedes(a: Entry, b: Entry): boolean {
  if (a.number === undefined || b.number === undefined) return false;
  return a.number < b.number || (a.number === b.number && a.id < b.id);
}

function isAbandoned(directory: string, entry: Entry, mine: Entry, since: number): boolean {
  const liveness = livenessOf(entry.owner);
  if (liveness === 'alive') return entry.owner.random === ownIdentity().random && !inUse.has(entry.id);
  if (liveness === 'dead') return true;
  // Both times are the file system's own; the clocks of two machines need not agree.
  const [theirs, ours] = [statPath(join(directory, entry.name)), statPath(join(directory, mine.name))];
  return (
    theirs !== undefined &&
    ours !== undefined &&
    ours.mtimeMs + (performance.now() - since) - theirs.mtimeMs > abandonedAfter
  );
}

async function pause(wait: Wait, first: Entry, ahead: number): Promise<void> {
  const left = wait.deadline - performance.now();
  if (left <= 0) throw lockHeld(wait, first);
  const longest = Math.min(longestPause, shortestPause + 2 * ahead, left);
  await delay(shortestPause + Math.random() * Math.max(0, longest - shortestPause));
}

function holding(ticket: string, id: string): () => void {
  const heartbeat = setInterval(() => {
    touch(ticket);
  }, heartbeatInterval);
  heartbeat.unref();
  return () => {
    clearInterval(heartbeat);
    // A ticket that can't be removed does not undo what was done under it. It counts as abandoned from now on.
    attempt(() => removeFile(ticket));
    inUse.delete(id);
  };
}

/** Renews the mtime by the file system's clock. */
function touch(ticket: string): void {
  try {
    fs.writeFileSync(ticket, '.', { flag: 'r+' });
  } catch {
    // A missed heartbeat costs nothing unless ten are missed in a row.
  }
}

function lockLost(wait: Wait): MtlsctlError {
  return new MtlsctlError('unwritable', `the lock of ${wait.what} was removed while it was waited for`, {
    hints: [`ls -l ${wait.directory}`],
    details: { directory: wait.directory },
  });
}

function lockHeld(wait: Wait, first: Entry | undefined): MtlsctlError {
  const owner = first?.owner ?? ownIdentity();
  const liveness = livenessOf(owner);
  const hint =
    liveness === 'unknown'
      ? `once process ${owner.pid} on ${owner.host} is gone, rm ${join(wait.directory, first?.name ?? '')}`
      : `ps -fp ${owner.pid}`;
  return new MtlsctlError('lock-held', `${wait.what} is locked by process ${owner.pid} on ${owner.host}`, {
    hints: [hint],
    details: { pid: owner.pid, host: owner.host, directory: wait.directory },
  });
}

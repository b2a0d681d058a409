import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import {
  attempt,
  createFile,
  openRegular,
  perform,
  statPath,
  syncDirectory,
  syncOpenFile,
  writeAll,
} from '../file-operations.ts';
import { writeDurable } from '../files.ts';
import { withLock } from '../lock.ts';
import {
  encodeEvent,
  encodeLine,
  formatLedgerInstant,
  type LedgerEntry,
  type LedgerEvent,
  lineHash,
} from './ledger-format.ts';
import type { TornTail } from './ledger-lines.ts';
import { readEntries, type ReadOptions } from './ledger-read.ts';
import { readTail, type Tail } from './ledger-tail.ts';

export type { LedgerEntry, LedgerEvent } from './ledger-format.ts';
export type { TornTail } from './ledger-lines.ts';
export { readEntries } from './ledger-read.ts';

export interface LedgerContent {
  readonly entries: readonly LedgerEntry[];
  /** Left by a crash, or being written at this moment. */
  readonly torn: TornTail | undefined;
}

/** Events on their way to the disk, and whom to tell. */
interface Pending {
  readonly lines: readonly string[];
  readonly now: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** Octets written at once at most, well below longestLine. */
const largestGroup = 4 * 1024 * 1024;

/** The append-only record of one authority (DESIGN.md, "Ledger"). */
export class Ledger {
  readonly path: string;
  readonly #lockDirectory: string;
  #pending: Pending[] = [];
  #running = false;
  #nameIsDurable = false;

  private constructor(path: string, lockDirectory: string) {
    this.path = path;
    this.#lockDirectory = lockDirectory;
  }

  /** The file is created by the first append. */
  static open(path: string, lockDirectory: string): Ledger {
    return new Ledger(path, lockDirectory);
  }

  /**
   * Appends events, next to each other; they are durable at return. Calls made at the same time share a lock and an fsync.
   * `now` in milliseconds. Throws `lock-held`, `unwritable`, and `ledger-corrupt` where the last line is none to go on from;
   * nothing is appended then.
   */
  append(events: readonly LedgerEvent[], now: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ lines: events.map(event => encodeEvent(event, now)), now, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  /**
   * Throws `ledger-corrupt` where the ledger is missing or has no entry: its authority would forget what it issued and revoked. Takes no lock.
   * That of a new authority begins with `authority-created`.
   */
  requireBegun(): void {
    try {
      const { file } = openRegular(this.path);
      try {
        if (readTail(file, this.path).seq > 0) return;
      } finally {
        fs.closeSync(file);
      }
    } catch (error) {
      if (!isMtlsctlError(error, 'not-found')) throw error;
    }
    throw lost(this.path);
  }

  /** All entries, or those of some events. Takes no lock. Throws `not-found`, `unreadable`, `ledger-corrupt`. */
  async read(events?: ReadOptions['events']): Promise<LedgerContent> {
    const entries: LedgerEntry[] = [];
    let torn: TornTail | undefined;
    const onTorn = (tail: TornTail): void => {
      torn = tail;
    };
    for await (const entry of readEntries(this.path, events === undefined ? { onTorn } : { onTorn, events }))
      entries.push(entry);
    return { entries, torn };
  }

  /** Between two groups the lock is let go, so that other processes get their turn. */
  async #run(): Promise<void> {
    this.#running = true;
    while (this.#pending.length > 0) await this.#runGroup();
    this.#running = false;
  }

  async #runGroup(): Promise<void> {
    let group: readonly Pending[] = [];
    try {
      await withLock(
        this.#lockDirectory,
        async () => {
          group = this.#takeGroup();
          await this.#commit(
            group.flatMap(pending => pending.lines),
            group[0]?.now ?? 0,
          );
        },
        { what: this.path },
      );
      for (const pending of group) pending.resolve();
    } catch (error) {
      // Without the lock there is no group yet, and nobody who waits will fare better.
      const failed = group.length > 0 ? group : this.#pending.splice(0);
      for (const pending of failed) pending.reject(error);
    }
  }

  #takeGroup(): readonly Pending[] {
    let size = 0;
    const fits = (pending: Pending): boolean => {
      size += pending.lines.reduce((sum, line) => sum + line.length, 0);
      return size <= largestGroup;
    };
    const end = this.#pending.findIndex(pending => !fits(pending));
    return this.#pending.splice(0, end < 0 ? this.#pending.length : Math.max(end, 1));
  }

  /** Under the lock: writes one group behind the last whole line, or leaves the file as it was. */
  async #commit(lines: readonly string[], now: number): Promise<void> {
    if (lines.length === 0) return;
    const file = openForAppending(this.path);
    try {
      const tail = readTail(file, this.path);
      if (tail.torn !== undefined) await setAside(file, this.path, tail, tail.torn, now);
      await this.#write(file, chained(lines, tail), tail.end);
    } finally {
      fs.closeSync(file);
    }
  }

  async #write(file: number, text: string, end: number): Promise<void> {
    try {
      writeAll(file, this.path, text);
      await Promise.all([
        syncOpenFile(file, this.path),
        this.#nameIsDurable ? undefined : syncDirectory(dirname(this.path)),
      ]);
      this.#nameIsDurable = true;
    } catch (error) {
      attempt(() => {
        truncate(file, this.path, end);
      });
      throw error;
    }
  }
}

function lost(path: string): MtlsctlError {
  return new MtlsctlError('ledger-corrupt', `${path} is missing or empty, though its authority exists`, {
    hints: ['restore it from a backup: revocations and CRL numbers are in it', `ls -la ${dirname(path)}`],
    details: { path },
  });
}

function openForAppending(path: string): number {
  for (;;) {
    try {
      return openRegular(path, fs.constants.O_RDWR | fs.constants.O_APPEND).file;
    } catch (error) {
      if (!isMtlsctlError(error, 'not-found')) throw error;
    }
    fs.closeSync(createFile(path, '', 0o600));
  }
}

/** Numbers the lines and ties each to the one before. */
function chained(events: readonly string[], tail: Tail): string {
  let { hash, seq } = tail;
  const lines = events.map(event => {
    seq += 1;
    const line = encodeLine(seq, event, hash);
    hash = lineHash(line);
    return `${line}\n`;
  });
  return lines.join('');
}

function truncate(file: number, path: string, end: number): void {
  perform('truncate', path, () => {
    fs.ftruncateSync(file, end);
  });
}

/** Keeps a torn tail for whoever wants to know, then cuts it off; in this order, so that a crash in between loses nothing. */
async function setAside(file: number, path: string, tail: Tail, torn: Uint8Array, now: number): Promise<void> {
  await writeDurable(unusedName(tornName(path, now)), torn, { mode: 0o600 });
  await syncDirectory(dirname(path));
  truncate(file, path, tail.end);
  await syncOpenFile(file, path);
}

/** `ledger.torn-20261122T140501Z` beside `ledger.jsonl`. */
function tornName(path: string, now: number): string {
  const timestamp = formatLedgerInstant(now).replace(/[-:]|\.\d+/g, '');
  return join(dirname(path), `${basename(path, '.jsonl')}.torn-${timestamp}`);
}

/** Under the lock nobody else takes the name. */
function unusedName(path: string): string {
  let name = path;
  for (let count = 2; statPath(name) !== undefined; count += 1) name = `${path}-${count}`;
  return name;
}

import * as fs from 'node:fs';
import { join } from 'node:path';
import { authorityPaths, authoritiesDirectory } from '../authority/authority.ts';
import { configPath } from '../authority/configuration.ts';
import { crlsPath, trustAnchorsPath } from '../authority/trust.ts';
import { journalPaths, renewalDirectory } from '../deployment/journal.ts';
import { isMtlsctlError } from '../errors.ts';
import { attempt, createFile, makeDirectory, removeFile, renamePath, statPath } from '../file-operations.ts';
import { readOptional } from '../files.ts';

/*
 * Whether a service is due depends on its files, on those of the PKI directory, and on the time. To find that out anew for a thousand services takes
 * seconds, every quarter of an hour, and mostly nothing has changed. So what was found is kept, with what stat() says of every file that it was found
 * from; it holds while that is the same, and until the time at which the service would be due. Nothing else is told by it: what is due, and what is
 * in any way odd, is looked at afresh, and a memory that can't be read is no memory.
 */

/** What is remembered of a service that is not due. Instants in milliseconds. */
export interface Remembered {
  readonly serial: string;
  readonly notBefore: number;
  readonly notAfter: number;
  /** For people. */
  readonly renewAt: number;
  /** From when on it has to be looked at again: it is due, or something in its chain ends. */
  readonly until: number;
}

export interface Memory {
  /** What is remembered of a service, if it holds still. */
  recall(service: string, now: number): Remembered | undefined;
  has(service: string): boolean;
  /** Of all services, for what tells the time. */
  all(): ReadonlyMap<string, Remembered>;
  /** Call before the service is looked at, and `keep` with what was found then. */
  watch(service: string): { keep(found: Remembered): void };
  forget(service: string): void;
  /** Writes what has changed since it was read; a memory that can't be written does no harm. */
  save(present: ReadonlySet<string>): void;
}

interface Entry extends Remembered {
  /** What stat() says of its files. */
  readonly key: string;
}

/** With fewer services it takes longer to remember than to look. */
export const worthRemembering = 50;

/** A file that was changed so short a time before is not told from one that is changed again: clocks of file systems tick, some by the second. */
const tick = 50;
const coarseTick = 2500;

const format = 1;
const limit = 64 << 20;

/** What was remembered in a PKI directory; nothing of it, where what all services depend on has changed. `surroundings` is what else it depends on. */
export async function openMemory(directory: string, surroundings: readonly string[]): Promise<Memory> {
  const head = hashOf([format, MTLSCTL_VERSION, ...surroundings, sharedKey(directory)]);
  const entries = await readEntries(memoryPath(directory), head);
  let hasChanged = false;
  let began: number | undefined;
  return {
    has: service => entries.has(service),
    all: () => entries,
    recall(service, now) {
      const entry = entries.get(service);
      if (entry === undefined || now >= entry.until || now < entry.notBefore) return undefined;
      return serviceKey(directory, service).text === entry.key ? entry : undefined;
    },
    watch(service) {
      began ??= fileSystemTime(directory);
      const key = serviceKey(directory, service);
      return {
        keep(found) {
          const isSafe = began !== undefined && isSettled(key.changedAt, began);
          hasChanged = entries.delete(service) || isSafe || hasChanged;
          if (isSafe) entries.set(service, { ...found, key: key.text });
        },
      };
    },
    forget(service) {
      if (entries.delete(service)) hasChanged = true;
    },
    save(present) {
      for (const service of entries.keys()) if (!present.has(service)) hasChanged = entries.delete(service);
      if (hasChanged) writeEntries(directory, head, entries);
    },
  };
}

declare const MTLSCTL_VERSION: string;

function memoryPath(directory: string): string {
  return join(renewalDirectory(directory), '.remembered.json');
}

async function readEntries(path: string, head: string): Promise<Map<string, Entry>> {
  try {
    const file = await readOptional(path, limit);
    const value = file === undefined ? undefined : (JSON.parse(new TextDecoder().decode(file)) as Partial<Stored>);
    if (value?.head !== head || !Array.isArray(value.services)) return new Map();
    const rows = value.services.filter(isWhole);
    return new Map(rows.map(([service, ...fields]) => [service, entryFrom(fields)]));
  } catch (error) {
    if (error instanceof SyntaxError || isMtlsctlError(error)) return new Map();
    throw error;
  }
}

type Fields = readonly [
  key: string,
  serial: string,
  notBefore: number,
  notAfter: number,
  renewAt: number,
  until: number,
];

interface Stored {
  readonly head: string;
  readonly services: readonly unknown[];
}

const fieldTypes = ['string', 'string', 'string', 'number', 'number', 'number', 'number'];

function isWhole(row: unknown): row is readonly [service: string, ...Fields] {
  return Array.isArray(row) && fieldTypes.every((type, place) => typeof row[place] === type);
}

function entryFrom([key, serial, notBefore, notAfter, renewAt, until]: Fields): Entry {
  return { key, serial, notBefore, notAfter, renewAt, until };
}

/** Not synced: after a power failure it is this one, the last one, or none. */
function writeEntries(directory: string, head: string, entries: ReadonlyMap<string, Entry>): void {
  const services = [...entries].map(([service, { key, serial, notBefore, notAfter, renewAt, until }]) => [
    ...[service, key, serial, notBefore, notAfter, renewAt, until],
  ]);
  const text = JSON.stringify({ head, services });
  attempt(() => {
    makeOwnDirectory(directory);
    const next = `${memoryPath(directory)}.${process.pid}`;
    removeFile(next);
    fs.closeSync(createFile(next, text, 0o600));
    renamePath(next, memoryPath(directory));
  });
}

function makeOwnDirectory(directory: string): void {
  const own = renewalDirectory(directory);
  if (statPath(own) === undefined) makeDirectory(own, 0o700);
}

/** The present by the clock that files are stamped with, which need not be this machine's. */
function fileSystemTime(directory: string): number | undefined {
  const probe = `${memoryPath(directory)}.${process.pid}.probe`;
  let time: number | undefined;
  attempt(() => {
    makeOwnDirectory(directory);
    removeFile(probe);
    fs.closeSync(createFile(probe, '', 0o600));
    time = fs.statSync(probe).mtimeMs;
    removeFile(probe);
  });
  return time;
}

function isSettled(changedAt: number, began: number): boolean {
  return changedAt + (changedAt % 1000 === 0 ? coarseTick : tick) < began;
}

interface Key {
  readonly text: string;
  /** When the youngest of the files was changed. */
  readonly changedAt: number;
}

/** Links can't change without the directory that they are in, nor can the names of a generation's files. */
function serviceKey(directory: string, service: string): Key {
  const own = join(directory, service);
  const data = `${own}/..data`;
  return keyOf([
    own,
    `${own}/service.yaml`,
    data,
    `${data}/key.pem`,
    `${data}/cert.pem`,
    `${data}/ca.pem`,
    journalPaths(directory, service).journal,
  ]);
}

function sharedKey(directory: string): string {
  const authorities = authoritiesDirectory(directory);
  const own = authorityNamesIn(authorities).flatMap(name => {
    const paths = authorityPaths(join(authorities, name));
    return [paths.directory, paths.certificate, paths.chain];
  });
  return keyOf([configPath(directory), trustAnchorsPath(directory), crlsPath(directory), authorities, ...own]).text;
}

function authorityNamesIn(path: string): readonly string[] {
  try {
    return fs.readdirSync(path).sort();
  } catch {
    // Whatever is wrong with it: the look that remembers nothing says so.
    return [];
  }
}

function keyOf(paths: readonly string[]): Key {
  let changedAt = 0;
  const parts = paths.map(path => {
    const stat = statOrNothing(path);
    if (stat === undefined) return '-';
    if (stat === 'unknown') {
      changedAt = Infinity;
      return '!';
    }
    changedAt = Math.max(changedAt, stat.ctimeMs, stat.mtimeMs);
    return [stat.dev, stat.ino, stat.size, stat.mode, stat.uid, stat.gid, stat.mtimeMs, stat.ctimeMs]
      .map(number => number.toString(36))
      .join('.');
  });
  return { text: parts.join(' '), changedAt };
}

/** What can't be asked after is not the same as anything. */
function statOrNothing(path: string): fs.Stats | 'unknown' | undefined {
  try {
    return fs.statSync(path, { throwIfNoEntry: false });
  } catch {
    return 'unknown';
  }
}

function hashOf(parts: readonly unknown[]): string {
  return JSON.stringify(parts);
}

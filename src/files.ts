import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isMtlsctlError, MtlsctlError } from './errors.ts';
import {
  attempt,
  checkSpace,
  createFile,
  linkPath,
  listNames,
  makeDirectory,
  openRegular,
  perform,
  removeFile,
  renamePath,
  statPath,
  syncAndClose,
  syncDirectory,
} from './file-operations.ts';
import { formatIdentity, livenessOf, ownIdentity, parseIdentity } from './process-identity.ts';

export { faults, syncDirectory } from './file-operations.ts';

/** Certificates, keys, requests and configuration are a few kB; a large CRL is some MB and asks for more by name. */
const defaultLimit = 16 * 1024 * 1024;

export interface WriteOptions {
  /** Permission bits, whatever the umask is. */
  readonly mode: number;
}

/**
 * Reads a whole file, such as those of a PKI directory: a pipe there would be waited for without end. `limit` in octets.
 * Throws `not-found`, `unreadable` (also for a directory, a pipe, a socket or a device), `too-large`.
 */
export function readBounded(path: string, limit = defaultLimit): Promise<Uint8Array> {
  return new Promise(resolve => {
    resolve(readRegular(path, limit));
  });
}

/** As readBounded(), but undefined where there is no such file. */
export async function readOptional(path: string, limit = defaultLimit): Promise<Uint8Array | undefined> {
  try {
    return await readBounded(path, limit);
  } catch (error) {
    if (isMtlsctlError(error, 'not-found')) return undefined;
    throw error;
  }
}

/**
 * As readBounded(), but of a path that a person gave on the command line: a pipe is read to its end, so that `/dev/fd/3` and a shell's
 * `<(…)` serve as files.
 */
export async function readGiven(path: string, limit = defaultLimit): Promise<Uint8Array> {
  // Not by opening it: a writer that finds the pipe's reader gone again would be killed.
  const stat = perform('stat', path, () => fs.statSync(path));
  return stat.isFIFO() ? readPipe(path, limit) : readRegular(path, limit);
}

/** The size is only a guess: it is 0 for what lies in /proc, and a file may grow while it is read. */
function readRegular(path: string, limit: number): Uint8Array {
  const { file, size } = openRegular(path);
  try {
    if (size > limit) throw tooLarge(path, limit);
    let buffer = Buffer.allocUnsafeSlow(size + 1);
    for (let length = 0; ;) {
      const count = perform('read', path, () => fs.readSync(file, buffer, length, buffer.length - length, null));
      if (count === 0) return buffer.subarray(0, length);
      length += count;
      if (length > limit) throw tooLarge(path, limit);
      if (length === buffer.length) buffer = Buffer.concat([buffer, Buffer.allocUnsafeSlow(Math.max(length, 4096))]);
    }
  } finally {
    fs.closeSync(file);
  }
}

/** Waits for the other end without stopping the process. */
async function readPipe(path: string, limit: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of fs.createReadStream(path) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limit) throw tooLarge(path, limit);
      chunks.push(chunk);
    }
  } catch (error) {
    return perform('read', path, () => {
      throw error;
    });
  }
  return Buffer.concat(chunks);
}

function tooLarge(path: string, limit: number): MtlsctlError {
  return new MtlsctlError('too-large', `${path} is larger than ${limit} octets`, {
    hints: [`ls -lL ${path}`],
    details: { path, limit },
  });
}

/**
 * Writes a new file; its content is durable at return (its name once the directory is synced). Throws `already-exists`, `unwritable`,
 * `not-found` where the directory is missing, and leaves nothing then.
 */
export async function writeDurable(path: string, content: Uint8Array | string, options: WriteOptions): Promise<void> {
  const file = createFile(path, content, options.mode);
  try {
    await syncAndClose(file, path);
  } catch (error) {
    attempt(() => removeFile(path));
    throw error;
  }
}

/**
 * Puts a file in the place of the one that is there, at one instant, durable at return. A file of the same content is not touched.
 * Throws `unwritable`, `unreadable`, `not-found` where the directory is missing; the old file is whole then.
 */
export async function replaceFile(
  path: string,
  content: Uint8Array | string,
  options: WriteOptions,
): Promise<'unchanged' | 'written'> {
  if (await hasContent(path, content)) return 'unchanged';
  const temporary = writeTemporary(path, content, options.mode);
  try {
    await syncAndClose(temporary.file, temporary.path);
    renamePath(temporary.path, path);
  } catch (error) {
    attempt(() => removeFile(temporary.path));
    throw error;
  }
  await syncDirectory(dirname(path));
  return 'written';
}

async function hasContent(path: string, content: Uint8Array | string): Promise<boolean> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const stat = statPath(path);
  if (stat === undefined || (stat.isFile() && stat.size !== bytes.length)) return false;
  const present = await readOptional(path, Number.MAX_SAFE_INTEGER);
  return present !== undefined && Buffer.compare(present, bytes) === 0;
}

/**
 * Writes a new private key, 0600 from its first byte, complete or not at all (where the file system has no link(), after a crash perhaps in part),
 * durable at return.
 * Throws `already-exists` and leaves what is there, whatever it is.
 */
export async function createPrivateFile(path: string, content: Uint8Array | string): Promise<void> {
  if (statPath(path) !== undefined) throw exists(path);
  const temporary = writeTemporary(path, content, 0o600);
  try {
    await syncAndClose(temporary.file, temporary.path);
    await nameNewFile(temporary.path, path, content);
  } finally {
    attempt(() => removeFile(temporary.path));
  }
  await syncDirectory(dirname(path));
}

/** link() refuses a name that is taken, which rename() does not. FAT and some network file systems have no link(). */
async function nameNewFile(temporary: string, path: string, content: Uint8Array | string): Promise<void> {
  try {
    linkPath(temporary, path);
  } catch (error) {
    if (!(error instanceof MtlsctlError)) throw error;
    const { systemCode } = error.details;
    if (systemCode === 'EEXIST') throw exists(path);
    if (!['ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EPERM'].includes(String(systemCode))) throw error;
    await writeDurable(path, content, { mode: 0o600 });
  }
}

function exists(path: string): MtlsctlError {
  return new MtlsctlError('already-exists', `${path} exists already`, { hints: [`ls -l ${path}`], details: { path } });
}

/** In octets: what a service or an authority takes, some ten files of a block each, with room to spare. */
const directorySpace = 128 * 1024;
/** In octets: a certificate with its chain, twice, since a file that is replaced is there until then. */
const fileSpace = 32 * 1024;

/** Throws `unwritable` where a directory, or the one that it is to be made in, can't be written by this user, or has no room. */
export function checkWritable(directory: string): void {
  const present = statPath(directory) === undefined ? dirname(directory) : directory;
  checkAccess(directory, present);
  checkSpace(directory, present, directorySpace);
}

/** Throws `unwritable`, or `not-found` where its directory is missing, if replaceFile() could not put a file there. */
export function checkReplaceable(path: string): void {
  checkAccess(path, dirname(path));
  checkSpace(path, dirname(path), fileSpace);
}

function checkAccess(path: string, directory: string): void {
  perform('create', path, () => {
    fs.accessSync(directory, fs.constants.W_OK | fs.constants.X_OK);
  });
}

/** Makes a directory unless it is there, durable at return. Its parent must exist; the mode of a directory that exists stays. */
export async function ensureDirectory(path: string, mode: number): Promise<void> {
  const stat = perform('stat', path, () => fs.statSync(path, { throwIfNoEntry: false }));
  if (stat?.isDirectory() === true) return;
  try {
    makeDirectory(path, mode);
  } catch (error) {
    // Another process made it just now; what is no directory shows in the next operation.
    if (stat !== undefined || !isMtlsctlError(error, 'already-exists')) throw error;
    return;
  }
  await syncDirectory(dirname(path));
}

interface Temporary {
  readonly path: string;
  readonly file: number;
}

let temporaries = 0;

function writeTemporary(path: string, content: Uint8Array | string, mode: number): Temporary {
  removeAbandonedTemporaries(path);
  temporaries += 1;
  const temporary = join(dirname(path), `${temporaryPrefix(path)}${formatIdentity(ownIdentity())}.${temporaries}.tmp`);
  return { path: temporary, file: naming(path, temporary, () => createFile(temporary, content, mode)) };
}

function naming<T>(path: string, temporary: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw toldOf(path, temporary, error);
  }
}

/** A failure of what has a temporary name, or lies in it, as one of what it was to become. */
export function toldOf(path: string, temporary: string, error: unknown): unknown {
  if (!isMtlsctlError(error) || !String(error.details['path']).startsWith(temporary)) return error;
  const named = (text: string): string => text.replaceAll(temporary, path);
  return new MtlsctlError(error.code, named(error.message), {
    hints: error.hints.map(named),
    details: { ...error.details, path: named(String(error.details['path'])) },
    cause: error,
  });
}

/** Of a long name only the beginning, since a name of its own must fit into 255 octets too. */
function temporaryPrefix(path: string): string {
  return `.${basename(path).slice(0, 60)}.`;
}

/** What a process that was killed in the middle left behind. */
function removeAbandonedTemporaries(path: string): void {
  const prefix = temporaryPrefix(path);
  for (const name of listNames(dirname(path)) ?? []) {
    if (!name.startsWith(prefix)) continue;
    const match = /^(.+)\.\d+\.tmp$/.exec(name.slice(prefix.length));
    const owner = match?.[1] === undefined ? undefined : parseIdentity(match[1]);
    if (owner !== undefined && livenessOf(owner) === 'dead') attempt(() => removeFile(join(dirname(path), name)));
  }
}

import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { type ErrorCode, MtlsctlError, systemErrorCode } from './errors.ts';

// What only touches the page cache is done synchronously: through the thread pool it takes some six times as long (0.22 ms against
// 0.035 ms for open, write and close, measured), and it would stand in a queue behind the fsyncs. What waits for the device does not.

/** The file operations that change or read something, as faults are told of them. */
export type FileOperation =
  | 'chmod'
  | 'chown'
  | 'create'
  | 'link'
  | 'list'
  | 'mkdir'
  | 'open'
  | 'read'
  | 'readlink'
  | 'remove'
  | 'rename'
  | 'rmdir'
  | 'space'
  | 'stat'
  | 'symlink'
  | 'sync'
  | 'truncate'
  | 'write';

/**
 * For tests only: called before every operation, and what it throws (an error with a `code` such as ENOSPC) is taken for the operation's
 * own failure. Nothing in the program sets it.
 */
export const faults: { before: ((operation: FileOperation, path: string) => void) | undefined } = { before: undefined };

const reading: ReadonlySet<FileOperation> = new Set<FileOperation>(['list', 'open', 'read', 'readlink', 'stat']);

/** Runs one operation; its failure becomes an MtlsctlError that says what to look at. */
export function perform<T>(operation: FileOperation, path: string, run: () => T): T {
  try {
    faults.before?.(operation, path);
    return run();
  } catch (error) {
    throw fileError(operation, path, error);
  }
}

const hintsByCode: Readonly<Record<string, (path: string) => string>> = {
  EACCES: path => `ls -ld ${[...new Set([nearest(dirname(path)), nearest(path)])].join(' ')}`,
  EDQUOT: () => 'quota',
  EFBIG: () => 'ulimit -f',
  EIO: () => 'dmesg | tail',
  EISDIR: path => `ls -ld ${path}`,
  ELOOP: path => `namei -l ${path}`,
  EMFILE: () => 'ulimit -n',
  ENFILE: () => 'cat /proc/sys/fs/file-nr',
  ENOENT: path => `ls -ld ${nearest(dirname(path))}`,
  ENOSPC: path => `df -h ${nearest(dirname(path))}; df -i ${nearest(dirname(path))}`,
  ENOTDIR: path => `namei -l ${path}`,
  EPERM: path => `lsattr -d ${nearest(dirname(path))}; ls -ld ${nearest(path)}`,
  EROFS: path => `findmnt -T ${nearest(dirname(path))}`,
};

/** The path, or the nearest directory above it that is there: a command that fails is no hint. */
function nearest(path: string): string {
  const parent = dirname(path);
  return parent === path || isThere(path) ? path : nearest(parent);
}

function isThere(path: string): boolean {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return false;
  }
}

const reasonByCode: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EDQUOT: 'disk quota exceeded',
  EEXIST: 'it exists already',
  EFBIG: 'the file would be larger than allowed',
  EIO: 'input/output error',
  EISDIR: 'it is a directory',
  ELOOP: 'too many symbolic links',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'a part of the path is not a directory',
  ENXIO: 'it is not a file',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
};

function fileError(operation: FileOperation, path: string, error: unknown): unknown {
  const systemCode = systemErrorCode(error);
  if (systemCode === undefined || !/^E[A-Z0-9]+$/.test(systemCode)) return error;
  const verb = reading.has(operation) ? 'read' : 'write';
  const hint = hintsByCode[systemCode] ?? ((at: string) => `ls -ld ${nearest(at)}`);
  return new MtlsctlError(
    errorCode(operation, systemCode),
    `cannot ${verb} ${path}: ${reasonByCode[systemCode] ?? systemCode}`,
    {
      hints: [hint(path)],
      details: { path, operation, systemCode },
      cause: error,
    },
  );
}

function errorCode(operation: FileOperation, systemCode: string): ErrorCode {
  if (systemCode === 'ENOENT') return 'not-found';
  if (systemCode === 'EEXIST') return 'already-exists';
  return reading.has(operation) ? 'unreadable' : 'unwritable';
}

/**
 * Opens what must be a file, and tells its size. Nothing is waited for: open() of a pipe would wait for its other end.
 * Throws `not-found`, `unreadable`; the caller closes it.
 */
export function openRegular(
  path: string,
  flags = fs.constants.O_RDONLY,
): { readonly file: number; readonly size: number } {
  const file = perform('open', path, () => fs.openSync(path, flags | fs.constants.O_NONBLOCK));
  try {
    const stat = perform('stat', path, () => fs.fstatSync(file));
    if (stat.isFile()) return { file, size: stat.size };
    throw notRegular(path, stat);
  } catch (error) {
    fs.closeSync(file);
    throw error;
  }
}

function notRegular(path: string, stat: fs.Stats): MtlsctlError {
  const kind = stat.isDirectory() ? 'a directory' : stat.isFIFO() ? 'a pipe, not a file' : 'not a file';
  return new MtlsctlError('unreadable', `cannot read ${path}: it is ${kind}`, {
    hints: [`ls -ld ${path}`],
    details: { path },
  });
}

/**
 * Creates a file that must not exist, with exactly this mode from its first byte, and writes it; the caller syncs and closes it.
 * After a failure there is no file.
 */
export function createFile(path: string, content: Uint8Array | string, mode: number): number {
  const file = perform('create', path, () => fs.openSync(path, 'wx', mode));
  try {
    matchMode(file, path, mode);
    writeAll(file, path, content);
    return file;
  } catch (error) {
    fs.closeSync(file);
    attempt(() => removeFile(path));
    throw error;
  }
}

/** The mode of creation is only what the umask left of it. */
function matchMode(file: number, path: string, mode: number): void {
  if ((fs.fstatSync(file).mode & 0o777) !== mode) changeMode(file, path, mode);
}

/** Of an open file. */
export function changeMode(file: number, path: string, mode: number): void {
  perform('chmod', path, () => {
    fs.fchmodSync(file, mode);
  });
}

/** Of an open file, unless it is that group's already: only a member of the group, or root, may give it. */
export function changeGroup(file: number, path: string, group: number): void {
  const { uid, gid } = fs.fstatSync(file);
  if (gid === group) return;
  perform('chown', path, () => {
    fs.fchownSync(file, uid, group);
  });
}

/** Of an open file, unless it is that user's already: only root may give it away. */
export function changeOwner(file: number, path: string, owner: number): void {
  const { uid, gid } = fs.fstatSync(file);
  if (uid === owner) return;
  perform('chown', path, () => {
    fs.fchownSync(file, owner, gid);
  });
}

/** Writes at the file's position, or its end where it was opened for appending. */
export function writeAll(file: number, path: string, content: Uint8Array | string): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  for (let done = 0; done < bytes.length;) {
    done += perform('write', path, () => fs.writeSync(file, bytes, done));
  }
}

/** Resolves when what was written to the open file is on the device. */
export function syncOpenFile(file: number, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error: Error | null): void => {
      if (error === null) resolve();
      else reject(asError(fileError('sync', path, error)));
    };
    perform('sync', path, () => {
      fs.fsync(file, settle);
    });
  });
}

/** As syncOpenFile(), then closes, also after a failure. */
export async function syncAndClose(file: number, path: string): Promise<void> {
  try {
    await syncOpenFile(file, path);
  } finally {
    fs.closeSync(file);
  }
}

interface DirectorySyncs {
  readonly running: Promise<void>;
  /** Of those who came while it ran. */
  next?: Promise<void>;
}

const directorySyncs = new Map<string, DirectorySyncs>();

/**
 * Makes the names in a directory durable. A file system that can't sync directories (EINVAL) is left alone. A sync that has begun may miss what
 * was done since, so whoever comes meanwhile shares the one after it with all others who wait.
 */
export function syncDirectory(path: string): Promise<void> {
  const syncs = directorySyncs.get(path);
  if (syncs === undefined) return beginSync(path);
  const begin = (): Promise<void> => beginSync(path);
  syncs.next ??= syncs.running.then(begin, begin);
  return syncs.next;
}

function beginSync(path: string): Promise<void> {
  const syncs: DirectorySyncs = { running: syncDirectoryAlone(path) };
  directorySyncs.set(path, syncs);
  const end = (): void => {
    if (syncs.next === undefined) directorySyncs.delete(path);
  };
  syncs.running.then(end, end);
  return syncs.running;
}

async function syncDirectoryAlone(path: string): Promise<void> {
  const directory = perform('open', path, () => fs.openSync(path, 'r'));
  try {
    await syncAndClose(directory, path);
  } catch (error) {
    if (!(error instanceof MtlsctlError && error.details['systemCode'] === 'EINVAL')) throw error;
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

export function renamePath(from: string, to: string): void {
  perform('rename', to, () => {
    fs.renameSync(from, to);
  });
}

/** Gives a file a second name, which must not exist. */
export function linkPath(from: string, to: string): void {
  perform('link', to, () => {
    fs.linkSync(from, to);
  });
}

export function makeSymlink(target: string, path: string): void {
  perform('symlink', path, () => {
    fs.symlinkSync(target, path);
  });
}

/** Where a symbolic link leads; undefined where there is nothing, or something else than a link. */
export function readLink(path: string): string | undefined {
  return perform('readlink', path, () => {
    try {
      return fs.readlinkSync(path);
    } catch (error) {
      const code = systemErrorCode(error);
      if (code === 'ENOENT' || code === 'EINVAL') return undefined;
      throw error;
    }
  });
}

/** Tidies up after a failure, which is the one worth reporting. */
export function attempt(tidy: () => unknown): void {
  try {
    tidy();
  } catch (error) {
    if (!(error instanceof MtlsctlError)) throw error;
  }
}

/** Whether there was something to remove. */
export function removeFile(path: string): boolean {
  return perform('remove', path, () => {
    try {
      fs.unlinkSync(path);
      return true;
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return false;
      throw error;
    }
  });
}

/** Removes a directory and all in it; nothing where there is none. */
export function removeTree(path: string): void {
  perform('rmdir', path, () => {
    fs.rmSync(path, { recursive: true, force: true });
  });
}

/** Removes a directory if it is empty. */
export function removeEmptyDirectory(path: string): void {
  perform('rmdir', path, () => {
    fs.rmdirSync(path);
  });
}

/** Makes a directory that must not exist, with exactly this mode. */
export function makeDirectory(path: string, mode: number): void {
  perform('mkdir', path, () => {
    fs.mkdirSync(path, { mode });
  });
  if ((fs.statSync(path).mode & 0o777) !== mode)
    perform('chmod', path, () => {
      fs.chmodSync(path, mode);
    });
}

/** The names in a directory, in no order; undefined where there is no directory. */
export function listNames(path: string): readonly string[] | undefined {
  return perform('list', path, () => {
    try {
      return fs.readdirSync(path);
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  });
}

/** What is at a path, not following a link; undefined where there is nothing. */
export function statPath(path: string): fs.Stats | undefined {
  return perform('stat', path, () => fs.lstatSync(path, { throwIfNoEntry: false }));
}

/** What statfs(2) says of a file system. */
export interface FileSystemSpace {
  /** Octets in a block. */
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  /** Inodes. */
  readonly files: number;
  readonly ffree: number;
}

/**
 * Whether a file system can't take some more octets in a few files. The blocks that are kept for root are counted, since mtlsctl may be run by it;
 * of a file system that does not count its blocks or inodes (they are 0 in all) nothing is known.
 */
export function isFull({ bsize, blocks, bfree, files, ffree }: FileSystemSpace, octets: number): boolean {
  const fewInodes = 16;
  return (blocks > 0 && bfree * bsize < octets) || (files > 0 && ffree < fewInodes);
}

/** Throws `unwritable` where so many octets have no room in a directory, before anything is done that a full disk would leave half done. */
export function checkSpace(path: string, directory: string, octets: number): void {
  perform('space', path, () => {
    if (!isFull(fs.statfsSync(directory), octets)) return;
    throw new MtlsctlError('unwritable', `cannot write ${path}: no space left on device`, {
      hints: [`df -h ${directory}; df -i ${directory}`],
      details: { path, operation: 'space', systemCode: 'ENOSPC' },
    });
  });
}

/** What tells one directory from another that takes its place; undefined where there is none. */
export function directoryIdentity(path: string): string | undefined {
  const stat = perform('stat', path, () => fs.statSync(path, { throwIfNoEntry: false }));
  return stat?.isDirectory() === true ? `${stat.dev}.${stat.ino}` : undefined;
}

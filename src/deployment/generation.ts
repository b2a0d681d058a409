import type { Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import {
  attempt,
  changeGroup,
  changeMode,
  createFile,
  makeDirectory,
  makeSymlink,
  readLink,
  removeEmptyDirectory,
  removeFile,
  removeTree,
  renamePath,
  statPath,
  syncAndClose,
  syncDirectory,
} from '../file-operations.ts';
import { readBounded } from '../files.ts';
import { allOrNothing, takeBack, type UndoStep, wayBack } from '../staging.ts';
import {
  currentLink,
  defaultOverlap,
  files,
  type GenerationFiles,
  linkedGeneration,
  nextPrefix,
} from './generation-layout.ts';
import { prune } from './generation-prune.ts';

export { defaultOverlap, type GenerationFiles, publicPath } from './generation-layout.ts';
export { pruneGenerations } from './generation-prune.ts';

export interface InstallOptions {
  /** In milliseconds. */
  readonly now: number;
  readonly random: (count: number) => Uint8Array;
  /** How long a generation stays after it was replaced, in milliseconds; 24 h unless told. */
  readonly overlap?: number;
  /**
   * Looks at the new generation (the path of its directory) as a consumer would, before any consumer can.
   * What it throws stops the installation.
   */
  readonly verify?: (generationDirectory: string) => Promise<void>;
  /** A file in the service's directory that is written just before the new generation is in force, and is as before where that fails. */
  readonly together?: { readonly path: string; readonly write: () => Promise<void> };
}

export interface Installation {
  /** The name of the generation in force. */
  readonly generation: string;
  /** False where all three files were there already, and nothing was touched. */
  readonly changed: boolean;
}

export interface ServiceFiles {
  readonly generation: string;
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
  readonly ca: Uint8Array;
}

/** As linkedGeneration(), for those who can wait. */
// eslint-disable-next-line @typescript-eslint/require-await -- as readService() is
export async function currentGeneration(serviceDirectory: string): Promise<string | undefined> {
  return linkedGeneration(serviceDirectory);
}

/**
 * Reads the files in force. The link is read once and all files from where it leads, so a swap in between mixes nothing.
 * Undefined where nothing is installed. Throws `not-found` for a generation that lacks a file, `malformed`, `unreadable`, `too-large`.
 */
export async function readService(serviceDirectory: string): Promise<ServiceFiles | undefined> {
  for (;;) {
    const generation = linkedGeneration(serviceDirectory);
    if (generation === undefined) return undefined;
    try {
      const [key, cert, ca] = await Promise.all(
        files.map(file => readBounded(join(serviceDirectory, generation, file.name))),
      );
      if (key === undefined || cert === undefined || ca === undefined) return undefined;
      return { generation, cert, key, ca };
    } catch (error) {
      // The generation may have been replaced and pruned since the link was read.
      if (!isMtlsctlError(error, 'not-found') || linkedGeneration(serviceDirectory) === generation) throw error;
    }
  }
}

/**
 * Puts a new generation in force at one instant (DESIGN.md, "Swap"); durable at return. The service's directory is made if only it is
 * missing. Callers hold the service's lock. Throws `already-exists` where `cert.pem`, `key.pem` or `ca.pem` is something else than our
 * link, `unwritable`, and what `verify` throws; whatever was in force stays so, and nothing new is left.
 */
export async function installGeneration(
  serviceDirectory: string,
  content: GenerationFiles,
  options: InstallOptions,
): Promise<Installation> {
  const before = linkedGeneration(serviceDirectory);
  const missing = missingLinks(serviceDirectory);
  if (before !== undefined && missing.length === 0 && (await holds(join(serviceDirectory, before), content))) {
    return { generation: before, changed: false };
  }
  const undo: UndoStep[] = [];
  let generation: string;
  try {
    const isNew = makeServiceDirectory(serviceDirectory, undo);
    generation = await writeGeneration(serviceDirectory, content, options, undo);
    if (isNew) await syncDirectory(dirname(serviceDirectory));
    await options.verify?.(join(serviceDirectory, generation));
    for (const name of missing) linkThroughCurrent(serviceDirectory, name, undo);
    if (options.together !== undefined) {
      undo.push(await wayBack(options.together.path));
      await options.together.write();
    }
    renamePath(nextLink(serviceDirectory, generation), join(serviceDirectory, currentLink));
  } catch (error) {
    await takeBack(undo);
    throw error;
  }
  await syncDirectory(serviceDirectory);
  // The new files are in force whatever becomes of the old ones, and the next installation prunes too.
  attempt(() => prune(serviceDirectory, options.now, options.overlap ?? defaultOverlap));
  return { generation, changed: true };
}

/**
 * The public names that are not there. Throws `already-exists` where one is something else than our link, and `malformed` where `..data`
 * is no link to a generation: what installGeneration() would refuse.
 */
export function publicLinksMissing(serviceDirectory: string): readonly string[] {
  linkedGeneration(serviceDirectory);
  return missingLinks(serviceDirectory);
}

/** Puts missing public names back, durable at return. Callers hold the service's lock. Throws `unwritable`, and as publicLinksMissing(). */
export async function restorePublicLinks(serviceDirectory: string): Promise<readonly string[]> {
  const missing = publicLinksMissing(serviceDirectory);
  if (missing.length === 0) return missing;
  await allOrNothing(async undo => {
    const steps: UndoStep[] = [];
    undo(() => takeBack(steps));
    for (const name of missing) linkThroughCurrent(serviceDirectory, name, steps);
    await syncDirectory(serviceDirectory);
  });
  return missing;
}

function missingLinks(serviceDirectory: string): readonly string[] {
  return files.flatMap(({ name }) => {
    const path = join(serviceDirectory, name);
    const target = readLink(path);
    if (target === `${currentLink}/${name}`) return [];
    if (target === undefined && statPath(path) === undefined) return [name];
    throw new MtlsctlError('already-exists', `${path} was not made by mtlsctl and is not overwritten`, {
      hints: [`mv ${path} ${path}.old`],
      details: { path },
    });
  });
}

async function holds(generationDirectory: string, content: GenerationFiles): Promise<boolean> {
  try {
    for (const { name, part } of files) {
      const present = await readBounded(join(generationDirectory, name));
      if (Buffer.compare(present, Buffer.from(content[part])) !== 0) return false;
    }
    return true;
  } catch (error) {
    // A generation that lost a file is replaced.
    if (isMtlsctlError(error, 'not-found')) return false;
    throw error;
  }
}

/** Whether the directory was missing. */
function makeServiceDirectory(serviceDirectory: string, undo: UndoStep[]): boolean {
  if (statPath(serviceDirectory) !== undefined) return false;
  undo.push(() => {
    removeEmptyDirectory(serviceDirectory);
  });
  makeDirectory(serviceDirectory, 0o755);
  return true;
}

/** Writes the generation and the link that is to become `..data`, all durable at return. */
async function writeGeneration(
  serviceDirectory: string,
  content: GenerationFiles,
  options: InstallOptions,
  undo: UndoStep[],
): Promise<string> {
  const generation = newName(serviceDirectory, options);
  const directory = join(serviceDirectory, generation);
  const link = nextLink(serviceDirectory, generation);
  undo.push(
    () => {
      removeTree(directory);
    },
    () => removeFile(link),
  );
  makeSymlink(generation, link);
  makeDirectory(directory, 0o755);
  const write = async (file: (typeof files)[number]): Promise<void> => {
    const path = join(directory, file.name);
    const open = createFile(path, content[file.part], file.mode);
    if (file.part === 'key') keepGroup(open, path, keyInForce(serviceDirectory));
    await syncAndClose(open, path);
  };
  await allDone([...files.map(write), syncDirectory(directory), syncDirectory(serviceDirectory)]);
  return generation;
}

function keyInForce(serviceDirectory: string): Stats | undefined {
  return statPath(join(serviceDirectory, currentLink, 'key.pem'));
}

/**
 * A key that the group of a service may read (0640, as PostgreSQL takes it) stays so when it is renewed; nobody else ever gets to read it.
 * Where the group can't be given to the new file, it stays its owner's alone.
 */
function keepGroup(file: number, path: string, before: Stats | undefined): void {
  if (before?.isFile() !== true || (before.mode & 0o040) === 0) return;
  attempt(() => {
    changeGroup(file, path, before.gid);
    changeMode(file, path, 0o640);
  });
}

/** What of the mode of the key in force lets others read or change it; undefined where nothing does. */
export function looseKeyMode(serviceDirectory: string): string | undefined {
  const stat = keyInForce(serviceDirectory);
  return stat === undefined || (stat.mode & 0o037) === 0 ? undefined : `0${(stat.mode & 0o777).toString(8)}`;
}

/** Waits for all, also after a failure, so that nothing is still being written when it is tidied up. */
async function allDone(steps: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(steps);
  await Promise.all(steps);
}

/** `..20261122T140501Z-3f9c`: the instant, and a random part for several within a second. */
function newName(serviceDirectory: string, options: InstallOptions): string {
  const timestamp = new Date(options.now).toISOString().replace(/[-:]|\.\d+/g, '');
  for (;;) {
    const name = `..${timestamp}-${Buffer.from(options.random(2)).toString('hex')}`;
    if (statPath(join(serviceDirectory, name)) === undefined) return name;
  }
}

function nextLink(serviceDirectory: string, generation: string): string {
  return join(serviceDirectory, `${nextPrefix}${generation.slice(2)}`);
}

function linkThroughCurrent(serviceDirectory: string, name: string, undo: UndoStep[]): void {
  const path = join(serviceDirectory, name);
  makeSymlink(`${currentLink}/${name}`, path);
  undo.push(() => removeFile(path));
}

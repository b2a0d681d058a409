import { join } from 'node:path';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import {
  attempt,
  listNames,
  makeDirectory,
  makeSymlink,
  readLink,
  removeFile,
  removeTree,
  renamePath,
  statPath,
  syncDirectory,
} from '../file-operations.ts';
import { readBounded, replaceFile } from '../files.ts';
import { allOrNothing, takeBack, type UndoStep, wayBack } from '../staging.ts';
import {
  currentLink,
  defaultOverlap,
  extraNames,
  files,
  filesOf,
  type GenerationFiles,
  type Installation,
  type InstallOptions,
  linkedGeneration,
  nextPrefix,
  togetherMode,
} from './generation-layout.ts';
import { prune } from './generation-prune.ts';
import { allDone, keyInForce, newName, writeFiles } from './generation-write.ts';
import { installNewService } from './new-service.ts';

export { defaultOverlap, type GenerationFiles, type Installation, type InstallOptions } from './generation-layout.ts';

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
  if (statPath(serviceDirectory) === undefined) return installNewService(serviceDirectory, content, options);
  const before = linkedGeneration(serviceDirectory);
  const names = filesOf(content).map(({ name }) => name);
  const missing = missingLinks(serviceDirectory, names);
  if (before !== undefined && missing.length === 0 && (await holds(join(serviceDirectory, before), content))) {
    return { generation: before, changed: false };
  }
  const undo: UndoStep[] = [];
  let generation: string;
  try {
    generation = await writeGeneration(serviceDirectory, content, options, undo);
    await options.verify?.(join(serviceDirectory, generation));
    for (const name of missing) linkThroughCurrent(serviceDirectory, name, undo);
    if (options.together !== undefined) {
      const path = join(serviceDirectory, options.together.name);
      undo.push(await wayBack(path));
      await replaceFile(path, options.together.content, { mode: togetherMode });
    }
    renamePath(nextLink(serviceDirectory, generation), join(serviceDirectory, currentLink));
  } catch (error) {
    await takeBack(undo);
    throw error;
  }
  await syncDirectory(serviceDirectory);
  // The new files are in force whatever becomes of the old ones, and the next installation prunes too.
  for (const name of extraNames)
    if (!names.includes(name))
      attempt(() => {
        removeLink(serviceDirectory, name);
      });
  attempt(() => prune(serviceDirectory, options.now, options.overlap ?? defaultOverlap));
  return { generation, changed: true };
}

/**
 * The public names that are not there. Throws `already-exists` where one is something else than our link, and `malformed` where `..data`
 * is no link to a generation: what installGeneration() would refuse.
 */
export function publicLinksMissing(serviceDirectory: string): readonly string[] {
  const generation = linkedGeneration(serviceDirectory);
  return missingLinks(serviceDirectory, [...publicNames, ...extrasIn(serviceDirectory, generation)]);
}

/** Which further files the generation in force has. */
function extrasIn(serviceDirectory: string, generation: string | undefined): readonly string[] {
  const present = generation === undefined ? [] : (listNames(join(serviceDirectory, generation)) ?? []);
  return extraNames.filter(name => present.includes(name));
}

/** Only a link of ours, which would lead nowhere. */
function removeLink(serviceDirectory: string, name: string): void {
  const path = join(serviceDirectory, name);
  if (readLink(path) === `${currentLink}/${name}`) removeFile(path);
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

const publicNames = files.map(({ name }) => name);

function missingLinks(serviceDirectory: string, names: readonly string[]): readonly string[] {
  return names.flatMap(name => {
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
    const wanted = filesOf(content);
    for (const { name, content: octets } of wanted) {
      const present = await readBounded(join(generationDirectory, name));
      if (Buffer.compare(present, Buffer.from(octets)) !== 0) return false;
    }
    const present = listNames(generationDirectory) ?? [];
    return extraNames.every(name => !present.includes(name) || wanted.some(file => file.name === name));
  } catch (error) {
    // A generation that lost a file is replaced.
    if (isMtlsctlError(error, 'not-found')) return false;
    throw error;
  }
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
  await allDone([
    ...writeFiles(directory, content, keyInForce(serviceDirectory), options.access),
    syncDirectory(serviceDirectory),
  ]);
  return generation;
}

/** What of the mode of the key in force lets others read or change it; undefined where nothing does. */
export function looseKeyMode(serviceDirectory: string): string | undefined {
  const stat = keyInForce(serviceDirectory);
  return stat === undefined || (stat.mode & 0o037) === 0 ? undefined : `0${(stat.mode & 0o777).toString(8)}`;
}

function nextLink(serviceDirectory: string, generation: string): string {
  return join(serviceDirectory, `${nextPrefix}${generation.slice(2)}`);
}

function linkThroughCurrent(serviceDirectory: string, name: string, undo: UndoStep[]): void {
  const path = join(serviceDirectory, name);
  makeSymlink(`${currentLink}/${name}`, path);
  undo.push(() => removeFile(path));
}

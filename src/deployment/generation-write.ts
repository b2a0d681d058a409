import type { Stats } from 'node:fs';
import { join } from 'node:path';
import { createFile, listNames, statPath, syncAndClose, syncDirectory } from '../file-operations.ts';
import { giveAccess } from './key-access.ts';
import {
  currentLink,
  filesOf,
  type GenerationFile,
  type GenerationFiles,
  generationPattern,
  type InstallOptions,
  instantOf,
  type KeyAccess,
} from './generation-layout.ts';

/**
 * Begins to write the files of a generation into its directory, and returns what has to end before they are durable.
 * `keyBefore` is the key that was in force, where there was one.
 */
export function writeFiles(
  directory: string,
  content: GenerationFiles,
  keyBefore: Stats | undefined,
  access: KeyAccess = {},
): readonly Promise<void>[] {
  const wanted = kept(access, keyBefore);
  const write = async (file: GenerationFile): Promise<void> => {
    const path = join(directory, file.name);
    const open = createFile(path, file.content, file.mode);
    if (file.holdsKey) giveAccess(open, path, wanted);
    await syncAndClose(open, path);
  };
  return [...filesOf(content).map(write), syncDirectory(directory)];
}

export function keyInForce(serviceDirectory: string): Stats | undefined {
  return statPath(join(serviceDirectory, currentLink, 'key.pem'));
}

/**
 * What is not asked for stays as it was when a key is renewed: its owner, and its group where that may read it (0640, as PostgreSQL takes it);
 * nobody else ever gets to read it.
 */
function kept({ uid, gid, mode }: KeyAccess, before: Stats | undefined): KeyAccess {
  const last = before?.isFile() === true ? before : undefined;
  const isShared = last !== undefined && (last.mode & 0o040) !== 0;
  return {
    uid: uid ?? last?.uid,
    gid: gid ?? (isShared ? last.gid : undefined),
    mode: mode ?? (isShared ? 0o640 : 0o600),
  };
}

/** Waits for all, also after a failure, so that nothing is still being written when it is tidied up. */
export async function allDone(steps: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(steps);
  await Promise.all(steps);
}

const lastInstant = Date.parse('9999-12-31T23:59:59Z');

/**
 * `..20261122T140501Z-3f9c`: the instant and a random part. In the order of their names, generations follow each other: one that is made within the
 * second of the last, or by a clock that was set back, is named after the second that comes next.
 */
export function newName(serviceDirectory: string, options: InstallOptions): string {
  const names = (listNames(serviceDirectory) ?? []).filter(name => generationPattern.test(name));
  // A name so late that none could follow it was not made here.
  const newest = Math.max(...names.map(instantOf).filter(each => each < lastInstant - 1000), -Infinity);
  const instant = Math.max(options.now, newest + 1000);
  const timestamp = new Date(instant).toISOString().replace(/[-:]|\.\d+/g, '');
  return `..${timestamp}-${Buffer.from(options.random(2)).toString('hex')}`;
}

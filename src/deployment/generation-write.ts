import type { Stats } from 'node:fs';
import { join } from 'node:path';
import {
  attempt,
  changeGroup,
  changeMode,
  createFile,
  statPath,
  syncAndClose,
  syncDirectory,
} from '../file-operations.ts';
import { currentLink, files, type GenerationFiles, type InstallOptions } from './generation-layout.ts';

/**
 * Begins to write the files of a generation into its directory, and returns what has to end before they are durable.
 * `keyBefore` is the key that was in force, where there was one.
 */
export function writeFiles(
  directory: string,
  content: GenerationFiles,
  keyBefore: Stats | undefined,
): readonly Promise<void>[] {
  const write = async (file: (typeof files)[number]): Promise<void> => {
    const path = join(directory, file.name);
    const open = createFile(path, content[file.part], file.mode);
    if (file.part === 'key') keepGroup(open, path, keyBefore);
    await syncAndClose(open, path);
  };
  return [...files.map(write), syncDirectory(directory)];
}

export function keyInForce(serviceDirectory: string): Stats | undefined {
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

/** Waits for all, also after a failure, so that nothing is still being written when it is tidied up. */
export async function allDone(steps: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(steps);
  await Promise.all(steps);
}

/** `..20261122T140501Z-3f9c`: the instant, and a random part for several within a second. */
export function newName(serviceDirectory: string, options: InstallOptions): string {
  const timestamp = new Date(options.now).toISOString().replace(/[-:]|\.\d+/g, '');
  for (;;) {
    const name = `..${timestamp}-${Buffer.from(options.random(2)).toString('hex')}`;
    if (statPath(join(serviceDirectory, name)) === undefined) return name;
  }
}

import { basename, dirname, join } from 'node:path';
import {
  createFile,
  makeDirectory,
  makeSymlink,
  removeTree,
  renamePath,
  statPath,
  syncAndClose,
  syncDirectory,
} from '../file-operations.ts';
import { toldOf } from '../files.ts';
import { allOrNothing } from '../staging.ts';
import {
  currentLink,
  filesOf,
  type GenerationFiles,
  type Installation,
  type InstallOptions,
  togetherMode,
} from './generation-layout.ts';
import { allDone, newName, writeFiles } from './generation-write.ts';

/**
 * installGeneration() for a service that has no directory yet: all of it is made under another name, and gets its own at one instant. That takes
 * half the file operations. Callers hold the service's lock; what a killed process left under the other name is removed.
 */
export async function installNewService(
  serviceDirectory: string,
  content: GenerationFiles,
  options: InstallOptions,
): Promise<Installation> {
  const parent = dirname(serviceDirectory);
  const staging = join(parent, `.${basename(serviceDirectory)}.new`);
  const generation = await allOrNothing(async undo => {
    if (statPath(staging) !== undefined) removeTree(staging);
    undo(() => {
      removeTree(staging);
    });
    makeDirectory(staging, 0o755);
    const made = await fill(staging, content, options);
    await options.verify?.(join(staging, made));
    renamePath(staging, serviceDirectory);
    return made;
  }).catch((error: unknown) => {
    throw toldOf(serviceDirectory, staging, error);
  });
  await syncDirectory(parent);
  return { generation, changed: true };
}

/** Everything in it is durable at return. */
async function fill(directory: string, content: GenerationFiles, options: InstallOptions): Promise<string> {
  const generation = newName(directory, options);
  makeDirectory(join(directory, generation), 0o755);
  makeSymlink(generation, join(directory, currentLink));
  for (const { name } of filesOf(content)) makeSymlink(`${currentLink}/${name}`, join(directory, name));
  await allDone([
    ...writeFiles(join(directory, generation), content, undefined, options.access),
    ...(options.together === undefined ? [] : [writeTogether(directory, options.together)]),
    syncDirectory(directory),
  ]);
  return generation;
}

async function writeTogether(
  directory: string,
  { name, content }: NonNullable<InstallOptions['together']>,
): Promise<void> {
  const path = join(directory, name);
  await syncAndClose(createFile(path, content, togetherMode), path);
}

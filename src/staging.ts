import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { isMtlsctlError, MtlsctlError } from './errors.ts';
import { attempt, listNames, removeFile, removeTree, renamePath, statPath } from './file-operations.ts';
import { ensureDirectory, readOptional, replaceFile, syncDirectory } from './files.ts';

/**
 * Makes a directory as a whole: `fill` writes into one beside it, which takes the name at one instant once everything in it is durable.
 * Where anything fails nothing is left. Callers hold a lock that keeps others from making the same directory: what a killed process
 * left of it, keys perhaps, is removed. Throws `already-exists` where something lies there, before `fill` is asked; `unwritable`, and what `fill` throws.
 */
export async function stageDirectory<T>(path: string, fill: (staging: string) => Promise<T>): Promise<T> {
  const parent = dirname(path);
  removeAbandoned(path);
  refuseOccupied(path);
  const staging = join(parent, `.${basename(path)}-${randomBytes(4).toString('hex')}.new`);
  return allOrNothing(async undo => {
    undo(() => {
      removeTree(staging);
    });
    await ensureDirectory(staging, 0o755);
    const result = await fill(staging);
    await syncDirectory(staging);
    renamePath(staging, path);
    undo(() => {
      removeTree(path);
    });
    await syncDirectory(parent);
    return result;
  });
}

/** Throws `already-exists` where something lies in the place of a directory that is to be made. One that is empty is as good as none. */
export function refuseOccupied(path: string): void {
  const stat = statPath(path);
  if (stat === undefined || (stat.isDirectory() && listNames(path)?.length === 0)) return;
  throw new MtlsctlError('already-exists', `${path} exists already, and would be overwritten`, {
    hints: [`look at it with 'ls -lA ${path}', and move away what is to be kept`],
    details: { path },
  });
}

function removeAbandoned(path: string): void {
  const prefix = `.${basename(path)}-`;
  for (const name of listNames(dirname(path)) ?? []) {
    if (!name.startsWith(prefix) || !/^[0-9a-f]{8}\.new$/.test(name.slice(prefix.length))) continue;
    attempt(() => {
      removeTree(join(dirname(path), name));
    });
  }
}

/** One step back. It must do no harm where its step was not or only half done. */
export type UndoStep = () => unknown;

/** Runs an action of several steps, which tells how to take each back; where it fails they are taken back, the last one first. */
export async function allOrNothing<T>(action: (undo: (step: UndoStep) => void) => Promise<T>): Promise<T> {
  const steps: UndoStep[] = [];
  try {
    return await action(step => {
      steps.push(step);
    });
  } catch (error) {
    await takeBack(steps);
    throw error;
  }
}

/** Takes steps back, the last one first. One that fails does not stop the others: the failure before it is the one worth reporting. */
export async function takeBack(steps: readonly UndoStep[]): Promise<void> {
  for (const step of [...steps].reverse()) {
    try {
      await step();
    } catch (error) {
      if (!isMtlsctlError(error)) throw error;
    }
  }
}

/** The way back to what a file is now: its content and mode, or its absence. Throws `unreadable`. */
export async function wayBack(path: string): Promise<UndoStep> {
  const content = await readOptional(path, Number.MAX_SAFE_INTEGER);
  if (content === undefined) return () => removeFile(path);
  const mode = (statPath(path)?.mode ?? 0o644) & 0o777;
  return () => replaceFile(path, content, { mode });
}

import { type FileOperation, faults } from '../src/file-operations.ts';

export interface FaultRun {
  /** The operation that was made to fail; undefined where the action was done before it came to it. */
  readonly failed: { readonly operation: FileOperation; readonly path: string } | undefined;
  /** What the action threw. */
  readonly error: unknown;
}

export function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/** Runs an action in which the file operation with this number (from 0) fails. */
export async function withFaultAt(number: number, code: string, action: () => Promise<unknown>): Promise<FaultRun> {
  let count = 0;
  let failed: FaultRun['failed'];
  faults.before = (operation, path) => {
    count += 1;
    if (count - 1 !== number) return;
    failed = { operation, path };
    throw systemError(code);
  };
  try {
    await action();
    return { failed, error: undefined };
  } catch (error) {
    return { failed, error };
  } finally {
    faults.before = undefined;
  }
}

/** Runs an action again and again, each time with the next of its file operations failing, until none is left; says how many there were. */
export async function withEachFault(
  code: string,
  prepare: () => Promise<() => Promise<unknown>>,
  judge: (run: FaultRun) => Promise<void> | void,
): Promise<number> {
  for (let number = 0; ; number += 1) {
    const action = await prepare();
    const run = await withFaultAt(number, code, action);
    if (run.failed === undefined) return number;
    await judge(run);
  }
}

const changing: ReadonlySet<FileOperation> = new Set<FileOperation>([
  ...([
    'chmod',
    'chown',
    'create',
    'link',
    'mkdir',
    'remove',
    'rename',
    'rmdir',
    'symlink',
    'sync',
    'truncate',
    'write',
  ] as const),
]);

/**
 * Runs an action as if its process were killed at the change of files with this number (from 0): neither that nor any later one is done.
 * Says whether it came so far.
 */
export async function killedAt(number: number, action: () => Promise<unknown>): Promise<boolean> {
  let count = 0;
  faults.before = operation => {
    if (changing.has(operation)) count += 1;
    if (count > number) throw systemError('EKILLED');
  };
  try {
    await action();
  } catch (error) {
    if (count <= number) throw error;
  } finally {
    faults.before = undefined;
  }
  return count > number;
}

/** Runs an action and tells the paths and operations it came by. */
export async function operationsOf(action: () => Promise<unknown>): Promise<readonly string[]> {
  const operations: string[] = [];
  faults.before = operation => {
    operations.push(operation);
  };
  try {
    await action();
  } finally {
    faults.before = undefined;
  }
  return operations;
}

import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { attempt, removeTree, renamePath } from './file-operations.ts';
import { ensureDirectory, syncDirectory } from './files.ts';

/**
 * Makes a directory as a whole: `fill` writes into one beside it, which takes the name at one instant once everything in it is durable.
 * Where `fill` throws nothing is left. Throws `unwritable`, also where the directory exists and is not empty, and what `fill` throws.
 */
export async function stageDirectory<T>(path: string, fill: (staging: string) => Promise<T>): Promise<T> {
  const parent = dirname(path);
  const staging = join(parent, `.${basename(path)}-${randomBytes(4).toString('hex')}.new`);
  try {
    await ensureDirectory(staging, 0o755);
    const result = await fill(staging);
    await syncDirectory(staging);
    renamePath(staging, path);
    await syncDirectory(parent);
    return result;
  } catch (error) {
    attempt(() => {
      removeTree(staging);
    });
    throw error;
  }
}

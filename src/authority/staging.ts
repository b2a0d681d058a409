import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { renamePath } from '../file-operations.ts';
import { ensureDirectory, syncDirectory } from '../files.ts';
import { authoritiesDirectory } from './authority.ts';

/**
 * Makes an authority's directory as a whole: `fill` writes into a directory beside, which takes its name at one instant once everything
 * in it is durable. Where `fill` throws nothing is left. Callers hold the lock of the PKI directory.
 */
export async function stageAuthority<T>(
  directory: string,
  name: string,
  fill: (stagingDirectory: string) => Promise<T>,
): Promise<T> {
  const authorities = authoritiesDirectory(directory);
  await ensureDirectory(directory, 0o755);
  await ensureDirectory(authorities, 0o755);
  const staging = join(authorities, `.${name}-${randomBytes(4).toString('hex')}.new`);
  try {
    await ensureDirectory(staging, 0o755);
    const result = await fill(staging);
    await syncDirectory(staging);
    renamePath(staging, join(authorities, name));
    await syncDirectory(authorities);
    return result;
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
}

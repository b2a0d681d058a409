import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * The path of a program that a test runs mtlsctl against. Throws where it is not installed: every program named in .ci/packages is there in CI,
 * and a comparison that silently did not take place would be worth nothing.
 */
export function requireTool(name: string): string {
  const path = findTool(name);
  if (path === undefined) throw new Error(`this test needs '${name}', which is not installed (see .ci/packages)`);
  return path;
}

/** For `it.skipIf(lacksTool('gnutls-cli'))`: on a developer's machine the test is skipped, in CI (CI=true) it runs and fails. */
export function lacksTool(name: string): boolean {
  return process.env['CI'] !== 'true' && findTool(name) === undefined;
}

/** Where Debian has servers, which not every user's PATH names. */
const serverDirectories = ['/usr/sbin', '/usr/lib/postgresql/15/bin'];

function findTool(name: string): string | undefined {
  const directories = (process.env['PATH'] ?? '').split(delimiter).filter(directory => directory !== '');
  return [...directories, ...serverDirectories].map(directory => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

import { join } from 'node:path';

/** Locks lie outside of what is mounted into services or carried to another machine. */
export function lockDirectory(directory: string, name: string): string {
  return join(directory, '.locks', name);
}

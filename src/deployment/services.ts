import * as fs from 'node:fs';
import { join } from 'node:path';
import { isMtlsctlError } from '../errors.ts';
import { perform, statPath } from '../file-operations.ts';

/** A DNS label: what the name of a service is. */
const label = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** What makes a directory that of a service; a directory of something else is left alone. */
const marks = ['service.yaml', '..data', 'cert.pem'];

export interface ServiceDirectory {
  readonly name: string;
  /** It is a link to a directory elsewhere, which is not ours to change. */
  readonly isLink: boolean;
}

/** The services of a PKI directory, sorted. `isKnown` saves a look into directories. Throws `not-found`, `unreadable`. */
export function serviceDirectories(
  directory: string,
  isKnown: (name: string) => boolean = () => false,
): readonly ServiceDirectory[] {
  const entries = perform('list', directory, () => fs.readdirSync(directory, { withFileTypes: true }));
  const found: ServiceDirectory[] = [];
  for (const entry of entries) {
    const { name } = entry;
    if (name === 'authorities' || !label.test(name) || !(entry.isDirectory() || entry.isSymbolicLink())) continue;
    if (isKnown(name) || isMarked(join(directory, name))) found.push({ name, isLink: entry.isSymbolicLink() });
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What can't be looked into is taken for a service, so that somebody says what is wrong with it. */
function isMarked(path: string): boolean {
  try {
    return marks.some(mark => statPath(join(path, mark)) !== undefined);
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    return true;
  }
}

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { isMtlsctlError, MtlsctlError, systemErrorCode } from '../errors.ts';
import { listNames } from '../file-operations.ts';
import { readBounded } from '../files.ts';
import { looksLikePem } from '../x509/pem.ts';
import { inspectContents, type Item, refuseMany, type View } from './contents.ts';
import { kindOfDer } from './recognise.ts';
import type { Found } from './target.ts';

/** Nobody reads more, and a directory of everything is no directory of certificates. */
const maximumFiles = 10_000;

/**
 * A PKI directory as a list of its authorities and services; of any other directory the files in it that hold PEM or DER, its
 * subdirectories left alone. Throws `not-found` where there is nothing to show, `unreadable`, `too-large`.
 */
export async function inspectDirectory(path: string, target: string, view: View): Promise<Found> {
  const names = listNames(path) ?? [];
  if (names.includes('authorities') || names.includes('mtlsctl.yaml')) {
    return (await import('./pki-directory.ts')).inspectPkiDirectory(path, names, view);
  }
  if (names.length > maximumFiles) {
    throw new MtlsctlError('too-large', `${target} has more than ${maximumFiles} files`, {
      hints: [`ls ${target} | wc -l`],
    });
  }
  return inspectFiles(path, target, names, view);
}

async function inspectFiles(path: string, target: string, names: readonly string[], view: View): Promise<Found> {
  const items: Item[] = [];
  const others: string[] = [];
  for (const name of inOrder(names.filter(each => !each.startsWith('.') && isFile(join(path, each))))) {
    const shown = join(target, name);
    const found = await inspectFile(join(path, name), shown, view);
    if (found === undefined) others.push(name);
    else for (const item of found) items.push({ ...item, facts: { target: shown, ...item.facts } });
    refuseMany(items.length, target);
  }
  if (items.length === 0) throw nothingIn(target);
  const notes = others.length === 0 ? [] : [`left out, since they hold neither PEM nor DER: ${others.join(', ')}`];
  return { kind: 'directory', items, notes };
}

/** A service's own certificate and key before the trust anchors, the rest by name. */
function inOrder(names: readonly string[]): readonly string[] {
  const first = ['cert.pem', 'key.pem'];
  return [...first.filter(name => names.includes(name)), ...names.filter(name => !first.includes(name)).sort()];
}

/** Undefined for a file that holds something else. A file that can't be read is an item with an error. */
async function inspectFile(path: string, shown: string, view: View): Promise<readonly Item[] | undefined> {
  try {
    const file = await readBounded(path);
    if (!looksLikePem(file) && kindOfDer(file) === 'unknown') return undefined;
    return await inspectContents(file, shown, view);
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    return [{ facts: { kind: 'unknown' }, error, pem: undefined }];
  }
}

/** Pipes and devices would be waited for; links that lead nowhere are none. */
function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return false;
  }
}

function nothingIn(target: string): MtlsctlError {
  return new MtlsctlError('not-found', `${target} has no file that holds a certificate, request, CRL or key`, {
    hints: [`ls -la ${target}`, "give a PKI directory its first authority with 'mtlsctl init-root --dir <path>'"],
    details: { target },
  });
}

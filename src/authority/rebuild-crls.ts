import type { Config } from '../config.ts';
import { MtlsctlError } from '../errors.ts';
import { readOptional } from '../files.ts';
import { withLock } from '../lock.ts';
import { lockDirectory } from '../lock-directory.ts';
import {
  type Authority,
  authorityNames,
  authorityPaths,
  authoritiesDirectory,
  keyState,
  loadAuthority,
  openAuthorityKey,
} from './authority.ts';
import { type CrlPublication, publishCrl, withCrlLock } from './crl.ts';
import { configuredValidity, crlPointsOf } from './crl-settings.ts';
import { openLedger } from './issue.ts';
import { mergePublishedCrl } from './published-crls.ts';
import { join } from 'node:path';

export interface CrlRebuild {
  readonly directory: string;
  readonly config: Config;
  /** Empty for every authority whose key is here. */
  readonly authorities: readonly string[];
  /** Milliseconds; what mtlsctl.yaml says where undefined. */
  readonly validity: number | undefined;
  readonly now: number;
  passphrase(authority: string): Promise<Uint8Array>;
}

export interface PublishedCrl {
  readonly name: string;
  readonly publication: CrlPublication;
}

/** Signs and publishes a new CRL for each authority. Throws `authority-missing`, `key-missing`, `passphrase-missing`, `passphrase-wrong`. */
export async function rebuildCrls(order: CrlRebuild): Promise<readonly PublishedCrl[]> {
  const names = order.authorities.length > 0 ? order.authorities : await authoritiesWithKeys(order.directory);
  const published: PublishedCrl[] = [];
  for (const name of names)
    published.push({ name, publication: await rebuild(order, await loadAuthority(order.directory, name)) });
  return published;
}

async function authoritiesWithKeys(directory: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const name of await authorityNames(directory)) {
    const paths = authorityPaths(join(authoritiesDirectory(directory), name));
    // A key without its certificate waits for an answer to its request.
    const isInstalled = (await readOptional(paths.certificate)) !== undefined;
    if (isInstalled && (await keyState(paths)) !== 'absent') names.push(name);
  }
  if (names.length > 0) return names;
  throw new MtlsctlError('authority-missing', `no authority in ${directory} has its key here`, {
    hints: ["create one with 'mtlsctl init-root', or name the PKI directory with --dir"],
  });
}

async function rebuild(order: CrlRebuild, authority: Authority): Promise<CrlPublication> {
  const { directory, config, now } = order;
  const { certificate, name, paths } = authority;
  const signer = await openAuthorityKey(authority, () => order.passphrase(name));
  const publication = await withCrlLock(directory, name, () =>
    publishCrl({
      certificate,
      paths,
      ledger: openLedger(directory, authority),
      signer,
      now,
      validity: order.validity ?? configuredValidity(config, authority),
      points: crlPointsOf(config, name),
    }),
  );
  await withLock(lockDirectory(directory, 'pki'), () => mergePublishedCrl(directory, publication.crl, certificate));
  return publication;
}

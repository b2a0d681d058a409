import { join } from 'node:path';
import type { Config } from '../config.ts';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { readOptional } from '../files.ts';
import type { Signer } from '../keys/signer.ts';
import type { Certificate } from '../x509/certificate.ts';
import {
  type Authority,
  authorityNames,
  authorityPaths,
  authoritiesDirectory,
  keyState,
  loadAuthority,
  openAuthorityKey,
} from './authority.ts';
import { checkCrls } from './check-crls.ts';
import { publishDelta } from './crl-delta.ts';
import { publishSeries } from './crl-series.ts';
import { configuredValidity, crlPointsOf } from './crl-settings.ts';
import { type CrlOrder, type CrlPublication, publishCrl, withCrlLock } from './crl.ts';
import { openLedger } from './issue.ts';
import { type Repair, renewPublishedCrls } from './repair-crls.ts';
import { crlsPath } from './trust.ts';

/** Which CRLs are to be signed for each authority. */
export type CrlKind =
  | { readonly kind: 'complete' }
  | { readonly kind: 'delta' }
  /** `every` in milliseconds. */
  | { readonly kind: 'series'; readonly count: number; readonly every: number };

export interface CrlRebuild {
  readonly directory: string;
  readonly config: Config;
  /** Empty for every authority whose key is here. */
  readonly authorities: readonly string[];
  readonly kind: CrlKind;
  /** Milliseconds; what mtlsctl.yaml says where undefined. */
  readonly validity: number | undefined;
  /** See CrlOrder. */
  readonly acceptClock: boolean;
  readonly now: number;
  passphrase(authority: string): Promise<Uint8Array>;
}

export type RebuiltCrl = { readonly name: string } & (
  | {
      readonly status: 'published';
      readonly issuer: Certificate;
      readonly publications: readonly [CrlPublication, ...CrlPublication[]];
    }
  | { readonly status: 'failed' | 'skipped'; readonly error: MtlsctlError }
);

export interface CrlRun {
  readonly rebuilt: readonly RebuiltCrl[];
  /** What was wrong with `crl.pem` before. */
  readonly repair: Repair;
}

/**
 * Signs and publishes a new CRL for each authority. Where none is named one that fails does not stop the others: a CRL that ends because
 * another authority's passphrase was not at hand would be an outage for nothing. Where one authority is meant its failure is thrown:
 * `authority-missing`, `key-missing`, `passphrase-missing`, `passphrase-wrong`, `clock-wrong`, `ledger-corrupt`.
 */
export async function rebuildCrls(order: CrlRebuild): Promise<CrlRun> {
  const rebuilt = await rebuildEach(order);
  const fresh = rebuilt.flatMap(each =>
    each.status === 'published' && order.kind.kind !== 'delta'
      ? [{ crl: each.publications[0].crl, issuer: each.issuer }]
      : [],
  );
  return { rebuilt, repair: await renewPublishedCrls(order.directory, fresh, order.now) };
}

async function rebuildEach(order: CrlRebuild): Promise<readonly RebuiltCrl[]> {
  const names = order.authorities.length > 0 ? order.authorities : await authoritiesWithKeys(order.directory);
  const rebuilt: RebuiltCrl[] = [];
  for (const name of names) {
    try {
      const authority = await loadAuthority(order.directory, name);
      const publications = await rebuild(order, authority);
      rebuilt.push({ name, status: 'published', issuer: authority.certificate, publications });
    } catch (error) {
      if (!isMtlsctlError(error) || names.length === 1) throw error;
      rebuilt.push({ name, error, status: 'failed' });
    }
  }
  const isAnyDone = rebuilt.some(({ status }) => status === 'published');
  return Promise.all(
    rebuilt.map(async each => {
      const isPassedOver = each.status === 'failed' && (await canWait(order, each, isAnyDone));
      return isPassedOver ? { ...each, status: 'skipped' } : each;
    }),
  );
}

/** What a root's CRL has left at least when it is passed over; the timer comes by many times before. */
const comfortable = 24 * 3_600_000;

/** A root whose passphrase nobody gave (or only that of another), and whose CRL is as it should be, is no failure of an hourly run for all. */
async function canWait(
  { directory, authorities, now }: CrlRebuild,
  { name, error }: { readonly name: string; readonly error: MtlsctlError },
  isAnyDone: boolean,
): Promise<boolean> {
  // A wrong passphrase that opened no other key is simply wrong.
  const isLocked = error.code === 'passphrase-missing' || (error.code === 'passphrase-wrong' && isAnyDone);
  if (!isLocked || authorities.length > 0) return false;
  const checked = await checkCrls({ directory, authorities: [name], minRemaining: comfortable, now });
  // crl.pem is put right at the end, whatever it lacks now.
  return checked.every(({ file, problems }) => file === crlsPath(directory) || problems.length === 0);
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

async function rebuild(
  order: CrlRebuild,
  authority: Authority,
): Promise<readonly [CrlPublication, ...CrlPublication[]]> {
  const { directory, config, kind } = order;
  const { certificate, name, paths } = authority;
  const signer = await openForCrl(order, authority);
  return withCrlLock(directory, name, () =>
    publish(kind, {
      ...{ directory, certificate, paths, signer, now: order.now, acceptClock: order.acceptClock },
      ledger: openLedger(directory, authority),
      validity: order.validity ?? configuredValidity(config, authority),
      points: crlPointsOf(config, name),
    }),
  );
}

async function openForCrl(order: CrlRebuild, authority: Authority): Promise<Signer> {
  try {
    return await openAuthorityKey(authority, () => order.passphrase(authority.name));
  } catch (error) {
    if (!isMtlsctlError(error, 'key-missing')) throw error;
    throw new MtlsctlError('key-missing', error.message, {
      hints: ['sign it where the key is, and carry it here: mtlsctl crl --import <file>'],
    });
  }
}

async function publish(kind: CrlKind, order: CrlOrder): Promise<readonly [CrlPublication, ...CrlPublication[]]> {
  if (kind.kind === 'complete') return [await publishCrl(order)];
  if (kind.kind === 'delta') return [await publishDelta(order)];
  const [first, ...rest] = await publishSeries({ ...order, count: kind.count, every: kind.every });
  if (first === undefined) throw new RangeError('a series of no CRLs');
  return [first, ...rest];
}

import { MtlsctlError } from '../errors.ts';
import { readOptional, replaceFile } from '../files.ts';
import type { Signer } from '../keys/signer.ts';
import { withLock } from '../lock.ts';
import { formatInstant } from '../options.ts';
import { type Certificate, fingerprint } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import { crlNumber } from '../x509/extensions.ts';
import { lockDirectory } from '../lock-directory.ts';
import type { AuthorityPaths } from './authority.ts';
import { type CrlPoints, noCrlPoints } from './crl-settings.ts';
import { refuseLosses, signCrl } from './crl-sign.ts';
import type { CrlPublished, LedgerEvent } from './ledger-format.ts';
import type { Ledger } from './ledger.ts';
import { lastPublication, listedAt, readRevocations, type Revocations } from './revocations.ts';
import { crlOf, pemOf } from './published-crls.ts';
import { crlLimit, crlsPath } from './trust.ts';

/** A CRL of ours as it was published. Instants in milliseconds. */
export interface CrlPublication {
  readonly crl: Crl;
  readonly number: number;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** Of a delta: the number of the complete CRL that it goes with. */
  readonly base?: number;
}

export interface CrlOrder {
  /** The PKI directory, once its readers can see CRLs of this authority. */
  readonly directory?: string;
  readonly certificate: Certificate;
  readonly paths: AuthorityPaths;
  readonly ledger: Ledger;
  readonly signer: Signer;
  readonly now: number;
  /** From thisUpdate to nextUpdate, in milliseconds; less where the authority ends before. */
  readonly validity: number;
  readonly points?: CrlPoints;
  /** What the ledger says of revocations, where it has just been read. */
  readonly revocations?: Revocations;
  /** Sign although this clock is behind the one that the last CRL was signed by. */
  readonly acceptClock?: boolean;
}

/**
 * Signs a CRL of what the ledger says is revoked, with the next number (RFC 5280, 5.2.3), reads it back, records it and only then
 * puts it in the place of the last one. Callers use withCrlLock() once others can see the authority, so that numbers follow each other.
 * Throws `clock-wrong`, and `ledger-corrupt` where the ledger has lost what the CRL in force lists; that stays in force then.
 */
export async function publishCrl(order: CrlOrder): Promise<CrlPublication> {
  order.ledger.requireBegun();
  const revocations = order.revocations ?? (await readRevocations(order.ledger.path));
  const thisUpdate = instantOf(revocations, order);
  const nextUpdate = endOfCrl(order, thisUpdate);
  const inForce = await crlInForce(order);
  const number = nextNumber(revocations, inForce);
  const revoked = listedAt(revocations, thisUpdate);
  const crl = await signCrl({
    ...{ certificate: order.certificate, signer: order.signer, points: order.points ?? noCrlPoints },
    ...{ number, thisUpdate, nextUpdate, revoked },
  });
  if (inForce !== undefined) refuseLosses(crl, inForce, revocations, order.ledger.path);
  await order.ledger.append([publishedEvent(crl, { number, thisUpdate, nextUpdate })], order.now);
  await putInPlace(order.paths, crl);
  return { crl, number, thisUpdate, nextUpdate };
}

/**
 * With the authority at the latest: from then on nobody can use the CRL, and whoever watches its nextUpdate would think that all is well.
 * One signed after that end has its full time, since it would be none otherwise.
 */
export function endOfCrl(
  { certificate, validity }: Pick<CrlOrder, 'certificate' | 'validity'>,
  thisUpdate: number,
): number {
  const end = thisUpdate + validity;
  return certificate.notAfter > thisUpdate ? Math.min(end, certificate.notAfter) : end;
}

/** Runs an action while no other process publishes a CRL of the same authority, or revokes. */
export function withCrlLock<T>(directory: string, name: string, action: () => Promise<T>): Promise<T> {
  return withLock(lockDirectory(directory, `crl.${name}`), action, { what: `the CRL of authority '${name}'` });
}

export function publishedEvent(
  crl: Crl,
  { number, thisUpdate, nextUpdate, base }: Omit<CrlPublication, 'crl'>,
): LedgerEvent & CrlPublished {
  return {
    event: 'crl-published',
    number,
    thisUpdate: formatInstant(thisUpdate),
    nextUpdate: formatInstant(nextUpdate),
    entries: crl.revokedCount,
    sha256: fingerprint(crl.der),
    ...(base !== undefined && { base }),
  };
}

/** The authority's own two files: which is first does not matter, and to wait for the device once is enough. */
export async function putInPlace(paths: Pick<AuthorityPaths, 'crlDer' | 'crlPem'>, crl: Crl): Promise<void> {
  const outcomes = await Promise.allSettled([
    replaceFile(paths.crlPem, pemOf(crl), { mode: 0o644 }),
    replaceFile(paths.crlDer, crl.der, { mode: 0o644 }),
  ]);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}

/**
 * The newest CRL that this authority signed, in its own file and in what relying parties read: one file may be gone, or come from an old
 * copy together with the ledger. What was damaged or put there by others does not count.
 */
export async function crlInForce({
  directory,
  paths,
  certificate,
}: Pick<CrlOrder, 'certificate' | 'directory' | 'paths'>): Promise<Crl | undefined> {
  const read = async (path: string): Promise<Crl | undefined> => {
    const file = await readOptional(path, crlLimit);
    return file === undefined ? undefined : crlOf(file, certificate);
  };
  const own = (await read(paths.crlDer)) ?? (await read(paths.crlPem));
  const published = directory === undefined ? undefined : await read(crlsPath(directory));
  if (own === undefined || published === undefined) return own ?? published;
  return (crlNumber(published) ?? 0n) > (crlNumber(own) ?? 0n) ? published : own;
}

/** Above all that the ledger knows, and above the one in force even where the ledger was restored from an old copy. */
export function nextNumber({ publications }: Revocations, inForce: Crl | undefined): number {
  const published = inForce === undefined ? 0 : Number(crlNumber(inForce) ?? 0n);
  return 1 + publications.reduce((highest, each) => Math.max(highest, each.number), published);
}

/** Two processes that publish one after the other may have looked at the clock in the other order. */
const tolerance = 300_000;

/** The instant of a new CRL, in whole seconds and not before that of the last. Throws `clock-wrong`. */
export function instantOf(
  revocations: Revocations,
  { now, acceptClock }: Pick<CrlOrder, 'acceptClock' | 'now'>,
): number {
  const present = Math.floor(now / 1000) * 1000;
  const last = lastPublication(revocations)?.at ?? 0;
  if (present >= last || acceptClock === true) return present;
  if (present + tolerance >= last) return Math.floor(last / 1000) * 1000;
  throw new MtlsctlError(
    'clock-wrong',
    `the clock says ${formatInstant(now)}, and the last CRL was signed at ${formatInstant(last)}: relying parties would take a new one for stale`,
    {
      hints: ['set the clock: timedatectl status', 'if this clock is right and the one then was wrong, add --yes'],
      details: { now: formatInstant(now), last: formatInstant(last) },
    },
  );
}

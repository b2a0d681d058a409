import { readOptional } from '../files.ts';
import { withLock } from '../lock.ts';
import { lockDirectory } from '../lock-directory.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import { crlNumber } from '../x509/extensions.ts';
import { formatName, namesMatch } from '../x509/name.ts';
import { sameOctets } from '../der/octets.ts';
import { type KnownIssuer, knownIssuers, signerOf, withoutCrl } from './known-issuers.ts';
import { crlOf, readable, writePublishedCrls } from './published-crls.ts';
import { crlLimit, crlsPath } from './trust.ts';

/** What was wrong with `crl.pem`. */
export interface Repair {
  /** It could not be read, and what had been imported is lost. */
  readonly wasDamaged: boolean;
  /** The issuers of CRLs that nobody known here has signed. */
  readonly dropped: readonly string[];
  /** The CAs elsewhere whose CRLs had been imported, or are wanted, and which `crl.pem` has lost altogether. */
  readonly missing: readonly string[];
}

/** A CRL that was signed a moment ago. */
export interface FreshCrl {
  readonly crl: Crl;
  readonly issuer: Certificate;
}

/**
 * Puts fresh CRLs into `crl.pem` and the rest of it right: one CRL of each issuer that is known here, the newest of it and of the authority's
 * own file, and no other. A CRL of another CA would do no good to whoever reads it.
 */
export async function renewPublishedCrls(directory: string, fresh: readonly FreshCrl[], now: number): Promise<Repair> {
  return withLock(lockDirectory(directory, 'pki'), async () => {
    const known = await knownIssuers(directory, now);
    const file = await readOptional(crlsPath(directory), crlLimit);
    const present = file === undefined ? [] : readable(file);
    const others = present.filter(crl => !fresh.some(each => isOutdated(crl, each)));
    const signed = others.map(crl => ({ crl, issuer: signerOf(crl, known) }));
    const dropped = signed.filter(({ issuer }) => issuer === undefined).map(({ crl }) => formatName(crl.issuer));
    const kept = newestOfEach([
      ...signed.flatMap(({ crl, issuer }) => (issuer === undefined ? [] : [{ crl, issuer: issuer.certificate }])),
      ...(await ownCrls(known, fresh)),
      ...fresh,
    ]);
    if (kept.length > 0) await writePublishedCrls(directory, kept);
    // Where crl.pem is there, and as it was left, crl --check tells what was never imported.
    const missing = present.length > 0 ? [] : withoutCrl(known, kept).map(({ subject }) => formatName(subject));
    return { wasDamaged: file !== undefined && present.length === 0, dropped, missing };
  });
}

/** Whoever signed it: it gives way. */
function isOutdated(crl: Crl, { crl: newer, issuer }: FreshCrl): boolean {
  return namesMatch(crl.issuer, issuer.subject) && (crlNumber(crl) ?? 0n) < (crlNumber(newer) ?? 0n);
}

async function ownCrls(known: readonly KnownIssuer[], fresh: readonly FreshCrl[]): Promise<readonly FreshCrl[]> {
  const own: FreshCrl[] = [];
  for (const { authority, certificate: issuer } of known) {
    if (authority === undefined || fresh.some(each => sameOctets(each.issuer.der, issuer.der))) continue;
    const file = await readOptional(authority.paths.crlDer, crlLimit);
    const crl = file === undefined ? undefined : crlOf(file, issuer);
    if (crl !== undefined) own.push({ crl, issuer });
  }
  return own;
}

/** In the order of their issuers' first mention. */
function newestOfEach(candidates: readonly FreshCrl[]): readonly Crl[] {
  const newest: FreshCrl[] = [];
  for (const each of candidates) {
    const index = newest.findIndex(other => sameOctets(other.issuer.der, each.issuer.der));
    const other = newest[index];
    if (other === undefined) newest.push(each);
    else if ((crlNumber(each.crl) ?? 0n) > (crlNumber(other.crl) ?? 0n)) newest[index] = each;
  }
  return newest.map(({ crl }) => crl);
}

import type { Certificate } from '../x509/certificate.ts';
import { findRevoked, type Crl, type CrlEntry } from '../x509/crl.ts';
import { oids } from '../der/object-identifiers.ts';
import {
  authorityKeyIdentifier,
  CrlReason,
  crlNumber,
  crlReasonName,
  deltaCrlIndicator,
  findExtension,
  reasonCode,
} from '../x509/extensions.ts';
import { namesMatch } from '../x509/name.ts';
import { sameOctets } from '../der/octets.ts';
import { problemOf } from './readable.ts';

/** When and why a certificate was revoked. */
export interface RevocationEntry {
  readonly revocationDate: number;
  readonly reason: string;
}

/** Changes since another CRL, and no answer by itself. RFC 5280, 5.2.4. */
export function isDelta(crl: Crl): boolean {
  return findExtension(crl, oids.deltaCRLIndicator) !== undefined;
}

/**
 * The newest delta that goes with a complete CRL: same issuer, scope and key, its base not newer than the CRL, and acceptable itself.
 * RFC 5280, 5.2.4 and 6.3.3 (c).
 */
export function deltaFor(complete: Crl, crls: readonly Crl[], problemWith: (delta: Crl) => unknown): Crl | undefined {
  const number = crlNumber(complete);
  if (number === undefined) return undefined;
  const fitting = crls.filter(
    crl =>
      isDelta(crl) &&
      namesMatch(crl.issuer, complete.issuer) &&
      problemWith(crl) === undefined &&
      (deltaCrlIndicator(crl) ?? number + 1n) <= number &&
      (crlNumber(crl) ?? -1n) >= number &&
      haveSame(crl, complete, oids.issuingDistributionPoint) &&
      sameKey(crl, complete),
  );
  return fitting.reduce<Crl | undefined>(
    (newest, crl) => (newest === undefined || (crlNumber(crl) ?? 0n) > (crlNumber(newest) ?? 0n) ? crl : newest),
    undefined,
  );
}

function haveSame(a: Crl, b: Crl, oid: string): boolean {
  const [one, other] = [findExtension(a, oid), findExtension(b, oid)];
  if (one === undefined || other === undefined) return one === other;
  return sameOctets(one.value, other.value);
}

function sameKey(a: Crl, b: Crl): boolean {
  const [one, other] = [authorityKeyIdentifier(a)?.keyIdentifier, authorityKeyIdentifier(b)?.keyIdentifier];
  return one === undefined || other === undefined || sameOctets(one, other);
}

/** The certificate's entry, that of the delta first; undefined where it is not revoked. RFC 5280, 6.3.3 (i) to (k). */
export function entryFor(
  complete: Crl,
  delta: Crl | undefined,
  certificate: Certificate,
): RevocationEntry | { readonly problem: string } | undefined {
  const changed = delta && lookUp(delta, certificate);
  if (changed !== undefined) return changed === 'removed' ? undefined : changed;
  const listed = lookUp(complete, certificate);
  return listed === 'removed' ? undefined : listed;
}

type Listed = RevocationEntry | { readonly problem: string } | 'removed' | undefined;

function lookUp(crl: Crl, certificate: Certificate): Listed {
  let entry: CrlEntry | undefined;
  const unreadable = problemOf(() => {
    entry = findRevoked(crl, certificate.serialNumber, certificate.issuer);
    if (entry !== undefined) reasonCode(entry);
  });
  if (unreadable !== undefined) return { problem: `has an entry that does not parse (${unreadable})` };
  return entry && meaningOf(entry);
}

function meaningOf(entry: CrlEntry): Listed {
  const code = reasonCode(entry) ?? CrlReason.unspecified;
  if (code === CrlReason.removeFromCRL) return 'removed';
  return { revocationDate: entry.revocationDate, reason: crlReasonName(code) ?? 'unspecified' };
}

import type { Certificate } from '../x509/certificate.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  keyUsage,
  KeyUsage,
  subjectKeyIdentifier,
} from '../x509/extensions.ts';
import { nameKey } from '../x509/name.ts';
import { sameOctets } from '../x509/octets.ts';
import { unreadableExtension } from './readable.ts';

export interface Candidate {
  readonly certificate: Certificate;
  readonly isAnchor: boolean;
}

/** The certificates that a chain may be made of, found by subject. */
export interface CertificatePool {
  readonly anchors: ReadonlyMap<string, readonly Certificate[]>;
  readonly intermediates: ReadonlyMap<string, readonly Certificate[]>;
}

const indexes = new WeakMap<readonly Certificate[], ReadonlyMap<string, readonly Certificate[]>>();

/** Indexes are kept with the arrays, since one pool serves thousands of leaves. */
export function certificatePool(
  anchors: readonly Certificate[],
  intermediates: readonly Certificate[],
): CertificatePool {
  return { anchors: bySubject(anchors), intermediates: bySubject(intermediates) };
}

function bySubject(certificates: readonly Certificate[]): ReadonlyMap<string, readonly Certificate[]> {
  const known = indexes.get(certificates);
  if (known !== undefined) return known;
  const index = new Map<string, Certificate[]>();
  for (const certificate of certificates) {
    const key = nameKey(certificate.subject);
    const same = index.get(key);
    if (same === undefined) index.set(key, [certificate]);
    else if (!same.some(other => sameOctets(other.der, certificate.der))) same.push(certificate);
  }
  indexes.set(certificates, index);
  return index;
}

/** Whether this very certificate is a trust anchor. */
export function isTrustAnchor(pool: CertificatePool, certificate: Certificate): boolean {
  const named = pool.anchors.get(nameKey(certificate.subject)) ?? [];
  return named.some(anchor => anchor === certificate || sameOctets(anchor.der, certificate.der));
}

/**
 * Everything that could have issued the certificate, going by names, the most promising first: RFC 4158, 3.5. Nothing is left out for its key
 * identifier, which is a hint and no proof (RFC 5280, 4.2.1.1).
 */
export function issuerCandidates(pool: CertificatePool, certificate: Certificate, at: number): readonly Candidate[] {
  const key = nameKey(certificate.issuer);
  const anchors = pool.anchors.get(key) ?? [];
  const candidates: Candidate[] = anchors.map(anchor => ({ certificate: anchor, isAnchor: true }));
  for (const other of pool.intermediates.get(key) ?? []) {
    const isAnchor = anchors.some(anchor => anchor === other || sameOctets(anchor.der, other.der));
    if (!isAnchor) candidates.push({ certificate: other, isAnchor: false });
  }
  if (candidates.length < 2) return candidates;
  const wanted = unreadableExtension(certificate) ? undefined : authorityKeyIdentifier(certificate)?.keyIdentifier;
  const ranked = candidates.map(candidate => ({ candidate, rank: promise(candidate, wanted, at) }));
  return ranked.sort((a, b) => b.rank - a.rank).map(({ candidate }) => candidate);
}

function promise({ certificate, isAnchor }: Candidate, wanted: Uint8Array | undefined, at: number): number {
  if (unreadableExtension(certificate)) return -1;
  const usage = keyUsage(certificate) ?? KeyUsage.keyCertSign;
  const mayIssue = basicConstraints(certificate)?.ca === true && (usage & KeyUsage.keyCertSign) !== 0;
  const inTime = certificate.notBefore <= at && at <= certificate.notAfter;
  return 8 * keyPromise(certificate, wanted) + (mayIssue ? 4 : 0) + (inTime ? 2 : 0) + (isAnchor ? 1 : 0);
}

/** 2 for the key that is asked for, 1 where nobody says, 0 for another key. */
function keyPromise(certificate: Certificate, wanted: Uint8Array | undefined): number {
  const own = subjectKeyIdentifier(certificate);
  if (wanted === undefined || own === undefined) return 1;
  return sameOctets(wanted, own) ? 2 : 0;
}

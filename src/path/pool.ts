import type { Certificate } from '../x509/certificate.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  keyUsage,
  KeyUsage,
  subjectKeyIdentifier,
} from '../x509/extensions.ts';
import { nameKey } from '../x509/name.ts';
import { sameOctets } from '../der/octets.ts';
import { ifReadable } from './readable.ts';

export interface Candidate {
  readonly certificate: Certificate;
  readonly isAnchor: boolean;
}

/** The certificates that a chain may be made of, found by subject. */
export interface CertificatePool {
  readonly anchors: Index;
  readonly intermediates: readonly Index[];
}

type Index = ReadonlyMap<string, readonly Certificate[]>;

const indexes = new WeakMap<readonly Certificate[], Index>();

/** Indexes are kept with the arrays, since one pool serves thousands of leaves. */
export function certificatePool(
  anchors: readonly Certificate[],
  intermediates: readonly (readonly Certificate[])[],
): CertificatePool {
  return { anchors: bySubject(anchors), intermediates: intermediates.map(bySubject) };
}

/** The intermediates with this subject. */
export function intermediatesNamed({ intermediates }: CertificatePool, key: string): readonly Certificate[] {
  const named = intermediates.flatMap(index => index.get(key) ?? []);
  return intermediates.length < 2 || named.length < 2 ? named : withoutCopies(named);
}

function bySubject(certificates: readonly Certificate[]): Index {
  const known = indexes.get(certificates);
  if (known !== undefined) return known;
  const index = new Map<string, Certificate[]>();
  for (const certificate of certificates) {
    const key = nameKey(certificate.subject);
    const same = index.get(key);
    if (same === undefined) index.set(key, [certificate]);
    else same.push(certificate);
  }
  for (const [key, same] of index) if (same.length > 1) index.set(key, withoutCopies(same));
  indexes.set(certificates, index);
  return index;
}

function withoutCopies(certificates: readonly Certificate[]): Certificate[] {
  return [...new Map(certificates.map(certificate => [text(certificate), certificate])).values()];
}

const texts = new WeakMap<Certificate, string>();

/** The whole certificate as a key for maps and sets. */
function text(certificate: Certificate): string {
  let known = texts.get(certificate);
  if (known === undefined) texts.set(certificate, (known = Buffer.from(certificate.der).toString('latin1')));
  return known;
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
  const others = intermediatesNamed(pool, key);
  const anchorTexts = others.length === 0 ? undefined : new Set(anchors.map(text));
  const candidates: Candidate[] = [
    ...anchors.map(anchor => ({ certificate: anchor, isAnchor: true })),
    ...others
      .filter(other => anchors.length === 0 || anchorTexts?.has(text(other)) !== true)
      .map(other => ({ certificate: other, isAnchor: false })),
  ];
  if (candidates.length < 2) return candidates;
  const wanted = ifReadable(() => authorityKeyIdentifier(certificate))?.keyIdentifier;
  const ranked = candidates.map(candidate => ({
    candidate,
    rank: ifReadable(() => promise(pool, candidate, wanted, at)) ?? -1,
  }));
  return ranked.sort((a, b) => b.rank - a.rank).map(({ candidate }) => candidate);
}

/**
 * The bits of the sum, the weightiest first: key, authority to issue, dates, somewhere to go on from there. Only what this takes is decoded, since a
 * pool may be full of names. Throws `malformed`.
 */
function promise(pool: CertificatePool, candidate: Candidate, wanted: Uint8Array | undefined, at: number): number {
  const { certificate, isAnchor } = candidate;
  const usage = keyUsage(certificate) ?? KeyUsage.keyCertSign;
  const mayIssue = basicConstraints(certificate)?.ca === true && (usage & KeyUsage.keyCertSign) !== 0;
  const inTime = certificate.notBefore <= at && at <= certificate.notAfter;
  const onward = isAnchor ? 3 : onwardPromise(pool, certificate);
  return 16 * keyPromise(certificate, wanted) + (mayIssue ? 8 : 0) + (inTime ? 4 : 0) + onward;
}

/** 2 where an anchor has the issuer's name, 1 where an intermediate has, 0 for a dead end. */
function onwardPromise(pool: CertificatePool, certificate: Certificate): number {
  const issuer = nameKey(certificate.issuer);
  if (pool.anchors.has(issuer)) return 2;
  return pool.intermediates.some(index => index.has(issuer)) ? 1 : 0;
}

/** 2 for the key that is asked for, 1 where nobody says, 0 for another key. */
function keyPromise(certificate: Certificate, wanted: Uint8Array | undefined): number {
  const own = subjectKeyIdentifier(certificate);
  if (wanted === undefined || own === undefined) return 1;
  return sameOctets(wanted, own) ? 2 : 0;
}

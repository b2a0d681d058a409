import { join } from 'node:path';
import { inFile } from '../errors.ts';
import { readOptional, replaceFile } from '../files.ts';
import { sameOctets } from '../der/octets.ts';
import { verifyChain } from '../path/verify.ts';
import { type Certificate, readCertificates } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import { keyUsage, KeyUsage } from '../x509/extensions.ts';
import { nameKey, namesMatch } from '../x509/name.ts';
import { type Authority, installedAuthorities } from './authority.ts';
import { isSignedBy } from './published-crls.ts';
import { encodeCertificates, readOptionalTrustAnchors } from './trust.ts';

/** A CA whose CRLs count here. */
export interface KnownIssuer {
  readonly certificate: Certificate;
  /** The authority whose directory is here, if it is one of those. */
  readonly authority: Authority | undefined;
}

/** The certificates of authorities elsewhere whose CRLs were imported: they are needed whenever these are checked again. */
function crlIssuersPath(directory: string): string {
  return join(directory, 'crl-issuers.pem');
}

/**
 * The trust anchors, the authorities here with those above them, and those that came along with an import or are in `others`, as far as
 * they chain to a trust anchor at `now`. Throws `malformed`, `unreadable`.
 */
export async function knownIssuers(
  directory: string,
  now: number,
  others: readonly Certificate[] = [],
): Promise<readonly KnownIssuer[]> {
  const anchors = await readOptionalTrustAnchors(directory);
  return knownAmong(directory, { anchors, authorities: await installedAuthorities(directory) }, now, others);
}

/** As knownIssuers(), for a caller that has read trust anchors and authorities. */
export async function knownAmong(
  directory: string,
  { anchors, authorities }: { readonly anchors: readonly Certificate[]; readonly authorities: readonly Authority[] },
  now: number,
  others: readonly Certificate[] = [],
): Promise<readonly KnownIssuer[]> {
  const above = authorities.flatMap(({ chain }) => chain);
  const foreign = [...above, ...(await readCrlIssuers(directory)), ...others];
  const chained = foreign.filter(certificate => isChained(certificate, anchors, foreign, now));
  const known = [
    ...authorities.map(authority => ({ certificate: authority.certificate, authority })),
    ...[...anchors, ...chained].map(certificate => ({ certificate, authority: undefined })),
  ];
  return known.filter(
    ({ certificate }, index) => known.findIndex(other => sameOctets(other.certificate.der, certificate.der)) === index,
  );
}

function isChained(
  leaf: Certificate,
  trustAnchors: readonly Certificate[],
  intermediates: readonly Certificate[],
  at: number,
): boolean {
  return verifyChain({ leaf, trustAnchors, intermediates, at, purpose: 'any', profile: 'rfc5280', strict: false })
    .valid;
}

async function readCrlIssuers(directory: string): Promise<readonly Certificate[]> {
  const path = crlIssuersPath(directory);
  const file = await readOptional(path);
  return file === undefined ? [] : inFile(path, () => readCertificates(file));
}

/** Keeps the certificates of authorities elsewhere. Callers hold the lock of the PKI directory. */
export async function keepCrlIssuers(directory: string, certificates: readonly Certificate[]): Promise<void> {
  const present = await readCrlIssuers(directory);
  const added = certificates.filter(each => !present.some(other => sameOctets(other.der, each.der)));
  if (added.length === 0) return;
  await replaceFile(crlIssuersPath(directory), encodeCertificates([...present, ...added]), { mode: 0o644 });
}

/**
 * The CAs elsewhere whose CRLs servers want in `crl.pem`, since there is none of their name among `crls`: the trust anchors, those above the
 * authorities here, and those whose CRL was imported once.
 */
export function withoutCrl(known: readonly KnownIssuer[], crls: readonly Crl[]): readonly Certificate[] {
  const own = known.filter(({ authority }) => authority !== undefined).map(({ certificate }) => certificate.subject);
  const isLeftOut = new Set([...crls.map(({ issuer }) => issuer), ...own].map(nameKey));
  const missing = known.filter(
    ({ certificate }) => maySignCrls(certificate) && !isLeftOut.has(nameKey(certificate.subject)),
  );
  return missing.map(({ certificate }) => certificate);
}

/** RFC 5280, 4.2.1.3. */
function maySignCrls(certificate: Certificate): boolean {
  return ((keyUsage(certificate) ?? KeyUsage.cRLSign) & KeyUsage.cRLSign) !== 0;
}

/** Who signed a CRL; undefined where it is nobody of these, or one that may not (RFC 5280, 4.2.1.3: cRLSign). */
export function signerOf(crl: Crl, known: readonly KnownIssuer[]): KnownIssuer | undefined {
  return known.find(({ certificate }) => maySignCrls(certificate) && isSignedBy(crl, certificate));
}

/** Whether there is any of the CRL issuer's name, whoever signed it. */
export function isNamed(crl: Crl, known: readonly KnownIssuer[]): boolean {
  return known.some(({ certificate }) => namesMatch(certificate.subject, crl.issuer));
}

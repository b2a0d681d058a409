import { sameOctets } from '../der/octets.ts';
import type { AlgorithmIdentifier } from './algorithm-identifier.ts';
import { type Certificate, fingerprint, serialHex } from './certificate.ts';
import type { Crl, CrlEntry } from './crl.ts';
import {
  describeExtensions,
  type Facts,
  hex,
  instant,
  nameOfOid,
  problemOf,
  type Value,
} from './describe-extensions.ts';
import { formatName } from './name.ts';
import { describePublicKey, keyIdentifier, publicKeyFacts, type SubjectPublicKeyInfo } from './public-key.ts';
import type { Request } from './request.ts';

export type { Facts, Value } from './describe-extensions.ts';

/*
 * What is in a certificate, a request, a CRL or a public key, as plain values that JSON can carry. Names are those of RFC 5280, but
 * for the short ones that all documents of mtlsctl share (`serial`, `sha256`). Strings are as they were found: making them safe for a
 * terminal is the printer's business, except in distinguished names, which RFC 4514 escapes anyway.
 * Where a part is broken, `problem` stands in its place, so that the rest can still be looked at.
 */

/** RFC 5280, 4.1. */
export function describeCertificate(certificate: Certificate): Facts {
  return {
    version: certificate.version,
    serial: serialHex(certificate.serialNumber),
    ...describeSignatureAlgorithms(certificate.signatureAlgorithm, certificate.tbsSignatureAlgorithm),
    issuer: formatName(certificate.issuer),
    notBefore: instant(certificate.notBefore),
    notAfter: instant(certificate.notAfter),
    subject: formatName(certificate.subject),
    subjectPublicKeyInfo: describeSubjectPublicKey(certificate.subjectPublicKeyInfo),
    issuerUniqueID: certificate.issuerUniqueID && hex(certificate.issuerUniqueID),
    subjectUniqueID: certificate.subjectUniqueID && hex(certificate.subjectUniqueID),
    extensions: describeExtensions(certificate),
    signature: hex(certificate.signature),
    sha256: fingerprint(certificate.der),
  };
}

/** RFC 2986, 4.1; the extensions asked for stand under `extensions` (RFC 2985, 5.4.2). */
export function describeRequest(request: Request): Facts {
  const attributes = request.attributes.map(({ type, values }): [string, Value] => [
    nameOfOid(type),
    values.map(value => hex(value)),
  ]);
  return {
    subject: formatName(request.subject),
    subjectPublicKeyInfo: describePublicKeyInfo(request.subjectPublicKeyInfo),
    attributes: Object.fromEntries(attributes.filter(([name]) => name !== 'extensionRequest')),
    extensions: describeExtensions(request),
    signatureAlgorithm: nameOfOid(request.signatureAlgorithm.oid),
    signature: hex(request.signature),
    sha256: fingerprint(request.der),
  };
}

/** RFC 5280, 5.1. Of `revokedCertificates` no more than `limit` are listed; `truncated` tells that there are more. */
export function describeCrl(crl: Crl, limit: number): Facts {
  return {
    version: crl.version,
    ...describeSignatureAlgorithms(crl.signatureAlgorithm, crl.tbsSignatureAlgorithm),
    issuer: formatName(crl.issuer),
    thisUpdate: instant(crl.thisUpdate),
    nextUpdate: crl.nextUpdate === undefined ? undefined : instant(crl.nextUpdate),
    extensions: describeExtensions(crl),
    revokedCount: crl.revokedCount,
    revokedCertificates: firstEntries(crl, limit),
    truncated: crl.revokedCount > limit ? true : undefined,
    signature: hex(crl.signature),
    sha256: fingerprint(crl.der),
  };
}

function firstEntries(crl: Crl, limit: number): readonly Facts[] {
  const entries: Facts[] = [];
  if (limit === 0) return entries;
  for (const entry of crl.entries()) {
    entries.push(describeEntry(entry));
    if (entries.length === limit) break;
  }
  return entries;
}

/** RFC 5280, 5.3. */
function describeEntry(entry: CrlEntry): Facts {
  return {
    serial: serialHex(entry.serialNumber),
    revocationDate: instant(entry.revocationDate),
    extensions: entry.extensions.length === 0 ? undefined : describeExtensions(entry),
  };
}

/**
 * RFC 5280, 4.1.2.7. `sha256` is that of the whole subjectPublicKeyInfo, as pins have it; `keyIdentifier` is what a CA would write into
 * subjectKeyIdentifier (4.2.1.2 (1)).
 */
export function describePublicKeyInfo(publicKey: SubjectPublicKeyInfo): Facts {
  return { ...describeSubjectPublicKey(publicKey), keyIdentifier: hex(keyIdentifier(publicKey)) };
}

/** A certificate says its key identifier itself. */
function describeSubjectPublicKey(publicKey: SubjectPublicKeyInfo): Facts {
  return {
    algorithm: nameOfOid(publicKey.algorithm.oid),
    ...problemOr(() => ({ type: describePublicKey(publicKey), ...describeFacts(publicKey) })),
    subjectPublicKey: hex(publicKey.subjectPublicKey),
    sha256: fingerprint(publicKey.der),
  };
}

function describeFacts(publicKey: SubjectPublicKeyInfo): Facts {
  const facts = publicKeyFacts(publicKey);
  switch (facts.kind) {
    case 'rsa':
      // Beyond 2^53 a JSON number would change on its way.
      return {
        bits: facts.modulusBits,
        publicExponent: `0x${facts.exponent.toString(16).slice(0, maximumExponentDigits)}`,
      };
    case 'ec':
      return { namedCurve: nameOfOid(facts.curveOid) };
    case 'dsa':
      return { bits: facts.primeBits };
    case 'unknown':
      return { namedCurve: facts.curveOid };
    case 'ed25519':
    case 'ed448':
    case 'x25519':
    case 'x448':
      return {};
  }
}

/** Of 64 bits at most in any key that is used. */
const maximumExponentDigits = 64;

/** RFC 5280, 4.1.1.2 wants both the same; where they differ, both are shown. */
function describeSignatureAlgorithms(outer: AlgorithmIdentifier, inner: AlgorithmIdentifier): Facts {
  if (sameOctets(outer.der, inner.der)) return { signatureAlgorithm: nameOfOid(outer.oid) };
  return {
    signatureAlgorithm: nameOfOid(outer.oid),
    tbsSignatureAlgorithm: nameOfOid(inner.oid),
    problem: 'signatureAlgorithm is not the same as the one that is signed (RFC 5280, 4.1.1.2)',
  };
}

function problemOr(read: () => Facts): Facts {
  try {
    return read();
  } catch (error) {
    return { problem: problemOf(error) };
  }
}

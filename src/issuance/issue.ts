import { MtlsctlError } from '../errors.ts';
import { keyTypeOf, keyTypes } from '../keys/key-types.ts';
import type { Signer } from '../keys/signer.ts';
import { printable } from '../printable.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { subjectKeyIdentifier } from '../x509/extensions.ts';
import { formatName, isEmptyName, type Name, namesMatch, parseName } from '../x509/name.ts';
import { sameOctets } from '../der/octets.ts';
import { keyIdentifier, type SubjectPublicKeyInfo } from '../x509/public-key.ts';
import { buildCertificate } from './build.ts';
import { checkWithinIssuers } from './constraints.ts';
import { checkPublicKey } from './public-key.ts';
import {
  authorityKeyIdentifierExtension,
  basicConstraintsOfCa,
  crlDistributionPointsExtension,
  type EncodedExtension,
  extendedKeyUsageExtension,
  hasNames,
  hasSubtrees,
  keyUsageExtension,
  nameConstraintsExtension,
  type NameConstraintsOrder,
  subjectAltNameExtension,
  subjectKeyIdentifierExtension,
} from './extensions.ts';
import { type Lifetime, planLifetime } from './lifetime.ts';
import { noSubjectNames, type SubjectNames } from './names.ts';
import { keyUsageFor, type Profile } from './profile.ts';
import { randomSerial } from './serial.ts';
import { type Blueprint, releaseOrRefuse } from './release.ts';

/** Who signs: an authority's certificate with its key, or, for a root, the key alone. */
export interface Issuer {
  readonly certificate: Certificate | 'self';
  readonly signer: Signer;
  /** The CAs above the issuer, as far as they are known: their constraints hold too. */
  readonly chain?: readonly Certificate[];
}

export interface CertificateOrder {
  readonly profile: Profile;
  /** DER Name. */
  readonly subject: Uint8Array;
  readonly names?: SubjectNames;
  readonly publicKey: SubjectPublicKeyInfo;
  readonly issuer: Issuer;
  /** Milliseconds from now; the profile's where absent. */
  readonly validity?: number;
  /** CAs only; the profile's where absent. */
  readonly pathLength?: number;
  /** CAs only. */
  readonly nameConstraints?: NameConstraintsOrder;
  /** Where the issuer's CRL is to be fetched. */
  readonly crlUrls?: readonly string[];
  /** DER SubjectPublicKeyInfo of the authorities known: no certificate shares its key with one of them. */
  readonly authorityKeys?: readonly Uint8Array[];
  readonly now: number;
  random(count: number): Uint8Array;
}

export interface IssuedCertificate {
  readonly certificate: Certificate;
  /** For a person: what was done otherwise than asked for. */
  readonly warnings: readonly string[];
}

/**
 * Builds, signs, reads back and checks one certificate. Refused before anything is signed: `policy-refused`, `constraint-violation`,
 * `lifetime-refused`, `expired`, `key-shared`, `key-mismatch`. Afterwards, where what was signed is not what was ordered, `issued-certificate-refused`.
 */
export async function issueCertificate(order: CertificateOrder): Promise<IssuedCertificate> {
  const issuers = issuersOf(order.issuer);
  checkOrder(order, issuers);
  const lifetime = planLifetime({
    profile: order.profile,
    validity: order.validity ?? order.profile.validity,
    now: order.now,
    issuers,
  });
  const blueprint = draw(order, lifetime);
  const certificate = parseCertificate(await buildCertificate(blueprint, order.issuer.signer));
  releaseOrRefuse(certificate, blueprint, order.issuer);
  return { certificate, warnings: lifetime.shortened ? [shortenedWarning(lifetime)] : [] };
}

function issuersOf(issuer: Issuer): readonly Certificate[] {
  return issuer.certificate === 'self' ? [] : [issuer.certificate, ...(issuer.chain ?? [])];
}

function checkOrder(order: CertificateOrder, issuers: readonly Certificate[]): void {
  const { profile, issuer, publicKey } = order;
  if ((profile.kind === 'root') !== (issuer.certificate === 'self')) {
    throw new MtlsctlError(
      'policy-refused',
      `a certificate of the profile '${profile.name}' cannot be ${issuer.certificate === 'self' ? 'self-signed' : 'issued by another CA'}`,
    );
  }
  const subject = parseName(order.subject);
  checkPublicKey(publicKey);
  checkKeys(order);
  checkSubject(subject, issuers);
  checkWithinIssuers({
    profile,
    subject,
    names: order.names ?? noSubjectNames,
    pathLength: pathLengthOf(order),
    nameConstraints: order.nameConstraints,
    issuers,
  });
}

/** Two CAs of one name in a chain look like one certificate signed by itself, to us and to others. */
function checkSubject(subject: Name, issuers: readonly Certificate[]): void {
  if (isEmptyName(subject) || !issuers.some(issuer => namesMatch(issuer.subject, subject))) return;
  throw new MtlsctlError('policy-refused', `'${printable(formatName(subject))}' is the subject of its issuer already`, {
    hints: ['give another with --subject'],
  });
}

function checkKeys({ issuer, publicKey, authorityKeys = [] }: CertificateOrder): void {
  const { certificate, signer } = issuer;
  const issuerKey = certificate === 'self' ? publicKey : certificate.subjectPublicKeyInfo;
  if (!sameOctets(issuerKey.der, signer.publicKey.der)) {
    throw new MtlsctlError('key-mismatch', "the issuer's key does not belong to its certificate");
  }
  const foreign = certificate === 'self' ? authorityKeys : [...authorityKeys, certificate.subjectPublicKeyInfo.der];
  if (foreign.some(key => sameOctets(key, publicKey.der))) {
    throw new MtlsctlError('key-shared', 'the key is that of an authority already; no two share one', {
      hints: ['make a new key'],
    });
  }
}

/** Everything that the certificate will say but its signature. */
function draw(order: CertificateOrder, lifetime: Lifetime): Blueprint {
  const { issuer } = order;
  return {
    serialNumber: randomSerial(count => order.random(count)),
    subject: order.subject,
    issuer: issuer.certificate === 'self' ? order.subject : issuer.certificate.subject.der,
    notBefore: lifetime.notBefore,
    notAfter: lifetime.notAfter,
    publicKey: order.publicKey,
    extensions: extensionsOf(order),
  };
}

function extensionsOf(order: CertificateOrder): readonly EncodedExtension[] {
  const { profile, publicKey, nameConstraints, crlUrls = [], names = noSubjectNames } = order;
  const keyType = keyTypeOf(publicKey);
  const extensions: EncodedExtension[] = [];
  if (profile.kind !== 'leaf') extensions.push(basicConstraintsOfCa(pathLengthOf(order)));
  extensions.push(keyUsageExtension(keyUsageFor(profile, keyType !== undefined && keyTypes[keyType].isRsa)));
  if (profile.extendedKeyUsage.length > 0) extensions.push(extendedKeyUsageExtension(profile.extendedKeyUsage));
  if (hasNames(names)) {
    extensions.push(subjectAltNameExtension(names, isEmptyName(parseName(order.subject))));
  }
  if (nameConstraints !== undefined && hasSubtrees(nameConstraints))
    extensions.push(nameConstraintsExtension(nameConstraints));
  if (crlUrls.length > 0) extensions.push(crlDistributionPointsExtension(crlUrls));
  extensions.push(subjectKeyIdentifierExtension(keyIdentifier(publicKey)));
  const { certificate } = order.issuer;
  // A root may leave it out (RFC 5280, 4.2.1.1), and says nothing with it.
  if (certificate !== 'self') extensions.push(authorityKeyIdentifierExtension(identifierOf(certificate)));
  return extensions;
}

function pathLengthOf({ profile, pathLength }: CertificateOrder): number | undefined {
  return profile.kind === 'leaf' ? undefined : (pathLength ?? profile.pathLength);
}

/** The same value as in the issuer's own certificate, however that was made. RFC 5280, 4.2.1.1. */
function identifierOf(issuer: Certificate): Uint8Array {
  return subjectKeyIdentifier(issuer) ?? keyIdentifier(issuer.subjectPublicKeyInfo);
}

function shortenedWarning({ notAfter }: Lifetime): string {
  return `shortened to end with its issuer on ${new Date(notAfter).toISOString().slice(0, 19)}Z`;
}

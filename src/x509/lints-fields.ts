import { oids } from '../der/object-identifiers.ts';
import { Tag } from '../der/reader.ts';
import { fitsUtcTime } from '../der/time.ts';
import { authorityKeyIdentifier, crlDistributionPoints, subjectKeyIdentifier } from './extensions.ts';
import { isCritical, lintsOf } from './lint-rule.ts';
import { isEmptyName } from './name.ts';
import { sameOctets } from '../der/octets.ts';

/** RFC 5280, 4.1: the basic fields. */
export const fieldLints = lintsOf({
  'signature-algorithms-differ': {
    source: 'RFC 5280, 4.1.1.2',
    says: 'names one signature algorithm inside and another outside',
    broken: c => !sameOctets(c.signatureAlgorithm.der, c.tbsSignatureAlgorithm.der),
  },
  'version-not-3': {
    source: 'RFC 5280, 4.1.2.1',
    says: 'has extensions and is not of version 3',
    broken: c => c.extensions.length > 0 && c.version !== 3,
  },
  'serial-not-positive': {
    source: 'RFC 5280, 4.1.2.2',
    says: 'has a serial number that is not positive',
    broken: c => isNegative(c.serialNumber) || c.serialNumber.every(octet => octet === 0),
  },
  'serial-too-long': {
    source: 'RFC 5280, 4.1.2.2',
    says: 'has a serial number of more than 20 octets',
    broken: c => c.serialNumber.length > 20,
  },
  'issuer-empty': {
    source: 'RFC 5280, 4.1.2.4',
    says: 'has an empty issuer',
    broken: c => isEmptyName(c.issuer),
  },
  'issuer-differs': {
    source: 'RFC 5280, 4.1.2.4',
    says: "does not name its issuer by that one's subject, octet by octet",
    broken: (c, { issuer }) => issuer !== undefined && !sameOctets(c.issuer.der, issuer.subject.der),
  },
  'not-before-form': {
    source: 'RFC 5280, 4.1.2.5',
    says: 'writes notBefore in the form for the other half of the calendar',
    broken: c => c.notBeforeTag !== timeTag(c.notBefore),
  },
  'not-after-form': {
    source: 'RFC 5280, 4.1.2.5',
    says: 'writes notAfter in the form for the other half of the calendar',
    broken: c => c.notAfterTag !== timeTag(c.notAfter),
  },
  'validity-inverted': {
    source: 'RFC 5280, 4.1.2.5',
    says: 'ends before it begins',
    broken: c => c.notAfter < c.notBefore,
  },
  'unique-identifier': {
    source: 'RFC 5280, 4.1.2.8',
    says: 'has a unique identifier of issuer or subject',
    broken: c => c.issuerUniqueID !== undefined || c.subjectUniqueID !== undefined,
  },
});

/** RFC 5280, 4.2: key identifiers, and extensions that only inform. */
export const identifierLints = lintsOf({
  'authority-key-identifier-missing': {
    source: 'RFC 5280, 4.2.1.1',
    appliesTo: 'not-self-issued',
    says: "does not name its issuer's key",
    broken: c => authorityKeyIdentifier(c)?.keyIdentifier === undefined,
  },
  'authority-key-identifier-differs': {
    source: 'RFC 5280, 4.2.1.1',
    says: "names another key than its issuer's as the issuer's",
    broken: (c, { issuer }) => {
      const named = authorityKeyIdentifier(c)?.keyIdentifier;
      const own = issuer && subjectKeyIdentifier(issuer);
      return named !== undefined && own !== undefined && !sameOctets(named, own);
    },
  },
  'authority-key-identifier-incomplete': {
    source: 'RFC 5280, 4.2.1.1',
    says: 'has an authorityKeyIdentifier with one of authorityCertIssuer and authorityCertSerialNumber, which go together',
    broken: c => {
      const { authorityCertIssuer, authorityCertSerialNumber } = authorityKeyIdentifier(c) ?? {};
      return (authorityCertIssuer === undefined) !== (authorityCertSerialNumber === undefined);
    },
  },
  'subject-key-identifier-missing': {
    source: 'RFC 5280, 4.2.1.2',
    appliesTo: 'ca',
    says: 'is a CA without subjectKeyIdentifier',
    broken: c => subjectKeyIdentifier(c) === undefined,
  },
  'subject-key-identifier-missing-in-leaf': {
    source: 'RFC 5280, 4.2.1.2',
    appliesTo: 'end-entity',
    level: 'warning',
    says: 'has no subjectKeyIdentifier',
    broken: c => subjectKeyIdentifier(c) === undefined,
  },
  'subject-key-identifier-empty': {
    source: 'RFC 5280, 4.2.1.2',
    says: 'has an empty subjectKeyIdentifier',
    broken: c => subjectKeyIdentifier(c)?.length === 0,
  },
  'authority-key-identifier-critical': {
    source: 'RFC 5280, 4.2.1.1',
    says: 'marks authorityKeyIdentifier critical',
    broken: isCritical(oids.authorityKeyIdentifier),
  },
  'subject-key-identifier-critical': {
    source: 'RFC 5280, 4.2.1.2',
    says: 'marks subjectKeyIdentifier critical',
    broken: isCritical(oids.subjectKeyIdentifier),
  },
  'subject-directory-attributes-critical': {
    source: 'RFC 5280, 4.2.1.8',
    says: 'marks subjectDirectoryAttributes critical',
    broken: isCritical(oids.subjectDirectoryAttributes),
  },
  'distribution-point-empty': {
    source: 'RFC 5280, 4.2.1.13',
    says: 'has a CRL distribution point with neither name nor issuer',
    broken: c =>
      crlDistributionPoints(c)?.some(
        point => point.distributionPoint === undefined && point.crlIssuer === undefined,
      ) === true,
  },
  'distribution-points-critical': {
    source: 'RFC 5280, 4.2.1.13',
    level: 'warning',
    says: 'marks cRLDistributionPoints critical',
    broken: isCritical(oids.cRLDistributionPoints),
  },
  'freshest-crl-critical': {
    source: 'RFC 5280, 4.2.1.15',
    says: 'marks freshestCRL critical',
    broken: isCritical(oids.freshestCRL),
  },
  'authority-information-access-critical': {
    source: 'RFC 5280, 4.2.2.1',
    says: 'marks authorityInfoAccess critical',
    broken: isCritical(oids.authorityInfoAccess),
  },
  'subject-information-access-critical': {
    source: 'RFC 5280, 4.2.2.2',
    says: 'marks subjectInfoAccess critical',
    broken: isCritical(oids.subjectInfoAccess),
  },
});

function timeTag(ms: number): number {
  return fitsUtcTime(ms) ? Tag.utcTime : Tag.generalizedTime;
}

function isNegative(integer: Uint8Array): boolean {
  return ((integer[0] ?? 0) & 0x80) !== 0;
}

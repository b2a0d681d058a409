import { oids } from '../der/object-identifiers.ts';
import type { Certificate } from '../x509/certificate.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  checkExtensions,
  findExtension,
  keyUsage,
  KeyUsage,
  nameConstraints,
  subjectAltName,
  subjectKeyIdentifier,
} from '../x509/extensions.ts';
import { isEmptyName } from '../x509/name.ts';
import { problemOf } from './readable.ts';
import { isLdhName, isDnsName } from './dns-name.ts';
import { isSelfIssued, isSelfSigned } from './self-issued.ts';
import type { Rule } from './rules.ts';

const isCa = (certificate: Certificate): boolean => basicConstraints(certificate)?.ca === true;

const isCritical = (certificate: Certificate, oid: string): boolean =>
  findExtension(certificate, oid)?.critical === true;

const isNotCritical = (certificate: Certificate, oid: string): boolean =>
  findExtension(certificate, oid)?.critical === false;

const mayCertSign = (certificate: Certificate): boolean =>
  ((keyUsage(certificate) ?? KeyUsage.keyCertSign) & KeyUsage.keyCertSign) !== 0;

const dnsNames = (certificate: Certificate): readonly string[] =>
  (subjectAltName(certificate) ?? []).flatMap(name => (name.kind === 'dns' ? [name.value] : []));

/**
 * Rules that RFC 5280, section 4 lays on the certificate's maker and that the path algorithm of section 6 does not look at. Real private
 * roots break them, so they are warnings unless the caller is strict.
 */
export const sectionFourRules = {
  'authority-information-access-critical': {
    source: 'RFC 5280, 4.2.2.1',
    says: 'marks authorityInfoAccess critical',
    broken: certificate => isCritical(certificate, oids.authorityInfoAccess),
  },
  'authority-key-identifier-critical': {
    source: 'RFC 5280, 4.2.1.1',
    says: 'marks authorityKeyIdentifier critical',
    broken: certificate => isCritical(certificate, oids.authorityKeyIdentifier),
  },
  'authority-key-identifier-incomplete': {
    source: 'RFC 5280, 4.2.1.1',
    says: 'has an authorityKeyIdentifier with one of authorityCertIssuer and authorityCertSerialNumber, which go together',
    broken: certificate => {
      const { authorityCertIssuer, authorityCertSerialNumber } = authorityKeyIdentifier(certificate) ?? {};
      return (authorityCertIssuer === undefined) !== (authorityCertSerialNumber === undefined);
    },
  },
  'authority-key-identifier-missing': {
    source: 'RFC 5280, 4.2.1.1',
    says: "does not name its issuer's key (authorityKeyIdentifier with keyIdentifier)",
    // The exception of the clause is for self-signed certificates. For an anchor the signature decides where the names do not; below it, the key
    // of a certificate may happen to be its issuer's.
    broken: (certificate, role) =>
      authorityKeyIdentifier(certificate)?.keyIdentifier === undefined &&
      !isSelfIssued(certificate) &&
      !(role === 'anchor' && isSelfSigned(certificate)),
  },
  'basic-constraints-not-critical': {
    source: 'RFC 5280, 4.2.1.9',
    says: 'is a CA and does not mark basicConstraints critical',
    broken: certificate => isCa(certificate) && isNotCritical(certificate, oids.basicConstraints),
  },
  'ca-subject-empty': {
    source: 'RFC 5280, 4.1.2.6',
    says: 'is a CA with an empty subject',
    broken: certificate => isCa(certificate) && isEmptyName(certificate.subject),
  },
  'dns-constraint-leading-period': {
    source: 'RFC 5280, 4.2.1.10',
    says: 'has a DNS name constraint that begins with a period',
    broken: certificate => {
      const constraints = nameConstraints(certificate);
      const trees = [...(constraints?.permitted ?? []), ...(constraints?.excluded ?? [])];
      return trees.some(({ base }) => base.kind === 'dns' && base.value.startsWith('.'));
    },
  },
  'dns-name-malformed': {
    source: 'RFC 5280, 4.2.1.6',
    says: 'has a DNS name that is none',
    broken: certificate => dnsNames(certificate).some(name => !isDnsName(name.replace(/^\*\./, ''))),
  },
  'dns-name-underscore': {
    source: 'RFC 5280, 4.2.1.6',
    says: 'has a DNS name with an underscore, which is outside the preferred name syntax',
    broken: certificate =>
      dnsNames(certificate).some(name => {
        const plain = name.replace(/^\*\./, '');
        return isDnsName(plain) && !isLdhName(plain);
      }),
  },
  'extension-unused-malformed': {
    source: 'RFC 5280, 4.2',
    says: 'has an extension that does not parse; verification takes nothing from it',
    broken: certificate =>
      problemOf(() => {
        checkExtensions(certificate);
      }) !== undefined,
  },
  'inhibit-any-policy-not-critical': {
    source: 'RFC 5280, 4.2.1.14',
    says: 'does not mark inhibitAnyPolicy critical',
    broken: certificate => isNotCritical(certificate, oids.inhibitAnyPolicy),
  },
  'issuer-empty': {
    source: 'RFC 5280, 4.1.2.4',
    says: 'has an empty issuer',
    broken: certificate => isEmptyName(certificate.issuer),
  },
  'key-cert-sign-without-ca': {
    source: 'RFC 5280, 4.2.1.9',
    says: 'may sign certificates by its keyUsage, and is no CA by its basicConstraints',
    broken: certificate => !isCa(certificate) && ((keyUsage(certificate) ?? 0) & KeyUsage.keyCertSign) !== 0,
  },
  'key-usage-empty': {
    source: 'RFC 5280, 4.2.1.3',
    says: 'has a keyUsage without any bit',
    broken: certificate => keyUsage(certificate) === 0,
  },
  'key-usage-missing': {
    source: 'RFC 5280, 4.2.1.3',
    says: 'is a CA without keyUsage',
    broken: certificate => isCa(certificate) && keyUsage(certificate) === undefined,
  },
  'name-constraints-empty': {
    source: 'RFC 5280, 4.2.1.10',
    says: 'has nameConstraints with neither permitted nor excluded names',
    broken: certificate => {
      const constraints = nameConstraints(certificate);
      return constraints !== undefined && constraints.permitted.length + constraints.excluded.length === 0;
    },
  },
  'name-constraints-not-critical': {
    source: 'RFC 5280, 4.2.1.10',
    says: 'does not mark nameConstraints critical',
    broken: certificate => isNotCritical(certificate, oids.nameConstraints),
  },
  'name-constraints-without-ca': {
    source: 'RFC 5280, 4.2.1.10',
    says: 'has nameConstraints and is no CA',
    broken: certificate => !isCa(certificate) && findExtension(certificate, oids.nameConstraints) !== undefined,
  },
  'path-length-without-signing': {
    source: 'RFC 5280, 4.2.1.9',
    says: 'has a pathLenConstraint and may not sign certificates',
    broken: certificate =>
      basicConstraints(certificate)?.pathLenConstraint !== undefined &&
      !(isCa(certificate) && mayCertSign(certificate)),
  },
  'policy-constraints-not-critical': {
    source: 'RFC 5280, 4.2.1.11',
    says: 'does not mark policyConstraints critical',
    broken: certificate => isNotCritical(certificate, oids.policyConstraints),
  },
  'serial-not-positive': {
    source: 'RFC 5280, 4.1.2.2',
    says: 'has a serial number that is not positive',
    // Certificates of other makers with a negative serial "should be handled gracefully" (same clause): see serial-negative.
    broken: certificate =>
      isZero(certificate.serialNumber) || (isNegative(certificate.serialNumber) && isCa(certificate)),
  },
  'serial-too-long': {
    source: 'RFC 5280, 4.1.2.2',
    says: 'has a serial number of more than 20 octets',
    broken: certificate => certificate.serialNumber.length > 20,
  },
  'subject-alternative-name-not-critical': {
    source: 'RFC 5280, 4.2.1.6',
    says: 'has an empty subject and does not mark subjectAltName critical',
    broken: certificate => isEmptyName(certificate.subject) && isNotCritical(certificate, oids.subjectAltName),
  },
  'subject-key-identifier-critical': {
    source: 'RFC 5280, 4.2.1.2',
    says: 'marks subjectKeyIdentifier critical',
    broken: certificate => isCritical(certificate, oids.subjectKeyIdentifier),
  },
  'subject-key-identifier-missing': {
    source: 'RFC 5280, 4.2.1.2',
    says: 'is a CA without subjectKeyIdentifier',
    broken: certificate => isCa(certificate) && subjectKeyIdentifier(certificate) === undefined,
  },
} as const satisfies Readonly<Record<string, Rule>>;

/** Oddities that are told and never refused, even by the strict: the clause itself asks verifiers to put up with them. */
export const toleratedRules = {
  'serial-negative': {
    source: 'RFC 5280, 4.1.2.2',
    says: 'has a negative serial number',
    broken: certificate => isNegative(certificate.serialNumber) && !isCa(certificate),
  },
} as const satisfies Readonly<Record<string, Rule>>;

const isZero = (integer: Uint8Array): boolean => integer.every(octet => octet === 0);

const isNegative = (integer: Uint8Array): boolean => ((integer[0] ?? 0) & 0x80) !== 0;

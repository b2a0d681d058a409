import { oids } from '../der/object-identifiers.ts';
import { Tag } from '../der/reader.ts';
import { fitsUtcTime } from '../der/time.ts';
import type { Certificate } from './certificate.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  certificatePolicies,
  crlDistributionPoints,
  extendedKeyUsage,
  findExtension,
  type GeneralSubtree,
  issuerAltName,
  keyUsage,
  KeyUsage,
  nameConstraints,
  policyConstraints,
  policyMappings,
  subjectAltName,
  subjectKeyIdentifier,
} from './extensions.ts';
import type { GeneralName } from './general-name.ts';
import type { Lint } from './lint.ts';
import { dnsPatternProblem, emailProblem, uriProblem } from './name-syntax.ts';
import { isEmptyName } from './name.ts';
import { sameOctets } from './octets.ts';
import { publicKeyFacts } from './public-key.ts';

/** RFC 5280, section 4, clause by clause. What a MUST says is an error, what a SHOULD says a warning. */
export const rfc5280Lints: readonly Lint[] = [
  ...basicFieldLints(),
  ...keyIdentifierLints(),
  ...keyUsageLints(),
  ...nameLints(),
  ...caLints(),
  ...policyLints(),
  ...criticalityLints(),
];

function rule(
  name: string,
  clause: string,
  appliesTo: Lint['appliesTo'],
  says: string,
  broken: Lint['broken'],
  level: Lint['level'] = 'error',
): Lint {
  return { name, source: `RFC 5280, ${clause}`, level, appliesTo, says, broken };
}

const isCa = (certificate: Certificate): boolean => basicConstraints(certificate)?.ca === true;

const may = (certificate: Certificate, usage: number): boolean => ((keyUsage(certificate) ?? 0) & usage) !== 0;

const isNegative = (integer: Uint8Array): boolean => ((integer[0] ?? 0) & 0x80) !== 0;

function basicFieldLints(): readonly Lint[] {
  return [
    rule(
      'signature-algorithms-differ',
      '4.1.1.2',
      'any',
      'names one signature algorithm inside and another outside',
      c => !sameOctets(c.signatureAlgorithm.der, c.tbsSignatureAlgorithm.der),
    ),
    rule(
      'version-not-3',
      '4.1.2.1',
      'any',
      'has extensions and is not of version 3',
      c => c.extensions.length > 0 && c.version !== 3,
    ),
    rule(
      'serial-not-positive',
      '4.1.2.2',
      'any',
      'has a serial number that is not positive',
      c => isNegative(c.serialNumber) || c.serialNumber.every(octet => octet === 0),
    ),
    rule(
      'serial-too-long',
      '4.1.2.2',
      'any',
      'has a serial number of more than 20 octets',
      c => c.serialNumber.length > 20,
    ),
    rule('issuer-empty', '4.1.2.4', 'any', 'has an empty issuer', c => isEmptyName(c.issuer)),
    rule(
      'issuer-differs',
      '4.1.2.4',
      'any',
      "does not name its issuer by that one's subject, octet by octet",
      (c, { issuer }) => issuer !== undefined && !sameOctets(c.issuer.der, issuer.subject.der),
    ),
    rule(
      'not-before-form',
      '4.1.2.5',
      'any',
      'writes notBefore in the form for the other half of the calendar',
      c => c.notBeforeTag !== timeTag(c.notBefore),
    ),
    rule(
      'not-after-form',
      '4.1.2.5',
      'any',
      'writes notAfter in the form for the other half of the calendar',
      c => c.notAfterTag !== timeTag(c.notAfter),
    ),
    rule('validity-inverted', '4.1.2.5', 'any', 'ends before it begins', c => c.notAfter < c.notBefore),
    rule(
      'unique-identifier',
      '4.1.2.8',
      'any',
      'has a unique identifier of issuer or subject',
      c => c.issuerUniqueID !== undefined || c.subjectUniqueID !== undefined,
    ),
  ];
}

function timeTag(ms: number): number {
  return fitsUtcTime(ms) ? Tag.utcTime : Tag.generalizedTime;
}

function keyIdentifierLints(): readonly Lint[] {
  return [
    rule(
      'authority-key-identifier-missing',
      '4.2.1.1',
      'not-self-issued',
      "does not name its issuer's key",
      c => authorityKeyIdentifier(c)?.keyIdentifier === undefined,
    ),
    rule(
      'authority-key-identifier-differs',
      '4.2.1.1',
      'any',
      "names another key than its issuer's as the issuer's",
      (c, { issuer }) => {
        const named = authorityKeyIdentifier(c)?.keyIdentifier;
        const own = issuer && subjectKeyIdentifier(issuer);
        return named !== undefined && own !== undefined && !sameOctets(named, own);
      },
    ),
    rule(
      'subject-key-identifier-missing',
      '4.2.1.2',
      'ca',
      'is a CA without subjectKeyIdentifier',
      c => subjectKeyIdentifier(c) === undefined,
    ),
    rule(
      'subject-key-identifier-missing-in-leaf',
      '4.2.1.2',
      'end-entity',
      'has no subjectKeyIdentifier',
      c => subjectKeyIdentifier(c) === undefined,
      'warning',
    ),
    rule(
      'subject-key-identifier-empty',
      '4.2.1.2',
      'any',
      'has an empty subjectKeyIdentifier',
      c => subjectKeyIdentifier(c)?.length === 0,
    ),
  ];
}

const encipherment = KeyUsage.keyEncipherment | KeyUsage.dataEncipherment;
const onlyAgreement = KeyUsage.encipherOnly | KeyUsage.decipherOnly;
const signing = KeyUsage.digitalSignature | KeyUsage.nonRepudiation | KeyUsage.keyCertSign | KeyUsage.cRLSign;

function keyUsageLints(): readonly Lint[] {
  return [
    rule('key-usage-missing', '4.2.1.3', 'ca', 'is a CA without keyUsage', c => keyUsage(c) === undefined),
    rule('key-usage-empty', '4.2.1.3', 'any', 'has a keyUsage without any bit', c => keyUsage(c) === 0),
    rule(
      'key-usage-not-critical',
      '4.2.1.3',
      'any',
      'does not mark keyUsage critical',
      notCritical(oids.keyUsage),
      'warning',
    ),
    rule(
      'key-cert-sign-missing',
      '4.2.1.3',
      'ca',
      'is a CA whose keyUsage lacks keyCertSign',
      c => !may(c, KeyUsage.keyCertSign),
      'warning',
    ),
    rule(
      'key-cert-sign-without-ca',
      '4.2.1.9',
      'end-entity',
      'may sign certificates by its keyUsage, and is no CA by its basicConstraints',
      c => may(c, KeyUsage.keyCertSign),
    ),
    rule(
      'encipher-only-without-agreement',
      '4.2.1.3',
      'any',
      'has encipherOnly or decipherOnly without keyAgreement',
      c => may(c, onlyAgreement) && !may(c, KeyUsage.keyAgreement),
    ),
    {
      ...rule(
        'encipherment-with-signing-key',
        '',
        'any',
        'has keyEncipherment or dataEncipherment for a key that cannot encipher',
        c => may(c, encipherment) && keyKind(c) !== 'rsa',
      ),
      source: 'RFC 8813, 3',
    },
    {
      ...rule(
        'agreement-with-signature-key',
        '',
        'any',
        'has keyAgreement for a key that only signs',
        c => may(c, KeyUsage.keyAgreement) && ['ed25519', 'ed448', 'rsa'].includes(keyKind(c)),
      ),
      source: 'RFC 8410, 5',
    },
    {
      ...rule(
        'signing-with-agreement-key',
        '',
        'any',
        'may sign by its keyUsage with a key that cannot',
        c => may(c, signing) && ['x25519', 'x448'].includes(keyKind(c)),
      ),
      source: 'RFC 8410, 5',
    },
    rule(
      'any-purpose-critical',
      '4.2.1.12',
      'any',
      'marks extendedKeyUsage critical though it allows any purpose',
      c => isCritical(oids.extendedKeyUsage)(c) && extendedKeyUsage(c)?.includes(oids.anyExtendedKeyUsage) === true,
      'warning',
    ),
    rule(
      'purpose-without-usage',
      '4.2.1.12',
      'end-entity',
      'has a TLS purpose that its keyUsage leaves no use for',
      c =>
        keyUsage(c) !== undefined &&
        hasTlsPurpose(c) &&
        !may(c, KeyUsage.digitalSignature | KeyUsage.keyEncipherment | KeyUsage.keyAgreement),
    ),
    rule(
      'purpose-repeated',
      '4.2.1.12',
      'any',
      'names a purpose twice',
      c => hasRepeated(extendedKeyUsage(c) ?? []),
      'warning',
    ),
  ];
}

function keyKind(certificate: Certificate): string {
  return publicKeyFacts(certificate.subjectPublicKeyInfo).kind;
}

function hasTlsPurpose(certificate: Certificate): boolean {
  return (
    extendedKeyUsage(certificate)?.some(purpose => purpose === oids.serverAuth || purpose === oids.clientAuth) === true
  );
}

function hasRepeated(values: readonly string[]): boolean {
  return new Set(values).size < values.length;
}

function nameLints(): readonly Lint[] {
  return [
    rule(
      'subject-missing',
      '4.1.2.6',
      'end-entity',
      'has neither a subject nor a subjectAltName',
      c => isEmptyName(c.subject) && subjectAltName(c) === undefined,
    ),
    rule(
      'subject-alternative-name-not-critical',
      '4.2.1.6',
      'any',
      'has an empty subject and does not mark subjectAltName critical',
      c => isEmptyName(c.subject) && notCritical(oids.subjectAltName)(c),
    ),
    rule(
      'subject-alternative-name-critical',
      '4.2.1.6',
      'any',
      'has a subject and marks subjectAltName critical',
      c => !isEmptyName(c.subject) && isCritical(oids.subjectAltName)(c),
      'warning',
    ),
    rule(
      'issuer-alternative-name-critical',
      '4.2.1.7',
      'any',
      'marks issuerAltName critical',
      isCritical(oids.issuerAltName),
      'warning',
    ),
    rule('dns-name-malformed', '4.2.1.6', 'any', 'has a DNS name that is none', c =>
      valuesOf(names(c), 'dns').some(name => dnsPatternProblem(name, { underscore: true }) !== undefined),
    ),
    rule(
      'dns-name-underscore',
      '4.2.1.6',
      'any',
      'has a DNS name with an underscore, which is outside the preferred name syntax',
      c =>
        valuesOf(names(c), 'dns').some(
          name => name.includes('_') && dnsPatternProblem(name, { underscore: true }) === undefined,
        ),
    ),
    rule('uri-malformed', '4.2.1.6', 'any', 'has a URI that is none', c =>
      valuesOf(names(c), 'uri').some(uri => uriProblem(uri) !== undefined),
    ),
    rule('email-malformed', '4.2.1.6', 'any', 'has an e-mail address that is none', c =>
      valuesOf(names(c), 'email').some(address => emailProblem(address) !== undefined),
    ),
    rule(
      'email-in-subject',
      '4.1.2.6',
      'any',
      'has an e-mail address in the subject, where it is deprecated',
      c => c.subject.rdns.flat().some(attribute => attribute.type === oids.emailAddress),
      'warning',
    ),
    rule(
      'name-repeated',
      '4.2.1.6',
      'any',
      'has a name twice',
      c =>
        hasRepeated((subjectAltName(c) ?? []).flatMap(name => ('value' in name ? [`${name.kind} ${name.value}`] : []))),
      'warning',
    ),
  ];
}

function names(certificate: Certificate): readonly GeneralName[] {
  return [...(subjectAltName(certificate) ?? []), ...(issuerAltName(certificate) ?? [])];
}

function valuesOf(generalNames: readonly GeneralName[], kind: 'dns' | 'uri' | 'email'): readonly string[] {
  return generalNames.flatMap(name => (name.kind === kind ? [name.value] : []));
}

function caLints(): readonly Lint[] {
  return [
    rule('ca-subject-empty', '4.1.2.6', 'ca', 'is a CA with an empty subject', c => isEmptyName(c.subject)),
    rule(
      'basic-constraints-not-critical',
      '4.2.1.9',
      'ca',
      'is a CA and does not mark basicConstraints critical',
      notCritical(oids.basicConstraints),
    ),
    rule(
      'path-length-without-signing',
      '4.2.1.9',
      'any',
      'has a pathLenConstraint and may not sign certificates',
      c =>
        basicConstraints(c)?.pathLenConstraint !== undefined &&
        !(isCa(c) && (keyUsage(c) === undefined || may(c, KeyUsage.keyCertSign))),
    ),
    rule(
      'name-constraints-without-ca',
      '4.2.1.10',
      'end-entity',
      'has nameConstraints and is no CA',
      c => findExtension(c, oids.nameConstraints) !== undefined,
    ),
    rule(
      'name-constraints-not-critical',
      '4.2.1.10',
      'any',
      'does not mark nameConstraints critical',
      notCritical(oids.nameConstraints),
    ),
    rule(
      'name-constraints-empty',
      '4.2.1.10',
      'any',
      'has nameConstraints with neither permitted nor excluded names',
      c => nameConstraints(c) !== undefined && subtrees(c).length === 0,
    ),
    rule('name-constraints-bounds', '4.2.1.10', 'any', 'has a name constraint with minimum or maximum', c =>
      subtrees(c).some(({ minimum, maximum }) => minimum !== 0 || maximum !== undefined),
    ),
    rule(
      'dns-constraint-leading-period',
      '4.2.1.10',
      'any',
      'has a DNS name constraint that begins with a period',
      c => subtrees(c).some(({ base }) => base.kind === 'dns' && base.value.startsWith('.')),
      'warning',
    ),
  ];
}

function subtrees(certificate: Certificate): readonly GeneralSubtree[] {
  const constraints = nameConstraints(certificate);
  return constraints === undefined ? [] : [...constraints.permitted, ...constraints.excluded];
}

function policyLints(): readonly Lint[] {
  return [
    rule('policy-repeated', '4.2.1.4', 'any', 'names a certificate policy twice', c =>
      hasRepeated((certificatePolicies(c) ?? []).map(policy => policy.policyIdentifier)),
    ),
    rule(
      'policy-mapping-any',
      '4.2.1.5',
      'any',
      'maps to or from anyPolicy',
      c =>
        policyMappings(c)?.some(
          m => m.issuerDomainPolicy === oids.anyPolicy || m.subjectDomainPolicy === oids.anyPolicy,
        ) === true,
    ),
    rule('policy-constraints-empty', '4.2.1.11', 'any', 'has policyConstraints that say nothing', c => {
      const constraints = policyConstraints(c);
      return (
        constraints?.requireExplicitPolicy === undefined &&
        constraints?.inhibitPolicyMapping === undefined &&
        constraints !== undefined
      );
    }),
    rule('policies-of-cas-in-leaf', '4.2.1.5', 'end-entity', 'has policy extensions that are for CAs', c =>
      [oids.policyMappings, oids.policyConstraints, oids.inhibitAnyPolicy].some(
        oid => findExtension(c, oid) !== undefined,
      ),
    ),
    rule(
      'distribution-point-empty',
      '4.2.1.13',
      'any',
      'has a CRL distribution point with neither name nor issuer',
      c =>
        crlDistributionPoints(c)?.some(
          point => point.distributionPoint === undefined && point.crlIssuer === undefined,
        ) === true,
    ),
  ];
}

const isCritical =
  (oid: string) =>
  (certificate: Certificate): boolean =>
    findExtension(certificate, oid)?.critical === true;

const notCritical =
  (oid: string) =>
  (certificate: Certificate): boolean =>
    findExtension(certificate, oid)?.critical === false;

/** Which extensions MUST and MUST NOT be critical, beyond those above. */
function criticalityLints(): readonly Lint[] {
  return [
    rule(
      'authority-key-identifier-critical',
      '4.2.1.1',
      'any',
      'marks authorityKeyIdentifier critical',
      isCritical(oids.authorityKeyIdentifier),
    ),
    rule(
      'subject-key-identifier-critical',
      '4.2.1.2',
      'any',
      'marks subjectKeyIdentifier critical',
      isCritical(oids.subjectKeyIdentifier),
    ),
    rule(
      'policy-mappings-not-critical',
      '4.2.1.5',
      'any',
      'does not mark policyMappings critical',
      notCritical(oids.policyMappings),
      'warning',
    ),
    rule(
      'subject-directory-attributes-critical',
      '4.2.1.8',
      'any',
      'marks subjectDirectoryAttributes critical',
      isCritical(oids.subjectDirectoryAttributes),
    ),
    rule(
      'policy-constraints-not-critical',
      '4.2.1.11',
      'any',
      'does not mark policyConstraints critical',
      notCritical(oids.policyConstraints),
    ),
    rule(
      'distribution-points-critical',
      '4.2.1.13',
      'any',
      'marks cRLDistributionPoints critical',
      isCritical(oids.cRLDistributionPoints),
      'warning',
    ),
    rule(
      'inhibit-any-policy-not-critical',
      '4.2.1.14',
      'any',
      'does not mark inhibitAnyPolicy critical',
      notCritical(oids.inhibitAnyPolicy),
    ),
    rule('freshest-crl-critical', '4.2.1.15', 'any', 'marks freshestCRL critical', isCritical(oids.freshestCRL)),
    rule(
      'authority-information-access-critical',
      '4.2.2.1',
      'any',
      'marks authorityInfoAccess critical',
      isCritical(oids.authorityInfoAccess),
    ),
    rule(
      'subject-information-access-critical',
      '4.2.2.2',
      'any',
      'marks subjectInfoAccess critical',
      isCritical(oids.subjectInfoAccess),
    ),
  ];
}

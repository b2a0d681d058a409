import { oids } from '../der/object-identifiers.ts';
import type { Element } from '../der/reader.ts';
import {
  Cursor,
  Tag,
  checkTree,
  contextConstructed,
  contextPrimitive,
  elementBytes,
  malformed,
  readContained,
  tagName,
} from '../der/reader.ts';
import {
  readInteger,
  readIntegerBytes,
  readNamedBits,
  readOctetString,
  readOid,
  readSmallInteger,
  readText,
  readTime,
  readTrue,
} from '../der/values.ts';
import { encode } from '../der/writer.ts';
import { decoder } from './extension.ts';
import type { HasExtensions } from './extension.ts';
import type { GeneralName } from './general-name.ts';
import { readGeneralName, readGeneralNames } from './general-name.ts';
import { checkRdn } from './name.ts';

export type { Extension, HasExtensions } from './extension.ts';
export { findExtension } from './extension.ts';

// Each of these decodes one extension of a certificate, request, CRL or CRL entry when it is first asked for:
// undefined where the extension is absent, an error `malformed` where it is not exactly what its RFC says.

/** INTEGER (0..MAX) that counts certificates in a path; more than this many is as good as no limit, and nobody means it. */
const maximumCount = 0x7fff_ffff;

/** Reads a value that has to be of this type; `tag` is that of the extension's whole value. */
function typed<T>(tag: number, what: string, read: (e: Element) => T): (e: Element) => T {
  return e => {
    if (e.tag !== tag) malformed(e.start, `${what}: ${tagName(e.tag)} where ${tagName(tag)} is expected`);
    return read(e);
  };
}

/** SEQUENCE SIZE (1..MAX) OF, under whatever tag. */
function readList<T>(e: Element, what: string, read: (item: Element) => T): readonly T[] {
  const items: T[] = [];
  for (const cursor = new Cursor(e); !cursor.atEnd;) items.push(read(cursor.next(what)));
  if (items.length === 0) malformed(e.start, `${what}: empty`);
  return items;
}

function expectTag(e: Element, tag: number, what: string): Element {
  if (e.tag !== tag) malformed(e.start, `${what}: ${tagName(e.tag)} where ${tagName(tag)} is expected`);
  return e;
}

export interface BasicConstraints {
  readonly ca: boolean;
  readonly pathLenConstraint: number | undefined;
}

/** RFC 5280, 4.2.1.9. */
export const basicConstraints = decoder(
  oids.basicConstraints,
  'basicConstraints',
  typed(Tag.sequence, 'basicConstraints', (e): BasicConstraints => {
    const cursor = new Cursor(e);
    const cA = cursor.optional(Tag.boolean, 'basicConstraints.cA');
    const ca = cA !== undefined && readTrue(cA, 'basicConstraints.cA');
    const pathLen = cursor.optional(Tag.integer, 'basicConstraints.pathLenConstraint');
    cursor.finish('basicConstraints');
    return { ca, pathLenConstraint: pathLen && readSmallInteger(pathLen, maximumCount) };
  }),
);

/** Bits of `keyUsage`: RFC 5280, 4.2.1.3. */
export const KeyUsage = {
  digitalSignature: 1 << 0,
  nonRepudiation: 1 << 1,
  keyEncipherment: 1 << 2,
  dataEncipherment: 1 << 3,
  keyAgreement: 1 << 4,
  keyCertSign: 1 << 5,
  cRLSign: 1 << 6,
  encipherOnly: 1 << 7,
  decipherOnly: 1 << 8,
} as const;

export type KeyUsageName = keyof typeof KeyUsage;

/** A mask of `KeyUsage` bits; 0 where the extension is there without any. RFC 5280, 4.2.1.3. */
export const keyUsage = decoder(oids.keyUsage, 'keyUsage', typed(Tag.bitString, 'keyUsage', readNamedBits));

/** The names of the bits that a `keyUsage` mask has, in their order. */
export function keyUsageNames(mask: number): readonly KeyUsageName[] {
  return (Object.keys(KeyUsage) as KeyUsageName[]).filter(name => (mask & KeyUsage[name]) !== 0);
}

/** Object identifiers of purposes. RFC 5280, 4.2.1.12. */
export const extendedKeyUsage = decoder(
  oids.extendedKeyUsage,
  'extendedKeyUsage',
  typed(Tag.sequence, 'extendedKeyUsage', e =>
    readList(e, 'extendedKeyUsage', item => readOid(expectTag(item, Tag.oid, 'extendedKeyUsage'))),
  ),
);

/** RFC 5280, 4.2.1.6. */
export const subjectAltName = decoder(
  oids.subjectAltName,
  'subjectAltName',
  typed(Tag.sequence, 'subjectAltName', e => readGeneralNames(e, 'subjectAltName')),
);

/** RFC 5280, 4.2.1.7. */
export const issuerAltName = decoder(
  oids.issuerAltName,
  'issuerAltName',
  typed(Tag.sequence, 'issuerAltName', e => readGeneralNames(e, 'issuerAltName')),
);

/** RFC 5280, 4.2.1.2. */
export const subjectKeyIdentifier = decoder(
  oids.subjectKeyIdentifier,
  'subjectKeyIdentifier',
  typed(Tag.octetString, 'subjectKeyIdentifier', readOctetString),
);

export interface AuthorityKeyIdentifier {
  readonly keyIdentifier: Uint8Array | undefined;
  readonly authorityCertIssuer: readonly GeneralName[] | undefined;
  /** Content octets of the INTEGER. */
  readonly authorityCertSerialNumber: Uint8Array | undefined;
}

/** RFC 5280, 4.2.1.1. */
export const authorityKeyIdentifier = decoder(
  oids.authorityKeyIdentifier,
  'authorityKeyIdentifier',
  typed(Tag.sequence, 'authorityKeyIdentifier', (e): AuthorityKeyIdentifier => {
    const cursor = new Cursor(e);
    const keyIdentifier = cursor.optional(contextPrimitive(0));
    const issuer = cursor.optional(contextConstructed(1));
    const serial = cursor.optional(contextPrimitive(2));
    cursor.finish('authorityKeyIdentifier');
    // RFC 5280, appendix A.2: issuer and serial number are both there or both absent
    if ((issuer === undefined) !== (serial === undefined))
      malformed(e.start, 'authorityKeyIdentifier: issuer and serial number go together');
    return {
      keyIdentifier: keyIdentifier && readOctetString(keyIdentifier),
      authorityCertIssuer: issuer && readGeneralNames(issuer, 'authorityCertIssuer'),
      authorityCertSerialNumber: serial && readIntegerBytes(serial),
    };
  }),
);

export interface GeneralSubtree {
  /** An iPAddress holds address and mask. */
  readonly base: GeneralName;
  readonly minimum: number;
  readonly maximum: number | undefined;
}

export interface NameConstraints {
  readonly permitted: readonly GeneralSubtree[];
  readonly excluded: readonly GeneralSubtree[];
}

/** RFC 5280, 4.2.1.10. */
export const nameConstraints = decoder(
  oids.nameConstraints,
  'nameConstraints',
  typed(Tag.sequence, 'nameConstraints', (e): NameConstraints => {
    const cursor = new Cursor(e);
    const permitted = cursor.optional(contextConstructed(0));
    const excluded = cursor.optional(contextConstructed(1));
    cursor.finish('nameConstraints');
    return {
      permitted: permitted === undefined ? [] : readList(permitted, 'permittedSubtrees', readSubtree),
      excluded: excluded === undefined ? [] : readList(excluded, 'excludedSubtrees', readSubtree),
    };
  }),
);

function readSubtree(e: Element): GeneralSubtree {
  const cursor = new Cursor(expectTag(e, Tag.sequence, 'GeneralSubtree'));
  const base = readGeneralName(cursor.next('GeneralSubtree.base'), 'subnet');
  const minimumElement = cursor.optional(contextPrimitive(0));
  const maximum = cursor.optional(contextPrimitive(1));
  cursor.finish('GeneralSubtree');
  const minimum = minimumElement === undefined ? 0 : readSmallInteger(minimumElement, maximumCount);
  if (minimumElement !== undefined && minimum === 0)
    malformed(minimumElement.start, 'GeneralSubtree.minimum: DEFAULT 0 is encoded');
  return { base, minimum, maximum: maximum && readSmallInteger(maximum, maximumCount) };
}

export type DistributionPointName =
  | { readonly kind: 'fullName'; readonly names: readonly GeneralName[] }
  /** `rdn` is a whole RelativeDistinguishedName (SET), to be appended to the issuer's name (`appendRdn`). */
  | { readonly kind: 'relativeName'; readonly rdn: Uint8Array };

export interface DistributionPoint {
  readonly distributionPoint: DistributionPointName | undefined;
  /** A mask of ReasonFlags bits (`reasonFlag`); undefined stands for all. */
  readonly reasons: number | undefined;
  readonly crlIssuer: readonly GeneralName[] | undefined;
}

function readDistributionPointName(e: Element): DistributionPointName {
  const choice = readContained(e, 'DistributionPointName');
  if (choice.tag === contextConstructed(0)) return { kind: 'fullName', names: readGeneralNames(choice, 'fullName') };
  expectTag(choice, contextConstructed(1), 'DistributionPointName');
  checkRdn(choice, 'nameRelativeToCRLIssuer');
  return { kind: 'relativeName', rdn: encode(Tag.set, choice.source.subarray(choice.contentStart, choice.end)) };
}

function readDistributionPoint(e: Element): DistributionPoint {
  const cursor = new Cursor(expectTag(e, Tag.sequence, 'DistributionPoint'));
  const name = cursor.optional(contextConstructed(0));
  const reasons = cursor.optional(contextPrimitive(1));
  const crlIssuer = cursor.optional(contextConstructed(2));
  cursor.finish('DistributionPoint');
  return {
    distributionPoint: name && readDistributionPointName(name),
    reasons: reasons && readNamedBits(reasons),
    crlIssuer: crlIssuer && readGeneralNames(crlIssuer, 'cRLIssuer'),
  };
}

/** RFC 5280, 4.2.1.13. */
export const crlDistributionPoints = decoder(
  oids.cRLDistributionPoints,
  'cRLDistributionPoints',
  typed(Tag.sequence, 'cRLDistributionPoints', e => readList(e, 'cRLDistributionPoints', readDistributionPoint)),
);

/** RFC 5280, 4.2.1.15 and 5.2.6. */
export const freshestCrl = decoder(
  oids.freshestCRL,
  'freshestCRL',
  typed(Tag.sequence, 'freshestCRL', e => readList(e, 'freshestCRL', readDistributionPoint)),
);

export interface AccessDescription {
  readonly accessMethod: string;
  readonly accessLocation: GeneralName;
}

function readAccessDescription(e: Element): AccessDescription {
  const cursor = new Cursor(expectTag(e, Tag.sequence, 'AccessDescription'));
  const accessMethod = readOid(cursor.expect(Tag.oid, 'accessMethod'));
  const accessLocation = readGeneralName(cursor.next('accessLocation'));
  cursor.finish('AccessDescription');
  return { accessMethod, accessLocation };
}

/** RFC 5280, 4.2.2.1. */
export const authorityInformationAccess = decoder(
  oids.authorityInfoAccess,
  'authorityInfoAccess',
  typed(Tag.sequence, 'authorityInfoAccess', e => readList(e, 'authorityInfoAccess', readAccessDescription)),
);

/** RFC 5280, 4.2.2.2. */
export const subjectInformationAccess = decoder(
  oids.subjectInfoAccess,
  'subjectInfoAccess',
  typed(Tag.sequence, 'subjectInfoAccess', e => readList(e, 'subjectInfoAccess', readAccessDescription)),
);

export interface PolicyQualifier {
  readonly policyQualifierId: string;
  /** The URI of a CPS pointer or the text of a user notice; undefined for other qualifiers. */
  readonly text: string | undefined;
  /** The qualifier's element. */
  readonly der: Uint8Array;
}

export interface PolicyInformation {
  readonly policyIdentifier: string;
  readonly policyQualifiers: readonly PolicyQualifier[];
}

/** RFC 5280, 4.2.1.4. */
export const certificatePolicies = decoder(
  oids.certificatePolicies,
  'certificatePolicies',
  typed(Tag.sequence, 'certificatePolicies', e => readList(e, 'certificatePolicies', readPolicyInformation)),
);

function readPolicyInformation(e: Element): PolicyInformation {
  const cursor = new Cursor(expectTag(e, Tag.sequence, 'PolicyInformation'));
  const policyIdentifier = readOid(cursor.expect(Tag.oid, 'policyIdentifier'));
  const qualifiers = cursor.optional(Tag.sequence);
  cursor.finish('PolicyInformation');
  const policyQualifiers =
    qualifiers === undefined ? [] : readList(qualifiers, 'policyQualifiers', readPolicyQualifier);
  return { policyIdentifier, policyQualifiers };
}

function readPolicyQualifier(e: Element): PolicyQualifier {
  const cursor = new Cursor(expectTag(e, Tag.sequence, 'PolicyQualifierInfo'));
  const policyQualifierId = readOid(cursor.expect(Tag.oid, 'policyQualifierId'));
  const qualifier = cursor.next('qualifier');
  cursor.finish('PolicyQualifierInfo');
  checkTree(qualifier, 'qualifier');
  return { policyQualifierId, text: qualifierText(policyQualifierId, qualifier), der: elementBytes(qualifier) };
}

function qualifierText(id: string, e: Element): string | undefined {
  if (id === oids.cps) return readText(expectTag(e, Tag.ia5String, 'CPSuri'));
  if (id !== oids.unotice) return undefined;
  const cursor = new Cursor(expectTag(e, Tag.sequence, 'UserNotice'));
  cursor.optional(Tag.sequence);
  const explicitText = cursor.atEnd ? undefined : cursor.next('explicitText');
  cursor.finish('UserNotice');
  return explicitText && readText(explicitText);
}

export interface PolicyMapping {
  readonly issuerDomainPolicy: string;
  readonly subjectDomainPolicy: string;
}

/** RFC 5280, 4.2.1.5. */
export const policyMappings = decoder(
  oids.policyMappings,
  'policyMappings',
  typed(Tag.sequence, 'policyMappings', e => readList(e, 'policyMappings', readPolicyMapping)),
);

function readPolicyMapping(e: Element): PolicyMapping {
  const cursor = new Cursor(expectTag(e, Tag.sequence, 'policyMappings'));
  const issuerDomainPolicy = readOid(cursor.expect(Tag.oid, 'issuerDomainPolicy'));
  const subjectDomainPolicy = readOid(cursor.expect(Tag.oid, 'subjectDomainPolicy'));
  cursor.finish('policyMappings');
  return { issuerDomainPolicy, subjectDomainPolicy };
}

export interface PolicyConstraints {
  readonly requireExplicitPolicy: number | undefined;
  readonly inhibitPolicyMapping: number | undefined;
}

/** RFC 5280, 4.2.1.11. */
export const policyConstraints = decoder(
  oids.policyConstraints,
  'policyConstraints',
  typed(Tag.sequence, 'policyConstraints', (e): PolicyConstraints => {
    const cursor = new Cursor(e);
    const requireExplicitPolicy = cursor.optional(contextPrimitive(0));
    const inhibitPolicyMapping = cursor.optional(contextPrimitive(1));
    cursor.finish('policyConstraints');
    return {
      requireExplicitPolicy: requireExplicitPolicy && readSmallInteger(requireExplicitPolicy, maximumCount),
      inhibitPolicyMapping: inhibitPolicyMapping && readSmallInteger(inhibitPolicyMapping, maximumCount),
    };
  }),
);

/** RFC 5280, 4.2.1.14. */
export const inhibitAnyPolicy = decoder(
  oids.inhibitAnyPolicy,
  'inhibitAnyPolicy',
  typed(Tag.integer, 'inhibitAnyPolicy', e => readSmallInteger(e, maximumCount)),
);

/** RFC 5280, 5.2.3. */
export const crlNumber = decoder(oids.cRLNumber, 'cRLNumber', typed(Tag.integer, 'cRLNumber', readInteger));

/** The number of the base CRL. RFC 5280, 5.2.4. */
export const deltaCrlIndicator = decoder(
  oids.deltaCRLIndicator,
  'deltaCRLIndicator',
  typed(Tag.integer, 'deltaCRLIndicator', readInteger),
);

export interface IssuingDistributionPoint {
  readonly distributionPoint: DistributionPointName | undefined;
  readonly onlyContainsUserCerts: boolean;
  readonly onlyContainsCACerts: boolean;
  /** A mask of ReasonFlags bits (`reasonFlag`); undefined stands for all. */
  readonly onlySomeReasons: number | undefined;
  readonly indirectCRL: boolean;
  readonly onlyContainsAttributeCerts: boolean;
}

/** RFC 5280, 5.2.5. */
export const issuingDistributionPoint = decoder(
  oids.issuingDistributionPoint,
  'issuingDistributionPoint',
  typed(Tag.sequence, 'issuingDistributionPoint', (e): IssuingDistributionPoint => {
    const cursor = new Cursor(e);
    const name = cursor.optional(contextConstructed(0));
    const flag = (n: number): boolean => {
      const element = cursor.optional(contextPrimitive(n));
      return element !== undefined && readTrue(element, 'issuingDistributionPoint');
    };
    const onlyContainsUserCerts = flag(1);
    const onlyContainsCACerts = flag(2);
    const reasons = cursor.optional(contextPrimitive(3));
    const indirectCRL = flag(4);
    const onlyContainsAttributeCerts = flag(5);
    cursor.finish('issuingDistributionPoint');
    return {
      distributionPoint: name && readDistributionPointName(name),
      onlyContainsUserCerts,
      onlyContainsCACerts,
      onlySomeReasons: reasons && readNamedBits(reasons),
      indirectCRL,
      onlyContainsAttributeCerts,
    };
  }),
);

/** CRLReason: RFC 5280, 5.3.1. Number 7 is not used. */
export const CrlReason = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;

export type CrlReasonName = keyof typeof CrlReason;

export function crlReasonName(code: number): CrlReasonName | undefined {
  return (Object.keys(CrlReason) as CrlReasonName[]).find(name => CrlReason[name] === code);
}

/** A CRLReason number. RFC 5280, 5.3.1. */
export const reasonCode = decoder(
  oids.reasonCode,
  'reasonCode',
  typed(Tag.enumerated, 'reasonCode', e => {
    const code = readSmallInteger(e, maximumCount);
    if (crlReasonName(code) === undefined) malformed(e.start, `reasonCode: ${code} is none`);
    return code;
  }),
);

/** Milliseconds since the epoch. RFC 5280, 5.3.2. */
export const invalidityDate = decoder(
  oids.invalidityDate,
  'invalidityDate',
  typed(Tag.generalizedTime, 'invalidityDate', e => readTime(e)),
);

/** RFC 5280, 5.3.3. */
export const certificateIssuer = decoder(
  oids.certificateIssuer,
  'certificateIssuer',
  typed(Tag.sequence, 'certificateIssuer', e => readGeneralNames(e, 'certificateIssuer')),
);

const decoders: readonly ((has: HasExtensions) => unknown)[] = [
  basicConstraints,
  keyUsage,
  extendedKeyUsage,
  subjectAltName,
  issuerAltName,
  subjectKeyIdentifier,
  authorityKeyIdentifier,
  nameConstraints,
  crlDistributionPoints,
  freshestCrl,
  authorityInformationAccess,
  subjectInformationAccess,
  certificatePolicies,
  policyMappings,
  policyConstraints,
  inhibitAnyPolicy,
  crlNumber,
  deltaCrlIndicator,
  issuingDistributionPoint,
  reasonCode,
  invalidityDate,
  certificateIssuer,
];

/** Decodes every extension that mtlsctl knows. Throws `malformed` at the first that is not what its RFC says. */
export function checkExtensions(has: HasExtensions): void {
  for (const decode of decoders) decode(has);
}

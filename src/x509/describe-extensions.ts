import { oidName, oids } from '../der/object-identifiers.ts';
import { Cursor, readElement, Tag } from '../der/reader.ts';
import { hexOf, readNull, readSmallInteger, readText } from '../der/values.ts';
import { isMtlsctlError } from '../errors.ts';
import { serialHex } from './certificate.ts';
import {
  authorityInformationAccess,
  authorityKeyIdentifier,
  basicConstraints,
  certificateIssuer,
  certificatePolicies,
  crlDistributionPoints,
  crlNumber,
  crlReasonName,
  deltaCrlIndicator,
  type AccessDescription,
  type DistributionPoint,
  type DistributionPointName,
  type Extension,
  extendedKeyUsage,
  freshestCrl,
  type GeneralSubtree,
  type HasExtensions,
  inhibitAnyPolicy,
  invalidityDate,
  issuerAltName,
  issuingDistributionPoint,
  keyUsage,
  keyUsageNames,
  nameConstraints,
  policyConstraints,
  policyMappings,
  type PolicyQualifier,
  reasonCode,
  subjectAltName,
  subjectInformationAccess,
  subjectKeyIdentifier,
} from './extensions.ts';
import type { GeneralName } from './general-name.ts';
import { formatName, parseName } from './name.ts';
import { sequence } from '../der/writer.ts';

/** What JSON can carry; members that are undefined are left out of it. */
export type Value = string | number | boolean | readonly Value[] | Facts;

export interface Facts {
  readonly [name: string]: Value | undefined;
}

/**
 * Every extension under the name that its RFC gives it, or its object identifier: `critical`, and `value` where mtlsctl knows the
 * extension, otherwise `hex`. One that is not what its RFC says has a `problem` beside its `hex`.
 */
export function describeExtensions(has: HasExtensions): Facts {
  return Object.fromEntries(
    has.extensions.map(extension => [nameOfOid(extension.oid), describeExtension(has, extension)]),
  );
}

function describeExtension(has: HasExtensions, extension: Extension): Facts {
  const { oid, critical } = extension;
  const decode = decoders[oid];
  if (decode === undefined) return { oid, critical, ...undecoded(extension) };
  try {
    return { oid, critical, value: decode(has, extension) };
  } catch (error) {
    return { oid, critical, problem: problemOf(error), ...undecoded(extension) };
  }
}

function undecoded({ value }: Extension): Facts {
  return { octets: value.length, hex: hex(value) };
}

type Decode = (has: HasExtensions, extension: Extension) => Value | undefined;

const decoders: Readonly<Record<string, Decode>> = {
  [oids.basicConstraints]: has => {
    const { ca, pathLenConstraint } = basicConstraints(has) ?? {};
    return { cA: ca, pathLenConstraint };
  },
  [oids.keyUsage]: has => keyUsageNames(keyUsage(has) ?? 0),
  [oids.extendedKeyUsage]: has => extendedKeyUsage(has)?.map(nameOfOid),
  [oids.subjectAltName]: has => subjectAltName(has)?.map(describeGeneralName),
  [oids.issuerAltName]: has => issuerAltName(has)?.map(describeGeneralName),
  [oids.subjectKeyIdentifier]: has => optionalHex(subjectKeyIdentifier(has)),
  [oids.authorityKeyIdentifier]: has => {
    const { keyIdentifier, authorityCertIssuer, authorityCertSerialNumber } = authorityKeyIdentifier(has) ?? {};
    return {
      keyIdentifier: optionalHex(keyIdentifier),
      authorityCertIssuer: authorityCertIssuer?.map(describeGeneralName),
      authorityCertSerialNumber: authorityCertSerialNumber && serialHex(authorityCertSerialNumber),
    };
  },
  [oids.nameConstraints]: has => {
    const { permitted = [], excluded = [] } = nameConstraints(has) ?? {};
    return { permittedSubtrees: permitted.map(describeSubtree), excludedSubtrees: excluded.map(describeSubtree) };
  },
  [oids.cRLDistributionPoints]: has => crlDistributionPoints(has)?.map(describeDistributionPoint),
  [oids.freshestCRL]: has => freshestCrl(has)?.map(describeDistributionPoint),
  [oids.authorityInfoAccess]: has => authorityInformationAccess(has)?.map(describeAccess),
  [oids.subjectInfoAccess]: has => subjectInformationAccess(has)?.map(describeAccess),
  [oids.certificatePolicies]: has =>
    certificatePolicies(has)?.map(({ policyIdentifier, policyQualifiers }) => ({
      policyIdentifier: nameOfOid(policyIdentifier),
      policyQualifiers: policyQualifiers.length === 0 ? undefined : policyQualifiers.map(describeQualifier),
    })),
  [oids.policyMappings]: has =>
    policyMappings(has)?.map(({ issuerDomainPolicy, subjectDomainPolicy }) => ({
      issuerDomainPolicy: nameOfOid(issuerDomainPolicy),
      subjectDomainPolicy: nameOfOid(subjectDomainPolicy),
    })),
  [oids.policyConstraints]: has => ({ ...policyConstraints(has) }),
  [oids.inhibitAnyPolicy]: inhibitAnyPolicy,
  [oids.cRLNumber]: has => crlNumber(has)?.toString(),
  [oids.deltaCRLIndicator]: has => deltaCrlIndicator(has)?.toString(),
  [oids.issuingDistributionPoint]: has => {
    const { distributionPoint, onlySomeReasons, ...flags } = issuingDistributionPoint(has) ?? {};
    return {
      distributionPoint: distributionPoint && describePointName(distributionPoint),
      onlySomeReasons: onlySomeReasons === undefined ? undefined : reasonNames(onlySomeReasons),
      ...flags,
    };
  },
  [oids.reasonCode]: has => crlReasonName(reasonCode(has) ?? -1),
  [oids.invalidityDate]: has => optionalInstant(invalidityDate(has)),
  [oids.certificateIssuer]: has => certificateIssuer(has)?.map(describeGeneralName),
  // RFC 7633, 6
  [oids.tlsFeature]: (_, { value }) => {
    const features: Value[] = [];
    for (const cursor = new Cursor(readElement(value, 'tlsFeature')); !cursor.atEnd;) {
      const feature = readSmallInteger(cursor.expect(Tag.integer, 'tlsFeature'), 0xffff);
      features.push(tlsFeatureNames.get(feature) ?? feature);
    }
    return features;
  },
  // RFC 6960, 4.2.2.2.1
  [oids.ocspNoCheck]: (_, { value }) => {
    readNull(readElement(value, 'id-pkix-ocsp-nocheck'));
    return true;
  },
  [oids.netscapeComment]: (_, { value }) => readText(readElement(value, 'netscapeComment')),
};

/** TLS extension numbers: RFC 6066, 8; RFC 6961, 2.2. */
const tlsFeatureNames: ReadonlyMap<number, string> = new Map([
  [5, 'status_request'],
  [17, 'status_request_v2'],
]);

/** `value` as found: neither escaped nor checked to be a name of its kind. */
function describeGeneralName(name: GeneralName): Facts {
  switch (name.kind) {
    case 'dns':
    case 'email':
    case 'uri':
    case 'ip':
      return { kind: name.kind, value: name.value };
    case 'directory':
      return { kind: name.kind, value: formatName(name.name) };
    case 'registeredId':
      return { kind: name.kind, value: nameOfOid(name.oid) };
    case 'other':
      return { kind: name.kind, typeId: nameOfOid(name.typeId), ...otherValue(name.der) };
    case 'x400':
    case 'ediParty':
      return { kind: name.kind, hex: hex(name.der) };
  }
}

/** Most of the types in use (user principal names, mailboxes, services) are one string. */
function otherValue(der: Uint8Array): Facts {
  try {
    return { value: readText(readElement(der, 'otherName.value')) };
  } catch (error) {
    problemOf(error);
    return { hex: hex(der) };
  }
}

function describeSubtree({ base, minimum, maximum }: GeneralSubtree): Facts {
  return { ...describeGeneralName(base), minimum: minimum === 0 ? undefined : minimum, maximum };
}

function describeDistributionPoint({ distributionPoint, reasons, crlIssuer }: DistributionPoint): Facts {
  return {
    distributionPoint: distributionPoint && describePointName(distributionPoint),
    reasons: reasons === undefined ? undefined : reasonNames(reasons),
    cRLIssuer: crlIssuer?.map(describeGeneralName),
  };
}

function describePointName(name: DistributionPointName): Facts {
  if (name.kind === 'fullName') return { fullName: name.names.map(describeGeneralName) };
  return { nameRelativeToCRLIssuer: formatName(parseName(sequence(name.rdn))) };
}

/** Bits of ReasonFlags: RFC 5280, 4.2.1.13. Bit 0 is unused. */
const reasonFlags = [
  'unused',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  'privilegeWithdrawn',
  'aACompromise',
];

function reasonNames(mask: number): readonly string[] {
  return reasonFlags.filter((_, bit) => (mask & (1 << bit)) !== 0);
}

function describeAccess({ accessMethod, accessLocation }: AccessDescription): Facts {
  return { accessMethod: nameOfOid(accessMethod), accessLocation: describeGeneralName(accessLocation) };
}

function describeQualifier({ policyQualifierId, text, der }: PolicyQualifier): Facts {
  return { policyQualifierId: nameOfOid(policyQualifierId), ...(text === undefined ? { hex: hex(der) } : { text }) };
}

/** The RFC's name, or the identifier itself where mtlsctl does not know it. */
export function nameOfOid(oid: string): string {
  return oidName(oid) ?? oid;
}

/** Signatures of the largest keys have 2 kB; whatever has more than this says nothing to a person. */
const maximumHexOctets = 4096;

/** Lower-case hex; of what is longer than 4,096 octets the beginning, and `…`. */
export function hex(octets: Uint8Array): string {
  return octets.length <= maximumHexOctets ? hexOf(octets) : `${hexOf(octets.subarray(0, maximumHexOctets))}…`;
}

function optionalHex(octets: Uint8Array | undefined): string | undefined {
  return octets && hex(octets);
}

/** RFC 3339, in whole seconds, as DER has them. */
export function instant(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function optionalInstant(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : instant(ms);
}

/** The message of a `malformed`; anything else is thrown on. */
export function problemOf(error: unknown): string {
  if (!isMtlsctlError(error, 'malformed')) throw error;
  return error.message;
}

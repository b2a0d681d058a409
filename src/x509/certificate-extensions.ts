import { oids } from '../der/object-identifiers.ts';
import type { Element } from '../der/reader.ts';
import { Cursor, Tag, contextConstructed, contextPrimitive, malformed } from '../der/reader.ts';
import {
  readIntegerBytes,
  readNamedBits,
  readOctetString,
  readOid,
  readSmallInteger,
  readTrue,
} from '../der/values.ts';
import { decoder, expectTag, maximumCount, readList, typed } from './extension.ts';
import type { GeneralName } from './general-name.ts';
import { readGeneralName, readGeneralNames } from './general-name.ts';

// What the decoders here return and throw: see extensions.ts.

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

/** RFC 5280, 4.2.1.1. That issuer and serial number go together is not a matter of syntax and is left to the rules and lints. */
export const authorityKeyIdentifier = decoder(
  oids.authorityKeyIdentifier,
  'authorityKeyIdentifier',
  typed(Tag.sequence, 'authorityKeyIdentifier', (e): AuthorityKeyIdentifier => {
    const cursor = new Cursor(e);
    const keyIdentifier = cursor.optional(contextPrimitive(0));
    const issuer = cursor.optional(contextConstructed(1));
    const serial = cursor.optional(contextPrimitive(2));
    cursor.finish('authorityKeyIdentifier');
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

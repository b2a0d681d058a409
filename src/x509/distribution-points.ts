import { oids } from '../der/object-identifiers.ts';
import type { Element } from '../der/reader.ts';
import { Cursor, Tag, contextConstructed, contextPrimitive, readContained } from '../der/reader.ts';
import { readNamedBits, readOid, readTrue } from '../der/values.ts';
import { encode } from '../der/writer.ts';
import { decoder, expectTag, readList, typed } from './extension.ts';
import type { GeneralName } from './general-name.ts';
import { readGeneralName, readGeneralNames } from './general-name.ts';
import { checkRdn } from './name.ts';

// What the decoders here return and throw: see extensions.ts.

export type DistributionPointName =
  | { readonly kind: 'fullName'; readonly names: readonly GeneralName[] }
  /** `rdn` is a whole RelativeDistinguishedName (SET), to be appended to the issuer's name (`appendRdn`). */
  | { readonly kind: 'relativeName'; readonly rdn: Uint8Array };

export interface DistributionPoint {
  readonly distributionPoint: DistributionPointName | undefined;
  /** A mask: `1 << n` is bit n of ReasonFlags (RFC 5280, 4.2.1.13); undefined stands for all. */
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

export interface IssuingDistributionPoint {
  readonly distributionPoint: DistributionPointName | undefined;
  readonly onlyContainsUserCerts: boolean;
  readonly onlyContainsCACerts: boolean;
  /** A mask: `1 << n` is bit n of ReasonFlags (RFC 5280, 4.2.1.13); undefined stands for all. */
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

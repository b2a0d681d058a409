import { oids } from '../der/object-identifiers.ts';
import type { Element } from '../der/reader.ts';
import { Cursor, Tag, checkTree, contextPrimitive, elementBytes } from '../der/reader.ts';
import { readOid, readSmallInteger, readText } from '../der/values.ts';
import { decoder, expectTag, maximumCount, readList, typed } from './extension.ts';

// What the decoders here return and throw: see extensions.ts.

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

import { oids } from '../der/object-identifiers.ts';
import type { Certificate } from './certificate.ts';
import {
  basicConstraints,
  certificatePolicies,
  findExtension,
  type GeneralSubtree,
  keyUsage,
  KeyUsage,
  nameConstraints,
  policyConstraints,
  policyMappings,
} from './extensions.ts';
import { hasRepeated, isCa, isNotCritical, lintsOf, mayDo } from './lint-rule.ts';
import { isEmptyName } from './name.ts';

/** What makes a CA one, and what it lays on those below it. */
export const caLints = lintsOf({
  'ca-subject-empty': {
    source: 'RFC 5280, 4.1.2.6',
    appliesTo: 'ca',
    says: 'is a CA with an empty subject',
    broken: c => isEmptyName(c.subject),
  },
  'basic-constraints-not-critical': {
    source: 'RFC 5280, 4.2.1.9',
    appliesTo: 'ca',
    says: 'is a CA and does not mark basicConstraints critical',
    broken: isNotCritical(oids.basicConstraints),
  },
  'path-length-without-signing': {
    source: 'RFC 5280, 4.2.1.9',
    says: 'has a pathLenConstraint and may not sign certificates',
    broken: c =>
      basicConstraints(c)?.pathLenConstraint !== undefined &&
      !(isCa(c) && (keyUsage(c) === undefined || mayDo(c, KeyUsage.keyCertSign))),
  },
  'name-constraints-without-ca': {
    source: 'RFC 5280, 4.2.1.10',
    appliesTo: 'end-entity',
    says: 'has nameConstraints and is no CA',
    broken: c => findExtension(c, oids.nameConstraints) !== undefined,
  },
  'name-constraints-not-critical': {
    source: 'RFC 5280, 4.2.1.10',
    says: 'does not mark nameConstraints critical',
    broken: isNotCritical(oids.nameConstraints),
  },
  'name-constraints-empty': {
    source: 'RFC 5280, 4.2.1.10',
    says: 'has nameConstraints with neither permitted nor excluded names',
    broken: c => nameConstraints(c) !== undefined && subtrees(c).length === 0,
  },
  'name-constraints-bounds': {
    source: 'RFC 5280, 4.2.1.10',
    says: 'has a name constraint with minimum or maximum',
    broken: c => subtrees(c).some(({ minimum, maximum }) => minimum !== 0 || maximum !== undefined),
  },
  'dns-constraint-leading-period': {
    source: 'RFC 5280, 4.2.1.10',
    level: 'warning',
    says: 'has a DNS name constraint that begins with a period',
    broken: c => subtrees(c).some(({ base }) => base.kind === 'dns' && base.value.startsWith('.')),
  },
});

export const policyLints = lintsOf({
  'policy-repeated': {
    source: 'RFC 5280, 4.2.1.4',
    says: 'names a certificate policy twice',
    broken: c => hasRepeated((certificatePolicies(c) ?? []).map(policy => policy.policyIdentifier)),
  },
  'policy-mapping-any': {
    source: 'RFC 5280, 4.2.1.5',
    says: 'maps to or from anyPolicy',
    broken: c =>
      policyMappings(c)?.some(
        m => m.issuerDomainPolicy === oids.anyPolicy || m.subjectDomainPolicy === oids.anyPolicy,
      ) === true,
  },
  'policy-constraints-empty': {
    source: 'RFC 5280, 4.2.1.11',
    says: 'has policyConstraints that say nothing',
    broken: c => {
      const constraints = policyConstraints(c);
      return (
        constraints?.requireExplicitPolicy === undefined &&
        constraints?.inhibitPolicyMapping === undefined &&
        constraints !== undefined
      );
    },
  },
  'policies-of-cas-in-leaf': {
    source: 'RFC 5280, 4.2.1.5',
    appliesTo: 'end-entity',
    says: 'has policy extensions that are for CAs',
    broken: c =>
      [oids.policyMappings, oids.policyConstraints, oids.inhibitAnyPolicy].some(
        oid => findExtension(c, oid) !== undefined,
      ),
  },
  'policy-mappings-not-critical': {
    source: 'RFC 5280, 4.2.1.5',
    level: 'warning',
    says: 'does not mark policyMappings critical',
    broken: isNotCritical(oids.policyMappings),
  },
  'policy-constraints-not-critical': {
    source: 'RFC 5280, 4.2.1.11',
    says: 'does not mark policyConstraints critical',
    broken: isNotCritical(oids.policyConstraints),
  },
  'inhibit-any-policy-not-critical': {
    source: 'RFC 5280, 4.2.1.14',
    says: 'does not mark inhibitAnyPolicy critical',
    broken: isNotCritical(oids.inhibitAnyPolicy),
  },
});

function subtrees(certificate: Certificate): readonly GeneralSubtree[] {
  const constraints = nameConstraints(certificate);
  return constraints === undefined ? [] : [...constraints.permitted, ...constraints.excluded];
}

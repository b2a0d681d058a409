import { oids } from '../der/object-identifiers.ts';
import type { Certificate } from './certificate.ts';
import { issuerAltName, subjectAltName } from './extensions.ts';
import type { GeneralName } from './general-name.ts';
import { hasRepeated, isCritical, isNotCritical, lintsOf } from './lint-rule.ts';
import { dnsPatternProblem, emailProblem, uriProblem } from './name-syntax.ts';
import { isEmptyName } from './name.ts';

/** The names of subject and issuer. */
export const nameLints = lintsOf({
  'subject-missing': {
    source: 'RFC 5280, 4.1.2.6',
    appliesTo: 'end-entity',
    says: 'has neither a subject nor a subjectAltName',
    broken: c => isEmptyName(c.subject) && subjectAltName(c) === undefined,
  },
  'subject-alternative-name-not-critical': {
    source: 'RFC 5280, 4.2.1.6',
    says: 'has an empty subject and does not mark subjectAltName critical',
    broken: c => isEmptyName(c.subject) && isNotCritical(oids.subjectAltName)(c),
  },
  'subject-alternative-name-critical': {
    source: 'RFC 5280, 4.2.1.6',
    level: 'warning',
    says: 'has a subject and marks subjectAltName critical',
    broken: c => !isEmptyName(c.subject) && isCritical(oids.subjectAltName)(c),
  },
  'issuer-alternative-name-critical': {
    source: 'RFC 5280, 4.2.1.7',
    level: 'warning',
    says: 'marks issuerAltName critical',
    broken: isCritical(oids.issuerAltName),
  },
  'dns-name-malformed': {
    source: 'RFC 5280, 4.2.1.6',
    says: 'has a DNS name that is none',
    broken: c => valuesOf(names(c), 'dns').some(name => dnsPatternProblem(name, { underscore: true }) !== undefined),
  },
  'dns-name-underscore': {
    source: 'RFC 5280, 4.2.1.6',
    says: 'has a DNS name with an underscore, which is outside the preferred name syntax',
    broken: c =>
      valuesOf(names(c), 'dns').some(
        name => name.includes('_') && dnsPatternProblem(name, { underscore: true }) === undefined,
      ),
  },
  'uri-malformed': {
    source: 'RFC 5280, 4.2.1.6',
    says: 'has a URI that is none',
    broken: c => valuesOf(names(c), 'uri').some(uri => uriProblem(uri) !== undefined),
  },
  'email-malformed': {
    source: 'RFC 5280, 4.2.1.6',
    says: 'has an e-mail address that is none',
    broken: c => valuesOf(names(c), 'email').some(address => emailProblem(address) !== undefined),
  },
  'email-in-subject': {
    source: 'RFC 5280, 4.1.2.6',
    level: 'warning',
    says: 'has an e-mail address in the subject, where it is deprecated',
    broken: c => c.subject.rdns.flat().some(attribute => attribute.type === oids.emailAddress),
  },
  'name-repeated': {
    source: 'RFC 5280, 4.2.1.6',
    level: 'warning',
    says: 'has a name twice',
    broken: c =>
      hasRepeated((subjectAltName(c) ?? []).flatMap(name => ('value' in name ? [`${name.kind} ${name.value}`] : []))),
  },
});

function names(certificate: Certificate): readonly GeneralName[] {
  return [...(subjectAltName(certificate) ?? []), ...(issuerAltName(certificate) ?? [])];
}

function valuesOf(generalNames: readonly GeneralName[], kind: 'dns' | 'uri' | 'email'): readonly string[] {
  return generalNames.flatMap(name => (name.kind === kind ? [name.value] : []));
}

import { isMtlsctlError } from '../errors.ts';
import type { Certificate } from './certificate.ts';
import { basicConstraints, checkExtensions } from './extensions.ts';
import { namesMatch } from './name.ts';
import type { Lint, LintContext, LintLevel } from './lint-rule.ts';
import { caLints, policyLints } from './lints-ca.ts';
import { ownLints } from './lints-own.ts';
import { fieldLints, identifierLints } from './lints-fields.ts';
import { nameLints } from './lints-names.ts';
import { spiffeLints } from './lints-spiffe.ts';
import { usageLints } from './lints-usage.ts';
import { publicKeyFacts } from './public-key.ts';

export interface Finding {
  readonly name: string;
  readonly level: LintLevel;
  readonly source: string;
  readonly message: string;
}

const standardLints: readonly Lint[] = [
  ...fieldLints,
  ...identifierLints,
  ...usageLints,
  ...nameLints,
  ...caLints,
  ...policyLints,
  ...spiffeLints,
];

/** Every rule there is. */
export const lints: readonly Lint[] = [...standardLints, ...ownLints];

/**
 * Holds a certificate against RFC 5280, section 4, against SPIFFE's rules where it has a SPIFFE ID, and, where asked, against our own.
 * Whether it is trusted, valid now or revoked is no matter of form: see path/.
 */
export function lint(certificate: Certificate, context: LintContext = {}): readonly Finding[] {
  const malformed = unreadablePart(certificate);
  if (malformed !== undefined) return [malformed];
  const selfIssued = namesMatch(certificate.subject, certificate.issuer);
  const ca = basicConstraints(certificate)?.ca === true;
  const applies: Readonly<Record<Lint['appliesTo'], boolean>> = {
    any: true,
    ca,
    'end-entity': !ca,
    'self-issued': selfIssued,
    'not-self-issued': !selfIssued,
  };
  return (context.own === true ? lints : standardLints)
    .filter(rule => applies[rule.appliesTo] && rule.broken(certificate, context))
    .map(({ name, level, source, says }) => ({ name, level, source, message: `the certificate ${says}` }));
}

/** An extension or a key that does not decode: the other rules could say nothing about it. */
function unreadablePart(certificate: Certificate): Finding | undefined {
  return (
    unreadable('extension-malformed', 'RFC 5280, 4.2', () => {
      checkExtensions(certificate);
    }) ??
    unreadable('public-key-malformed', 'RFC 5280, 4.1.2.7', () => publicKeyFacts(certificate.subjectPublicKeyInfo))
  );
}

function unreadable(name: string, source: string, read: () => unknown): Finding | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (!isMtlsctlError(error, 'malformed')) throw error;
    return { name, level: 'error', source, message: error.message };
  }
}

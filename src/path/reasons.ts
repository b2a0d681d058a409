import { serialHex, type Certificate } from '../x509/certificate.ts';
import { formatName, isEmptyName } from '../x509/name.ts';
import type { RuleCode } from './rules.ts';

/** The certificate that a reason speaks of: its subject as text, or its serial number where the subject is empty. */
interface Subject {
  readonly subject: string;
}

interface CrlFacts extends Subject {
  readonly issuer: string;
}

/**
 * What each code tells. Times are milliseconds since the epoch; everything else is text or a number, so that a reason prints
 * as JSON. Codes are part of the interface and are never renamed; they stand in alphabetical order.
 */
export interface OwnFacts {
  'algorithm-mismatch': Subject;
  'algorithm-refused': Subject & { readonly algorithm: string };
  'budget-names': { readonly limit: number };
  'budget-paths': { readonly limit: number };
  'budget-signatures': { readonly limit: number };
  'ca-as-leaf': Subject & { readonly required: string };
  'caller-not-allowed': Subject & { readonly service: string; readonly allowed: string };
  'callers-not-listed': { readonly service: string };
  'chain-too-long': { readonly intermediates: number; readonly maxDepth: number };
  'critical-extension-unknown': Subject & { readonly extension: string };
  'crl-expires-soon': CrlFacts & { readonly nextUpdate: number; readonly minRemaining: number };
  'crl-missing': CrlFacts;
  'crl-not-acceptable': CrlFacts & { readonly problem: string };
  'crl-stale': CrlFacts & { readonly nextUpdate: number; readonly at: number };
  expired: Subject & { readonly notAfter: number; readonly at: number };
  'expires-soon': Subject & { readonly notAfter: number; readonly minRemaining: number };
  'extended-key-usage': Subject & { readonly required: string; readonly found: string };
  'extension-malformed': Subject & { readonly extension: string; readonly problem: string };
  'extension-too-large': Subject & { readonly extension: string; readonly limit: number };
  'issuer-cycle': Subject;
  'issuer-not-found': Subject & { readonly issuer: string };
  'key-mismatch': Subject & { readonly key: string };
  'key-not-checked': Subject & { readonly key: string };
  'key-refused': Subject & { readonly key: string };
  'key-usage': Subject & { readonly required: string };
  'name-constraint-malformed': Subject & { readonly constraint: string };
  'name-constraint-unsupported': Subject & { readonly constraint: string; readonly constrainedBy: string };
  'name-excluded': Subject & { readonly name: string; readonly constraint: string; readonly constrainedBy: string };
  'name-malformed': Subject & { readonly name: string; readonly constrainedBy: string };
  'name-mismatch': Subject & { readonly expected: string; readonly found: string };
  'name-not-permitted': Subject & { readonly name: string; readonly permitted: string; readonly constrainedBy: string };
  'not-a-ca': Subject;
  'not-yet-valid': Subject & { readonly notBefore: number; readonly at: number };
  'path-length': Subject & { readonly pathLenConstraint: number; readonly intermediates: number };
  'policy-mapping-any': Subject;
  'policy-required': { readonly accepted: string };
  'reference-name-malformed': { readonly name: string };
  revoked: Subject & { readonly revocationDate: number; readonly reason: string };
  'root-not-trusted': Subject;
  'spiffe-id-not-single': Subject & { readonly uris: number };
  'signature-invalid': Subject & { readonly issuer: string };
  'signature-unsupported': Subject & { readonly issuer: string; readonly algorithm: string };
}

/** Codes with facts of their own; the others are rules about one certificate (rules.ts). */
export type OwnCode = keyof OwnFacts;

export type ReasonCode = OwnCode | RuleCode;

export type RuleReason = { readonly code: RuleCode } & Subject;

/** Why a chain is refused, or (among the warnings) what is odd about it: a code with the facts. `explain()` makes a sentence of it. */
export type Reason = { [Code in OwnCode]: { readonly code: Code } & OwnFacts[Code] }[OwnCode] | RuleReason;

/** How a certificate is named in a reason: its subject, else (a subject may be empty) its serial number. */
export function label(certificate: Certificate): string {
  return isEmptyName(certificate.subject)
    ? `serial ${serialHex(certificate.serialNumber)}`
    : formatName(certificate.subject);
}

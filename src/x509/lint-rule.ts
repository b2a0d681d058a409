import type { Certificate } from './certificate.ts';
import { basicConstraints, findExtension, keyUsage } from './extensions.ts';

/** What a lint may look at besides the certificate. */
export interface LintContext {
  /** The issuer's certificate; lints that need it pass where it is not given. */
  readonly issuer?: Certificate;
  /** Whether mtlsctl made the certificate, so that its own, stricter rules hold. */
  readonly own?: boolean;
}

export type LintLevel = 'error' | 'warning';

/** One rule, with the clause that it comes from. */
export interface Lint {
  readonly name: string;
  /** `RFC 5280, 4.2.1.9`, or the specification that says so. */
  readonly source: string;
  /** What a MUST says is an error, what a SHOULD says a warning. */
  readonly level: LintLevel;
  readonly appliesTo: 'any' | 'ca' | 'end-entity' | 'self-issued' | 'not-self-issued';
  /** What a certificate that breaks it does, to follow `the certificate …`. */
  readonly says: string;
  readonly broken: (certificate: Certificate, context: LintContext) => boolean;
}

/** A row of a table of lints, under its name: an error that concerns any certificate, unless it says otherwise. */
export type LintRow = Pick<Lint, 'source' | 'says' | 'broken'> & Partial<Pick<Lint, 'level' | 'appliesTo'>>;

/** The lints of a table. */
export function lintsOf(table: Readonly<Record<string, LintRow>>): readonly Lint[] {
  return Object.entries(table).map(([name, row]) => ({ level: 'error', appliesTo: 'any', ...row, name }));
}

export const isCritical =
  (oid: string) =>
  (certificate: Certificate): boolean =>
    findExtension(certificate, oid)?.critical === true;

/** Present and not critical. */
export const isNotCritical =
  (oid: string) =>
  (certificate: Certificate): boolean =>
    findExtension(certificate, oid)?.critical === false;

export function isCa(certificate: Certificate): boolean {
  return basicConstraints(certificate)?.ca === true;
}

/** Whether keyUsage has one of the bits. */
export function mayDo(certificate: Certificate, usage: number): boolean {
  return ((keyUsage(certificate) ?? 0) & usage) !== 0;
}

export function hasRepeated(values: readonly string[]): boolean {
  return new Set(values).size < values.length;
}

import { oids } from '../der/object-identifiers.ts';
import { MtlsctlError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import * as read from '../x509/extensions.ts';

/** The extensions that verification looks at. All of them are critical-known: RFC 5280, 6.1.4 (o) and 6.1.5 (f). */
const readers: ReadonlyMap<string, (certificate: Certificate) => unknown> = new Map<
  string,
  (certificate: Certificate) => unknown
>([
  [oids.authorityKeyIdentifier, read.authorityKeyIdentifier],
  [oids.basicConstraints, read.basicConstraints],
  [oids.certificatePolicies, read.certificatePolicies],
  [oids.cRLDistributionPoints, read.crlDistributionPoints],
  [oids.extendedKeyUsage, read.extendedKeyUsage],
  [oids.inhibitAnyPolicy, read.inhibitAnyPolicy],
  [oids.keyUsage, read.keyUsage],
  [oids.nameConstraints, read.nameConstraints],
  [oids.policyConstraints, read.policyConstraints],
  [oids.policyMappings, read.policyMappings],
  [oids.subjectAltName, read.subjectAltName],
  [oids.subjectKeyIdentifier, read.subjectKeyIdentifier],
]);

/** Known although verification takes nothing from them: marking them critical is wrong, not dangerous (section-four.ts says so). */
const informative: ReadonlySet<string> = new Set([
  oids.authorityInfoAccess,
  oids.freshestCRL,
  oids.issuerAltName,
  oids.subjectInfoAccess,
]);

/** Whether verification understands an extension, so that it may be critical. */
export function isKnownExtension(oid: string): boolean {
  return readers.has(oid) || informative.has(oid);
}

export interface UnreadableExtension {
  readonly oid: string;
  readonly problem: string;
  /** There are more elements in it than this many. */
  readonly limit: number | undefined;
}

const unreadable = new WeakMap<Certificate, UnreadableExtension | 'none'>();

/** The first extension, of those that verification looks at, which does not decode. After `undefined` their readers don't throw. */
export function unreadableExtension(certificate: Certificate): UnreadableExtension | undefined {
  let found = unreadable.get(certificate);
  if (found === undefined) unreadable.set(certificate, (found = findUnreadable(certificate)));
  return found === 'none' ? undefined : found;
}

function findUnreadable(certificate: Certificate): UnreadableExtension | 'none' {
  for (const { oid } of certificate.extensions) {
    const failure = failureOf(() => readers.get(oid)?.(certificate));
    if (failure !== undefined) return { oid, problem: failure.message, limit: limitOf(failure) };
  }
  return 'none';
}

function limitOf({ details }: MtlsctlError): number | undefined {
  return typeof details['limit'] === 'number' ? details['limit'] : undefined;
}

/** What a reader finds wrong with its input; undefined where it finds nothing. */
export function problemOf(readIt: () => unknown): string | undefined {
  return failureOf(readIt)?.message;
}

/** What a reader gives; undefined where its input is malformed, too. */
export function ifReadable<T>(readIt: () => T): T | undefined {
  let value: T | undefined;
  failureOf(() => (value = readIt()));
  return value;
}

function failureOf(readIt: () => unknown): MtlsctlError | undefined {
  try {
    readIt();
    return undefined;
  } catch (error) {
    if (error instanceof MtlsctlError && error.code === 'malformed') return error;
    throw error;
  }
}

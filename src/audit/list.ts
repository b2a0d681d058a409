import { join } from 'node:path';
import { authoritiesDirectory, authorityPaths } from '../authority/authority.ts';
import { selectIssued } from '../authority/ledger-lookup.ts';
import { readEntries } from '../authority/ledger.ts';
import { formatInstant } from '../options.ts';
import { CrlReason, crlReasonName } from '../x509/extensions.ts';

/** Which certificates are listed: those that fit all that is given. Instants in milliseconds. */
export interface ListFilter {
  readonly service?: string | undefined;
  /** As serialHex() writes it. */
  readonly serial?: string | undefined;
  readonly revoked?: boolean | undefined;
  /** Whose notAfter is before. */
  readonly expiringBefore?: number | undefined;
  /** Recorded then or later. */
  readonly issuedSince?: number | undefined;
}

export type CertificateState = 'expired' | 'not yet valid' | 'on hold' | 'revoked' | 'valid';

/** One certificate of the list, as it is printed; dates in RFC 3339. */
export interface ListedCertificate {
  readonly authority: string;
  /** The ledger's line. */
  readonly seq: number;
  readonly serial: string;
  readonly service: string | null;
  readonly subject: string;
  readonly names: readonly string[];
  readonly profile: string;
  readonly issuedAt: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly state: CertificateState;
  readonly revokedAt: string | null;
  readonly reason: string | null;
}

interface Revocation {
  readonly date: string;
  readonly reason: number;
}

export interface ListOrder {
  readonly directory: string;
  readonly authorities: readonly string[];
  readonly filter: ListFilter;
  readonly now: number;
}

/** The certificates that authorities issued, in the order of their ledgers. Takes no lock. Throws `not-found`, `unreadable`, `ledger-corrupt`. */
export async function* listCertificates(order: ListOrder): AsyncGenerator<ListedCertificate, void, undefined> {
  for (const authority of order.authorities) yield* listOf(authority, order);
}

async function* listOf(
  authority: string,
  { directory, filter, now }: ListOrder,
): AsyncGenerator<ListedCertificate, void, undefined> {
  const { ledger } = authorityPaths(join(authoritiesDirectory(directory), authority));
  const revocations = await readRevocations(ledger);
  const fits = (head: {
    readonly at: number;
    readonly serial: string;
    readonly service: string | undefined;
  }): boolean =>
    (filter.serial === undefined || head.serial === filter.serial) &&
    (filter.service === undefined || head.service === filter.service) &&
    (filter.issuedSince === undefined || head.at >= filter.issuedSince) &&
    (filter.revoked !== true || revocations.has(head.serial));
  for await (const entry of selectIssued(ledger, fits)) {
    if (filter.expiringBefore !== undefined && Date.parse(entry.notAfter) >= filter.expiringBefore) continue;
    const revocation = revocations.get(entry.serial);
    const { seq, serial, service, subject, names, profile, notBefore, notAfter } = entry;
    yield {
      ...{ authority, seq, serial, service: service ?? null, subject, names, profile },
      issuedAt: formatInstant(Date.parse(entry.at)),
      ...{ notBefore, notAfter, state: stateOf(entry, revocation, now) },
      revokedAt: revocation?.date ?? null,
      reason: revocation === undefined ? null : (crlReasonName(revocation.reason) ?? String(revocation.reason)),
    };
  }
}

const events = new Set(['released', 'revoked'] as const);

async function readRevocations(ledger: string): Promise<ReadonlyMap<string, Revocation>> {
  const revocations = new Map<string, Revocation>();
  for await (const entry of readEntries(ledger, { events })) {
    if (entry.event === 'revoked') revocations.set(entry.serial, { date: entry.date, reason: entry.reason });
    if (entry.event === 'released') revocations.delete(entry.serial);
  }
  return revocations;
}

function stateOf(
  { notBefore, notAfter }: { readonly notBefore: string; readonly notAfter: string },
  revocation: Revocation | undefined,
  now: number,
): CertificateState {
  if (revocation !== undefined) return revocation.reason === CrlReason.certificateHold ? 'on hold' : 'revoked';
  if (Date.parse(notAfter) < now) return 'expired';
  return Date.parse(notBefore) > now ? 'not yet valid' : 'valid';
}

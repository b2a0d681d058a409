import type { Issued } from './ledger-format.ts';
import { type IssuedHead, selectIssued } from './ledger-lookup.ts';
import { readEntries } from './ledger.ts';

/** A certificate that an authority issued, as its ledger has it, and what became of it. */
export interface IssuedCertificate {
  readonly issued: Issued;
  /** When it was issued; milliseconds, as all instants. */
  readonly at: number;
  readonly notAfter: number;
  /** Undefined where it is not revoked. */
  readonly revocation: { readonly date: number; readonly reason: number } | undefined;
}

/** Which certificates are looked for; where several are given, those that all of them fit. */
export interface IssuedFilter {
  /** As serialHex() writes it. */
  readonly serial?: string;
  /** The service, or the authority, that it was issued to. */
  readonly service?: string;
  /** Milliseconds. */
  readonly issuedBefore?: number;
  /** Judges what the others let pass. */
  readonly matches?: (issued: Issued) => boolean;
}

const changes = new Set(['released', 'revoked'] as const);

/** The certificates of a ledger that a filter fits, in its order. Takes no lock. Throws `not-found`, `unreadable`, `ledger-corrupt`. */
export async function findCertificates(path: string, filter: IssuedFilter): Promise<readonly IssuedCertificate[]> {
  const found = new Map<string, IssuedCertificate>();
  for await (const issued of selectIssued(path, head => fits(head, filter))) {
    if (filter.matches !== undefined && !filter.matches(issued)) continue;
    const [at, notAfter] = [Date.parse(issued.at), Date.parse(issued.notAfter)];
    found.set(issued.serial, { issued, at, notAfter, revocation: undefined });
  }
  if (found.size === 0) return [];
  for await (const entry of readEntries(path, { events: changes })) {
    const known = 'serial' in entry ? found.get(entry.serial) : undefined;
    if (known === undefined || (entry.event !== 'revoked' && entry.event !== 'released')) continue;
    const revocation = entry.event === 'released' ? undefined : { date: Date.parse(entry.date), reason: entry.reason };
    found.set(known.issued.serial, { ...known, revocation });
  }
  return [...found.values()];
}

function fits(head: IssuedHead, { serial, service, issuedBefore }: IssuedFilter): boolean {
  if (serial !== undefined && head.serial !== serial) return false;
  if (service !== undefined && head.service !== service) return false;
  return issuedBefore === undefined || head.at < issuedBefore;
}

import { readEntries } from './ledger.ts';
import type { Issued } from './ledger-format.ts';

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

const events = new Set(['issued', 'released', 'revoked'] as const);

/** The certificates of a ledger that a filter fits, in its order. Takes no lock. Throws `not-found`, `unreadable`, `ledger-corrupt`. */
export async function findIssued(path: string, filter: IssuedFilter): Promise<readonly IssuedCertificate[]> {
  const found = new Map<string, IssuedCertificate>();
  for await (const entry of readEntries(path, { events })) {
    if (entry.event === 'issued') {
      if (!fits(entry, filter, Date.parse(entry.at))) continue;
      found.set(entry.serial, {
        ...{ issued: entry, at: Date.parse(entry.at), notAfter: Date.parse(entry.notAfter) },
        revocation: undefined,
      });
      continue;
    }
    if (entry.event !== 'revoked' && entry.event !== 'released') continue;
    const known = found.get(entry.serial);
    if (known === undefined) continue;
    const revocation = entry.event === 'released' ? undefined : { date: Date.parse(entry.date), reason: entry.reason };
    found.set(entry.serial, { ...known, revocation });
  }
  return [...found.values()];
}

function fits(issued: Issued, { serial, service, issuedBefore, matches }: IssuedFilter, at: number): boolean {
  if (serial !== undefined && issued.serial !== serial) return false;
  if (service !== undefined && issued.service !== service) return false;
  if (issuedBefore !== undefined && at >= issuedBefore) return false;
  return matches === undefined || matches(issued);
}

import { type LedgerEntry, type LedgerEvent, readEntries } from './ledger.ts';

/** What the ledger says of one revoked certificate. Small, since there may be a million. Instants in milliseconds. */
export interface Revocation {
  /** As serialHex() writes it. */
  readonly serial: string;
  readonly date: number;
  /** CRLReason, RFC 5280, 5.3.1. */
  readonly reason: number;
  /** That of the certificate. */
  readonly notAfter: number;
  readonly invalidityDate: number | undefined;
  /** The ledger's line. */
  readonly seq: number;
}

/** A CRL that was signed, as the ledger has it. */
export interface Publication {
  readonly seq: number;
  /** When it was signed. */
  readonly at: number;
  readonly number: number;
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  /** The number of the CRL that it goes with, where it is a delta. */
  readonly base: number | undefined;
  readonly sha256: string;
}

/** What an authority's CRLs are made from. */
export interface Revocations {
  readonly revoked: ReadonlyMap<string, Revocation>;
  /** What was taken back from certificateHold and not revoked again, with the ledger's line. */
  readonly released: ReadonlyMap<string, number>;
  /** In the ledger's order, which is that of their numbers. */
  readonly publications: readonly Publication[];
}

const relevantEvents: ReadonlySet<LedgerEntry['event']> = new Set<LedgerEntry['event']>([
  'crl-published',
  'released',
  'revoked',
]);

interface Fold {
  readonly revoked: Map<string, Revocation>;
  readonly released: Map<string, number>;
  readonly publications: Publication[];
}

/** Reads what a ledger says of revocations. Takes no lock. Throws `not-found`, `unreadable`, `ledger-corrupt`. */
export async function readRevocations(path: string): Promise<Revocations> {
  const fold: Fold = { revoked: new Map(), released: new Map(), publications: [] };
  for await (const entry of readEntries(path, { events: relevantEvents })) apply(fold, entry);
  return fold;
}

/** The same with events that were appended since. */
export function withEvents(before: Revocations, events: readonly LedgerEvent[]): Revocations {
  const fold: Fold = {
    revoked: new Map(before.revoked),
    released: new Map(before.released),
    publications: [...before.publications],
  };
  // Behind every line that was read.
  for (const event of events) apply(fold, { ...event, seq: Number.MAX_SAFE_INTEGER, at: '', prev: '' });
  return fold;
}

function apply({ revoked, released, publications }: Fold, entry: LedgerEntry): void {
  if (entry.event === 'revoked') {
    const { serial, reason, seq, invalidityDate } = entry;
    released.delete(serial);
    revoked.set(serial, {
      ...{ serial, reason, seq },
      date: Date.parse(entry.date),
      notAfter: Date.parse(entry.notAfter),
      invalidityDate: invalidityDate === undefined ? undefined : Date.parse(invalidityDate),
    });
  } else if (entry.event === 'released') {
    revoked.delete(entry.serial);
    released.set(entry.serial, entry.seq);
  } else if (entry.event === 'crl-published') {
    const { seq, number, sha256, base } = entry;
    const [at, thisUpdate, nextUpdate] = [entry.at, entry.thisUpdate, entry.nextUpdate].map(Date.parse);
    publications.push({
      seq,
      number,
      sha256,
      base,
      at: at ?? NaN,
      thisUpdate: thisUpdate ?? NaN,
      nextUpdate: nextUpdate ?? NaN,
    });
  }
}

/** The CRL signed last, whatever kind it is of. */
export function lastPublication({ publications }: Revocations): Publication | undefined {
  return publications.at(-1);
}

/** The newest complete CRL that is in time at `now`: of those signed ahead the one whose turn it is. */
export function currentPublication({ publications }: Revocations, now: number): Publication | undefined {
  return publications.findLast(({ base, thisUpdate }) => base === undefined && thisUpdate <= now);
}

/**
 * What a CRL of this instant lists, sorted by serial number: what is revoked, but for what has been on an earlier CRL issued after its
 * certificate had expired (RFC 5280, 3.3).
 */
export function listedAt({ revoked, publications }: Revocations, thisUpdate: number): readonly Revocation[] {
  const newestSince = newestPublication(
    publications.filter(each => each.base === undefined && each.thisUpdate <= thisUpdate),
  );
  const listed: Revocation[] = [];
  for (const revocation of revoked.values()) {
    if (newestSince(revocation.seq) <= revocation.notAfter) listed.push(revocation);
  }
  return sortedBySerial(listed);
}

/** The latest thisUpdate of the CRLs signed after a line of the ledger; the order of their instants is that of the lines unless the clock went back. */
function newestPublication(publications: readonly Publication[]): (seq: number) => number {
  const newest: number[] = [];
  let latest = -Infinity;
  for (let i = publications.length - 1; i >= 0; i -= 1)
    newest[i] = latest = Math.max(latest, publications[i]?.thisUpdate ?? latest);
  return seq => {
    let [low, high] = [0, publications.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((publications[middle]?.seq ?? 0) > seq) high = middle;
      else low = middle + 1;
    }
    return newest[low] ?? -Infinity;
  };
}

/**
 * By number, which for the hex of whole octets is by length, then by digits. Serial numbers are random: dealt out by their first digits
 * a million of them leave little to sort.
 */
function sortedBySerial(revocations: readonly Revocation[]): readonly Revocation[] {
  const groups = new Map<string, Revocation[]>();
  for (const each of revocations) {
    const key = `${String(each.serial.length).padStart(3, '0')}${each.serial.slice(0, 4)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [each]);
    else group.push(each);
  }
  const inOrder = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
  return inOrder.flatMap(([, group]) => group.sort((a, b) => (a.serial < b.serial ? -1 : 1)));
}

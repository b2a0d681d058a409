import { isTorn, type Line, readLines } from './ledger-lines.ts';
import { parsedLine } from './ledger-lookup.ts';
import { beginningMark, markBehind, worthKeeping } from './ledger-mark.ts';
import type { LedgerEntry, LedgerEvent } from './ledger.ts';
import { type ListedRevocations, type Revocation, RevocationTable } from './revocation-table.ts';
import { keep, readKept } from './revocations-kept.ts';
import { isIssuedLine, readRevokedLine, serialOf } from './revoked-line.ts';

export type { Revocation } from './revocation-table.ts';

/** A hold that was taken back. */
export type Release = Pick<Revocation, 'date' | 'seq' | 'serial'>;

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
  readonly revoked: Pick<RevocationTable, 'copy' | 'get' | 'has' | 'listed'>;
  /** What was taken back from certificateHold and not revoked again. */
  readonly released: ReadonlyMap<string, Release>;
  /** In the ledger's order, which is that of their numbers. */
  readonly publications: readonly Publication[];
}

/** What a ledger says of revocations while it is read. */
export interface Fold {
  readonly revoked: RevocationTable;
  readonly released: Map<string, Release>;
  readonly publications: Publication[];
}

/**
 * Reads what a ledger says of revocations; of a large one what was kept, and what came since. Takes no lock. Throws `not-found`, `unreadable`,
 * `ledger-corrupt`.
 */
export async function readRevocations(path: string): Promise<Revocations> {
  const kept = await readKept(path);
  const { lines, end } = kept?.mark ?? beginningMark;
  const fold = kept?.fold ?? { revoked: new RevocationTable(), released: new Map(), publications: [] };
  let last: Line | undefined;
  for (const line of readLines(path, { lines, offset: end })) {
    if (isTorn(line)) break;
    last = line;
    const revocation = line.isLast ? undefined : readRevokedLine(line);
    if (revocation !== undefined) {
      fold.revoked.setFromLine(revocation);
      if (fold.released.size > 0) fold.released.delete(serialOf(revocation));
    } else if (line.isLast || !isIssuedLine(line)) apply(fold, parsedLine(line, path));
  }
  const mark = last === undefined ? undefined : markBehind(last);
  if (mark !== undefined && mark.end - end > worthKeeping) await keep(path, mark, fold);
  return fold;
}

/** The same with events that were appended since. */
export function withEvents(before: Revocations, events: readonly LedgerEvent[]): Revocations {
  const fold: Fold = {
    revoked: before.revoked.copy(),
    released: new Map(before.released),
    publications: [...before.publications],
  };
  // Behind every line that was read.
  for (const event of events) apply(fold, { ...event, seq: Number.MAX_SAFE_INTEGER, at: '', prev: '' });
  return fold;
}

function apply(fold: Fold, entry: LedgerEntry): void {
  const { revoked, released, publications } = fold;
  if (entry.event === 'revoked') {
    const { serial, reason, seq, invalidityDate } = entry;
    released.delete(serial);
    revoked.set({
      ...{ serial, reason, seq },
      date: Date.parse(entry.date),
      notAfter: Date.parse(entry.notAfter),
      invalidityDate: invalidityDate === undefined ? undefined : Date.parse(invalidityDate),
    });
  } else if (entry.event === 'released') {
    revoked.delete(entry.serial);
    released.set(entry.serial, { serial: entry.serial, seq: entry.seq, date: Date.parse(entry.at) });
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

/** The newest complete CRL that has begun at `now`, ended or not: of those signed ahead the one whose turn it is. */
export function currentPublication({ publications }: Revocations, now: number): Publication | undefined {
  return publications.findLast(({ base, thisUpdate }) => base === undefined && thisUpdate <= now);
}

/**
 * What a CRL of this instant lists, sorted by serial number: what is revoked, but for what has been on an earlier CRL issued after its
 * certificate had expired (RFC 5280, 3.3).
 */
export function listedAt({ revoked, publications }: Revocations, thisUpdate: number): ListedRevocations {
  const newestSince = newestPublication(
    publications.filter(each => each.base === undefined && each.thisUpdate <= thisUpdate),
  );
  return revoked.listed((seq, notAfter) => newestSince(seq) <= notAfter);
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

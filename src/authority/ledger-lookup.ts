import { ledgerCorrupt, type LedgerEntry, parseLine } from './ledger-format.ts';
import { type LineHead, readHead } from './ledger-heads.ts';
import { isTorn, type Line, readLines } from './ledger-lines.ts';

export type IssuedEntry = Extract<LedgerEntry, { readonly event: 'issued' }>;

/** What is known of a certificate before its line is parsed. */
export interface IssuedHead {
  /** When it was recorded, in milliseconds. */
  readonly at: number;
  readonly serial: string;
  readonly service: string | undefined;
}

/**
 * The certificates that `wanted` picks, in the order in which they were issued. Only their lines are parsed, so that one is found among a
 * million in two seconds; the file may be larger than memory. Takes no lock. Throws `not-found`, `unreadable`, `ledger-corrupt`.
 */
// eslint-disable-next-line @typescript-eslint/require-await -- a ledger that is no file will have to wait
export async function* selectIssued(
  path: string,
  wanted: (head: IssuedHead) => boolean,
): AsyncGenerator<IssuedEntry, void, undefined> {
  for (const line of readLines(path)) {
    if (isTorn(line)) return;
    const head = line.isLast ? undefined : readHead(line);
    if (head !== undefined && !(isIssued(head) && wanted(head))) continue;
    const entry = parsedLine(line, path);
    if (entry.event === 'issued' && wanted({ ...entry, service: entry.service, at: Date.parse(entry.at) })) yield entry;
  }
}

function isIssued(head: LineHead): head is LineHead & IssuedHead {
  return head.event === 'issued';
}

/** The entry that a line holds. Throws `ledger-corrupt`, naming the line. */
export function parsedLine(line: Line, path: string): LedgerEntry {
  const entry = parseLine(line.bytes);
  if (typeof entry === 'string') throw ledgerCorrupt(path, line.number, entry);
  if (entry.seq !== line.number) throw ledgerCorrupt(path, line.number, `its 'seq' is ${entry.seq}`);
  return entry;
}

import { ledgerCorrupt, type LedgerEntry, parseLine } from './ledger-format.ts';
import { isOther } from './ledger-heads.ts';
import { isTorn, readLines, tornTail, type TornTail } from './ledger-lines.ts';

export interface ReadOptions {
  /** Only entries of these events; the others are passed over unparsed, which makes large ledgers fast. */
  readonly events?: ReadonlySet<LedgerEntry['event']>;
  /** Told of a torn tail, once, at the end. */
  readonly onTorn?: (torn: TornTail) => void;
}

/**
 * The entries of a ledger in their order; no lock is needed, and the file may be larger than memory.
 * Throws `not-found`, `unreadable`, and `ledger-corrupt`, naming the line, for one that is malformed or out of sequence.
 * That no line was altered is for an audit to say.
 */
// eslint-disable-next-line @typescript-eslint/require-await -- a ledger that is no file will have to wait
export async function* readEntries(
  path: string,
  options: ReadOptions = {},
): AsyncGenerator<LedgerEntry, void, undefined> {
  for (const line of readLines(path)) {
    if (isTorn(line)) {
      options.onTorn?.(tornTail(line));
      return;
    }
    if (options.events !== undefined && !line.isLast && isOther(line, options.events)) continue;
    const entry = parseLine(line.bytes);
    if (typeof entry === 'string') throw ledgerCorrupt(path, line.number, entry);
    if (entry.seq !== line.number) throw ledgerCorrupt(path, line.number, `its 'seq' is ${entry.seq}`);
    if (options.events?.has(entry.event) !== false) yield entry;
  }
}

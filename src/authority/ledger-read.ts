import { firstPrev, ledgerCorrupt, type LedgerEntry, lineHash, parseLine } from './ledger-format.ts';
import { isOther } from './ledger-heads.ts';
import { isTorn, type Line, readLines, splitLines, tornTail, type TornTail } from './ledger-lines.ts';

export interface ReadOptions {
  /** Only entries of these events; the others are passed over unparsed, which makes large ledgers fast. */
  readonly events?: ReadonlySet<LedgerEntry['event']>;
  /** Told of a torn tail, once, at the end. */
  readonly onTorn?: (torn: TornTail) => void;
}

export interface ChainFault {
  /** From 1. */
  readonly line: number;
  readonly kind: 'malformed' | 'prev' | 'seq';
  readonly expected: string;
  readonly found: string;
}

export interface ChainCheck {
  /** How many good lines there are before the first bad one, or the end. */
  readonly lines: number;
  /** SHA-256 of the last good line: what the next line's `prev` has to be. */
  readonly head: string;
  /** The first bad line; undefined where the chain is whole. */
  readonly fault: ChainFault | undefined;
  readonly torn: TornTail | undefined;
}

/**
 * The entries of a ledger in their order; no lock is needed, and the file may be larger than memory.
 * Throws `not-found`, `unreadable`, and `ledger-corrupt`, naming the line, for one that is malformed or out of sequence.
 * That no line was altered is for checkHashChain() to say.
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

/** Checks the hash chain of a ledger in memory. */
export function checkHashChain(bytes: Uint8Array): ChainCheck {
  return checkLines(splitLines([bytes], 'the ledger'));
}

/** Checks the hash chain of a ledger on disk, however large. Throws `not-found`, `unreadable`. */
export function checkLedgerFile(path: string): ChainCheck {
  return checkLines(readLines(path));
}

function checkLines(lines: Iterable<Line>): ChainCheck {
  let head = firstPrev;
  let good = 0;
  for (const line of lines) {
    if (isTorn(line)) return { lines: good, head, fault: undefined, torn: tornTail(line) };
    const fault = chainFault(line, head);
    if (fault !== undefined) return { lines: good, head, fault, torn: undefined };
    head = lineHash(line.bytes);
    good = line.number;
  }
  return { lines: good, head, fault: undefined, torn: undefined };
}

function chainFault(line: Line, head: string): ChainFault | undefined {
  const entry = parseLine(line.bytes);
  const fault = (kind: ChainFault['kind'], expected: string, found: string): ChainFault => ({
    line: line.number,
    kind,
    expected,
    found,
  });
  if (typeof entry === 'string') return fault('malformed', 'a ledger entry', entry);
  if (entry.seq !== line.number) return fault('seq', String(line.number), String(entry.seq));
  return entry.prev === head ? undefined : fault('prev', head, entry.prev);
}

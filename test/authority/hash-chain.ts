import { firstPrev, lineHash, parseLine } from '../../src/authority/ledger-format.ts';
import { isTorn, type Line, readLines, splitLines, tornTail, type TornTail } from '../../src/authority/ledger-lines.ts';

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

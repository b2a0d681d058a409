import * as fs from 'node:fs';
import { perform } from '../file-operations.ts';
import {
  firstPrev,
  isKnownEvent,
  isTornLine,
  ledgerCorrupt,
  type LedgerEntry,
  lineHash,
  longestLine,
  parseLine,
} from './ledger-format.ts';

/** The end of a ledger that a crash cut off, or that another process is just writing. Never read as data. */
export interface TornTail {
  /** From 1. */
  readonly line: number;
  /** Where it begins, and its length, in octets. */
  readonly offset: number;
  readonly length: number;
}

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

/**
 * Whether the line is certainly of an event that is not wanted. Only a line that begins as ours do is judged by its beginning;
 * any other is left to the parser.
 */
function isOther(line: Line, wanted: ReadonlySet<LedgerEntry['event']>): boolean {
  const beginning = Buffer.from(line.bytes.buffer, line.bytes.byteOffset, Math.min(line.bytes.length, 128));
  const match = /^\{"seq":(\d{1,15}),"at":"[\dTZ:.-]{20,24}","event":"([a-z-]{1,40})",/.exec(
    beginning.toString('latin1'),
  );
  if (match?.[2] === undefined || Number(match[1]) !== line.number) return false;
  return !wanted.has(isKnownEvent(match[2]) ? match[2] : 'unknown');
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

interface Line {
  /** Without the newline. */
  readonly bytes: Uint8Array;
  /** From 1. */
  readonly number: number;
  /** In octets from the beginning of the file. */
  readonly offset: number;
  readonly hasNewline: boolean;
  readonly isLast: boolean;
}

function isTorn(line: Line): boolean {
  return line.isLast && isTornLine(line.bytes, line.hasNewline);
}

function tornTail(line: Line): TornTail {
  return { line: line.number, offset: line.offset, length: line.bytes.length + (line.hasNewline ? 1 : 0) };
}

function* readLines(path: string): Generator<Line, void, undefined> {
  const file = perform('open', path, () => fs.openSync(path, 'r'));
  try {
    yield* splitLines(readChunks(file, path), path);
  } finally {
    fs.closeSync(file);
  }
}

const chunkSize = 1024 * 1024;

/** Each chunk in memory of its own, since lines are parts of it. */
function* readChunks(file: number, path: string): Generator<Uint8Array, void, undefined> {
  for (;;) {
    const buffer = Buffer.allocUnsafeSlow(chunkSize);
    const count = perform('read', path, () => fs.readSync(file, buffer, 0, chunkSize, null));
    if (count === 0) return;
    yield buffer.subarray(0, count);
  }
}

/** Each line comes when it is known whether there is another. */
function* splitLines(chunks: Iterable<Uint8Array>, path: string): Generator<Line, void, undefined> {
  let number = 0;
  let offset = 0;
  let held: Uint8Array | undefined;
  const line = (bytes: Uint8Array, hasNewline: boolean, isLast: boolean): Line => {
    number += 1;
    const start = offset;
    offset += bytes.length + (hasNewline ? 1 : 0);
    return { bytes, number, offset: start, hasNewline, isLast };
  };
  let rest: Uint8Array = new Uint8Array(0);
  for (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      if (held !== undefined) yield line(held, true, false);
      held = bytes.subarray(start, end);
      start = end + 1;
    }
    rest = bytes.subarray(start);
    if (rest.length > longestLine) throw ledgerCorrupt(path, number + 2, 'it is too long to be a ledger entry');
  }
  if (held !== undefined) yield line(held, true, rest.length === 0);
  if (rest.length > 0) yield line(rest, false, true);
}

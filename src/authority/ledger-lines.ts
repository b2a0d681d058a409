import * as fs from 'node:fs';
import { openRegular, perform } from '../file-operations.ts';
import { isTornLine, ledgerCorrupt, longestLine } from './ledger-format.ts';

/** The end of a ledger that a crash cut off, or that another process is just writing. Never read as data. */
export interface TornTail {
  /** From 1. */
  readonly line: number;
  /** Where it begins, and its length, in octets. */
  readonly offset: number;
  readonly length: number;
}

/** One line of a ledger, whatever it holds. */
export interface Line {
  /** Without the newline. */
  readonly bytes: Uint8Array;
  /** From 1. */
  readonly number: number;
  /** In octets from the beginning of the file. */
  readonly offset: number;
  readonly hasNewline: boolean;
  readonly isLast: boolean;
}

export function isTorn(line: Line): boolean {
  return line.isLast && isTornLine(line.bytes, line.hasNewline);
}

export function tornTail(line: Line): TornTail {
  return { line: line.number, offset: line.offset, length: line.bytes.length + (line.hasNewline ? 1 : 0) };
}

/** Between two lines of a ledger. */
export interface Place {
  /** Lines before. */
  readonly lines: number;
  /** In octets. */
  readonly offset: number;
}

export const beginning: Place = { lines: 0, offset: 0 };

export function placeBehind(line: Line): Place {
  return { lines: line.number, offset: line.offset + line.bytes.length + (line.hasNewline ? 1 : 0) };
}

/** Throws `not-found`, `unreadable`, and `ledger-corrupt` for a line that no ledger would hold. */
export function* readLines(path: string, from: Place = beginning): Generator<Line, void, undefined> {
  const { file } = openRegular(path);
  try {
    yield* splitLines(readChunks(file, path, from.offset), path, from);
  } finally {
    fs.closeSync(file);
  }
}

const chunkSize = 1024 * 1024;

/** Each chunk in memory of its own, since lines are parts of it. */
function* readChunks(file: number, path: string, start: number): Generator<Uint8Array, void, undefined> {
  for (let position = start; ;) {
    const buffer = Buffer.allocUnsafeSlow(chunkSize);
    const count = perform('read', path, () => fs.readSync(file, buffer, 0, chunkSize, position));
    if (count === 0) return;
    yield buffer.subarray(0, count);
    position += count;
  }
}

/** Each line comes when it is known whether there is another. */
export function* splitLines(
  chunks: Iterable<Uint8Array>,
  path: string,
  from: Place = beginning,
): Generator<Line, void, undefined> {
  let number = from.lines;
  let { offset } = from;
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
    if (rest.length <= longestLine) continue;
    if (held !== undefined) yield line(held, true, false);
    throw ledgerCorrupt(path, number + 1, 'it is too long to be a ledger entry');
  }
  if (held !== undefined) yield line(held, true, rest.length === 0);
  if (rest.length > 0) yield line(rest, false, true);
}

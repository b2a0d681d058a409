import * as fs from 'node:fs';
import { MtlsctlError } from '../errors.ts';
import { perform } from '../file-operations.ts';
import { firstPrev, lineHash, longestLine, parseObject } from './ledger-format.ts';

/** The last whole line, and what lies behind it. */
export interface Tail {
  readonly seq: number;
  readonly hash: string;
  /** Where the next line goes, in octets. */
  readonly end: number;
  readonly torn: Uint8Array | undefined;
}

const firstProbe = 16 * 1024;

/** Finds the last line from the end backwards, so that it costs the same in a ledger of a million lines. */
export function readTail(file: number, path: string): Tail {
  const size = fs.fstatSync(file).size;
  for (let length = Math.min(firstProbe, size); ; length = Math.min(length * 8, size)) {
    const start = size - length;
    const bytes = readAt(file, path, start, length);
    const tail = lastWholeLine(bytes, start, path);
    if (tail !== undefined) return tail;
    if (length > longestLine) throw noLineToGoOnFrom(path, size);
  }
}

/** Undefined where it begins before `bytes`, which are the file from `start` to its end. */
function lastWholeLine(bytes: Buffer, start: number, path: string): Tail | undefined {
  const newline = bytes.lastIndexOf(10) + 1;
  // A last line that ends as it should but is no JSON was torn too: its blocks came to the disk in another order.
  const isTorn =
    newline === bytes.length && parseObject(bytes.subarray(lineStart(bytes, newline), newline)) === undefined;
  const end = isTorn ? lineStart(bytes, newline) : newline;
  if (start > 0 && lineStart(bytes, end) === 0) return undefined;
  const torn = end < bytes.length ? bytes.subarray(end) : undefined;
  if (end === 0) return { seq: 0, hash: firstPrev, end: 0, torn };
  const line = bytes.subarray(lineStart(bytes, end), end - 1);
  return { seq: sequenceNumber(line, path, start + end), hash: lineHash(line), end: start + end, torn };
}

/** Where the line begins that ends, newline included, at `end`. */
function lineStart(bytes: Buffer, end: number): number {
  return end < 2 ? 0 : bytes.lastIndexOf(10, end - 2) + 1;
}

function sequenceNumber(line: Buffer, path: string, end: number): number {
  const seq = parseObject(line)?.['seq'];
  if (typeof seq === 'number' && Number.isSafeInteger(seq) && seq > 0) return seq;
  throw noLineToGoOnFrom(path, end);
}

function noLineToGoOnFrom(path: string, offset: number): MtlsctlError {
  return new MtlsctlError(
    'ledger-corrupt',
    `${path}: the line that ends at octet ${offset} is no ledger entry to go on from`,
    {
      hints: [`tail -n 3 ${path}`],
      details: { path, offset },
    },
  );
}

function readAt(file: number, path: string, start: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(length);
  for (let done = 0; done < length;) {
    const count = perform('read', path, () => fs.readSync(file, buffer, done, length - done, start + done));
    if (count === 0) return buffer.subarray(0, done);
    done += count;
  }
  return buffer;
}

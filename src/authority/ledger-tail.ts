import * as fs from 'node:fs';
import { MtlsctlError } from '../errors.ts';
import { perform } from '../file-operations.ts';
import { firstPrev, isTornLine, lineHash, longestLine, parseObject, sumState } from './ledger-format.ts';

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
  const longest = Math.min(size, 2 * longestLine);
  for (let length = Math.min(firstProbe, longest); ; length = Math.min(length * 8, longest)) {
    const tail = lastWholeLine(readAt(file, path, size - length, length), size - length, path);
    if (tail !== undefined) return tail;
    if (length === longest) throw noLineToGoOnFrom(path, size);
  }
}

/** Undefined where it begins before `bytes`, which are the file from `start` to its end. */
function lastWholeLine(bytes: Buffer, start: number, path: string): Tail | undefined {
  const newline = bytes.lastIndexOf(10) + 1;
  const isTorn = newline === bytes.length && isTornLine(bytes.subarray(lineStart(bytes, newline), newline), true);
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
  const seq = sumState(line) === 'wrong' ? undefined : parseObject(line)?.['seq'];
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

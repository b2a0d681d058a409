import * as fs from 'node:fs';
import { perform } from '../file-operations.ts';
import { lineHash, longestLine } from './ledger-format.ts';
import type { Line } from './ledger-lines.ts';

/** How far a ledger was read: up to and with a whole line. What was found in it may be kept beside it for as long as isStillThere(). */
export interface LedgerMark {
  readonly lines: number;
  /** Where the last line begins and where the next one will, in octets. */
  readonly lastStart: number;
  readonly end: number;
  /** Of the last line. */
  readonly hash: string;
}

export const beginningMark: LedgerMark = { lines: 0, lastStart: 0, end: 0, hash: '' };

/** To read fewer octets again costs less than to write down what was found in them. */
export const worthKeeping = 1 << 20;

export function markBehind(line: Line): LedgerMark {
  const { number: lines, offset: lastStart, bytes } = line;
  return { lines, lastStart, end: lastStart + bytes.length + 1, hash: lineHash(bytes) };
}

/** Whether a ledger still has the line with which a mark ends: another one, restored perhaps, has another line there. Throws `unreadable`. */
export function isStillThere(file: number, path: string, { lastStart, end, hash }: LedgerMark): boolean {
  const length = end - lastStart;
  if (length < 2 || length > longestLine) return false;
  const line = Buffer.allocUnsafe(length);
  if (perform('read', path, () => fs.readSync(file, line, 0, length, lastStart)) !== length) return false;
  return line[length - 1] === 10 && lineHash(line.subarray(0, length - 1)) === hash;
}

/** Of what was read from a file. */
export function isMark(value: unknown): value is LedgerMark {
  const { lines, lastStart, end, hash } = (value ?? {}) as Record<string, unknown>;
  return (
    typeof hash === 'string' && [lines, lastStart, end].every(each => Number.isSafeInteger(each) && Number(each) >= 0)
  );
}

import { hash } from 'node:crypto';
import type { Line } from './ledger-lines.ts';
import type { RevocationInLine } from './revocation-table.ts';

// A ledger may have a million revocations. Its lines are always written in one form, and to go through them octet by octet takes a fifth of
// the time that JSON takes. Whatever is not exactly of that form is left to the parser, which says what is wrong with it.

const literal = (text: string): Uint8Array => new TextEncoder().encode(text);
const beginning = literal('{"seq":');
const behindSeq = literal(',"at":"');
const issuedNext = literal('","event":"issued",');
const revokedNext = literal('","event":"revoked","serial":"');
const behindSerial = literal('","reason":');
const behindReason = literal(',"date":"');
const behindDate = literal('","notAfter":"');
const behindNotAfter = literal('","invalidityDate":"');
const prevNext = literal('","prev":"');
const sumNext = literal('","sum":"');

/** From `"prev":"` on: two hashes and what stands around them. */
const tailLength = prevNext.length + 64 + sumNext.length + 64 + 2;

/** A line that is certainly of a certificate issued, and of no revocation. */
export function isIssuedLine({ bytes, number }: Line): boolean {
  const at = afterSeq(bytes, number);
  return at > 0 && follows(bytes, afterInstant(bytes, at), issuedNext);
}

/** What a line of the usual form revokes; undefined for any other, good or bad. */
export function readRevokedLine({ bytes, number }: Line): RevocationInLine | undefined {
  const at = afterSeq(bytes, number);
  if (at < 0) return undefined;
  const event = afterInstant(bytes, at);
  if (!follows(bytes, event, revokedNext)) return undefined;
  const serialStart = event + revokedNext.length;
  const serialEnd = afterHex(bytes, serialStart);
  if (serialEnd === serialStart || !follows(bytes, serialEnd, behindSerial)) return undefined;
  const reasonStart = serialEnd + behindSerial.length;
  const reasonEnd = afterDigits(bytes, reasonStart);
  const dateStart = reasonEnd + behindReason.length;
  const notAfterStart = dateStart + 20 + behindDate.length;
  if (!follows(bytes, reasonEnd, behindReason) || !follows(bytes, dateStart + 20, behindDate)) return undefined;
  const hasInvalidityDate = follows(bytes, notAfterStart + 20, behindNotAfter);
  const invalidityStart = notAfterStart + 20 + behindNotAfter.length;
  const end = (hasInvalidityDate ? invalidityStart : notAfterStart) + 20;
  if (!follows(bytes, end, prevNext) || end + tailLength !== bytes.length) return undefined;
  if (!follows(bytes, end + prevNext.length + 64, sumNext) || !hasRightSum(bytes)) return undefined;
  const date = instantAt(bytes, dateStart);
  const notAfter = instantAt(bytes, notAfterStart);
  const invalidityDate = hasInvalidityDate ? instantAt(bytes, invalidityStart) : undefined;
  if (Number.isNaN(date) || Number.isNaN(notAfter) || Number.isNaN(invalidityDate)) return undefined;
  const reason = numberAt(bytes, reasonStart, reasonEnd);
  if (Number.isNaN(reason)) return undefined;
  return { line: bytes, start: serialStart, end: serialEnd, reason, seq: number, date, notAfter, invalidityDate };
}

/** As sumState() of a line that has one. */
function hasRightSum(bytes: Uint8Array): boolean {
  const covered = bytes.length - sumNext.length - 64 - 1;
  const sum = hash('sha256', bytes.subarray(0, covered), 'hex');
  for (let i = 0; i < 64; i += 1) if (bytes[covered + sumNext.length - 1 + i] !== sum.charCodeAt(i)) return false;
  return bytes[bytes.length - 2] === 0x22 && bytes[bytes.length - 1] === 0x7d;
}

/** A string of its own: a part of the line's would keep the whole line. */
export function serialOf({ line, start, end }: RevocationInLine): string {
  return Buffer.from(line.buffer, line.byteOffset + start, end - start).toString('latin1');
}

/** Where `at` begins, in a line of this number; -1 in any other. */
function afterSeq(bytes: Uint8Array, number: number): number {
  if (!follows(bytes, 0, beginning)) return -1;
  const end = afterDigits(bytes, beginning.length);
  if (!follows(bytes, end, behindSeq) || numberAt(bytes, beginning.length, end) !== number) return -1;
  return end + behindSeq.length;
}

/** With milliseconds or without; what it says is not asked for here. */
function afterInstant(bytes: Uint8Array, start: number): number {
  return start + (bytes[start + 19] === 0x2e ? 24 : 20);
}

function follows(bytes: Uint8Array, start: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i += 1) if (bytes[start + i] !== text[i]) return false;
  return true;
}

function afterDigits(bytes: Uint8Array, start: number): number {
  let end = start;
  while (end < start + 15 && isDigit(bytes[end] ?? 0)) end += 1;
  return end;
}

function afterHex(bytes: Uint8Array, start: number): number {
  let end = start;
  for (; end < start + 64; end += 1) {
    const octet = bytes[end] ?? 0;
    if (!isDigit(octet) && !(octet >= 0x61 && octet <= 0x66)) break;
  }
  return end;
}

function isDigit(octet: number): boolean {
  return octet >= 0x30 && octet <= 0x39;
}

/** NaN where there is none, or one with a zero before it. */
function numberAt(bytes: Uint8Array, start: number, end: number): number {
  if (end === start || (bytes[start] === 0x30 && end > start + 1)) return NaN;
  let value = 0;
  for (let i = start; i < end; i += 1) value = value * 10 + ((bytes[i] ?? 0) - 0x30);
  return value;
}

/** Milliseconds of `2026-11-22T14:05:01Z`; NaN where it is not that, or of a day that not every month has. */
function instantAt(bytes: Uint8Array, start: number): number {
  const marks = bytes[start + 4] === 0x2d && bytes[start + 7] === 0x2d && bytes[start + 10] === 0x54;
  if (!marks || bytes[start + 13] !== 0x3a || bytes[start + 16] !== 0x3a || bytes[start + 19] !== 0x5a) return NaN;
  const year = two(bytes, start) * 100 + two(bytes, start + 2);
  const month = two(bytes, start + 5);
  const day = two(bytes, start + 8);
  const [hour, minute, second] = [two(bytes, start + 11), two(bytes, start + 14), two(bytes, start + 17)];
  const isUsual = year >= 1970 && month >= 1 && month <= 12 && day >= 1 && hour <= 23 && minute <= 59 && second <= 59;
  if (!isUsual) return NaN;
  const instant = Date.UTC(year, month - 1, day, hour, minute, second);
  return day <= 28 || new Date(instant).getUTCDate() === day ? instant : NaN;
}

function two(bytes: Uint8Array, start: number): number {
  const [high, low] = [bytes[start] ?? 0, bytes[start + 1] ?? 0];
  return isDigit(high) && isDigit(low) ? (high - 0x30) * 10 + (low - 0x30) : NaN;
}

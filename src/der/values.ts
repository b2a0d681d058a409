import type { Element } from './reader.ts';
import { Tag, contentBytes, malformed } from './reader.ts';
import { decodeText } from './text.ts';
import { generalizedTimeAt, utcTimeAt } from './time.ts';

// None of these checks the universal tag, so that they serve IMPLICIT tagging too; Cursor.expect does.

/** X.690, 11.1: FALSE is 00, TRUE is FF. Throws `malformed`. */
export function readBoolean(e: Element): boolean {
  const octet = e.source[e.contentStart];
  if (length(e) !== 1 || (octet !== 0x00 && octet !== 0xff)) malformed(e.start, 'BOOLEAN is neither 00 nor FF');
  return octet === 0xff;
}

/** Reads a BOOLEAN DEFAULT FALSE that is there: DER leaves defaults out, so it has to be TRUE (X.690, 11.5). */
export function readTrue(e: Element, what: string): true {
  if (!readBoolean(e)) malformed(e.start, `${what}: DEFAULT FALSE is encoded`);
  return true;
}

/** The content octets of an INTEGER, two's complement. X.690, 8.3.2: the fewest possible. Throws `malformed`. */
export function readIntegerBytes(e: Element): Uint8Array {
  checkInteger(e);
  return contentBytes(e);
}

/** An INTEGER of any size. Throws `malformed`. */
export function readInteger(e: Element): bigint {
  const bytes = readIntegerBytes(e);
  const unsigned = BigInt(`0x${hexOf(bytes)}`);
  return (bytes[0] ?? 0) >= 0x80 ? unsigned - (1n << BigInt(8 * bytes.length)) : unsigned;
}

/** An INTEGER from 0 to `max`, which is at most 2^31 - 1. Throws `malformed`. */
export function readSmallInteger(e: Element, max: number): number {
  checkInteger(e);
  if ((e.source[e.contentStart] ?? 0) >= 0x80) malformed(e.start, 'INTEGER is negative');
  if (length(e) > 4) malformed(e.start, `INTEGER is over ${max}`);
  let value = 0;
  for (let i = e.contentStart; i < e.end; i++) value = value * 256 + (e.source[i] ?? 0);
  if (value > max) malformed(e.start, `INTEGER is over ${max}`);
  return value;
}

function checkInteger(e: Element): void {
  if (length(e) === 0) malformed(e.start, 'INTEGER is empty');
  const first = e.source[e.contentStart] ?? 0;
  const second = e.source[e.contentStart + 1] ?? 0;
  const padded = length(e) > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
  if (padded) malformed(e.start, 'INTEGER is not minimal');
}

/** Longer than any identifier in use; those of UUIDs (2.25) have 20 octets. */
const maximumOidLength = 64;

/** Dotted decimal. X.690, 8.19.2: each arc in the fewest octets. Throws `malformed`. */
export function readOid(e: Element): string {
  const { source, contentStart, end } = e;
  if (contentStart === end) malformed(e.start, 'OBJECT IDENTIFIER is empty');
  if (end - contentStart > maximumOidLength) malformed(e.start, `OBJECT IDENTIFIER is over ${maximumOidLength} octets`);
  if ((source[end - 1] ?? 0) >= 0x80) malformed(end - 1, 'OBJECT IDENTIFIER is truncated');
  let text = '';
  let arc = 0;
  let arcStart = contentStart;
  for (let i = contentStart; i < end; i++) {
    const octet = source[i] ?? 0;
    if (i === arcStart && octet === 0x80) malformed(i, 'OBJECT IDENTIFIER arc is not minimal');
    arc = arc * 128 + (octet & 0x7f);
    if (octet >= 0x80) continue;
    const exact = i - arcStart < 7 ? arc : bigArc(source, arcStart, i);
    text = text === '' ? firstArcs(exact) : `${text}.${exact.toString()}`;
    arc = 0;
    arcStart = i + 1;
  }
  return text;
}

/** X.690, 8.19.4: the first two arcs share a number; only under 2 may the second be 40 or more. */
function firstArcs(joint: number | bigint): string {
  if (typeof joint === 'bigint') return `2.${(joint - 80n).toString()}`;
  const root = Math.min(Math.floor(joint / 40), 2);
  return `${root}.${joint - 40 * root}`;
}

/** Arcs of more than 7 octets are beyond 2^49, where numbers would soon lose digits. */
function bigArc(source: Uint8Array, start: number, last: number): bigint {
  let arc = 0n;
  for (let i = start; i <= last; i++) arc = (arc << 7n) | BigInt((source[i] ?? 0) & 0x7f);
  return arc;
}

/** Throws `malformed` unless the content is empty. */
export function readNull(e: Element): void {
  if (length(e) !== 0) malformed(e.start, 'NULL is not empty');
}

/** The octets themselves; not a copy. */
export function readOctetString(e: Element): Uint8Array {
  return contentBytes(e);
}

export interface BitString {
  /** 0 to 7 bits at the end of the last octet that do not count; DER wants them zero. */
  readonly unusedBits: number;
  readonly bytes: Uint8Array;
}

/** X.690, 8.6.2 and 11.2.1. Throws `malformed`. */
export function readBitString(e: Element): BitString {
  const unusedBits = e.source[e.contentStart] ?? 0;
  if (length(e) === 0) malformed(e.start, 'BIT STRING is empty');
  if (unusedBits > 7 || (unusedBits > 0 && length(e) === 1))
    malformed(e.contentStart, 'BIT STRING has a bad unused count');
  const last = e.source[e.end - 1] ?? 0;
  if (unusedBits > 0 && (last & ((1 << unusedBits) - 1)) !== 0) malformed(e.end - 1, 'BIT STRING has unused bits set');
  return { unusedBits, bytes: e.source.subarray(e.contentStart + 1, e.end) };
}

/** A BIT STRING of whole octets, as keys and signatures are. Throws `malformed`. */
export function readWholeBitString(e: Element, what: string): Uint8Array {
  const { unusedBits, bytes } = readBitString(e);
  if (unusedBits !== 0) malformed(e.contentStart, `${what}: BIT STRING is not of whole octets`);
  return bytes;
}

/** No named BIT STRING in X.509 has more than 9 names; a mask holds 31. */
const maximumNamedBits = 31;

/**
 * A BIT STRING with named bits, as a mask where bit i of the string is `1 << i`.
 * X.690, 11.2.2: trailing zero bits are left out. Throws `malformed`.
 */
export function readNamedBits(e: Element): number {
  const { unusedBits, bytes } = readBitString(e);
  const count = bytes.length * 8 - unusedBits;
  if (count > maximumNamedBits) malformed(e.start, `BIT STRING has more than ${maximumNamedBits} named bits`);
  let mask = 0;
  for (let i = 0; i < count; i++) {
    if (((bytes[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0) mask |= 1 << i;
  }
  if (count > 0 && (mask & (1 << (count - 1))) === 0) malformed(e.start, 'BIT STRING has trailing zero bits');
  return mask;
}

/**
 * UTCTime or GeneralizedTime, by the element's tag or, under IMPLICIT tagging, by `tag`; in milliseconds since the epoch.
 * Only the forms of RFC 5280, 4.1.2.5: YYMMDDHHMMSSZ and YYYYMMDDHHMMSSZ. Throws `malformed`.
 */
export function readTime(e: Element, tag: number = e.tag): number {
  if (tag !== Tag.utcTime && tag !== Tag.generalizedTime)
    malformed(e.start, 'time is neither UTCTime nor GeneralizedTime');
  const read = tag === Tag.utcTime ? utcTimeAt : generalizedTimeAt;
  const ms = read(e.source, e.contentStart, length(e));
  if (Number.isNaN(ms))
    malformed(e.start, `${tag === Tag.utcTime ? 'UTCTime' : 'GeneralizedTime'} is not of the exact form`);
  return ms;
}

/** Any string type, by the element's tag or, under IMPLICIT tagging, by `tag`. Throws `malformed` outside its character set. */
export function readText(e: Element, tag: number = e.tag): string {
  return decodeText(e.source, tag, e.contentStart, e.end, 'string');
}

function length(e: Element): number {
  return e.end - e.contentStart;
}

const hexOctets = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));

/** Lower-case hex, two digits an octet, no separators. */
export function hexOf(bytes: Uint8Array): string {
  let text = '';
  for (const octet of bytes) text += hexOctets[octet] ?? '';
  return text;
}

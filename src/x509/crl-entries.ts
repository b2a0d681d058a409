import type { Element } from '../der/reader.ts';
import { Cursor, Tag, elementAt, malformed } from '../der/reader.ts';
import { utcTimeAt } from '../der/time.ts';
import { readIntegerBytes, readTime } from '../der/values.ts';
import type { HasExtensions } from './extension.ts';
import { readExtensions } from './extension.ts';

/** One entry of revokedCertificates: RFC 5280, 5.1.2.6. */
export interface CrlEntry extends HasExtensions {
  /** Content octets of the INTEGER. */
  readonly serialNumber: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly revocationDate: number;
}

export interface EntrySummary {
  readonly count: number;
  /** Types of the extensions that some entry marks critical. */
  readonly criticalExtensions: ReadonlySet<string>;
}

/** Checks every entry of revokedCertificates and sums them up. Throws `malformed`. */
export function checkEntries(list: Element, version: 1 | 2): EntrySummary {
  const criticalExtensions = new Set<string>();
  let count = 0;
  for (let position = list.contentStart; position < list.end; count++) {
    const end = ordinaryEntryEnd(list.source, position, list.end, version);
    position = end ?? checkedEntryEnd(list, position, version, criticalExtensions);
  }
  return { count, criticalExtensions };
}

/**
 * Where an entry of the ordinary form ends: short lengths, UTCTime, at most a reason; undefined for any other, good or bad.
 * A CRL may hold a million of them, and reading each through Cursor takes ten times as long.
 */
function ordinaryEntryEnd(source: Uint8Array, start: number, limit: number, version: 1 | 2): number | undefined {
  const length = source[start + 1] ?? 0x80;
  const end = start + 2 + length;
  if (source[start] !== Tag.sequence || length >= 0x80 || end > limit) return undefined;
  const time = ordinarySerialEnd(source, start + 2);
  if (time === undefined || time + 15 > end || source[time] !== Tag.utcTime) return undefined;
  if (Number.isNaN(utcTimeAt(source, time + 2, source[time + 1] ?? 0))) return undefined;
  const rest = time + 15;
  return rest === end || (version === 2 && isReasonOnly(source, rest, end)) ? end : undefined;
}

/** Where a minimal INTEGER with a short length ends. */
function ordinarySerialEnd(source: Uint8Array, start: number): number | undefined {
  const length = source[start + 1] ?? 0;
  if (source[start] !== Tag.integer || length === 0 || length >= 0x80) return undefined;
  const first = source[start + 2] ?? 0;
  const second = source[start + 3] ?? 0;
  const padded = length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
  return padded ? undefined : start + 2 + length;
}

/** The extensions that nearly all entries have, if any: just a reason, its code in the octet after these. */
const reasonOnly = Uint8Array.of(0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01);

function isReasonOnly(source: Uint8Array, start: number, end: number): boolean {
  if (start + reasonOnly.length + 1 !== end) return false;
  for (let i = 0; i < reasonOnly.length; i++) if (source[start + i] !== reasonOnly[i]) return false;
  return true;
}

function checkedEntryEnd(list: Element, position: number, version: 1 | 2, criticalExtensions: Set<string>): number {
  const e = elementAt(list.source, position, list.end, list.depth + 1, 'revokedCertificates');
  const { extensions } = readEntry(e);
  // RFC 5280, 5.1.2.1
  if (version === 1 && extensions.length > 0) malformed(e.start, 'entry extensions in a CRL of version 1');
  for (const { critical, oid } of extensions) if (critical) criticalExtensions.add(oid);
  return e.end;
}

/** Reads one entry; its extensions when they are asked for. Throws `malformed`. */
export function readEntry(e: Element): CrlEntry {
  if (e.tag !== Tag.sequence) malformed(e.start, 'revokedCertificates: not a SEQUENCE');
  const cursor = new Cursor(e);
  const serialNumber = readIntegerBytes(cursor.expect(Tag.integer, 'userCertificate'));
  const revocationDate = readTime(cursor.next('revocationDate'));
  const element = cursor.optional(Tag.sequence, 'crlEntryExtensions');
  cursor.finish('revokedCertificates');
  let extensions: CrlEntry['extensions'] | undefined;
  return {
    serialNumber,
    revocationDate,
    get extensions() {
      return (extensions ??= element === undefined ? [] : readExtensions(element, 'crlEntryExtensions'));
    },
  };
}

/** Goes through entries that `checkEntries` has passed, without making an object of each. */
export class EntryWalker {
  readonly #source: Uint8Array;
  readonly #limit: number;
  #next: number;
  /** Of the present entry, in octets from the start of the input. */
  start = 0;
  serialStart = 0;
  serialEnd = 0;

  constructor(list: Element) {
    this.#source = list.source;
    this.#next = list.contentStart;
    this.#limit = list.end;
  }

  /** Goes to the next entry; false where there is none. */
  advance(): boolean {
    if (this.#next >= this.#limit) return false;
    this.start = this.#next;
    const content = this.#contentOf(this.#next);
    this.#next = content + this.#lengthOf(this.#next);
    this.serialStart = this.#contentOf(content);
    this.serialEnd = this.serialStart + this.#lengthOf(content);
    return true;
  }

  serialIs(serial: Uint8Array): boolean {
    if (this.serialEnd - this.serialStart !== serial.length) return false;
    for (let i = serial.length - 1; i >= 0; i--) if (this.#source[this.serialStart + i] !== serial[i]) return false;
    return true;
  }

  /** A copy of the serial number's content octets. */
  serial(): Uint8Array {
    return this.#source.slice(this.serialStart, this.serialEnd);
  }

  /** Below, at or above 0 as this entry's serial number comes before, is, or comes after the other's: by length, then by octets. */
  compare(other: EntryWalker): number {
    const length = this.serialEnd - this.serialStart;
    const difference = length - (other.serialEnd - other.serialStart);
    for (let i = 0; difference === 0 && i < length; i++) {
      const octets = (this.#source[this.serialStart + i] ?? 0) - (other.#source[other.serialStart + i] ?? 0);
      if (octets !== 0) return octets;
    }
    return difference;
  }

  #contentOf(start: number): number {
    const first = this.#source[start + 1] ?? 0;
    return start + 2 + (first < 0x80 ? 0 : first & 0x7f);
  }

  #lengthOf(start: number): number {
    const first = this.#source[start + 1] ?? 0;
    if (first < 0x80) return first;
    let length = 0;
    for (let i = 0; i < (first & 0x7f); i++) length = length * 256 + (this.#source[start + 2 + i] ?? 0);
    return length;
  }
}

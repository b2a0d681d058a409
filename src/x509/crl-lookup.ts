import type { Element } from '../der/reader.ts';
import type { Crl } from './crl.ts';
import { EntryWalker } from './crl-entries.ts';

/** Finds where the entries with a serial number start, in their order. */
export type SerialLookup = (serial: Uint8Array) => readonly number[];

/**
 * Looks serial numbers up in a checked list of `count` entries. The first lookup goes through the list, which for one is
 * the fastest; the second makes an index for all that follow.
 */
export function serialLookup(list: Element, count: number): SerialLookup {
  let lookups = 0;
  let indexed: SerialLookup | undefined;
  return serial => {
    lookups++;
    if (lookups === 1) return scan(list, serial);
    indexed ??= indexOf(list, count) ?? (other => scan(list, other));
    return indexed(serial);
  };
}

/** The serial numbers that one CRL lists and another does not. Linear where both are in the order of EntryWalker.compare(). */
export function serialsMissing(from: Pick<Crl, 'find' | 'walk'>, listedBy: Pick<Crl, 'walk'>): readonly Uint8Array[] {
  const missing: Uint8Array[] = [];
  const others = from.walk();
  let isThere = others.advance();
  for (const walker = listedBy.walk(); walker.advance();) {
    while (isThere && others.compare(walker) < 0) isThere = others.advance();
    if (isThere && others.compare(walker) === 0) continue;
    const serial = walker.serial();
    // Out of order, or really not there.
    if (from.find(serial) === undefined) missing.push(serial);
  }
  return missing;
}

function scan(list: Element, serial: Uint8Array): readonly number[] {
  const starts: number[] = [];
  for (const walker = new EntryWalker(list); walker.advance();) if (walker.serialIs(serial)) starts.push(walker.start);
  return starts;
}

/** Steps on average that filling the table may take: random serials take 1.5. More is a CRL made to be slow, or full of repetitions. */
const maximumProbes = 16;

/** An open-addressing table of where entries start, by the hash of their serial numbers; undefined where hashing is of no use. */
function indexOf(list: Element, count: number): SerialLookup | undefined {
  const mask = 2 ** Math.ceil(Math.log2(2 * count + 2)) - 1;
  const table = new Uint32Array(mask + 1);
  let budget = maximumProbes * count + 1000;
  for (const walker = new EntryWalker(list); walker.advance();) {
    let slot = hash(list.source, walker.serialStart, walker.serialEnd) & mask;
    for (; table[slot] !== 0; slot = (slot + 1) & mask) if (--budget === 0) return undefined;
    table[slot] = walker.start;
  }
  return serial => probe(list, table, serial);
}

function probe(list: Element, table: Uint32Array, serial: Uint8Array): readonly number[] {
  const mask = table.length - 1;
  const starts: number[] = [];
  let slot = hash(serial, 0, serial.length) & mask;
  for (let start = table[slot] ?? 0; start !== 0; slot = (slot + 1) & mask, start = table[slot] ?? 0) {
    const walker = new EntryWalker({ ...list, contentStart: start });
    if (walker.advance() && walker.serialIs(serial)) starts.push(start);
  }
  return starts;
}

/** FNV-1a, 32 bits. No entry starts at octet 0, so that 0 can stand for an empty slot of the table. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let value = 0x811c9dc5;
  for (let i = start; i < end; i++) value = Math.imul(value ^ (bytes[i] ?? 0), 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}

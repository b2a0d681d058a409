import type { CrlWriterEntry } from '../x509/crl-writer.ts';

/** What the ledger says of one revoked certificate. Instants in milliseconds. */
export interface Revocation {
  /** As serialHex() writes it. */
  readonly serial: string;
  readonly date: number;
  /** CRLReason, RFC 5280, 5.3.1. */
  readonly reason: number;
  /** That of the certificate. */
  readonly notAfter: number;
  readonly invalidityDate: number | undefined;
  /** The ledger's line. */
  readonly seq: number;
}

/** The same, its serial number being octets of a line: ASCII, from `start` to `end`. */
export interface RevocationInLine extends Omit<Revocation, 'serial'> {
  readonly line: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Some revocations in the order of a CRL. */
export interface ListedRevocations {
  readonly count: number;
  revocations(): Iterable<Revocation>;
  /** For the writer, which is done with an entry when it asks for the next: all are the same object. */
  writerEntries(): Iterable<CrlWriterEntry>;
}

/** Room for so many at first. */
const firstCapacity = 64;

/**
 * What is revoked, by serial number. There may be a million: in columns they take 80 octets each, and the garbage collector has nothing to
 * walk through. As objects in a Map they take three times as long and as much.
 */
export class RevocationTable {
  #count = 0;
  /** The hex digits of all serial numbers, one after the other. */
  #digits = new Uint8Array(firstCapacity * 32);
  #digitsEnd = 0;
  #start = new Uint32Array(firstCapacity);
  #length = new Uint8Array(firstCapacity);
  #reason = new Uint32Array(firstCapacity);
  #date = new Float64Array(firstCapacity);
  #notAfter = new Float64Array(firstCapacity);
  /** NaN where there is none. */
  #invalidityDate = new Float64Array(firstCapacity);
  #seq = new Float64Array(firstCapacity);
  /** 0 where it was taken back. */
  #isRevoked = new Uint8Array(firstCapacity);
  /** Open addressing: places counted from 1, 0 for an empty slot; at most half are taken. Undefined until a serial number is looked for. */
  #slots: Uint32Array | undefined = new Uint32Array(4 * firstCapacity);

  /** All of a table in octets; decode() makes it again, on a machine of the same byte order. */
  encode(): Uint8Array {
    const [count, columns] = [this.#count, this.#columns()];
    const sizes = Uint32Array.of(count, this.#digitsEnd);
    return Buffer.concat([
      octetsOf(sizes),
      this.#digits.subarray(0, this.#digitsEnd),
      ...columns.map(column => octetsOf(column.subarray(0, count))),
    ]);
  }

  /** Undefined for octets of another length than their beginning says. */
  static decode(octets: Uint8Array): RevocationTable | undefined {
    const sizes = new Uint32Array(2);
    if (octets.length < sizes.byteLength) return undefined;
    octetsOf(sizes).set(octets.subarray(0, sizes.byteLength));
    const [count = 0, digitsEnd = 0] = sizes;
    if (octets.length !== sizes.byteLength + digitsEnd + count * octetsPerPlace) return undefined;
    const table = new RevocationTable();
    const capacity = Math.max(count, firstCapacity);
    table.#count = count;
    table.#digitsEnd = digitsEnd;
    table.#digits = new Uint8Array(Math.max(digitsEnd, firstCapacity * 32));
    let at = sizes.byteLength;
    const take = (into: Column, length: number): void => {
      const part = octetsOf(into.subarray(0, length));
      part.set(octets.subarray(at, (at += part.length)));
    };
    take(table.#digits, digitsEnd);
    table.#start = new Uint32Array(capacity);
    table.#length = new Uint8Array(capacity);
    table.#reason = new Uint32Array(capacity);
    table.#date = new Float64Array(capacity);
    table.#notAfter = new Float64Array(capacity);
    table.#invalidityDate = new Float64Array(capacity);
    table.#seq = new Float64Array(capacity);
    table.#isRevoked = new Uint8Array(capacity);
    for (const column of table.#columns()) take(column, count);
    table.#slots = undefined;
    return table;
  }

  #columns(): readonly Column[] {
    return [
      ...[this.#start, this.#length, this.#reason, this.#date, this.#notAfter],
      ...[this.#invalidityDate, this.#seq, this.#isRevoked],
    ];
  }

  get(serial: string): Revocation | undefined {
    const digits = Buffer.from(serial, 'latin1');
    const place = this.#placeOf(digits);
    return place >= 0 && this.#isRevoked[place] === 1 ? this.#at(place) : undefined;
  }

  has(serial: string): boolean {
    return this.get(serial) !== undefined;
  }

  set(revocation: Revocation): void {
    const { serial, ...rest } = revocation;
    const line = Buffer.from(serial, 'latin1');
    this.setFromLine({ ...rest, line, start: 0, end: line.length });
  }

  /** What was there under the same serial number is replaced. */
  setFromLine(revocation: RevocationInLine): void {
    const { line, start, end } = revocation;
    const slots = (this.#slots ??= this.#indexed());
    const slot = this.#slotOf(slots, line, start, end);
    let place = (slots[slot] ?? 0) - 1;
    if (place < 0) {
      place = this.#append(line, start, end);
      slots[slot] = place + 1;
    }
    this.#date[place] = revocation.date;
    this.#reason[place] = revocation.reason;
    this.#notAfter[place] = revocation.notAfter;
    this.#invalidityDate[place] = revocation.invalidityDate ?? NaN;
    this.#seq[place] = revocation.seq;
    this.#isRevoked[place] = 1;
    if (2 * this.#count >= slots.length) this.#slots = undefined;
  }

  delete(serial: string): void {
    const digits = Buffer.from(serial, 'latin1');
    const place = this.#placeOf(digits);
    if (place >= 0) this.#isRevoked[place] = 0;
  }

  copy(): RevocationTable {
    const copy = new RevocationTable();
    copy.#count = this.#count;
    copy.#digitsEnd = this.#digitsEnd;
    copy.#digits = this.#digits.slice();
    copy.#slots = this.#slots?.slice();
    copy.#start = this.#start.slice();
    copy.#length = this.#length.slice();
    copy.#reason = this.#reason.slice();
    copy.#date = this.#date.slice();
    copy.#notAfter = this.#notAfter.slice();
    copy.#invalidityDate = this.#invalidityDate.slice();
    copy.#seq = this.#seq.slice();
    copy.#isRevoked = this.#isRevoked.slice();
    return copy;
  }

  /** Those that are wanted, sorted by serial number: by length, then by digits. */
  listed(isWanted: (seq: number, notAfter: number) => boolean): ListedRevocations {
    const places = new Uint32Array(this.#count);
    let count = 0;
    for (let place = 0; place < this.#count; place += 1) {
      if (this.#isRevoked[place] === 1 && isWanted(this.#seq[place] ?? 0, this.#notAfter[place] ?? 0))
        places[count++] = place;
    }
    const order = this.#sorted(places.subarray(0, count));
    return {
      count,
      revocations: () => this.#revocations(order),
      writerEntries: () => this.#writerEntries(order),
    };
  }

  *#revocations(order: Uint32Array): Generator<Revocation> {
    for (const place of order) yield this.#at(place);
  }

  *#writerEntries(order: Uint32Array): Generator<CrlWriterEntry> {
    const octets: Uint8Array[] = [];
    const entry: { -readonly [Key in keyof CrlWriterEntry]: CrlWriterEntry[Key] } = {
      serialNumber: new Uint8Array(),
      revocationDate: 0,
    };
    for (let i = 0; i < order.length; i += 1) {
      const place = order[i] ?? 0;
      const start = this.#start[place] ?? 0;
      const invalidityDate = this.#invalidityDate[place] ?? NaN;
      entry.serialNumber = serialOctets(this.#digits, start, start + (this.#length[place] ?? 0), octets);
      entry.revocationDate = this.#date[place] ?? NaN;
      entry.reason = this.#reason[place] ?? 0;
      entry.invalidityDate = Number.isNaN(invalidityDate) ? undefined : invalidityDate;
      yield entry;
    }
  }

  #at(place: number): Revocation {
    const start = this.#start[place] ?? 0;
    const digits = this.#digits.subarray(start, start + (this.#length[place] ?? 0));
    const invalidityDate = this.#invalidityDate[place] ?? NaN;
    return {
      serial: Buffer.from(digits).toString('latin1'),
      date: this.#date[place] ?? NaN,
      reason: this.#reason[place] ?? 0,
      notAfter: this.#notAfter[place] ?? NaN,
      invalidityDate: Number.isNaN(invalidityDate) ? undefined : invalidityDate,
      seq: this.#seq[place] ?? NaN,
    };
  }

  /** -1 where it is not there. */
  #placeOf(digits: Uint8Array): number {
    const slots = (this.#slots ??= this.#indexed());
    return (slots[this.#slotOf(slots, digits, 0, digits.length)] ?? 0) - 1;
  }

  /** The slot of a serial number, or the empty one where it belongs. */
  #slotOf(slots: Uint32Array, bytes: Uint8Array, start: number, end: number): number {
    const mask = slots.length - 1;
    let slot = hash(bytes, start, end) & mask;
    for (let place = slots[slot] ?? 0; place !== 0; place = slots[slot] ?? 0) {
      if (this.#isSerial(place - 1, bytes, start, end)) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #isSerial(place: number, bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (this.#length[place] !== length) return false;
    const own = this.#start[place] ?? 0;
    for (let i = length - 1; i >= 0; i -= 1) if (this.#digits[own + i] !== bytes[start + i]) return false;
    return true;
  }

  #append(bytes: Uint8Array, start: number, end: number): number {
    const place = this.#count;
    if (place === this.#start.length) this.#widen();
    if (this.#digitsEnd + end - start > this.#digits.length)
      this.#digits = grown(this.#digits, new Uint8Array(2 * this.#digits.length));
    for (let i = start; i < end; i += 1) this.#digits[this.#digitsEnd + i - start] = bytes[i] ?? 0;
    this.#start[place] = this.#digitsEnd;
    this.#length[place] = end - start;
    this.#digitsEnd += end - start;
    this.#count += 1;
    return place;
  }

  #widen(): void {
    const capacity = 2 * this.#start.length;
    this.#start = grown(this.#start, new Uint32Array(capacity));
    this.#length = grown(this.#length, new Uint8Array(capacity));
    this.#reason = grown(this.#reason, new Uint32Array(capacity));
    this.#date = grown(this.#date, new Float64Array(capacity));
    this.#notAfter = grown(this.#notAfter, new Float64Array(capacity));
    this.#invalidityDate = grown(this.#invalidityDate, new Float64Array(capacity));
    this.#seq = grown(this.#seq, new Float64Array(capacity));
    this.#isRevoked = grown(this.#isRevoked, new Uint8Array(capacity));
  }

  /** Slots with room for four times as many. */
  #indexed(): Uint32Array {
    let size = 4 * firstCapacity;
    while (size < 8 * this.#count) size *= 2;
    const slots = new Uint32Array(size);
    for (let place = 0; place < this.#count; place += 1) {
      const start = this.#start[place] ?? 0;
      slots[this.#slotOf(slots, this.#digits, start, start + (this.#length[place] ?? 0))] = place + 1;
    }
    return slots;
  }

  #sorted(places: Uint32Array): Uint32Array {
    const lengths = new Set<number>();
    for (const place of places) lengths.add(this.#length[place] ?? 0);
    const sorted = new Uint32Array(places.length);
    let end = 0;
    for (const length of [...lengths].sort((a, b) => a - b)) {
      const group = lengths.size === 1 ? places : places.filter(place => this.#length[place] === length);
      sorted.set(this.#sortedByDigits(group), end);
      end += group.length;
    }
    return sorted;
  }

  /** Serial numbers are random: dealt out by their first digits a million of them leave little to sort. */
  #sortedByDigits(places: Uint32Array): Uint32Array {
    const ends = new Uint32Array(buckets + 1);
    for (const place of places) ends[this.#bucketOf(place) + 1] = (ends[this.#bucketOf(place) + 1] ?? 0) + 1;
    for (let i = 1; i <= buckets; i += 1) ends[i] = (ends[i] ?? 0) + (ends[i - 1] ?? 0);
    const dealt = new Uint32Array(places.length);
    for (const place of places) {
      const bucket = this.#bucketOf(place);
      const to = ends[bucket] ?? 0;
      dealt[to] = place;
      ends[bucket] = to + 1;
    }
    // The end of a bucket is now where the next one begins.
    for (let bucket = 0, start = 0; bucket < buckets; start = ends[bucket] ?? 0, bucket += 1) {
      const end = ends[bucket] ?? 0;
      if (end - start > 1) dealt.subarray(start, end).sort((a, b) => this.#compare(a, b));
    }
    return dealt;
  }

  /** The first four digits. */
  #bucketOf(place: number): number {
    const start = this.#start[place] ?? 0;
    let bucket = 0;
    const length = this.#length[place] ?? 0;
    for (let i = 0; i < 4; i += 1) bucket = (bucket << 4) | (i < length ? nibble(this.#digits[start + i] ?? 0) : 0);
    return bucket;
  }

  #compare(a: number, b: number): number {
    const [one, other] = [this.#start[a] ?? 0, this.#start[b] ?? 0];
    const length = this.#length[a] ?? 0;
    for (let i = 0; i < length; i += 1) {
      const difference = (this.#digits[one + i] ?? 0) - (this.#digits[other + i] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  }
}

type Column = Float64Array | Uint32Array | Uint8Array;

/** Of all columns but the digits. */
const octetsPerPlace = 4 + 1 + 4 + 4 * 8 + 1;

function octetsOf(column: Column): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}

/** By four hex digits. */
const buckets = 0x10000;

function grown<T extends Float64Array | Uint32Array | Uint8Array>(from: T, into: T): T {
  into.set(from);
  return into;
}

/** FNV-1a, 32 bits. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let value = 0x811c9dc5;
  for (let i = start; i < end; i += 1) value = Math.imul(value ^ (bytes[i] ?? 0), 0x01000193);
  return (value ^ (value >>> 15)) >>> 0;
}

/** Of a lower-case hex digit. */
function nibble(digit: number): number {
  return (digit < 0x3a ? digit - 0x30 : digit - 0x57) & 0xf;
}

/** The content octets of a serial number, in an array that stands for all of the same length: one more where the first bit would be a sign. */
function serialOctets(digits: Uint8Array, start: number, end: number, octets: Uint8Array[]): Uint8Array {
  const count = end - start;
  const needsSign = count % 2 === 0 && nibble(digits[start] ?? 0) >= 8;
  const length = (count >> 1) + (count % 2) + (needsSign ? 1 : 0);
  const out = (octets[length] ??= new Uint8Array(length));
  let to = length - 1;
  let from = end - 1;
  for (; from > start; from -= 2, to -= 1) out[to] = (nibble(digits[from - 1] ?? 0) << 4) | nibble(digits[from] ?? 0);
  // An odd digit, or the octet that keeps a first bit from being a sign.
  if (to >= 0) out[to] = from === start ? nibble(digits[from] ?? 0) : 0;
  return out;
}

/** A few revocations as they are, sorted. */
export function listOf(
  revocations: readonly Pick<Revocation, 'date' | 'invalidityDate' | 'reason' | 'serial'>[],
): ListedRevocations {
  const table = new RevocationTable();
  for (const each of revocations) table.set({ ...each, notAfter: NaN, seq: 0 });
  return table.listed(() => true);
}

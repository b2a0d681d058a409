import { Tag, contextConstructed, contextPrimitive } from './reader.ts';
import { fitsUtcTime, writeGeneralizedTime } from './time.ts';

// What these are given comes from mtlsctl itself; a value that has no encoding is a bug and throws RangeError.

/** One element: identifier octet, minimal length, contents one after another. */
export function encode(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const content of contents) length += content.length;
  const out = new Uint8Array(headerLength(length) + length);
  let position = writeHeader(out, 0, tag, length);
  for (const content of contents) {
    out.set(content, position);
    position += content.length;
  }
  return out;
}

/** Octets that identifier and length take for a content of `length` octets. */
function headerLength(length: number): number {
  if (length < 0x80) return 2;
  if (length < 0x100) return 3;
  if (length < 0x1_0000) return 4;
  return length < 0x100_0000 ? 5 : 6;
}

/** Writes identifier and length octets at `position`; returns the position after them. */
function writeHeader(out: Uint8Array, position: number, tag: number, length: number): number {
  const count = headerLength(length) - 2;
  out[position] = tag;
  out[position + 1] = count === 0 ? length : 0x80 | count;
  for (let i = 0; i < count; i++) out[position + 2 + i] = Math.floor(length / 256 ** (count - 1 - i)) & 0xff;
  return position + 2 + count;
}

/** Identifier and length octets of an element whose contents follow in pieces, so that large ones need not be copied once more. */
export function header(tag: number, contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, content) => sum + content.length, 0);
  const out = new Uint8Array(headerLength(length));
  writeHeader(out, 0, tag, length);
  return out;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    out.set(part, position);
    position += part.length;
  }
  return out;
}

export function sequence(...contents: readonly Uint8Array[]): Uint8Array {
  return encode(Tag.sequence, ...contents);
}

/** SET OF, its elements in the order that DER wants. X.690, 11.6. */
export function setOf(...contents: readonly Uint8Array[]): Uint8Array {
  return encode(Tag.set, ...contents.toSorted(compareOctets));
}

/** Octet by octet; where one is the start of the other, the shorter comes first (X.690, 11.6 pads with zeros). */
export function compareOctets(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function integer(value: bigint | number): Uint8Array {
  return encode(Tag.integer, integerContent(BigInt(value)));
}

export function enumerated(value: number): Uint8Array {
  return encode(Tag.enumerated, integerContent(BigInt(value)));
}

/** Two's complement in the fewest octets. */
function integerContent(value: bigint): Uint8Array {
  let length = 1;
  while (BigInt.asIntN(8 * length, value) !== value) length++;
  let rest = BigInt.asUintN(8 * length, value);
  const out = new Uint8Array(length);
  for (let i = length - 1; i >= 0; i--) {
    out[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return out;
}

/** An INTEGER from big-endian octets without sign, such as a random serial number. Leading zeros are dropped, a sign octet added where needed. */
export function unsignedInteger(bytes: Uint8Array): Uint8Array {
  return encode(Tag.integer, unsignedIntegerContent(bytes));
}

/** The content octets of `unsignedInteger`. */
export function unsignedIntegerContent(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex(octet => octet !== 0);
  if (first === -1) return Uint8Array.of(0);
  const trimmed = bytes.subarray(first);
  return (trimmed[0] ?? 0) >= 0x80 ? concat(Uint8Array.of(0), trimmed) : trimmed;
}

export function boolean(value: boolean): Uint8Array {
  return encode(Tag.boolean, Uint8Array.of(value ? 0xff : 0));
}

export function nullValue(): Uint8Array {
  return encode(Tag.null);
}

/** From dotted decimal. Throws RangeError where the text is no object identifier. */
export function oid(text: string): Uint8Array {
  if (!/^[0-2](\.(0|[1-9]\d*))+$/.test(text)) throw new RangeError(`no object identifier: ${text}`);
  const [root = 0n, second = 0n, ...rest] = text.split('.').map(BigInt);
  if (root < 2n && second > 39n) throw new RangeError(`no object identifier: ${text}`);
  return encode(Tag.oid, Uint8Array.from([root * 40n + second, ...rest].flatMap(base128)));
}

function base128(arc: bigint): number[] {
  const octets = [Number(arc & 0x7fn)];
  for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) octets.unshift(Number(rest & 0x7fn) | 0x80);
  return octets;
}

export function octetString(bytes: Uint8Array): Uint8Array {
  return encode(Tag.octetString, bytes);
}

export function bitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return encode(Tag.bitString, Uint8Array.of(unusedBits), bytes);
}

/** A BIT STRING with named bits from a mask where bit i is `1 << i`, without trailing zeros (X.690, 11.2.2). */
export function namedBits(mask: number): Uint8Array {
  const count = 32 - Math.clz32(mask);
  const bytes = new Uint8Array(Math.ceil(count / 8));
  for (let i = 0; i < count; i++) {
    if ((mask & (1 << i)) !== 0) bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (0x80 >> (i & 7));
  }
  return bitString(bytes, bytes.length * 8 - count);
}

const utf8Encoder = new TextEncoder();

export function utf8String(text: string): Uint8Array {
  return encode(Tag.utf8String, utf8Encoder.encode(text));
}

/** Throws RangeError for a character outside PrintableString. */
export function printableString(text: string): Uint8Array {
  if (!isPrintable(text)) throw new RangeError('character not allowed in PrintableString');
  return encode(Tag.printableString, utf8Encoder.encode(text));
}

export function isPrintable(text: string): boolean {
  return /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text);
}

/** Throws RangeError for a character outside ASCII. */
export function ia5String(text: string): Uint8Array {
  const bytes = utf8Encoder.encode(text);
  if (bytes.some(octet => octet >= 0x80)) throw new RangeError('character not allowed in IA5String');
  return encode(Tag.ia5String, bytes);
}

/** UTCTime from 1950 to 2049, GeneralizedTime else (RFC 5280, 4.1.2.5); milliseconds since the epoch, cut to the second. */
export function time(ms: number): Uint8Array {
  return fitsUtcTime(ms) ? encode(Tag.utcTime, generalizedTimeOctets(ms).subarray(2)) : generalizedTime(ms);
}

export function generalizedTime(ms: number): Uint8Array {
  return encode(Tag.generalizedTime, generalizedTimeOctets(ms));
}

function generalizedTimeOctets(ms: number): Uint8Array {
  const octets = new Uint8Array(15);
  writeGeneralizedTime(octets, 0, ms);
  return octets;
}

/** EXPLICIT [n]. */
export function explicit(n: number, ...contents: readonly Uint8Array[]): Uint8Array {
  return encode(contextConstructed(n), ...contents);
}

/** IMPLICIT [n] of a primitive type, from its content octets. */
export function implicit(n: number, content: Uint8Array): Uint8Array {
  return encode(contextPrimitive(n), content);
}

/** IMPLICIT [n] of a SEQUENCE or SET, from its elements. */
export function implicitConstructed(n: number, ...contents: readonly Uint8Array[]): Uint8Array {
  return encode(contextConstructed(n), ...contents);
}

import { MtlsctlError } from '../errors.ts';

/** Identifier octets of the universal types that X.509 uses (X.690, 8.1.2), constructed ones with their bit. */
export const Tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

export const contextPrimitive = (n: number): number => 0x80 | n;
export const contextConstructed = (n: number): number => 0xa0 | n;

/** A CRL of a million entries, each with a reason and an invalidity date, takes about 85 MB; nothing else comes near. */
export const maximumSize = 256 * 1024 * 1024;

/** A certificate nests 10 deep; names in names in distribution points of CRLs reach 14. */
export const maximumDepth = 32;

/** Elements that `checkTree` looks at: a value that nobody here understands has no reason to be larger. */
const maximumTreeSize = 4096;

/** One DER element: where it lies in `source`, the whole input. All offsets are octets from the start of `source`. */
export interface Element {
  readonly source: Uint8Array;
  readonly tag: number;
  readonly start: number;
  readonly contentStart: number;
  readonly end: number;
  readonly depth: number;
}

/** Throws the one error that all readers of DER throw, with the octet of the input where it went wrong. */
export function malformed(offset: number, message: string): never {
  throw new MtlsctlError('malformed', `${message} at byte ${offset}`, { details: { offset } });
}

/** Reads input that is exactly one element, without trailing octets. Throws `malformed`. */
export function readElement(bytes: Uint8Array, what = 'element'): Element {
  if (bytes.length > maximumSize) malformed(maximumSize, `${what}: input is larger than ${maximumSize} bytes`);
  const element = elementAt(plainBytes(bytes), 0, bytes.length, 0, what);
  if (element.end !== bytes.length) malformed(element.end, `${what}: trailing bytes`);
  return element;
}

/** Reads the one element that the content of an OCTET STRING or BIT STRING is, so that offsets stay those of the whole input. */
export function readContained(parent: Element, what: string, skip = 0): Element {
  const element = elementAt(parent.source, parent.contentStart + skip, parent.end, parent.depth + 1, what);
  if (element.end !== parent.end) malformed(element.end, `${what}: trailing bytes`);
  return element;
}

/** The whole element, identifier and length included; not a copy. */
export function elementBytes(e: Element): Uint8Array {
  return e.source.subarray(e.start, e.end);
}

/** The content octets; not a copy. */
export function contentBytes(e: Element): Uint8Array {
  return e.source.subarray(e.contentStart, e.end);
}

/** Walks the elements of a constructed element in order. Every method throws `malformed`. */
export class Cursor {
  readonly #source: Uint8Array;
  readonly #end: number;
  readonly #depth: number;
  #position: number;

  constructor(parent: Element) {
    if ((parent.tag & 0x20) === 0) malformed(parent.start, `${tagName(parent.tag)} is not constructed`);
    this.#source = parent.source;
    this.#position = parent.contentStart;
    this.#end = parent.end;
    this.#depth = parent.depth + 1;
  }

  get atEnd(): boolean {
    return this.#position >= this.#end;
  }

  /** Where the next element starts. */
  get offset(): number {
    return this.#position;
  }

  /** The identifier octet that comes next; undefined at the end. */
  peekTag(): number | undefined {
    return this.#position < this.#end ? this.#source[this.#position] : undefined;
  }

  next(what: string): Element {
    const element = elementAt(this.#source, this.#position, this.#end, this.#depth, what);
    this.#position = element.end;
    return element;
  }

  expect(tag: number, what: string): Element {
    const found = this.peekTag();
    if (found !== tag) {
      const instead = found === undefined ? 'is missing' : `has ${tagName(found)}`;
      malformed(this.#position, `${what}: ${instead} where ${tagName(tag)} is expected`);
    }
    return this.next(what);
  }

  optional(tag: number, what = 'element'): Element | undefined {
    return this.peekTag() === tag ? this.next(what) : undefined;
  }

  finish(what: string): void {
    if (this.#position < this.#end) malformed(this.#position, `${what}: unexpected ${tagName(this.peekTag() ?? 0)}`);
  }
}

/**
 * Checks lengths, tags and depth of everything below an element whose type nobody here knows.
 * Throws `malformed`, also over as many elements as `most` says.
 */
export function checkTree(e: Element, what: string, most = maximumTreeSize): void {
  let count = 0;
  const visit = (element: Element): void => {
    if (++count > most) tooMany(element.start, what, most);
    if ((element.tag & 0x20) === 0) return;
    for (const cursor = new Cursor(element); !cursor.atEnd;) visit(cursor.next(what));
  };
  visit(e);
}

/** `limit` among the details tells this from what is not encoded rightly. */
function tooMany(offset: number, what: string, limit: number): never {
  throw new MtlsctlError('malformed', `${what}: more than ${limit} elements`, { details: { offset, limit } });
}

/**
 * Reads identifier and length octets at `position`, the element ending before `limit`. X.690, 10.1: definite form, fewest octets.
 * Exported for readers of long lists, which keep no cursor. Throws `malformed`.
 */
export function elementAt(source: Uint8Array, position: number, limit: number, depth: number, what: string): Element {
  const tag = source[position];
  if (tag === undefined || position + 2 > limit) malformed(position, `${what}: truncated`);
  if (depth > maximumDepth) malformed(position, `${what}: nested deeper than ${maximumDepth}`);
  checkTag(tag, position, what);
  const first = source[position + 1] ?? 0;
  let contentStart = position + 2;
  let length = first;
  if (first >= 0x80) {
    length = longLength(source, contentStart, limit, first, what);
    contentStart += first & 0x7f;
  }
  const end = contentStart + length;
  if (end > limit) malformed(position, `${what}: length ${length} reaches past the end`);
  return { source, tag, start: position, contentStart, end, depth };
}

function longLength(source: Uint8Array, position: number, limit: number, first: number, what: string): number {
  if (first === 0x80) malformed(position - 1, `${what}: indefinite length`);
  const count = first & 0x7f;
  if (count > 4) malformed(position - 1, `${what}: length of ${count} octets`);
  if (position + count > limit) malformed(position, `${what}: truncated length`);
  let length = 0;
  for (let i = 0; i < count; i++) length = length * 256 + (source[position + i] ?? 0);
  if (length < 0x80 || source[position] === 0) malformed(position - 1, `${what}: length is not minimal`);
  return length;
}

/** DER has each universal type in one form only (X.690, 10.2): strings primitive, SEQUENCE and SET constructed. */
function checkTag(tag: number, position: number, what: string): void {
  if ((tag & 0x1f) === 0x1f) malformed(position, `${what}: tag number over 30`);
  if ((tag & 0xc0) !== 0) return;
  const number = tag & 0x1f;
  const constructed = (tag & 0x20) !== 0;
  if (number === 0) malformed(position, `${what}: tag 0`);
  if (constructed !== isConstructedType(number)) malformed(position, `${what}: ${tagName(tag)} in the wrong form`);
}

/** EXTERNAL, EMBEDDED PDV, SEQUENCE, SET; all others of the universal class are primitive in DER. */
function isConstructedType(number: number): boolean {
  return number === 0x10 || number === 0x11 || number === 0x08 || number === 0x0b;
}

const tagNames: ReadonlyMap<number, string> = new Map([
  [Tag.boolean, 'BOOLEAN'],
  [Tag.integer, 'INTEGER'],
  [Tag.bitString, 'BIT STRING'],
  [Tag.octetString, 'OCTET STRING'],
  [Tag.null, 'NULL'],
  [Tag.oid, 'OBJECT IDENTIFIER'],
  [Tag.enumerated, 'ENUMERATED'],
  [Tag.utf8String, 'UTF8String'],
  [Tag.numericString, 'NumericString'],
  [Tag.printableString, 'PrintableString'],
  [Tag.teletexString, 'TeletexString'],
  [Tag.ia5String, 'IA5String'],
  [Tag.utcTime, 'UTCTime'],
  [Tag.generalizedTime, 'GeneralizedTime'],
  [Tag.visibleString, 'VisibleString'],
  [Tag.universalString, 'UniversalString'],
  [Tag.bmpString, 'BMPString'],
  [Tag.sequence, 'SEQUENCE'],
  [Tag.set, 'SET'],
]);

/** The ASN.1 name of an identifier octet, for messages: `SEQUENCE`, `[0]`, `tag 0x5f`. */
export function tagName(tag: number): string {
  const known = tagNames.get(tag);
  if (known !== undefined) return known;
  return (tag & 0xc0) === 0x80 ? `[${tag & 0x1f}]` : `tag 0x${tag.toString(16).padStart(2, '0')}`;
}

/** A Buffer's subarray is slower, and no equal of the same octets in a Uint8Array: everything is read as the latter. */
function plainBytes(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

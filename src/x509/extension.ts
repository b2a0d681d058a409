import type { Element } from '../der/reader.ts';
import { Cursor, Tag, checkTree, contentBytes, malformed, readContained, tagName } from '../der/reader.ts';
import { readOid, readTrue } from '../der/values.ts';

export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  /** What is inside the OCTET STRING. */
  readonly value: Uint8Array;
  /** Where `value` begins, in octets from the start of the input. */
  readonly offset: number;
  /** The OCTET STRING in its input, so that errors inside tell where they are. */
  readonly octets: Element;
}

export interface HasExtensions {
  readonly extensions: readonly Extension[];
}

/** Certificates have about 10; the check for duplicates and every search go by their number. */
const maximumExtensions = 256;

/**
 * Reads Extensions (RFC 5280, 4.1.2.9): at least one, none twice (4.2), `critical` left out where FALSE.
 * Values are kept as they are, whether known or not. Throws `malformed`.
 */
export function readExtensions(e: Element, what: string): readonly Extension[] {
  if (e.tag !== Tag.sequence) malformed(e.start, `${what}: not a SEQUENCE`);
  const extensions: Extension[] = [];
  for (const cursor = new Cursor(e); !cursor.atEnd;) {
    const element = cursor.expect(Tag.sequence, what);
    const extension = readExtension(element, what);
    if (extensions.some(other => other.oid === extension.oid))
      malformed(element.start, `${what}: ${extension.oid} twice`);
    extensions.push(extension);
    if (extensions.length > maximumExtensions) malformed(element.start, `${what}: more than ${maximumExtensions}`);
  }
  if (extensions.length === 0) malformed(e.start, `${what}: empty`);
  return extensions;
}

function readExtension(e: Element, what: string): Extension {
  const cursor = new Cursor(e);
  const oid = readOid(cursor.expect(Tag.oid, `${what}: extnID`));
  const criticalElement = cursor.optional(Tag.boolean, `${what}: critical`);
  const critical = criticalElement !== undefined && readTrue(criticalElement, `${what}: critical`);
  const octets = cursor.expect(Tag.octetString, `${what}: extnValue`);
  cursor.finish(`${what}: Extension`);
  return { oid, critical, value: contentBytes(octets), offset: octets.contentStart, octets };
}

export function findExtension(has: HasExtensions, oid: string): Extension | undefined {
  return has.extensions.find(extension => extension.oid === oid);
}

/**
 * Elements in one extension: 10,000 names and more. A name of three octets takes fifty times as many once it is decoded, so that the size of the
 * certificate is no bound.
 */
export const maximumElements = 16_384;

/** An element has two octets at least. */
const octetsToBeCounted = 2 * maximumElements;

/** A function that decodes the extension `oid`, once for each; undefined where it is absent. The result throws `malformed`. */
export function decoder<T>(
  oid: string,
  what: string,
  read: (value: Element) => T,
): (has: HasExtensions) => T | undefined {
  const decoded = new WeakMap<Extension, { readonly value: T }>();
  return has => {
    const extension = findExtension(has, oid);
    if (extension === undefined) return undefined;
    const known = decoded.get(extension);
    if (known !== undefined) return known.value;
    const element = readContained(extension.octets, what);
    if (extension.value.length > octetsToBeCounted) checkTree(element, what, maximumElements);
    const value = read(element);
    decoded.set(extension, { value });
    if (extension.value.length > largeValue) forgetLater(decoded, extension);
    return value;
  };
}

/** Octets of a value that is worth forgetting, and how many of them are remembered: those of one chain. */
const largeValue = 4096;
const largeValuesKept = 16;

const large: { readonly decoded: WeakMap<Extension, unknown>; readonly extension: WeakRef<Extension> }[] = [];

/** A pool of certificates that are full of names would take a gigabyte if all that is decoded of it were kept. */
function forgetLater(decoded: WeakMap<Extension, unknown>, extension: Extension): void {
  large.push({ decoded, extension: new WeakRef(extension) });
  if (large.length <= largeValuesKept) return;
  const oldest = large.shift();
  const forgotten = oldest?.extension.deref();
  if (forgotten !== undefined) oldest?.decoded.delete(forgotten);
}

/** INTEGER (0..MAX) that counts certificates in a path; more than this many is as good as no limit, and nobody means it. */
export const maximumCount = 0x7fff_ffff;

/** Reads a value that has to be of this type; `tag` is that of the extension's whole value. */
export function typed<T>(tag: number, what: string, read: (e: Element) => T): (e: Element) => T {
  return e => {
    if (e.tag !== tag) malformed(e.start, `${what}: ${tagName(e.tag)} where ${tagName(tag)} is expected`);
    return read(e);
  };
}

/** SEQUENCE SIZE (1..MAX) OF, under whatever tag. */
export function readList<T>(e: Element, what: string, read: (item: Element) => T): readonly T[] {
  const items: T[] = [];
  for (const cursor = new Cursor(e); !cursor.atEnd;) items.push(read(cursor.next(what)));
  if (items.length === 0) malformed(e.start, `${what}: empty`);
  return items;
}

export function expectTag(e: Element, tag: number, what: string): Element {
  if (e.tag !== tag) malformed(e.start, `${what}: ${tagName(e.tag)} where ${tagName(tag)} is expected`);
  return e;
}

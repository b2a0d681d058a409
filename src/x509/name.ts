import { oids } from '../der/object-identifiers.ts';
import type { Element } from '../der/reader.ts';
import { Cursor, Tag, checkTree, elementBytes, malformed, readElement } from '../der/reader.ts';
import { checkText, decodeText, isTextTag } from '../der/text.ts';
import { hexOf, readOid } from '../der/values.ts';
import { compareOctets, concat, encode } from '../der/writer.ts';
import { sameOctets } from '../der/octets.ts';
import { attributeTypeByOid } from './attribute-types.ts';
import { escapeUnprintable } from './escape.ts';

export { parseDistinguishedName } from './distinguished-name.ts';

export interface NameAttribute {
  /** The object identifier. */
  readonly type: string;
  /** Of the value. */
  readonly tag: number;
  /** The text; `#` and the hex of the value's DER where it is of no string type. */
  readonly value: string;
  /** The value's element. */
  readonly der: Uint8Array;
}

/** An attribute and its siblings in one RelativeDistinguishedName; one only, as a rule. */
export type RelativeDistinguishedName = readonly NameAttribute[];

export interface Name {
  readonly der: Uint8Array;
  /** As encoded, the most general first. Decoded when first asked for. */
  readonly rdns: readonly RelativeDistinguishedName[];
}

/** A distinguished name in use has under 20; matching costs by their number, so there is a bound. */
const maximumAttributes = 1000;

/**
 * Reads a Name (RFC 5280, 4.1.2.4) and checks all of it, the order of each SET and the characters of each string included.
 * Text is decoded only when asked for. Throws `malformed`.
 */
export function readName(e: Element, what = 'Name'): Name {
  checkName(e, what);
  let rdns: readonly RelativeDistinguishedName[] | undefined;
  return {
    der: elementBytes(e),
    get rdns() {
      return (rdns ??= decodeRdns(e));
    },
  };
}

function checkName(e: Element, what: string): void {
  if (e.tag !== Tag.sequence) malformed(e.start, `${what}: not a SEQUENCE`);
  let count = 0;
  for (const rdns = new Cursor(e); !rdns.atEnd;) {
    count += checkRdn(rdns.expect(Tag.set, `${what}: RelativeDistinguishedName`), what);
    if (count > maximumAttributes) malformed(e.start, `${what}: more than ${maximumAttributes} attributes`);
  }
}

/** Checks a RelativeDistinguishedName, given as SET or under IMPLICIT tagging; returns how many attributes it has. */
export function checkRdn(e: Element, what: string): number {
  let previous: Element | undefined;
  let count = 0;
  const attributes = new Cursor(e);
  for (; !attributes.atEnd; count++) {
    const attribute = attributes.expect(Tag.sequence, `${what}: AttributeTypeAndValue`);
    if (previous !== undefined && compareOctets(elementBytes(previous), elementBytes(attribute)) > 0) {
      malformed(attribute.start, `${what}: SET OF is not in order`);
    }
    checkAttribute(attribute, what);
    previous = attribute;
  }
  if (count === 0) malformed(e.start, `${what}: RelativeDistinguishedName is empty`);
  return count;
}

function checkAttribute(e: Element, what: string): void {
  const cursor = new Cursor(e);
  const type = cursor.expect(Tag.oid, `${what}: attribute type`);
  const value = cursor.next(`${what}: attribute value`);
  cursor.finish(`${what}: AttributeTypeAndValue`);
  readOid(type);
  if (isTextTag(value.tag))
    checkText(value.source, value.tag, value.contentStart, value.end, `${what}: attribute value`);
  else checkTree(value, what);
}

function decodeRdns(e: Element): readonly RelativeDistinguishedName[] {
  const rdns: RelativeDistinguishedName[] = [];
  for (const cursor = new Cursor(e); !cursor.atEnd;) rdns.push(decodeRdn(cursor.next('RelativeDistinguishedName')));
  return rdns;
}

/** The attributes of a checked RelativeDistinguishedName. */
function decodeRdn(e: Element): RelativeDistinguishedName {
  const attributes: NameAttribute[] = [];
  for (const cursor = new Cursor(e); !cursor.atEnd;) {
    const attribute = new Cursor(cursor.next('AttributeTypeAndValue'));
    const type = readOid(attribute.next('attribute type'));
    const value = attribute.next('attribute value');
    const der = elementBytes(value);
    attributes.push({ type, tag: value.tag, value: attributeText(value, der), der });
  }
  return attributes;
}

function attributeText(value: Element, der: Uint8Array): string {
  if (!isTextTag(value.tag)) return `#${hexOf(der)}`;
  return decodeText(value.source, value.tag, value.contentStart, value.end, 'attribute value');
}

/** A Name from its DER. Throws `malformed`. */
export function parseName(der: Uint8Array): Name {
  return readName(readElement(der, 'Name'));
}

/** `name` with one more RelativeDistinguishedName at its end, for names relative to a CRL issuer (RFC 5280, 4.2.1.13). */
export function appendRdn(name: Name, rdn: Uint8Array): Name {
  const content = readElement(name.der, 'Name');
  return parseName(encode(Tag.sequence, concat(name.der.subarray(content.contentStart), rdn)));
}

export function isEmptyName(name: Name): boolean {
  return name.der.length === 2;
}

/**
 * RFC 4514, 2: the most specific RelativeDistinguishedName first. What RFC 4514 wants escaped is, and besides every character
 * that could control a terminal. Types without keyword are dotted decimal with their value in hex.
 */
export function formatName(name: Name): string {
  return name.rdns
    .toReversed()
    .map(rdn => rdn.map(formatAttribute).join('+'))
    .join(',');
}

function formatAttribute(attribute: NameAttribute): string {
  const keyword = attributeTypeByOid(attribute.type)?.keyword;
  if (keyword === undefined || !isTextTag(attribute.tag))
    return `${keyword ?? attribute.type}=#${hexOf(attribute.der)}`;
  return `${keyword}=${escapeValue(attribute.value)}`;
}

/** RFC 4514, 2.4: the special characters anywhere, a space at either end, `#` at the beginning. */
function escapeValue(value: string): string {
  return escapeUnprintable(value.replace(/[\\"+,;<>]|^[ #]| $/g, '\\$&'));
}

/** The last, which is the most specific, commonName; undefined where there is none. */
export function commonName(name: Name): string | undefined {
  return name.rdns.flat().findLast(attribute => attribute.type === oids.commonName && isTextTag(attribute.tag))?.value;
}

/** RFC 5280, 7.1: without regard to case, to the string type, and to how much white space there is. */
export function namesMatch(a: Name, b: Name): boolean {
  return sameOctets(a.der, b.der) || nameKey(a) === nameKey(b);
}

const keys = new WeakMap<Name, string>();

/** A normal form: two names match (RFC 5280, 7.1) exactly when their keys are equal. For maps; not for display. */
export function nameKey(name: Name): string {
  let key = keys.get(name);
  if (key === undefined) {
    key = JSON.stringify(name.rdns.map(rdnKey));
    keys.set(name, key);
  }
  return key;
}

/** Attributes of one RDN have no order of meaning. */
function rdnKey(rdn: RelativeDistinguishedName): string[] {
  return rdn.map(({ type, tag, value }) => `${type}=${isTextTag(tag) ? `"${foldText(value)}` : value}`).sort();
}

/**
 * Compares as RFC 4518 prepares, with NFKC and case folding, but nothing is dropped: a name with invisible characters
 * matches only itself, which is the safe side.
 */
function foldText(text: string): string {
  const folded = /^[\x20-\x7e]*$/.test(text) ? text.toLowerCase() : foldUnicode(text);
  return folded.trim().replace(/\s+/g, ' ');
}

function foldUnicode(text: string): string {
  return text.normalize('NFKC').toLowerCase().replaceAll('ς', 'σ').replaceAll('ß', 'ss').normalize('NFKC');
}

import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { checkTree, readElement } from '../der/reader.ts';
import { isTextTag } from '../der/text.ts';
import { readText } from '../der/values.ts';
import { ia5String, isPrintable, oid, printableString, sequence, setOf, utf8String } from '../der/writer.ts';
import type { AttributeType } from './attribute-types.ts';
import { attributeTypeByKeyword, attributeTypeByOid } from './attribute-types.ts';
import { hasUnprintable } from '../printable.ts';

/** Far above any name that a certificate holds, and bounds the work on what is typed. */
const maximumLength = 8192;

/**
 * Reads a distinguished name as RFC 4514 writes it (`CN=user-svc,O=Link`, the most specific first) into the DER of a Name.
 * White space around types, `=` and separators is allowed, as people type it. Values are UTF8String but where
 * RFC 5280, appendix A.1 wants another, and within its upper bounds. Throws `bad-value`.
 */
export function parseDistinguishedName(text: string): Uint8Array {
  if (text.length > maximumLength) bad(`longer than ${maximumLength} characters`);
  if (text.trim() === '') return sequence();
  const rdns = splitUnescaped(text, ',').map(part => setOf(...splitUnescaped(part, '+').map(parseAttribute)));
  return sequence(...rdns.reverse());
}

function bad(problem: string): never {
  throw new MtlsctlError('bad-value', `distinguished name: ${problem}`, {
    hints: ["write it like 'CN=Link Root CA,O=Link,C=SE'; put a backslash before a comma inside a value"],
  });
}

function splitUnescaped(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === separator) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return [...parts, text.slice(start)];
}

function parseAttribute(text: string): Uint8Array {
  const equals = text.indexOf('=');
  if (equals === -1) bad(`no '=' in ${quoted(text)}`);
  const keyword = text.slice(0, equals).trim();
  const type = attributeTypeByKeyword(keyword) ?? attributeTypeByOid(keyword.replace(/^oid\./i, ''));
  const raw = trimUnescaped(text.slice(equals + 1));
  const identifier = type?.oid ?? keyword.replace(/^oid\./i, '');
  const encodedType = encodeType(identifier, keyword);
  if (raw.startsWith('#')) return sequence(encodedType, hexValue(raw.slice(1)));
  return sequence(encodedType, encodeValue(unescapeValue(raw), type, keyword));
}

function encodeType(identifier: string, keyword: string): Uint8Array {
  try {
    return oid(identifier);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return bad(`unknown attribute type ${quoted(keyword)}`);
  }
}

/** RFC 4514, 2.4: the DER of the value in hex. */
function hexValue(hex: string): Uint8Array {
  if (!/^([0-9A-Fa-f]{2})+$/.test(hex)) bad(`bad hex in ${quoted(`#${hex}`)}`);
  try {
    const element = readElement(Uint8Array.from(Buffer.from(hex, 'hex')), 'attribute value');
    checkTree(element, 'attribute value');
    if (isTextTag(element.tag) && hasUnprintable(readText(element))) bad(`a control character in ${quoted(`#${hex}`)}`);
    return element.source;
  } catch (error) {
    if (!isMtlsctlError(error, 'malformed')) throw error;
    return bad(`no DER in ${quoted(`#${hex}`)}`);
  }
}

/** Spaces only: any other white space belongs to the value, since nothing would escape it. */
function trimUnescaped(text: string): string {
  const start = text.replace(/^ +/, '');
  const trimmed = start.replace(/ +$/, '');
  const backslashes = /\\*$/.exec(trimmed)?.[0].length ?? 0;
  return backslashes % 2 === 1 ? start.slice(0, trimmed.length + 1) : trimmed;
}

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** RFC 4514, 3: `\` before a special character, or before two hex digits, which are octets of UTF-8. */
function unescapeValue(text: string): string {
  if (/(^|[^\\])(\\\\)*["<>;]/.test(text)) bad(`an unescaped special character in ${quoted(text)}`);
  const octets: number[] = [];
  for (const part of text.match(/\\[0-9A-Fa-f]{2}|\\[^]?|[^\\]+/gu) ?? []) {
    if (/^\\[0-9A-Fa-f]{2}$/.test(part)) octets.push(parseInt(part.slice(1), 16));
    else if (/^\\[ "#+,;<=>\\]$/.test(part)) octets.push(part.charCodeAt(1));
    else if (part.startsWith('\\')) bad(`bad escape in ${quoted(text)}`);
    else octets.push(...utf8Encoder.encode(part));
  }
  try {
    return utf8Decoder.decode(Uint8Array.from(octets));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return bad(`escaped octets are no UTF-8 in ${quoted(text)}`);
  }
}

function encodeValue(value: string, type: AttributeType | undefined, keyword: string): Uint8Array {
  if (value === '') bad(`${keyword} is empty`);
  if (hasUnprintable(value)) bad(`${keyword} has a control character`);
  if (type === undefined) return utf8String(value);
  const characters = Array.from(value).length;
  if (characters > type.upperBound)
    bad(`${type.keyword} has ${characters} characters, at most ${type.upperBound} are allowed`);
  return encodeAs(value, type);
}

function encodeAs(value: string, type: AttributeType): Uint8Array {
  if (type.keyword === 'C' && !/^[A-Z]{2}$/i.test(value)) bad('C is a code of two letters (ISO 3166)');
  switch (type.syntax) {
    case 'directory':
      return utf8String(value);
    case 'printable':
      if (!isPrintable(value)) bad(`${type.keyword} has a character outside PrintableString`);
      return printableString(value);
    case 'ia5':
      if (!/^[\x20-\x7e]*$/.test(value)) bad(`${type.keyword} has a character outside ASCII`);
      return ia5String(value);
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

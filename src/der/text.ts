import { Tag, malformed, tagName } from './reader.ts';

/** PrintableString: X.680, 41.4. */
const printable = tableOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?");
const numeric = tableOf('0123456789 ');

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

/** True for the types whose values `decodeText` can read. */
export function isTextTag(tag: number): boolean {
  return textTags.has(tag);
}

const textTags: ReadonlySet<number> = new Set([
  Tag.utf8String,
  Tag.numericString,
  Tag.printableString,
  Tag.teletexString,
  Tag.ia5String,
  Tag.visibleString,
  Tag.universalString,
  Tag.bmpString,
]);

/** Which octets a type of one octet a character allows. TeletexString is read as ISO 8859-1, which has them all. */
const characterSets: ReadonlyMap<number, (octet: number) => boolean> = new Map([
  [Tag.printableString, (octet: number) => printable[octet] === 1],
  [Tag.numericString, (octet: number) => numeric[octet] === 1],
  [Tag.ia5String, (octet: number) => octet < 0x80],
  [Tag.visibleString, (octet: number) => octet >= 0x20 && octet < 0x7f],
]);

/** Checks that the octets from `start` to `end` are of the character set of the string type `tag`. Throws `malformed` at the first that is not. */
export function checkText(source: Uint8Array, tag: number, start: number, end: number, what: string): void {
  const allowed = characterSets.get(tag);
  if (allowed !== undefined) {
    for (let i = start; i < end; i++) {
      if (!allowed(source[i] ?? 0)) malformed(i, `${what}: character not allowed in ${tagName(tag)}`);
    }
  } else if (tag === Tag.utf8String) {
    if (!isAscii(source, start, end)) decodeUtf8(source, start, end, what);
  } else if (tag !== Tag.teletexString) {
    decodeWide(source, start, end, tag === Tag.bmpString ? 2 : 4, what);
  }
}

/**
 * The text of a string type. TeletexString is read as ISO 8859-1, as everybody does: nobody writes T.61.
 * Throws `malformed` where an octet is outside the type's character set.
 */
export function decodeText(source: Uint8Array, tag: number, start: number, end: number, what: string): string {
  switch (tag) {
    case Tag.utf8String:
      return decodeUtf8(source, start, end, what);
    case Tag.bmpString:
      return decodeWide(source, start, end, 2, what);
    case Tag.universalString:
      return decodeWide(source, start, end, 4, what);
    default:
      if (!textTags.has(tag)) malformed(start, `${what}: ${tagName(tag)} is no string type`);
      checkText(source, tag, start, end, what);
      return latin1(source, start, end);
  }
}

function isAscii(source: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if ((source[i] ?? 0) >= 0x80) return false;
  return true;
}

const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeUtf8(source: Uint8Array, start: number, end: number, what: string): string {
  if (isAscii(source, start, end)) return latin1(source, start, end);
  try {
    return utf8Decoder.decode(source.subarray(start, end));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return malformed(start, `${what}: invalid UTF-8`);
  }
}

/** BMPString (UCS-2, so no surrogates) and UniversalString (UCS-4). */
function decodeWide(source: Uint8Array, start: number, end: number, width: 2 | 4, what: string): string {
  if ((end - start) % width !== 0) malformed(start, `${what}: length is no multiple of ${width}`);
  let text = '';
  for (let i = start; i < end; i += width) {
    let code = 0;
    for (let j = 0; j < width; j++) code = code * 256 + (source[i + j] ?? 0);
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) malformed(i, `${what}: no Unicode character`);
    text += String.fromCodePoint(code);
  }
  return text;
}

function latin1(source: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(source[i] ?? 0);
  return text;
}

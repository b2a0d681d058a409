/** Six bits of each character of the alphabet of RFC 4648, 4; -1 for white space, -2 for `=`, -3 for all others. */
const sextets = new Int8Array(256).fill(-3);
const characters = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
for (const [i, character] of characters.entries()) sextets[character] = i;
for (const space of ' \t\r\n\v\f') sextets[space.charCodeAt(0)] = -1;
sextets['='.charCodeAt(0)] = -2;

/**
 * Decodes the characters from `start` to `end`; white space may stand anywhere. Undefined where they are not canonical base64:
 * a character outside the alphabet, padding missing or too much, or bits set after the end (RFC 4648, 3.2 to 3.5).
 * By hand because Buffer's decoder passes over what it does not know.
 */
export function decodeBase64(source: Uint8Array, start: number, end: number): Uint8Array | undefined {
  const out = new Uint8Array(Math.ceil((end - start) / 4) * 3);
  let length = 0;
  let position = start;
  while (position + 4 <= end) {
    const a = sextetAt(source, position);
    const b = sextetAt(source, position + 1);
    const c = sextetAt(source, position + 2);
    const d = sextetAt(source, position + 3);
    if ((a | b | c | d) < 0) {
      // Lines are of whole groups in every file that a program wrote, so that white space stands before one
      if (a !== -1) break;
      position++;
      continue;
    }
    out[length] = (a << 2) | (b >> 4);
    out[length + 1] = (b << 4) | (c >> 2);
    out[length + 2] = (c << 6) | d;
    length += 3;
    position += 4;
  }
  return decodeRest(source, position, end, out, length);
}

function sextetAt(source: Uint8Array, position: number): number {
  return sextets[source[position] ?? 0] ?? -3;
}

/** The same for any shape of lines, a character at a time, and the end. */
function decodeRest(
  source: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  written: number,
): Uint8Array | undefined {
  let length = written;
  let bits = 0;
  let pending = 0;
  let padding = 0;
  for (let position = start; position < end; position++) {
    const sextet = sextetAt(source, position);
    if (sextet === -1) continue;
    if (sextet === -2) padding++;
    else if (sextet < 0 || padding > 0) return undefined;
    else {
      bits = (bits << 6) | sextet;
      pending++;
      if (pending % 4 !== 1) out[length++] = (bits >> (6 - 2 * ((pending - 1) % 4))) & 0xff;
      bits &= 0xfff;
    }
  }
  const left = pending % 4;
  const wholeGroups = left === 0 ? padding === 0 : left >= 2 && padding === 4 - left;
  const bitsAfterEnd = left === 2 ? bits & 0x0f : left === 3 ? bits & 0x03 : 0;
  return wholeGroups && bitsAfterEnd === 0 ? out.subarray(0, length) : undefined;
}

/** Writes the octets from `start` to `end` as base64 with padding; returns the position after it. */
export function encodeBase64(
  source: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  position: number,
): number {
  let to = position;
  for (let from = start; from < end; from += 3) {
    const left = end - from;
    const bits =
      ((source[from] ?? 0) << 16) |
      (left > 1 ? (source[from + 1] ?? 0) << 8 : 0) |
      (left > 2 ? (source[from + 2] ?? 0) : 0);
    out[to] = characters[bits >> 18] ?? 0;
    out[to + 1] = characters[(bits >> 12) & 0x3f] ?? 0;
    out[to + 2] = left > 1 ? (characters[(bits >> 6) & 0x3f] ?? 0) : 0x3d;
    out[to + 3] = left > 2 ? (characters[bits & 0x3f] ?? 0) : 0x3d;
    to += 4;
  }
  return to;
}

/** Six bits of each character of the alphabet of RFC 4648, 4; -1 for white space, -2 for `=`, -3 for all others. */
const sextets = new Int8Array(256).fill(-3);
for (const [i, character] of Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/').entries()) {
  sextets[character.charCodeAt(0)] = i;
}
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

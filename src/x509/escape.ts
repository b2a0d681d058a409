import { replaceUnprintable } from '../printable.ts';

/** Writes each unprintable character as the octets of its UTF-8, `\1B`; RFC 4514, 2.4. Backslashes are the caller's to escape. */
export function escapeUnprintable(text: string): string {
  return replaceUnprintable(text, escapeOctets);
}

const utf8Encoder = new TextEncoder();

function escapeOctets(character: string): string {
  return Array.from(
    utf8Encoder.encode(character),
    octet => `\\${octet.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('');
}

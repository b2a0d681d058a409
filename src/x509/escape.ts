/**
 * What could control a terminal or mislead a reader: C0 and C1 controls (ANSI escapes begin with one), format characters
 * (bidirectional overrides, zero-width characters), line and paragraph separators, lone surrogates, private use.
 */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/u;
const unprintables = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu;

export function hasUnprintable(text: string): boolean {
  return unprintable.test(text);
}

/** Writes each unprintable character as the octets of its UTF-8, `\1B`; RFC 4514, 2.4. Backslashes are the caller's to escape. */
export function escapeUnprintable(text: string): string {
  return unprintable.test(text) ? text.replace(unprintables, escapeOctets) : text;
}

const utf8Encoder = new TextEncoder();

export function escapeOctets(character: string): string {
  return Array.from(
    utf8Encoder.encode(character),
    octet => `\\${octet.toString(16).toUpperCase().padStart(2, '0')}`,
  ).join('');
}

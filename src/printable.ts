const plain = /^[\x20-\x7e]*$/;

let pattern: RegExp | undefined;

/**
 * Control characters, format characters (bidirectional overrides, zero width, soft hyphens), line and paragraph separators,
 * lone surrogates, private use and unassigned code points: whatever could move the cursor, colour, reorder or hide text.
 * Nearly all text is ASCII, and to compile these classes takes a millisecond: that waits until there is other text.
 */
function unprintable(): RegExp {
  return (pattern ??= new RegExp('[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}\\p{Co}\\p{Cn}]', 'gu'));
}

export function hasUnprintable(text: string): boolean {
  return !plain.test(text) && text.search(unprintable()) >= 0;
}

/** Puts what `replace` makes of it in the place of each unprintable character (a whole code point). */
export function replaceUnprintable(text: string, replace: (character: string) => string): string {
  return plain.test(text) ? text : text.replace(unprintable(), replace);
}

const shortEscapes: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/**
 * Text that can't control a terminal: every character that is not a visible one or a plain space is escaped, as `\x1b` or `\u{202e}`.
 * Everything shown that came from a file, an argument or a peer goes through here.
 */
export function printable(text: string): string {
  return replaceUnprintable(text, escapeCharacter);
}

/** Printable text in quotes, cut to `limit` characters and its full length told: for error messages. */
export function quoted(text: string, limit = 80): string {
  if (text.length <= limit) return `'${printable(text)}'`;
  const head = text.slice(0, limit).replace(/[\uD800-\uDBFF]$/, '');
  return `'${printable(head)}…' (${text.length} characters)`;
}

function escapeCharacter(character: string): string {
  const short = shortEscapes[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

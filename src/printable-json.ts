/** As `printable` has it (printable.ts), less the newlines that set a document's lines apart: they are escaped inside strings by any writer. */
const unprintable = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu;

/** Whether a string holds what could move the cursor, colour, reorder or hide text. */
export function hasUnprintable(text: string): boolean {
  return text.includes('\n') || text.search(unprintable) >= 0;
}

/**
 * JSON (or YAML whose odd strings are in double quotes) that can't control a terminal and says the same: what `JSON.stringify` leaves as it is,
 * C1 controls, DEL, bidirectional overrides and the like, is written as `\uXXXX`.
 */
export function jsonEscaped(text: string): string {
  return text.replace(unprintable, escapeCharacter);
}

/** The JSON of a document, safe to print, indented for a person. */
export function printableJson(document: unknown, indentation?: number): string {
  return jsonEscaped(JSON.stringify(document, undefined, indentation));
}

/** One escape for each UTF-16 unit, as JSON has it; YAML reads the two of a pair each by itself, so that it gets one of eight digits. */
function escapeCharacter(character: string): string {
  return Array.from(
    { length: character.length },
    (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`,
  ).join('');
}

/** As `printable` has it (printable.ts), less the newlines that set a document's lines apart: they are escaped inside strings by any writer. */
const unprintable = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/gu;

/** Whether a string holds what could move the cursor, colour, reorder or hide text. */
export function hasUnprintable(text: string): boolean {
  return text.includes('\n') || text.search(unprintable) >= 0;
}

/** The JSON of a document, safe to print: what `JSON.stringify` leaves as it is, C1 controls, bidirectional overrides and the like, is `\uXXXX`. */
export function printableJson(document: unknown, indentation?: number): string {
  return JSON.stringify(document, undefined, indentation).replace(unprintable, jsonEscape);
}

/** One escape for each UTF-16 unit. RFC 8259, 7. */
function jsonEscape(character: string): string {
  return Array.from({ length: character.length }, (_, i) => `\\u${hex(character.charCodeAt(i), 4)}`).join('');
}

/** The same for YAML in which every string that needs it is in double quotes. YAML 1.2, 5.7. */
export function printableYaml(text: string): string {
  return text.replace(unprintable, character => {
    const code = character.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
  });
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}

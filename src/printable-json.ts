import { hasUnprintable, replaceUnprintable } from './printable.ts';

/** The JSON of a document, safe to print: what `JSON.stringify` leaves as it is, C1 controls, bidirectional overrides and the like, is `\uXXXX`. */
export function printableJson(document: unknown, indentation?: number): string {
  return inEachLine(JSON.stringify(document, undefined, indentation), jsonEscape);
}

/** One escape for each UTF-16 unit. RFC 8259, 7. */
function jsonEscape(character: string): string {
  return Array.from({ length: character.length }, (_, i) => `\\u${hex(character.charCodeAt(i), 4)}`).join('');
}

/** The same for YAML in which every string that needs it is in double quotes. YAML 1.2, 5.7. */
export function printableYaml(text: string): string {
  return inEachLine(text, character => {
    const code = character.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
  });
}

/** The newlines that set a document's lines apart stay; inside strings any writer has escaped them. */
function inEachLine(text: string, escape: (character: string) => string): string {
  // Most documents need nothing; a large one is not taken to pieces for that.
  if (/^[\n -~]*$/.test(text)) return text;
  return text
    .split('\n')
    .map(line => replaceUnprintable(line, escape))
    .join('\n');
}

/** Whether a string has to be quoted and escaped to be printed. */
export function needsEscape(text: string): boolean {
  return text.includes('\n') || hasUnprintable(text);
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}

import { printable } from '../printable.ts';

/**
 * One record of RFC 4180, but ended by a newline alone, as the tools of a shell want it. A value that a spreadsheet would take for a formula gets an apostrophe before it, and what could control a
 * terminal is escaped: names in a certificate come from whoever asked for it.
 */
export function csvRecord(values: readonly string[]): string {
  return `${values.map(csvField).join(',')}\n`;
}

/** Also behind white space, and in the full-width forms that some spreadsheets take for the same. */
const formula = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20|%]/;

function csvField(value: string): string {
  const text = printable(formula.test(value) ? `'${value}` : value);
  return /[",]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

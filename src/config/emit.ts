/** What our YAML files hold. */
export type Plain = string | number | readonly Plain[] | { readonly [key: string]: Plain | undefined };

/**
 * Deterministic YAML: keys in the order given, absent ones left out, empty lists and maps left out, text quoted only where need be.
 * Written by hand so that the form never changes with a package: a file that need not change is not touched.
 */
export function encodeYaml(value: { readonly [key: string]: Plain | undefined }): string {
  return mapLines(value, '').join('');
}

function mapLines(value: { readonly [key: string]: Plain | undefined }, indentation: string): string[] {
  return Object.entries(value).flatMap(([key, member]) =>
    entryLines(`${indentation}${scalarText(key)}:`, member, indentation),
  );
}

function entryLines(head: string, value: Plain | undefined, indentation: string): string[] {
  if (value === undefined || isEmpty(value)) return [];
  if (typeof value === 'string' || typeof value === 'number') return [`${head} ${scalarText(value)}\n`];
  const inner = `${indentation}  `;
  if (Array.isArray(value))
    return [`${head}\n`, ...(value as readonly Plain[]).flatMap(item => entryLines(`${inner}-`, item, inner))];
  return [`${head}\n`, ...mapLines(value as { readonly [key: string]: Plain | undefined }, inner)];
}

function isEmpty(value: Plain): boolean {
  return typeof value === 'object' && Object.values(value).every(member => member === undefined);
}

/** Text that needs no quotes in YAML 1.1 or 1.2, whoever reads it: begins with a letter or digit, has nothing that could end it. */
const plainText = /^[A-Za-z0-9][A-Za-z0-9 ._/@+-]*(?::[A-Za-z0-9._/@+-]+)*$/;
const ambiguous = /^(?:y|n|yes|no|on|off|true|false|null|~|[-+.\d][\d_.,:xobe+-]*)$/i;

function scalarText(value: string | number): string {
  if (typeof value === 'number') return String(value);
  if (plainText.test(value) && !ambiguous.test(value) && !value.endsWith(' ')) return value;
  // Every JSON string is a double-quoted YAML scalar; what JSON leaves as it is but YAML does not allow is escaped too.
  return JSON.stringify(value).replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

import type { Facts, Value } from '../x509/describe.ts';

export function isFacts(value: Value | undefined): value is Facts {
  return typeof value === 'object' && !Array.isArray(value);
}

export function isFactsList(value: Value | undefined): value is readonly Facts[] {
  return Array.isArray(value) && value.every(isFacts);
}

/** A value in one line; nothing is escaped. Empty for what is absent. */
export function asText(value: Value | undefined): string {
  if (value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

import { expect } from 'vitest';
import { MtlsctlError } from '../../src/errors.ts';

/** Runs `action` and expects the error `malformed`, with this text, at this octet. */
export function expectMalformed(action: () => unknown, message: RegExp | string, offset?: number): void {
  let error: unknown;
  try {
    action();
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(MtlsctlError);
  const { code, message: text, details } = error as MtlsctlError;
  expect(code).toBe('malformed');
  if (typeof message === 'string') expect(text).toContain(message);
  else expect(text).toMatch(message);
  if (offset !== undefined) expect({ text, offset: details.offset }).toMatchObject({ offset });
}

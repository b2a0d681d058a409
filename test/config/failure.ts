import { isMtlsctlError, type MtlsctlError } from '../../src/errors.ts';

/** The `config-invalid` failure of an action. */
export function configFailure(action: () => unknown): MtlsctlError {
  try {
    action();
  } catch (error) {
    if (isMtlsctlError(error, 'config-invalid')) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

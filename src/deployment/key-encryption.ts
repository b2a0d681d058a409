import { join } from 'node:path';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { readOptional } from '../files.ts';
import { describePrivateKeyFile, readPrivateKey } from '../keys/private-key.ts';
import type { DueReason } from './decision.ts';
import { currentLink } from './generation-layout.ts';
import { type ServicePaths, openingServiceKey } from './service.ts';

/** How the keys of services are to be stored. */
export interface AskedEncryption {
  /** Encrypts them where it is given. */
  readonly passphrase: Uint8Array | undefined;
  /** Somebody has said that they are to be unencrypted, whatever they were. */
  readonly noPassphrase?: boolean;
}

/** Undefined where there is no key, or none any more: that says nothing of how it was. */
async function encryptionOf(path: string): Promise<'encrypted' | 'unencrypted' | undefined> {
  const file = await readOptional(path);
  if (file === undefined) return undefined;
  try {
    return describePrivateKeyFile(file).encrypted ? 'encrypted' : 'unencrypted';
  } catch (error) {
    if (isMtlsctlError(error)) return undefined;
    throw error;
  }
}

/** Why the key that is there has to make way for one that is stored as asked. */
export async function encryptionChanges(asked: AskedEncryption, path: string): Promise<readonly DueReason[]> {
  const wanted = wantedEncryption(asked);
  const found = wanted === undefined ? undefined : await encryptionOf(path);
  if (wanted === undefined || found === undefined || found === wanted) return [];
  return [{ code: 'key-encryption-changed', found, wanted }];
}

function wantedEncryption({ passphrase, noPassphrase }: AskedEncryption): 'encrypted' | 'unencrypted' | undefined {
  if (passphrase !== undefined) return 'encrypted';
  return noPassphrase === true ? 'unencrypted' : undefined;
}

/** Whether the key of a service is encrypted. Its public name may be missing: then the generation in force says how it was. */
export async function isKeyEncrypted({ directory, key }: Pick<ServicePaths, 'directory' | 'key'>): Promise<boolean> {
  const found = (await encryptionOf(key)) ?? (await encryptionOf(join(directory, currentLink, 'key.pem')));
  return found === 'encrypted';
}

/** A key that was encrypted is not followed by one that is not, unless somebody says so. Throws `passphrase-missing`. */
export async function refuseDecryption(asked: AskedEncryption, service: string, paths: ServicePaths): Promise<void> {
  if (wantedEncryption(asked) !== undefined || !(await isKeyEncrypted(paths))) return;
  throw new MtlsctlError('passphrase-missing', `the key of '${service}' is encrypted, and so is the next one to be`, {
    hints: [
      'give the passphrase for the new key with --passphrase-file <path>',
      'to store it unencrypted from now on, add --no-passphrase',
    ],
    details: { service, file: paths.key },
  });
}

/**
 * A passphrase is what opens the key that is there: whoever starts the service has that one. Throws `passphrase-wrong`. It takes some tenths of
 * a second, as it is meant to.
 */
export async function checkPassphrase(
  { passphrase }: AskedEncryption,
  service: string,
  { key }: ServicePaths,
): Promise<void> {
  const file = passphrase === undefined ? undefined : await readOptional(key);
  if (file === undefined || (await encryptionOf(key)) !== 'encrypted') return;
  try {
    await openingServiceKey(key, () => readPrivateKey(file, passphrase));
  } catch (error) {
    // A kind of encryption that is not read here can't be compared.
    if (isMtlsctlError(error, 'key-unsupported')) return;
    if (!isMtlsctlError(error)) throw error;
    throw new MtlsctlError(error.code, error.message, {
      hints: [...error.hints, `for a new key with this passphrase, run 'mtlsctl enroll ${service} --force' with it`],
      details: { ...error.details, service },
      cause: error,
    });
  }
}

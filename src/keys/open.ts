import { readPrivateKey } from './private-key.ts';
import type { SoftwareKey } from './signer.ts';
import { importKey } from './software.ts';

/**
 * Opens the signer that a key file stands for; a further kind of key (a PKCS#11 URI) is a further case here.
 * Throws `key-malformed`, `key-unsupported`, `passphrase-missing`, `passphrase-wrong`.
 */
export async function openSigner(keyFile: Uint8Array, passphrase: Uint8Array | undefined): Promise<SoftwareKey> {
  return importKey(await readPrivateKey(keyFile, passphrase));
}

import { createPrivateKey, sign as nodeSign } from 'node:crypto';
import { promisify } from 'node:util';
import { parseSubjectPublicKeyInfo, type SubjectPublicKeyInfo } from '../x509/public-key.ts';
import { type KeyType, keyTypes } from './key-types.ts';
import { readPrivateKeyInfo, supportedKey } from './private-key-info.ts';
import type { SoftwareKey } from './signer.ts';
import { loadWebCrypto } from './web-crypto.ts';

/** With a callback Node signs on its thread pool: RSA signatures of several services go on side by side. The others take less time than the way there. */
const signInPool = promisify<string | null, Uint8Array, ReturnType<typeof createPrivateKey>, Buffer>(nodeSign);

/** Makes a key pair. */
export async function generateKey(keyType: KeyType): Promise<SoftwareKey> {
  const { subtle } = await loadWebCrypto();
  const pair = await subtle.generateKey(keyTypes[keyType].generate, true, ['sign', 'verify']);
  const pkcs8 = new Uint8Array(await subtle.exportKey('pkcs8', pair.privateKey));
  const spki = new Uint8Array(await subtle.exportKey('spki', pair.publicKey));
  return softwareKey(keyType, pkcs8, parseSubjectPublicKeyInfo(spki));
}

/**
 * Takes a DER PrivateKeyInfo. Throws `key-malformed` where its parts contradict each other, and `key-unsupported` for a
 * type that is not in `keyTypes`.
 */
export function importKey(pkcs8: Uint8Array): SoftwareKey {
  const { keyType, pkcs8: canonical, publicKey } = supportedKey(readPrivateKeyInfo(pkcs8));
  return softwareKey(keyType, canonical, publicKey);
}

/**
 * Signing goes to node:crypto with the key decoded once: @peculiar/webcrypto decodes it from PEM at each signature, which
 * is 0.35 of the 0.43 ms that a P-256 signature takes there (Node 20.20, @peculiar/webcrypto 1.7.2).
 */
function softwareKey(keyType: KeyType, pkcs8: Uint8Array, publicKey: SubjectPublicKeyInfo): SoftwareKey {
  const { hash, signatureAlgorithm, isRsa } = keyTypes[keyType];
  let decoded: ReturnType<typeof createPrivateKey> | undefined;
  const key = {
    keyType,
    publicKey,
    signatureAlgorithm,
    async sign(data: Uint8Array): Promise<Uint8Array> {
      decoded ??= createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
      return new Uint8Array(isRsa ? await signInPool(hash, data, decoded) : nodeSign(hash, data, decoded));
    },
  };
  return Object.defineProperty(key, 'pkcs8', { value: pkcs8, enumerable: false }) as SoftwareKey;
}

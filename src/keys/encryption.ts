import { createCipheriv, createDecipheriv, pbkdf2, scrypt, type ScryptOptions } from 'node:crypto';
import { promisify } from 'node:util';
import { oids } from '../der/object-identifiers.ts';
import { integer, nullValue, octetString, oid, sequence } from '../der/writer.ts';
import { MtlsctlError, systemErrorCode } from '../errors.ts';
import type { Decryption, EncryptedKey, KeyDerivation } from './encryption-parameters.ts';
import { keyMalformed } from './key-parts.ts';

/** OWASP's figure for PBKDF2-HMAC-SHA256 (Password Storage Cheat Sheet, 2023): about a third of a second. */
const writtenIterations = 600_000;

/** A file may ask for any number; this one takes about five seconds. */
const maximumIterations = 10_000_000;

/** scrypt takes 128·N·r octets (RFC 7914, section 2); OpenSSL writes keys that take 16 MiB. */
const maximumScryptMemory = 256 * 1024 * 1024;

/** N·r·p, which scrypt's time grows with: about ten seconds. */
const maximumScryptWork = 2 ** 25;

const pbkdf2Async = promisify(pbkdf2);
const scryptAsync = promisify<Uint8Array, Uint8Array, number, ScryptOptions, Buffer>(scrypt);

/**
 * Encrypts a DER PrivateKeyInfo to a DER EncryptedPrivateKeyInfo (RFC 5958, section 3): PBES2 with PBKDF2-HMAC-SHA256 and
 * AES-256-CBC (RFC 8018, 6.2). Throws `bad-value` for an empty passphrase, and one that ends in NUL.
 */
export async function encryptKey(
  pkcs8: Uint8Array,
  passphrase: Uint8Array,
  random: (count: number) => Uint8Array,
): Promise<Uint8Array> {
  if (passphrase.length === 0) throw new MtlsctlError('bad-value', 'an empty passphrase protects nothing');
  // HMAC pads its key with zeros (RFC 2104, 2): those at the end are as good as not there.
  if (passphrase.at(-1) === 0)
    throw new MtlsctlError('bad-value', 'the passphrase ends in NUL, which counts for nothing');
  const salt = random(16);
  const iv = random(16);
  const key = await pbkdf2Async(passphrase, salt, writtenIterations, 32, 'sha256');
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  const encrypted = Buffer.concat([cipher.update(pkcs8), cipher.final()]);
  key.fill(0);
  const prf = sequence(oid(oids.hmacWithSha256), nullValue());
  const kdf = sequence(oid(oids.pbkdf2), sequence(octetString(salt), integer(writtenIterations), prf));
  const scheme = sequence(oid(oids.aes256Cbc), octetString(iv));
  return sequence(sequence(oid(oids.pbes2), sequence(kdf, scheme)), octetString(encrypted));
}

/**
 * Decrypts what `readEncryptedKey` read. CBC does not prove that the passphrase was right: the caller must look at the result.
 * Throws `key-unsupported` for a scheme that is not known or asks for too much work, `passphrase-wrong` where the padding is not right.
 */
export async function decryptKey(
  { encryption, decryption, encrypted }: EncryptedKey,
  passphrase: Uint8Array,
): Promise<Uint8Array> {
  if (decryption === undefined) throw unsupportedEncryption(Object.values(encryption).join(', '));
  const { cipher } = decryption;
  if (encrypted.length === 0 || encrypted.length % cipher.blockLength !== 0)
    throw keyMalformed('what is encrypted is not of whole blocks');
  const key = await deriveKey(decryption.derivation, passphrase, cipher.keyLength);
  const decrypted = removePadding(decryption, key, encrypted);
  key.fill(0);
  return decrypted;
}

/** The refusal of an encryption that is not read, with the way out of it. */
export function unsupportedEncryption(found: string): MtlsctlError {
  return new MtlsctlError(
    'key-unsupported',
    `the private key is encrypted in a way that mtlsctl does not read: ${found}`,
    {
      hints: ['openssl pkcs8 -topk8 -v2 aes-256-cbc -in <key> -out <new key>'],
      details: { found },
    },
  );
}

export function wrongPassphrase(): MtlsctlError {
  return new MtlsctlError('passphrase-wrong', 'the passphrase does not open the private key, or its file is damaged');
}

function deriveKey(derivation: KeyDerivation, passphrase: Uint8Array, length: number): Promise<Buffer> {
  if (derivation.kind === 'scrypt') return deriveByScrypt(derivation, passphrase, length);
  const { salt, iterations, prf } = derivation;
  if (iterations < 1) throw keyMalformed('it asks for no iteration');
  if (iterations > maximumIterations) {
    throw unsupportedEncryption(`${iterations} iterations, where at most ${maximumIterations} are done`);
  }
  return pbkdf2Async(passphrase, salt, iterations, length, prf.hash);
}

function deriveByScrypt(
  derivation: KeyDerivation & { kind: 'scrypt' },
  passphrase: Uint8Array,
  length: number,
): Promise<Buffer> {
  const { salt, cost: N, blockSize: r, parallelization: p } = derivation;
  if (N < 2 || !Number.isInteger(Math.log2(N)) || r < 1 || p < 1 || Math.log2(N) >= 16 * r)
    throw keyMalformed('its scrypt parameters contradict RFC 7914'); // section 2
  const memory = 128 * r * (N + p + 2);
  if (memory > maximumScryptMemory || N * r * p > maximumScryptWork) {
    throw unsupportedEncryption(`scrypt with N ${N}, r ${r}, p ${p}, which takes too much memory or time`);
  }
  return scryptAsync(passphrase, salt, length, { N, r, p, maxmem: 2 * maximumScryptMemory });
}

function removePadding({ cipher, iv }: Decryption, key: Uint8Array, encrypted: Uint8Array): Uint8Array {
  const decipher = createDecipheriv(cipher.name, key, iv);
  const start = decipher.update(encrypted);
  try {
    return new Uint8Array(Buffer.concat([start, decipher.final()]));
  } catch (error) {
    if (systemErrorCode(error) !== 'ERR_OSSL_BAD_DECRYPT') throw error;
    throw wrongPassphrase();
  }
}

import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { encodePem, type PemBlock } from '../x509/pem.ts';
import type { SubjectPublicKeyInfo } from '../x509/public-key.ts';
import { sec1Parts } from './ec-key.ts';
import { decryptKey, encryptKey, unsupportedEncryption, wrongPassphrase } from './encryption.ts';
import { type KeyEncryption, readEncryptedKey } from './encryption-parameters.ts';
import { findKeyBlock, type KeyBlock, pemBlock, privateKeyFormat, type PrivateKeyFormat } from './key-file.ts';
import { type PrivateKey, readingKey } from './key-parts.ts';
import { type KeyType, keyTypeOf } from './key-types.ts';
import { readPrivateKeyInfo, readPrivateKeyParts, supportedKey } from './private-key-info.ts';
import { pkcs1Parts } from './rsa-key.ts';

/** What a key file tells without a passphrase. */
export interface PrivateKeyFile {
  readonly encrypted: boolean;
  readonly format: PrivateKeyFormat | 'other';
  readonly encryption?: KeyEncryption;
}

/** What may be shown of a private key. */
export interface PrivateKeyDescription {
  readonly file: PrivateKeyFile;
  /** `EC P-256`, `RSA 1024`, `DSA`; absent while it is encrypted. */
  readonly algorithm?: string;
  /** Absent for a type that mtlsctl does not sign with. */
  readonly keyType?: KeyType;
  /** Computed from the private key; absent for types that are known by name only. */
  readonly publicKey?: SubjectPublicKeyInfo;
}

/** Reads a key file's outside. Throws `key-malformed` where there is no private key in it. */
export function describePrivateKeyFile(file: Uint8Array): PrivateKeyFile {
  return describeBlock(findKeyBlock(file));
}

/**
 * Describes a private key by its public part. Without a passphrase an encrypted one stays closed, and only `file` is told.
 * Throws `key-malformed`, `passphrase-wrong`; never `key-unsupported` for an unencrypted key that is merely of another type.
 */
export async function describePrivateKey(file: Uint8Array, passphrase?: Uint8Array): Promise<PrivateKeyDescription> {
  return describeKey(findKeyBlock(file), passphrase);
}

/** As `describePrivateKey`, for one block of a PEM file that holds several things. */
export async function describePrivateKeyBlock(
  block: PemBlock,
  passphrase?: Uint8Array,
): Promise<PrivateKeyDescription> {
  return describeKey(pemBlock(block), passphrase);
}

/**
 * Reads a key file (PKCS#8 plain or encrypted, SEC1, PKCS#1; PEM or DER) to a DER PrivateKeyInfo, checked and written anew.
 * A passphrase for a key that is not encrypted is ignored.
 * Throws `key-malformed`, `key-unsupported`, `passphrase-missing`, `passphrase-wrong`, `too-large`.
 */
export async function readPrivateKey(file: Uint8Array, passphrase: Uint8Array | undefined): Promise<Uint8Array> {
  return supportedKey(await openBlock(findKeyBlock(file), passphrase)).pkcs8;
}

/** A DER PrivateKeyInfo as PEM. */
export function encodePrivateKeyPem(pkcs8: Uint8Array): string {
  return encodePem('PRIVATE KEY', pkcs8);
}

/** A DER PrivateKeyInfo as encrypted PEM: PBES2, PBKDF2-HMAC-SHA256, AES-256-CBC. Throws `bad-value` for an empty passphrase. */
export async function encryptPrivateKeyPem(
  pkcs8: Uint8Array,
  passphrase: Uint8Array,
  random: (count: number) => Uint8Array,
): Promise<string> {
  return encodePem('ENCRYPTED PRIVATE KEY', await encryptKey(pkcs8, passphrase, random));
}

/** The public key of a DER PrivateKeyInfo. Throws `key-malformed`, and `key-unsupported` where it is of no kind that can be read. */
export function publicKeyOf(pkcs8: Uint8Array): SubjectPublicKeyInfo {
  const { label, usable } = readPrivateKeyInfo(pkcs8);
  if (usable !== undefined) return usable.publicKey;
  throw new MtlsctlError('key-unsupported', `the public key of a private key of this type can't be read: ${label}`, {
    details: { found: label },
  });
}

function describeBlock(block: KeyBlock): PrivateKeyFile {
  const { format } = block;
  if (block.legacyCipher !== undefined) {
    const encryption = {
      scheme: 'PEM encryption of RFC 1421',
      cipher: block.legacyCipher,
      kdf: 'EVP_BytesToKey with MD5',
    };
    return { encrypted: true, format, encryption };
  }
  if (format !== 'encrypted-pkcs8') return { encrypted: false, format };
  const { encryption } = readingKey('PKCS#8', () => readEncryptedKey(block.der));
  return { encrypted: true, format, encryption };
}

async function describeKey(block: KeyBlock, passphrase: Uint8Array | undefined): Promise<PrivateKeyDescription> {
  const file = describeBlock(block);
  if (block.format === 'other') return { file, algorithm: block.label };
  if (block.legacyCipher !== undefined || (file.encrypted && passphrase === undefined)) return { file };
  const { label, usable } = await openBlock(block, passphrase);
  if (usable === undefined) return { file, algorithm: label };
  const keyType = keyTypeOf(usable.publicKey);
  return { file, algorithm: label, publicKey: usable.publicKey, ...(keyType === undefined ? {} : { keyType }) };
}

async function openBlock(block: KeyBlock, passphrase: Uint8Array | undefined): Promise<PrivateKey> {
  if (block.legacyCipher !== undefined)
    throw unsupportedEncryption(`the PEM encryption of RFC 1421 with ${block.legacyCipher}`);
  switch (block.format) {
    case 'pkcs8':
      return readPrivateKeyInfo(block.der);
    case 'sec1':
      return readingKey('SEC1', () => readPrivateKeyParts(sec1Parts(block.der)));
    case 'pkcs1':
      return readingKey('PKCS#1', () => readPrivateKeyParts(pkcs1Parts(block.der)));
    case 'encrypted-pkcs8':
      return openEncrypted(block.der, passphrase);
    case 'other':
      throw new MtlsctlError(
        'key-unsupported',
        `the private key is of a kind that mtlsctl does not read: ${block.label.slice(0, 40)}`,
        {
          hints: ['openssl pkcs8 -topk8 -nocrypt -in <key> -out <new key>'],
        },
      );
  }
}

async function openEncrypted(der: Uint8Array, passphrase: Uint8Array | undefined): Promise<PrivateKey> {
  const key = readingKey('PKCS#8', () => readEncryptedKey(der));
  if (passphrase === undefined) {
    throw new MtlsctlError('passphrase-missing', 'the private key is encrypted, and no passphrase was given', {
      hints: [
        'give it with --passphrase-file <path>; with --ca-passphrase-file <path> for the key of the authority that signs',
      ],
    });
  }
  const decrypted = await decryptKey(key, passphrase);
  // One wrong passphrase in 256 leaves a padding that looks right; what it uncovers is noise.
  if (privateKeyFormat(decrypted) !== 'pkcs8') throw wrongPassphrase();
  return readPrivateKeyInfo(decrypted);
}

/** A file with a private key, as whoever has to act on a failure has to hear of it. */
export interface KeyFile {
  readonly path: string;
  /** What takes the passphrase of this key. */
  readonly flag: '--passphrase-file' | '--ca-passphrase-file';
  /** What the key is and where, if more than the path. */
  readonly title?: string;
}

/**
 * Runs what opens a private key: its failure names the file. That its passphrase is missing or wrong is told with the flag that takes it. Throws
 * what it throws.
 */
export async function openingKey<T>({ path, flag, title = path }: KeyFile, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (!isMtlsctlError(error) || error.details['file'] !== undefined) throw error;
    const look = `run 'mtlsctl inspect ${path}'`;
    const needsPassphrase = error.code === 'passphrase-missing' || error.code === 'passphrase-wrong';
    const hints = needsPassphrase ? [`give the passphrase of this key with ${flag} <path>`, look] : error.hints;
    throw new MtlsctlError(error.code, `${title}: ${error.message}`, {
      hints: hints.length > 0 ? hints : [look],
      details: { ...error.details, file: path },
      cause: error,
    });
  }
}

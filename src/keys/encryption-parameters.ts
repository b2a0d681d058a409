import { oidName, oids } from '../der/object-identifiers.ts';
import { Cursor, type Element, readElement, Tag } from '../der/reader.ts';
import { readNull, readOctetString, readOid, readSmallInteger } from '../der/values.ts';
import { keyMalformed } from './key-parts.ts';

/** How a key file is encrypted, as far as its parameters tell; no secrets. */
export interface KeyEncryption {
  /** `PBES2`, or what older writers used. */
  readonly scheme: string;
  /** `AES-256-CBC`. */
  readonly cipher?: string;
  /** `PBKDF2`, `scrypt`. */
  readonly kdf?: string;
  /** PBKDF2's: `hmacWithSHA256`. */
  readonly prf?: string;
  readonly iterations?: number;
  /** scrypt's N, r and p (RFC 7914, section 2). */
  readonly cost?: number;
  readonly blockSize?: number;
  readonly parallelization?: number;
}

export interface Cipher {
  readonly label: string;
  /** As node:crypto names it. */
  readonly name: string;
  readonly keyLength: number;
  /** Also the length of the initialisation vector. */
  readonly blockLength: number;
}

/** RFC 8018, appendix B.2. */
const ciphers: Readonly<Record<string, Cipher>> = {
  [oids.aes128Cbc]: { label: 'AES-128-CBC', name: 'aes-128-cbc', keyLength: 16, blockLength: 16 },
  [oids.aes192Cbc]: { label: 'AES-192-CBC', name: 'aes-192-cbc', keyLength: 24, blockLength: 16 },
  [oids.aes256Cbc]: { label: 'AES-256-CBC', name: 'aes-256-cbc', keyLength: 32, blockLength: 16 },
  [oids.desEde3Cbc]: { label: 'DES-EDE3-CBC', name: 'des-ede3-cbc', keyLength: 24, blockLength: 8 },
};

export interface Prf {
  readonly label: string;
  readonly hash: string;
}

/** RFC 8018, appendix B.1. */
const prfs: Readonly<Record<string, Prf>> = {
  [oids.hmacWithSha1]: { label: 'hmacWithSHA1', hash: 'sha1' },
  [oids.hmacWithSha224]: { label: 'hmacWithSHA224', hash: 'sha224' },
  [oids.hmacWithSha256]: { label: 'hmacWithSHA256', hash: 'sha256' },
  [oids.hmacWithSha384]: { label: 'hmacWithSHA384', hash: 'sha384' },
  [oids.hmacWithSha512]: { label: 'hmacWithSHA512', hash: 'sha512' },
  '1.2.840.113549.2.12': { label: 'hmacWithSHA512-224', hash: 'sha512-224' },
  '1.2.840.113549.2.13': { label: 'hmacWithSHA512-256', hash: 'sha512-256' },
};

/** Schemes before PBES2, for the refusal: RFC 8018, appendix A.3; RFC 7292, appendix C. */
const olderSchemes: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.5.1': 'pbeWithMD2AndDES-CBC',
  '1.2.840.113549.1.5.3': 'pbeWithMD5AndDES-CBC',
  '1.2.840.113549.1.5.6': 'pbeWithMD5AndRC2-CBC',
  '1.2.840.113549.1.5.10': 'pbeWithSHA1AndDES-CBC',
  '1.2.840.113549.1.5.11': 'pbeWithSHA1AndRC2-CBC',
  '1.2.840.113549.1.12.1.1': 'pbeWithSHAAnd128BitRC4',
  '1.2.840.113549.1.12.1.2': 'pbeWithSHAAnd40BitRC4',
  '1.2.840.113549.1.12.1.3': 'pbeWithSHAAnd3-KeyTripleDES-CBC',
  '1.2.840.113549.1.12.1.4': 'pbeWithSHAAnd2-KeyTripleDES-CBC',
  '1.2.840.113549.1.12.1.5': 'pbeWithSHAAnd128BitRC2-CBC',
  '1.2.840.113549.1.12.1.6': 'pbeWithSHAAnd40BitRC2-CBC',
};

export type KeyDerivation =
  | { readonly kind: 'pbkdf2'; readonly salt: Uint8Array; readonly iterations: number; readonly prf: Prf }
  | {
      readonly kind: 'scrypt';
      readonly salt: Uint8Array;
      readonly cost: number;
      readonly blockSize: number;
      readonly parallelization: number;
    };

/** What decrypting takes besides the passphrase. */
export interface Decryption {
  readonly derivation: KeyDerivation;
  readonly cipher: Cipher;
  readonly iv: Uint8Array;
}

export interface EncryptedKey {
  readonly encryption: KeyEncryption;
  /** Absent where the scheme, or a part of it, is known by its name at most. */
  readonly decryption: Decryption | undefined;
  readonly encrypted: Uint8Array;
}

/** Reads a DER EncryptedPrivateKeyInfo (RFC 5958, section 3). Throws `malformed` or `key-malformed`. */
export function readEncryptedKey(der: Uint8Array): EncryptedKey {
  const cursor = new Cursor(readElement(der, 'EncryptedPrivateKeyInfo'));
  const algorithm = readAlgorithm(cursor.expect(Tag.sequence, 'encryptionAlgorithm'));
  const encrypted = readOctetString(cursor.expect(Tag.octetString, 'encryptedData'));
  cursor.finish('EncryptedPrivateKeyInfo');
  if (algorithm.oid !== oids.pbes2) {
    const scheme = olderSchemes[algorithm.oid] ?? nameOf(algorithm.oid);
    return { encryption: { scheme }, decryption: undefined, encrypted };
  }
  return { ...readPbes2(parametersOf(algorithm)), encrypted };
}

interface Algorithm {
  readonly oid: string;
  readonly parameters: Element | undefined;
}

function readAlgorithm(element: Element): Algorithm {
  const cursor = new Cursor(element);
  const oid = readOid(cursor.expect(Tag.oid, 'algorithm'));
  const parameters = cursor.atEnd ? undefined : cursor.next('parameters');
  cursor.finish('AlgorithmIdentifier');
  return { oid, parameters };
}

function parametersOf({ parameters }: Algorithm): Element {
  if (parameters?.tag !== Tag.sequence) throw keyMalformed('the parameters of its encryption are missing');
  return parameters;
}

/** PBES2-params: RFC 8018, appendix A.4. */
function readPbes2(parameters: Element): Omit<EncryptedKey, 'encrypted'> {
  const cursor = new Cursor(parameters);
  const kdf = readAlgorithm(cursor.expect(Tag.sequence, 'keyDerivationFunc'));
  const scheme = readAlgorithm(cursor.expect(Tag.sequence, 'encryptionScheme'));
  cursor.finish('PBES2-params');
  const cipher = ciphers[scheme.oid];
  const derivation = readDerivation(kdf, cipher);
  const encryption = { scheme: 'PBES2', cipher: cipher?.label ?? nameOf(scheme.oid), ...derivation.description };
  if (cipher === undefined || derivation.values === undefined) return { encryption, decryption: undefined };
  return { encryption, decryption: { derivation: derivation.values, cipher, iv: readIv(scheme.parameters, cipher) } };
}

function readIv(parameters: Element | undefined, cipher: Cipher): Uint8Array {
  if (parameters?.tag !== Tag.octetString) throw keyMalformed('its initialisation vector is missing');
  const iv = readOctetString(parameters);
  if (iv.length !== cipher.blockLength) throw keyMalformed('its initialisation vector is of the wrong length');
  return iv;
}

interface DerivationRead {
  readonly description: Partial<KeyEncryption>;
  readonly values: KeyDerivation | undefined;
}

function readDerivation(kdf: Algorithm, cipher: Cipher | undefined): DerivationRead {
  if (kdf.oid === oids.pbkdf2) return readPbkdf2(parametersOf(kdf), cipher);
  if (kdf.oid === oids.scrypt) return readScrypt(parametersOf(kdf), cipher);
  return { description: { kdf: nameOf(kdf.oid) }, values: undefined };
}

const maximumInteger = 2 ** 31 - 1;

/** PBKDF2-params: RFC 8018, appendix A.2. */
function readPbkdf2(parameters: Element, cipher: Cipher | undefined): DerivationRead {
  const cursor = new Cursor(parameters);
  const salt = readOctetString(cursor.expect(Tag.octetString, 'salt'));
  const iterations = readSmallInteger(cursor.expect(Tag.integer, 'iterationCount'), maximumInteger);
  checkKeyLength(cursor.optional(Tag.integer), cipher);
  const prfElement = cursor.optional(Tag.sequence);
  cursor.finish('PBKDF2-params');
  const prfOid = prfElement === undefined ? oids.hmacWithSha1 : readPrfOid(prfElement); // DEFAULT algid-hmacWithSHA1
  const prf = prfs[prfOid];
  return {
    description: { kdf: 'PBKDF2', prf: prf?.label ?? nameOf(prfOid), iterations },
    values: prf && { kind: 'pbkdf2', salt, iterations, prf },
  };
}

function readPrfOid(element: Element): string {
  const { oid, parameters } = readAlgorithm(element);
  if (parameters?.tag !== Tag.null) throw keyMalformed('the parameters of its PRF are not NULL'); // RFC 8018, appendix B.1.2
  readNull(parameters);
  return oid;
}

/** scrypt-params: RFC 7914, section 7.1. */
function readScrypt(parameters: Element, cipher: Cipher | undefined): DerivationRead {
  const cursor = new Cursor(parameters);
  const salt = readOctetString(cursor.expect(Tag.octetString, 'salt'));
  const cost = readSmallInteger(cursor.expect(Tag.integer, 'costParameter'), maximumInteger);
  const blockSize = readSmallInteger(cursor.expect(Tag.integer, 'blockSize'), maximumInteger);
  const parallelization = readSmallInteger(cursor.expect(Tag.integer, 'parallelizationParameter'), maximumInteger);
  checkKeyLength(cursor.optional(Tag.integer), cipher);
  cursor.finish('scrypt-params');
  const numbers = { cost, blockSize, parallelization };
  return { description: { kdf: 'scrypt', ...numbers }, values: { kind: 'scrypt', salt, ...numbers } };
}

function checkKeyLength(element: Element | undefined, cipher: Cipher | undefined): void {
  if (element === undefined || cipher === undefined) return;
  if (readSmallInteger(element, maximumInteger) !== cipher.keyLength)
    throw keyMalformed("its key length is not its cipher's");
}

function nameOf(oid: string): string {
  return oidName(oid) ?? oid;
}

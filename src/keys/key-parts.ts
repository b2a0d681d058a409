import type { Element } from '../der/reader.ts';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import type { SubjectPublicKeyInfo } from '../x509/public-key.ts';

/** A private key that was read and found whole. */
export interface PrivateKey {
  /** What it is, for a person: `EC P-256`, `RSA 1024`, `DSA`. */
  readonly label: string;
  /** Absent for an algorithm that is known by name only. */
  readonly usable?: UsableParts;
}

export interface UsableParts {
  /** DER PrivateKeyInfo as mtlsctl writes it: version 0, no attributes, the public key inside where the format has a place for it. */
  readonly pkcs8: Uint8Array;
  /** Computed from the private key, and the same as the one that the file states. */
  readonly publicKey: SubjectPublicKeyInfo;
}

/** The parts of a PrivateKeyInfo; SEC1 and PKCS#1 are brought to these. */
export interface PrivateKeyParts {
  readonly algorithm: string;
  readonly parameters: Element | undefined;
  /** What the privateKey OCTET STRING holds. */
  readonly privateKey: Uint8Array;
  /** The public key beside it (RFC 5958, section 2), as BIT STRING octets. */
  readonly publicKey: Uint8Array | undefined;
}

/**
 * Turns the DER reader's `malformed` into `key-malformed`. Its text and cause are left behind, since they may quote octets, and these are a key's.
 */
export function readingKey<T>(format: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isMtlsctlError(error, 'malformed')) throw error;
    throw keyMalformed(`its ${format} structure is broken`);
  }
}

/** A private key that contradicts its format or itself. The reason never quotes the key. */
export function keyMalformed(reason: string): MtlsctlError {
  return new MtlsctlError('key-malformed', `the private key is malformed: ${reason}`);
}

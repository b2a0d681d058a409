import { oids } from '../der/object-identifiers.ts';
import { nullValue, oid, sequence } from '../der/writer.ts';
import { MtlsctlError } from '../errors.ts';
import { describePublicKey, type SubjectPublicKeyInfo } from '../x509/public-key.ts';

/** What a Web Crypto provider is told to make a key pair. */
export type GenerateParameters =
  | { readonly name: 'ECDSA'; readonly namedCurve: 'P-256' | 'P-384' }
  | { readonly name: 'Ed25519' }
  | {
      readonly name: 'RSASSA-PKCS1-v1_5';
      readonly modulusLength: number;
      readonly publicExponent: Uint8Array;
      readonly hash: 'SHA-256';
    };

export interface KeyTypeFacts {
  /** For a person, as `describePublicKey` has it: `EC P-256`. */
  readonly label: string;
  readonly isRsa: boolean;
  readonly generate: GenerateParameters;
  /** The digest of its signatures as node:crypto names it; null where the algorithm hashes by itself (RFC 8032). */
  readonly hash: 'sha256' | 'sha384' | null;
  /** DER AlgorithmIdentifier of its signatures. */
  readonly signatureAlgorithm: Uint8Array;
}

/**
 * The key types that mtlsctl makes and signs with (CLI.md, "Key types"): the one table of algorithms for keys.
 * The hash follows the curve's strength (RFC 5480, section 4); RSA of every size signs with SHA-256, since 4096 bits are taken for their
 * long life, not for a security level that SHA-256 would spoil.
 */
export const keyTypes = {
  'ec-p256': ecKeyType('P-256', 'sha256', oids.ecdsaWithSha256),
  'ec-p384': ecKeyType('P-384', 'sha384', oids.ecdsaWithSha384),
  ed25519: {
    label: 'Ed25519',
    isRsa: false,
    generate: { name: 'Ed25519' },
    hash: null,
    signatureAlgorithm: sequence(oid(oids.ed25519)), // RFC 8410, section 3: parameters absent
  },
  'rsa-2048': rsaKeyType(2048),
  'rsa-3072': rsaKeyType(3072),
  'rsa-4096': rsaKeyType(4096),
} as const satisfies Readonly<Record<string, KeyTypeFacts>>;

export type KeyType = keyof typeof keyTypes;

export const keyTypeNames = Object.keys(keyTypes) as readonly KeyType[];

/** Reads the value of `--key-type`. Throws `bad-value`. */
export function parseKeyType(text: string): KeyType {
  const found = keyTypeNames.find(name => name === text);
  if (found !== undefined) return found;
  throw new MtlsctlError('bad-value', `no such key type: ${JSON.stringify(text.slice(0, 40))}`, {
    hints: [`key types are ${keyTypeNames.join(', ')}`],
  });
}

/**
 * The key type of a public key, or undefined for one that mtlsctl does not sign with (RSA 1024, RSA-PSS, P-521, Ed448 …).
 * Throws `malformed`.
 */
export function keyTypeOf(publicKey: SubjectPublicKeyInfo): KeyType | undefined {
  const label = describePublicKey(publicKey);
  return keyTypeNames.find(name => keyTypes[name].label === label);
}

function ecKeyType(namedCurve: 'P-256' | 'P-384', hash: 'sha256' | 'sha384', signature: string): KeyTypeFacts {
  return {
    label: `EC ${namedCurve}`,
    isRsa: false,
    generate: { name: 'ECDSA', namedCurve },
    hash,
    signatureAlgorithm: sequence(oid(signature)), // RFC 5758, 3.2: parameters absent
  };
}

function rsaKeyType(modulusLength: 2048 | 3072 | 4096): KeyTypeFacts {
  return {
    label: `RSA ${modulusLength}`,
    isRsa: true,
    generate: { name: 'RSASSA-PKCS1-v1_5', modulusLength, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' },
    hash: 'sha256',
    signatureAlgorithm: sequence(oid(oids.sha256WithRSAEncryption), nullValue()), // RFC 4055, section 5: parameters NULL
  };
}

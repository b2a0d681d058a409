/**
 * Signature algorithms by object identifier. `acceptable` is the floor that every profile holds: no MD5, no SHA-1, no DSA.
 * Rows that are not acceptable are here to be named in a refusal.
 */
export interface SignatureAlgorithm {
  readonly oid: string;
  readonly name: string;
  readonly kind: 'rsa' | 'rsa-pss' | 'ecdsa' | 'ed25519' | 'ed448' | 'dsa';
  /** As node:crypto names it. Undefined where the algorithm brings its own hash, or the parameters name it (RSASSA-PSS). */
  readonly hash: 'md2' | 'md5' | 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512' | undefined;
  /** What may stand in the parameters field. RFC 3279, RFC 4055, RFC 5758 and RFC 8410 say which for each. */
  readonly parameters: 'absent' | 'null' | 'null-or-absent' | 'pss';
  readonly acceptable: boolean;
}

const row = (
  oid: string,
  name: string,
  kind: SignatureAlgorithm['kind'],
  hash: SignatureAlgorithm['hash'],
  parameters: SignatureAlgorithm['parameters'],
  acceptable: boolean,
): SignatureAlgorithm => ({ oid, name, kind, hash, parameters, acceptable });

const rows: readonly SignatureAlgorithm[] = [
  // RFC 8017, A.2.4. NULL parameters are demanded, yet RFC 4055, section 5 asks verifiers to take absent ones too.
  row('1.2.840.113549.1.1.11', 'sha256WithRSAEncryption', 'rsa', 'sha256', 'null-or-absent', true),
  row('1.2.840.113549.1.1.12', 'sha384WithRSAEncryption', 'rsa', 'sha384', 'null-or-absent', true),
  row('1.2.840.113549.1.1.13', 'sha512WithRSAEncryption', 'rsa', 'sha512', 'null-or-absent', true),
  row('1.2.840.113549.1.1.10', 'id-RSASSA-PSS', 'rsa-pss', undefined, 'pss', true), // RFC 4055, 3.1
  row('1.2.840.10045.4.3.2', 'ecdsa-with-SHA256', 'ecdsa', 'sha256', 'absent', true), // RFC 5758, 3.2
  row('1.2.840.10045.4.3.3', 'ecdsa-with-SHA384', 'ecdsa', 'sha384', 'absent', true),
  row('1.2.840.10045.4.3.4', 'ecdsa-with-SHA512', 'ecdsa', 'sha512', 'absent', true),
  row('1.3.101.112', 'id-Ed25519', 'ed25519', undefined, 'absent', true), // RFC 8410, section 3
  row('1.3.101.113', 'id-Ed448', 'ed448', undefined, 'absent', true),
  row('1.2.840.113549.1.1.2', 'md2WithRSAEncryption', 'rsa', 'md2', 'null-or-absent', false),
  row('1.2.840.113549.1.1.4', 'md5WithRSAEncryption', 'rsa', 'md5', 'null-or-absent', false),
  row('1.2.840.113549.1.1.5', 'sha1WithRSAEncryption', 'rsa', 'sha1', 'null-or-absent', false),
  row('1.2.840.113549.1.1.14', 'sha224WithRSAEncryption', 'rsa', 'sha224', 'null-or-absent', false),
  row('1.2.840.10045.4.1', 'ecdsa-with-SHA1', 'ecdsa', 'sha1', 'absent', false),
  row('1.2.840.10045.4.3.1', 'ecdsa-with-SHA224', 'ecdsa', 'sha224', 'absent', false),
  row('1.2.840.10040.4.3', 'id-dsa-with-sha1', 'dsa', 'sha1', 'null-or-absent', false),
  row('2.16.840.1.101.3.4.3.1', 'id-dsa-with-sha224', 'dsa', 'sha224', 'null-or-absent', false),
  row('2.16.840.1.101.3.4.3.2', 'id-dsa-with-sha256', 'dsa', 'sha256', 'null-or-absent', false),
];

const byOid = new Map(rows.map(algorithm => [algorithm.oid, algorithm]));

/** The row of an algorithm, or undefined where mtlsctl does not know it. */
export function signatureAlgorithm(oid: string): SignatureAlgorithm | undefined {
  return byOid.get(oid);
}

/** Hash functions that RSASSA-PSS parameters may name. RFC 4055, 2.1. */
export const pssHashes: ReadonlyMap<
  string,
  { readonly name: 'sha256' | 'sha384' | 'sha512'; readonly octets: number }
> = new Map([
  ['2.16.840.1.101.3.4.2.1', { name: 'sha256', octets: 32 }],
  ['2.16.840.1.101.3.4.2.2', { name: 'sha384', octets: 48 }],
  ['2.16.840.1.101.3.4.2.3', { name: 'sha512', octets: 64 }],
]);

/** id-mgf1, the one mask generation function there is. RFC 4055, 2.2. */
export const maskGenerationFunction1 = '1.2.840.113549.1.1.8';

/** Curves whose signatures are checked; P-192 and P-224 lie under the floor. RFC 5480, 2.1.1.1. */
export const acceptableCurves: ReadonlySet<string> = new Set(['P-256', 'P-384', 'P-521']);

/** The smallest RSA modulus that any profile takes. NIST SP 800-57 part 1, 5.6.1: 112 bits of strength. */
export const smallestRsaModulusBits = 2048;

/** The largest modulus that is handed to OpenSSL: its own OPENSSL_RSA_MAX_MODULUS_BITS; beyond, a check costs seconds. */
export const largestRsaModulusBits = 16_384;

/** OpenSSL's OPENSSL_RSA_MAX_PUBEXP_BITS, which it enforces for large moduli only. A huge exponent makes a check cost as a signature. */
export const largestRsaExponentBits = 64;

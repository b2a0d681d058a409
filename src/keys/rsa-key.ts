import { oids } from '../der/object-identifiers.ts';
import { Cursor, readElement, Tag } from '../der/reader.ts';
import { readIntegerBytes, readNull, readSmallInteger } from '../der/values.ts';
import { bitString, integer, nullValue, octetString, oid, sequence } from '../der/writer.ts';
import { MtlsctlError } from '../errors.ts';
import { parseSubjectPublicKeyInfo } from '../x509/public-key.ts';
import { keyMalformed, type PrivateKey, type PrivateKeyParts, type UsableParts } from './key-parts.ts';

/** OpenSSL's own limit (OPENSSL_RSA_MAX_MODULUS_BITS): what is longer is made to keep somebody busy. */
const maximumModulusBits = 16_384;

/** Also OpenSSL's (OPENSSL_RSA_MAX_PUBEXP_BITS): a longer one makes each verification as slow as a signature. */
const maximumExponentBits = 64;

/** RSAPrivateKey (RFC 8017, appendix A.1.2), its fields in their order. */
const fields = [
  'modulus',
  'publicExponent',
  'privateExponent',
  'prime1',
  'prime2',
  'exponent1',
  'exponent2',
  'coefficient',
] as const;

type RsaNumbers = Readonly<Record<(typeof fields)[number], bigint>>;

/** Reads the parts of an RSA key. Throws `malformed` or `key-malformed`; `key-unsupported` for one too large to be checked. */
export function readRsaKey(parts: PrivateKeyParts): PrivateKey {
  if (parts.parameters?.tag !== Tag.null) throw keyMalformed('an RSA key whose parameters are not NULL'); // RFC 8017, appendix A.1
  readNull(parts.parameters);
  const element = readElement(parts.privateKey, 'RSAPrivateKey');
  if (element.tag !== Tag.sequence) throw keyMalformed('not an RSAPrivateKey');
  const cursor = new Cursor(element);
  if (readSmallInteger(cursor.expect(Tag.integer, 'version'), 1) === 1)
    return { label: 'RSA with more than two primes' };
  const numbers = readNumbers(cursor);
  cursor.finish('RSAPrivateKey');
  checkNumbers(numbers);
  return { label: `RSA ${bitLength(numbers.modulus)}`, usable: encodeRsaKey(numbers) };
}

/** Brings a PKCS#1 RSAPrivateKey to the parts of a PrivateKeyInfo. */
export function pkcs1Parts(der: Uint8Array): PrivateKeyParts {
  return { algorithm: oids.rsaEncryption, parameters: readElement(nullValue()), privateKey: der, publicKey: undefined };
}

function readNumbers(cursor: Cursor): RsaNumbers {
  const numbers = fields.map(
    field => [field, readPositive(readIntegerBytes(cursor.expect(Tag.integer, field)))] as const,
  );
  return Object.fromEntries(numbers) as RsaNumbers;
}

function readPositive(octets: Uint8Array): bigint {
  if (octets.length > maximumModulusBits / 8 + 1) throw tooLarge(`an RSA key of more than ${maximumModulusBits} bits`);
  if (((octets[0] ?? 0x80) & 0x80) !== 0) throw keyMalformed('one of its numbers is negative');
  return BigInt(`0x${Buffer.from(octets).toString('hex')}`);
}

function tooLarge(what: string): MtlsctlError {
  return new MtlsctlError('key-unsupported', `the private key is ${what}`);
}

/** The relations of RFC 8017, section 3.2. That the primes are prime is left to whoever made them: a check would take seconds. */
function checkNumbers(key: RsaNumbers): void {
  const { modulus: n, publicExponent: e, privateExponent: d, prime1: p, prime2: q } = key;
  if (bitLength(e) > maximumExponentBits)
    throw tooLarge(`an RSA key whose public exponent is longer than ${maximumExponentBits} bits`);
  if (p < 3n || q < 3n || p === q || p * q !== n)
    throw keyMalformed('its modulus is not the product of its two primes');
  if (e < 3n || (e & 1n) === 0n) throw keyMalformed('its public exponent is even, or less than 3');
  if (d >= n || (d * e) % (p - 1n) !== 1n || (d * e) % (q - 1n) !== 1n)
    throw keyMalformed('its private exponent belongs to another public key');
  if (key.exponent1 !== d % (p - 1n) || key.exponent2 !== d % (q - 1n))
    throw keyMalformed('its exponents contradict each other');
  if (key.coefficient >= p || (key.coefficient * q) % p !== 1n)
    throw keyMalformed('its coefficient contradicts its primes');
}

function bitLength(value: bigint): number {
  return value.toString(2).length;
}

function encodeRsaKey(numbers: RsaNumbers): UsableParts {
  const algorithm = sequence(oid(oids.rsaEncryption), nullValue());
  const privateKey = sequence(integer(0), ...fields.map(field => integer(numbers[field])));
  const publicKey = sequence(integer(numbers.modulus), integer(numbers.publicExponent));
  return {
    pkcs8: sequence(integer(0), algorithm, octetString(privateKey)),
    publicKey: parseSubjectPublicKeyInfo(sequence(algorithm, bitString(publicKey))),
  };
}

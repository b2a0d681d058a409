import { createECDH, type ECDH } from 'node:crypto';
import { oids } from '../der/object-identifiers.ts';
import { contextConstructed, Cursor, type Element, readElement, Tag } from '../der/reader.ts';
import { readOctetString, readOid, readSmallInteger, readWholeBitString } from '../der/values.ts';
import { bitString, explicit, integer, octetString, oid, sequence } from '../der/writer.ts';
import { sameOctets } from '../der/octets.ts';
import { systemErrorCode } from '../errors.ts';
import { parseSubjectPublicKeyInfo } from '../x509/public-key.ts';
import { keyMalformed, type PrivateKey, type PrivateKeyParts } from './key-parts.ts';

interface Curve {
  readonly label: string;
  /** As OpenSSL names it. */
  readonly name: string;
  /** Length of a private key, RFC 5915, section 3. */
  readonly octets: number;
}

/** The curves whose keys can be described; of these mtlsctl signs with P-256 and P-384. */
const curves: Readonly<Record<string, Curve>> = {
  [oids.secp192r1]: { label: 'P-192', name: 'prime192v1', octets: 24 },
  [oids.secp224r1]: { label: 'P-224', name: 'secp224r1', octets: 28 },
  [oids.secp256r1]: { label: 'P-256', name: 'prime256v1', octets: 32 },
  [oids.secp384r1]: { label: 'P-384', name: 'secp384r1', octets: 48 },
  [oids.secp521r1]: { label: 'P-521', name: 'secp521r1', octets: 66 },
  [oids.secp256k1]: { label: 'secp256k1', name: 'secp256k1', octets: 32 },
  [oids.brainpoolP256r1]: { label: 'brainpoolP256r1', name: 'brainpoolP256r1', octets: 32 },
  [oids.brainpoolP384r1]: { label: 'brainpoolP384r1', name: 'brainpoolP384r1', octets: 48 },
  [oids.brainpoolP512r1]: { label: 'brainpoolP512r1', name: 'brainpoolP512r1', octets: 64 },
};

interface EcPrivateKey {
  readonly privateKey: Uint8Array;
  readonly parameters: Element | undefined;
  readonly publicKey: Uint8Array | undefined;
}

/** Reads the parts of an EC key (RFC 5915, section 3, in a PrivateKeyInfo). Throws `key-malformed`. */
export function readEcKey(parts: PrivateKeyParts): PrivateKey {
  const { parameters } = parts;
  if (parameters === undefined) throw keyMalformed('an EC key without the name of its curve');
  // RFC 5480, 2.1.1: only a named curve; parameters spelt out may be anything (CVE-2020-0601).
  if (parameters.tag !== Tag.oid) return { label: 'EC with explicit parameters' };
  const curveOid = readOid(parameters);
  const curve = curves[curveOid];
  if (curve === undefined) return { label: `EC on the curve ${curveOid}` };
  const key = readEcPrivateKey(parts.privateKey);
  if (key.parameters !== undefined && (key.parameters.tag !== Tag.oid || readOid(key.parameters) !== curveOid)) {
    throw keyMalformed('it names two curves');
  }
  return ecKey(curveOid, curve, key.privateKey, [key.publicKey, parts.publicKey]);
}

/**
 * Brings a SEC1 ECPrivateKey, which names its curve itself, to the parts of a PrivateKeyInfo. Throws `malformed` or `key-malformed`.
 */
export function sec1Parts(der: Uint8Array): PrivateKeyParts {
  const { parameters } = readEcPrivateKey(der);
  return { algorithm: oids.ecPublicKey, parameters, privateKey: der, publicKey: undefined };
}

function readEcPrivateKey(der: Uint8Array): EcPrivateKey {
  const cursor = new Cursor(sequenceElement(der));
  if (readSmallInteger(cursor.expect(Tag.integer, 'version'), 1) !== 1)
    throw keyMalformed('an EC key of another version than 1');
  const privateKey = readOctetString(cursor.expect(Tag.octetString, 'privateKey'));
  const parameters = cursor.optional(contextConstructed(0));
  const publicKey = cursor.optional(contextConstructed(1));
  cursor.finish('ECPrivateKey');
  return {
    privateKey,
    parameters: parameters && only(parameters),
    publicKey: publicKey && pointOctets(only(publicKey)),
  };
}

function sequenceElement(der: Uint8Array): Element {
  const element = readElement(der, 'ECPrivateKey');
  if (element.tag !== Tag.sequence) throw keyMalformed('not an ECPrivateKey');
  return element;
}

function only(wrapper: Element): Element {
  const cursor = new Cursor(wrapper);
  const element = cursor.next('content');
  cursor.finish('content');
  return element;
}

function pointOctets(element: Element): Uint8Array {
  if (element.tag !== Tag.bitString) throw keyMalformed('its public key is not a BIT STRING');
  return readWholeBitString(element, 'publicKey');
}

function ecKey(
  curveOid: string,
  curve: Curve,
  scalar: Uint8Array,
  stated: readonly (Uint8Array | undefined)[],
): PrivateKey {
  const privateKey = padded(scalar, curve.octets);
  const ecdh = withPrivateKey(createECDH(curve.name), privateKey);
  const point = new Uint8Array(ecdh.getPublicKey());
  if (!stated.every(publicKey => publicKey === undefined || samePoint(publicKey, ecdh))) {
    throw keyMalformed('its public key belongs to another private key');
  }
  const algorithm = sequence(oid(oids.ecPublicKey), oid(curveOid));
  const ecPrivateKey = sequence(integer(1), octetString(privateKey), explicit(1, bitString(point)));
  return {
    label: `EC ${curve.label}`,
    usable: {
      pkcs8: sequence(integer(0), algorithm, octetString(ecPrivateKey)),
      publicKey: parseSubjectPublicKeyInfo(sequence(algorithm, bitString(point))),
    },
  };
}

/** Some writers leave out leading zeros, though RFC 5915, section 3, gives the exact length. */
function padded(scalar: Uint8Array, octets: number): Uint8Array {
  if (scalar.length > octets) throw keyMalformed('its number is longer than its curve');
  const whole = new Uint8Array(octets);
  whole.set(scalar, octets - scalar.length);
  return whole;
}

function withPrivateKey(ecdh: ECDH, privateKey: Uint8Array): ECDH {
  try {
    ecdh.setPrivateKey(privateKey);
  } catch (error) {
    // The one check that setPrivateKey makes: 0 < key < order of the curve.
    if (systemErrorCode(error) !== 'ERR_CRYPTO_INVALID_KEYTYPE') throw error;
    throw keyMalformed('its number is outside of its curve');
  }
  return ecdh;
}

/** The first octet of a point tells its form: X9.62, 4.3.6. */
const pointForms: Readonly<Record<number, 'compressed' | 'hybrid'>> = {
  2: 'compressed',
  3: 'compressed',
  6: 'hybrid',
  7: 'hybrid',
};

/** Compares in the form in which the file states the point. */
function samePoint(stated: Uint8Array, ecdh: ECDH): boolean {
  const form = pointForms[stated[0] ?? 0] ?? 'uncompressed';
  return sameOctets(stated, new Uint8Array(ecdh.getPublicKey(null, form)));
}

import { createHash } from 'node:crypto';
import { oidName, oids } from '../der/object-identifiers.ts';
import type { Element } from '../der/reader.ts';
import { Cursor, Tag, elementBytes, malformed, readElement } from '../der/reader.ts';
import { readInteger, readIntegerBytes, readOid, readWholeBitString } from '../der/values.ts';
import type { AlgorithmIdentifier } from './algorithm-identifier.ts';
import { readAlgorithmIdentifier } from './algorithm-identifier.ts';

/** RFC 5280, 4.1.2.7. */
export interface SubjectPublicKeyInfo {
  readonly der: Uint8Array;
  readonly algorithm: AlgorithmIdentifier;
  /** The octets of the BIT STRING. */
  readonly subjectPublicKey: Uint8Array;
}

/** Curves whose names are known here, with the octets of a coordinate. */
const curves = {
  [oids.secp192r1]: { name: 'P-192', size: 24 },
  [oids.secp224r1]: { name: 'P-224', size: 28 },
  [oids.secp256r1]: { name: 'P-256', size: 32 },
  [oids.secp384r1]: { name: 'P-384', size: 48 },
  [oids.secp521r1]: { name: 'P-521', size: 66 },
  [oids.secp256k1]: { name: 'secp256k1', size: 32 },
  [oids.brainpoolP256r1]: { name: 'brainpoolP256r1', size: 32 },
  [oids.brainpoolP384r1]: { name: 'brainpoolP384r1', size: 48 },
  [oids.brainpoolP512r1]: { name: 'brainpoolP512r1', size: 64 },
} as const;

export type CurveName = (typeof curves)[keyof typeof curves]['name'];

export type PublicKeyFacts =
  | {
      readonly kind: 'rsa';
      readonly modulusBits: number;
      /** Big-endian, without sign octet. */
      readonly modulus: Uint8Array;
      readonly exponent: bigint;
      /** The key's algorithm is id-RSASSA-PSS: it may sign in no other way (RFC 4055, 1.2). */
      readonly pssOnly: boolean;
    }
  | { readonly kind: 'ec'; readonly curve: CurveName; readonly curveOid: string; readonly point: Uint8Array }
  | { readonly kind: 'ed25519' | 'ed448' | 'x25519' | 'x448' }
  /** Bits of p; undefined where the parameters are inherited (RFC 3279, 2.3.2). */
  | { readonly kind: 'dsa'; readonly primeBits: number | undefined }
  /** Algorithms, curves and forms of parameters that are not known here. */
  | { readonly kind: 'unknown'; readonly oid: string; readonly curveOid?: string };

/** Reads the outer structure; whether the key inside is one, `publicKeyFacts` tells. Throws `malformed`. */
export function readSubjectPublicKeyInfo(e: Element): SubjectPublicKeyInfo {
  if (e.tag !== Tag.sequence) malformed(e.start, 'subjectPublicKeyInfo: not a SEQUENCE');
  const cursor = new Cursor(e);
  const algorithm = readAlgorithmIdentifier(
    cursor.next('subjectPublicKeyInfo.algorithm'),
    'subjectPublicKeyInfo.algorithm',
  );
  const key = cursor.expect(Tag.bitString, 'subjectPublicKey');
  cursor.finish('subjectPublicKeyInfo');
  return { der: elementBytes(e), algorithm, subjectPublicKey: readWholeBitString(key, 'subjectPublicKey') };
}

/** A SubjectPublicKeyInfo from its DER. Throws `malformed`. */
export function parseSubjectPublicKeyInfo(der: Uint8Array): SubjectPublicKeyInfo {
  return readSubjectPublicKeyInfo(readElement(der, 'subjectPublicKeyInfo'));
}

const facts = new WeakMap<SubjectPublicKeyInfo, PublicKeyFacts>();

/** What the key is, decoded once. Throws `malformed` where the key is not what its algorithm wants; offsets count within the key. */
export function publicKeyFacts(spki: SubjectPublicKeyInfo): PublicKeyFacts {
  let known = facts.get(spki);
  if (known === undefined) {
    known = readFacts(spki);
    facts.set(spki, known);
  }
  return known;
}

function readFacts(spki: SubjectPublicKeyInfo): PublicKeyFacts {
  switch (spki.algorithm.oid) {
    case oids.rsaEncryption:
    case oids.rsassaPss:
      return readRsa(spki);
    case oids.ecPublicKey:
      return readEc(spki);
    case oids.dsa:
      return readDsa(spki);
    case oids.ed25519:
      return readRaw(spki, 'ed25519', 32);
    case oids.ed448:
      return readRaw(spki, 'ed448', 57);
    case oids.x25519:
      return readRaw(spki, 'x25519', 32);
    case oids.x448:
      return readRaw(spki, 'x448', 56);
    default:
      return { kind: 'unknown', oid: spki.algorithm.oid };
  }
}

/** RFC 3279, 2.3.1. */
function readRsa(spki: SubjectPublicKeyInfo): PublicKeyFacts {
  const pssOnly = spki.algorithm.oid === oids.rsassaPss;
  if (!pssOnly && spki.algorithm.parameters?.[0] !== Tag.null) malformed(0, 'rsaEncryption: parameters are not NULL');
  const e = readElement(spki.subjectPublicKey, 'RSAPublicKey');
  if (e.tag !== Tag.sequence) malformed(0, 'RSAPublicKey: not a SEQUENCE');
  const cursor = new Cursor(e);
  const modulus = positive(cursor.expect(Tag.integer, 'modulus'), 'modulus');
  const exponentElement = cursor.expect(Tag.integer, 'publicExponent');
  cursor.finish('RSAPublicKey');
  positive(exponentElement, 'publicExponent');
  return { kind: 'rsa', modulusBits: bitLength(modulus), modulus, exponent: readInteger(exponentElement), pssOnly };
}

/** A positive INTEGER without its sign octet. */
function positive(e: Element, what: string): Uint8Array {
  const bytes = readIntegerBytes(e);
  if ((bytes[0] ?? 0) >= 0x80 || (bytes.length === 1 && bytes[0] === 0)) malformed(e.start, `${what} is not positive`);
  return bytes[0] === 0 ? bytes.subarray(1) : bytes;
}

function bitLength(bytes: Uint8Array): number {
  return bytes.length * 8 - Math.clz32(bytes[0] ?? 0) + 24;
}

/** RFC 5480, 2.1.1: only named curves; the point uncompressed or compressed (2.2). */
function readEc(spki: SubjectPublicKeyInfo): PublicKeyFacts {
  const { parameters } = spki.algorithm;
  if (parameters === undefined) malformed(0, 'id-ecPublicKey: no parameters');
  if (parameters[0] !== Tag.oid) return { kind: 'unknown', oid: spki.algorithm.oid };
  const curveOid = readOid(readElement(parameters, 'namedCurve'));
  if (!isKnownCurve(curveOid)) return { kind: 'unknown', oid: spki.algorithm.oid, curveOid };
  const { name, size } = curves[curveOid];
  const point = spki.subjectPublicKey;
  const form = point[0];
  const expected = form === 0x04 ? 2 * size + 1 : size + 1;
  if ((form !== 0x04 && form !== 0x02 && form !== 0x03) || point.length !== expected)
    malformed(0, `no point of ${name}`);
  return { kind: 'ec', curve: name, curveOid, point };
}

function isKnownCurve(oid: string): oid is keyof typeof curves {
  return Object.hasOwn(curves, oid);
}

/** RFC 3279, 2.3.2. */
function readDsa(spki: SubjectPublicKeyInfo): PublicKeyFacts {
  positive(expectInteger(spki.subjectPublicKey), 'DSAPublicKey');
  const { parameters } = spki.algorithm;
  if (parameters === undefined) return { kind: 'dsa', primeBits: undefined };
  const cursor = new Cursor(readElement(parameters, 'Dss-Parms'));
  const [p] = ['p', 'q', 'g'].map(name => positive(cursor.expect(Tag.integer, name), name));
  cursor.finish('Dss-Parms');
  return { kind: 'dsa', primeBits: bitLength(p ?? new Uint8Array()) };
}

function expectInteger(der: Uint8Array): Element {
  const e = readElement(der, 'DSAPublicKey');
  if (e.tag !== Tag.integer) malformed(0, 'DSAPublicKey: not an INTEGER');
  return e;
}

/** RFC 8410, 3 and 4: no parameters, and the octets themselves. */
function readRaw(
  spki: SubjectPublicKeyInfo,
  kind: 'ed25519' | 'ed448' | 'x25519' | 'x448',
  size: number,
): PublicKeyFacts {
  if (spki.algorithm.parameters !== undefined) malformed(0, `${kind}: has parameters`);
  if (spki.subjectPublicKey.length !== size) malformed(0, `${kind}: key of ${spki.subjectPublicKey.length} octets`);
  return { kind };
}

const rawNames = { ed25519: 'Ed25519', ed448: 'Ed448', x25519: 'X25519', x448: 'X448' } as const;

/** For people: `EC P-256`, `RSA 2048`, `Ed25519`, or the algorithm's name. Throws `malformed`. */
export function describePublicKey(spki: SubjectPublicKeyInfo): string {
  const key = publicKeyFacts(spki);
  switch (key.kind) {
    case 'rsa':
      return `RSA${key.pssOnly ? '-PSS' : ''} ${key.modulusBits}`;
    case 'ec':
      return `EC ${key.curve}`;
    case 'dsa':
      return key.primeBits === undefined ? 'DSA' : `DSA ${key.primeBits}`;
    case 'unknown':
      return [oidName(key.oid) ?? key.oid, key.curveOid].filter(part => part !== undefined).join(' ');
    case 'ed25519':
    case 'ed448':
    case 'x25519':
    case 'x448':
      return rawNames[key.kind];
  }
}

/** SHA-1 of the BIT STRING's octets, 20 octets. RFC 5280, 4.2.1.2, method (1). */
export function keyIdentifier(spki: SubjectPublicKeyInfo): Uint8Array {
  return Uint8Array.from(createHash('sha1').update(spki.subjectPublicKey).digest());
}

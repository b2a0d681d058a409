import { constants, createPublicKey, verify, type KeyObject } from 'node:crypto';
import type { VerifyKeyObjectInput } from 'node:crypto';
import { contextConstructed, Cursor, readElement, Tag, type Element } from '../der/reader.ts';
import { readNull, readOid, readSmallInteger } from '../der/values.ts';
import { isMtlsctlError } from '../errors.ts';
import type { AlgorithmIdentifier } from './algorithm-identifier.ts';
import {
  acceptableCurves,
  largestRsaExponentBits,
  largestRsaModulusBits,
  maskGenerationFunction1,
  pssHashes,
  signatureAlgorithm,
  type SignatureAlgorithm,
} from './algorithms.ts';
import { publicKeyFacts, type PublicKeyFacts, type SubjectPublicKeyInfo } from './public-key.ts';

export type SignatureOutcome = 'valid' | 'invalid' | 'unsupported';

/**
 * Checks a signature over `data`. `unsupported` is an algorithm, a parameter or a key that mtlsctl does not take (algorithms.ts),
 * or a key of another kind than the algorithm wants; it is never to be read as valid.
 */
export function verifySignature(
  algorithm: AlgorithmIdentifier,
  publicKey: SubjectPublicKeyInfo,
  data: Uint8Array,
  signature: Uint8Array,
): SignatureOutcome {
  const row = signatureAlgorithm(algorithm.oid);
  if (row === undefined || !row.acceptable) return 'unsupported';
  const facts = factsOfKeyFor(row, publicKey);
  if (facts === undefined) return 'unsupported';
  const options = verifyOptions(row, algorithm.parameters);
  const key = options === undefined ? undefined : keyObject(publicKey);
  if (options === undefined || key === undefined) return 'unsupported';
  // RFC 8017, 8.1.2 and 8.2.2, step 1. OpenSSL takes a shorter one, whose leading zeros are left out: two signatures where there is one.
  if (facts.kind === 'rsa' && signature.length !== Math.ceil(facts.modulusBits / 8)) return 'invalid';
  const hash = row.kind === 'rsa-pss' ? options.hash : row.hash;
  return verify(hash ?? null, data, { key, ...options.verify }, signature) ? 'valid' : 'invalid';
}

interface Options {
  readonly hash?: string;
  readonly verify: Omit<VerifyKeyObjectInput, 'key'>;
}

function verifyOptions(row: SignatureAlgorithm, parameters: Uint8Array | undefined): Options | undefined {
  if (row.kind === 'rsa-pss') return pssOptions(parameters);
  if (!parametersFit(row, parameters)) return undefined;
  return { verify: row.kind === 'ecdsa' ? { dsaEncoding: 'der' } : {} };
}

function parametersFit(row: SignatureAlgorithm, parameters: Uint8Array | undefined): boolean {
  if (parameters === undefined) return row.parameters !== 'null';
  const isNull = parameters.length === 2 && parameters[0] === Tag.null && parameters[1] === 0;
  return isNull && row.parameters !== 'absent';
}

/**
 * RSASSA-PSS-params: hash, MGF1 with the same hash, salt length, trailer field 1. The defaults are all SHA-1, so each of the
 * first three has to be there. RFC 4055, 3.1.
 */
function pssOptions(parameters: Uint8Array | undefined): Options | undefined {
  if (parameters === undefined) return undefined;
  const fields = malformedAsUndefined(() => readPssParameters(parameters));
  if (fields === undefined) return undefined;
  const hash = pssHashes.get(fields.hash);
  if (hash === undefined || fields.maskHash !== fields.hash) return undefined;
  return {
    hash: hash.name,
    verify: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: fields.saltLength },
  };
}

function readPssParameters(parameters: Uint8Array): { hash: string; maskHash: string; saltLength: number } | undefined {
  const cursor = new Cursor(readElement(parameters, 'RSASSA-PSS parameters'));
  const hash = cursor.optional(contextConstructed(0));
  const mask = cursor.optional(contextConstructed(1));
  const salt = cursor.optional(contextConstructed(2));
  cursor.finish('RSASSA-PSS parameters');
  if (hash === undefined || mask === undefined || salt === undefined) return undefined;
  const maskFields = new Cursor(only(mask, Tag.sequence));
  if (readOid(maskFields.expect(Tag.oid, 'mask generation function')) !== maskGenerationFunction1) return undefined;
  const maskHash = readHash(maskFields.expect(Tag.sequence, 'hash of the mask generation function'));
  maskFields.finish('mask generation function');
  // The longest salt that fits the largest modulus; OpenSSL refuses one that does not fit the key at hand.
  const saltLength = readSmallInteger(only(salt, Tag.integer), largestRsaModulusBits / 8);
  return { hash: readHash(only(hash, Tag.sequence)), maskHash, saltLength };
}

function only(explicit: Element, tag: number): Element {
  const cursor = new Cursor(explicit);
  const element = cursor.expect(tag, 'RSASSA-PSS parameter');
  cursor.finish('RSASSA-PSS parameter');
  return element;
}

/** The hash's identifier; its parameters are NULL or absent. RFC 4055, 2.1. */
function readHash(algorithm: Element): string {
  const cursor = new Cursor(algorithm);
  const oid = readOid(cursor.expect(Tag.oid, 'hash algorithm'));
  const parameters = cursor.optional(Tag.null);
  if (parameters !== undefined) readNull(parameters);
  cursor.finish('hash algorithm');
  return oid;
}

const factsKind: Readonly<Record<SignatureAlgorithm['kind'], PublicKeyFacts['kind']>> = {
  rsa: 'rsa',
  'rsa-pss': 'rsa',
  ecdsa: 'ec',
  ed25519: 'ed25519',
  ed448: 'ed448',
  dsa: 'dsa',
};

/** Only keys that our own reader has understood reach OpenSSL, and of these only sizes that are cheap to check; undefined for all others. */
function factsOfKeyFor(row: SignatureAlgorithm, publicKey: SubjectPublicKeyInfo): PublicKeyFacts | undefined {
  const facts = malformedAsUndefined(() => publicKeyFacts(publicKey));
  return facts !== undefined && isKeyFor(row, publicKey, facts) ? facts : undefined;
}

function isKeyFor(row: SignatureAlgorithm, publicKey: SubjectPublicKeyInfo, facts: PublicKeyFacts): boolean {
  if (facts.kind !== factsKind[row.kind]) return false;
  if (facts.kind === 'ec') return acceptableCurves.has(facts.curve);
  if (facts.kind !== 'rsa') return true;
  // A key for RSASSA-PSS alone signs in no other way, and may bring restrictions of its own: RFC 4055, 1.2. Those are not taken.
  if (facts.pssOnly && (row.kind !== 'rsa-pss' || publicKey.algorithm.parameters !== undefined)) return false;
  return facts.modulusBits <= largestRsaModulusBits && facts.exponent < 1n << BigInt(largestRsaExponentBits);
}

const keyObjects = new WeakMap<SubjectPublicKeyInfo, KeyObject | 'refused'>();

function keyObject(publicKey: SubjectPublicKeyInfo): KeyObject | undefined {
  let key = keyObjects.get(publicKey);
  if (key === undefined) keyObjects.set(publicKey, (key = importKey(publicKey)));
  return key === 'refused' ? undefined : key;
}

/** OpenSSL refuses points off the curve and the like; it reports that as an error without a documented code. */
function importKey(publicKey: SubjectPublicKeyInfo): KeyObject | 'refused' {
  try {
    return createPublicKey({ key: Buffer.from(publicKey.der), format: 'der', type: 'spki' });
  } catch (error) {
    if (error instanceof Error && 'opensslErrorStack' in error) return 'refused';
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_OSSL')) return 'refused';
    throw error;
  }
}

function malformedAsUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isMtlsctlError(error, 'malformed')) return undefined;
    throw error;
  }
}

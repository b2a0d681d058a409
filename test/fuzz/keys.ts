import { constants, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { oids } from '../../src/der/object-identifiers.ts';
import { explicit, integer, nullValue, oid, sequence } from '../../src/der/writer.ts';
import { keyOf, testKey, type TestKey } from '../path/certificates.ts';

const signature = {
  ecdsaSha1: '1.2.840.10045.4.1',
  ecdsaSha224: '1.2.840.10045.4.3.1',
  ecdsaSha384: '1.2.840.10045.4.3.3',
  ecdsaSha512: '1.2.840.10045.4.3.4',
  ed25519: '1.3.101.112',
  ed448: '1.3.101.113',
  rsaSha1: '1.2.840.113549.1.1.5',
  rsaSha256: '1.2.840.113549.1.1.11',
} as const;

const ec = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey;
const rsa = (modulusLength: number): KeyObject => generateKeyPairSync('rsa', { modulusLength }).privateKey;
const withoutParameters = (algorithm: string): Uint8Array => sequence(oid(algorithm));
const withNull = (algorithm: string): Uint8Array => sequence(oid(algorithm), nullValue());

const sha256 = '2.16.840.1.101.3.4.2.1';

/** RSASSA-PSS with SHA-256 and a salt of 32 octets: RFC 4055, 3.1. */
const pssParameters = sequence(
  oid(oids.rsassaPss),
  sequence(
    explicit(0, withNull(sha256)),
    explicit(1, sequence(oid('1.2.840.113549.1.1.8'), withNull(sha256))),
    explicit(2, integer(32)),
  ),
);

const makers = {
  ed25519: () => keyOf(generateKeyPairSync('ed25519').privateKey, withoutParameters(signature.ed25519), null),
  ed448: () => keyOf(generateKeyPairSync('ed448').privateKey, withoutParameters(signature.ed448), null),
  p224: () => keyOf(ec('secp224r1'), withoutParameters(signature.ecdsaSha224), 'sha224'),
  'p256 with SHA-1': () => keyOf(testKey('weak hash').privateKey, withoutParameters(signature.ecdsaSha1), 'sha1'),
  p384: () => keyOf(ec('secp384r1'), withoutParameters(signature.ecdsaSha384), 'sha384'),
  p521: () => keyOf(ec('secp521r1'), withoutParameters(signature.ecdsaSha512), 'sha512'),
  'rsa 1024': () => keyOf(rsa(1024), withNull(signature.rsaSha256), 'sha256'),
  'rsa 2048': () => keyOf(rsa(2048), withNull(signature.rsaSha256), 'sha256'),
  'rsa 2048 with PSS': () =>
    keyOf(rsa(2048), pssParameters, 'sha256', { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
  'rsa 2048 with SHA-1': () => keyOf(rsa(2048), withNull(signature.rsaSha1), 'sha1'),
  secp256k1: () => keyOf(ec('secp256k1'), withoutParameters(oids.ecdsaWithSha256), 'sha256'),
} as const;

export type KeyKind = keyof typeof makers;

const made = new Map<KeyKind, TestKey>();

/** One key of each kind a run: making them is what takes time. */
export function keyOfKind(kind: KeyKind): TestKey {
  let key = made.get(kind);
  if (key === undefined) made.set(kind, (key = makers[kind]()));
  return key;
}

/** Signs as the key does, and then turns one bit over. */
export function withBrokenSignatures(key: TestKey): TestKey {
  return {
    ...key,
    sign: data => {
      const broken = Uint8Array.from(key.sign(data));
      broken[broken.length - 1]! ^= 1;
      return broken;
    },
  };
}

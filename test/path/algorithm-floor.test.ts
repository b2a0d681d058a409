import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import { bitString, integer, nullValue, oid, sequence } from '../../src/der/writer.ts';
import { ecdsaWithSha256, keyOf, testKey, type TestKey } from './certificates.ts';
import { codes, judge, tiers } from './chains.ts';

const rsaWithSha256 = sequence(oid('1.2.840.113549.1.1.11'), nullValue());

const rsa = (modulusLength: number): TestKey =>
  keyOf(generateKeyPairSync('rsa', { modulusLength }).privateKey, rsaWithSha256, 'sha256');

const ec = (namedCurve: string): TestKey =>
  keyOf(generateKeyPairSync('ec', { namedCurve }).privateKey, ecdsaWithSha256, 'sha256');

/** A public key that nobody signs with. */
const rsaPublicKey = (modulusBits: number, exponent: bigint): TestKey => ({
  ...testKey('nobody'),
  spki: sequence(
    sequence(oid(oids.rsaEncryption), nullValue()),
    bitString(sequence(integer((1n << BigInt(modulusBits)) - 1n), integer(exponent))),
  ),
});

const keys: readonly (readonly [says: string, key: TestKey, refused: boolean])[] = [
  ['RSA of 1024 bits', rsa(1024), true],
  ['RSA of 2047 bits', rsaPublicKey(2047, 65537n), true],
  ['RSA of 2048 bits', rsaPublicKey(2048, 65537n), false],
  ['RSA with the exponent 1', rsaPublicKey(2048, 1n), true],
  ['RSA with the exponent 3', rsaPublicKey(2048, 3n), false],
  ['RSA with an even exponent', rsaPublicKey(2048, 65536n), true],
  ['P-384', ec('secp384r1'), false],
  ['P-521', ec('secp521r1'), false],
  ['P-224', ec('secp224r1'), true],
  ['secp256k1', ec('secp256k1'), true],
];

describe('the key of a leaf', () => {
  test.each(keys)('%s', (_says, key, refused) => {
    expect(codes(judge(tiers({ leaf: { key } })))).toEqual(refused ? ['key-refused'] : []);
  });
});

describe('the key of a CA', () => {
  const weak = rsa(1024);

  test('is held to the floor in an anchor', () => {
    expect(codes(judge(tiers({ root: { key: weak } })))).toEqual(['key-refused']);
  });

  test('is held to the floor in an intermediate', () => {
    expect(codes(judge(tiers({ site: { key: weak } })))).toEqual(['key-refused']);
  });

  test('is not used on a curve under the floor', () => {
    expect(judge(tiers({ site: { key: ec('secp256k1') } })).valid).toBe(false);
  });
});

test('an anchor may sign itself as it likes: its signature is not checked', () => {
  const sha1 = sequence(oid('1.2.840.10045.4.1'));
  const deviation = { outerAlgorithm: sha1, innerAlgorithm: sha1 };
  expect(codes(judge(tiers({ root: deviation })))).toEqual([]);
  expect(codes(judge(tiers({ site: deviation })))).toEqual(['algorithm-refused']);
});

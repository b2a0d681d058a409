import { describe, expect, test } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import { bitString, integer, nullValue, oid, sequence } from '../../src/der/writer.ts';
import {
  describePublicKey,
  keyIdentifier,
  parseSubjectPublicKeyInfo,
  publicKeyFacts,
} from '../../src/x509/public-key.ts';
import { hex } from '../der/hex.ts';
import { expectMalformed } from '../der/refuses.ts';

const spki = (algorithm: readonly Uint8Array[], key: Uint8Array): ReturnType<typeof parseSubjectPublicKeyInfo> =>
  parseSubjectPublicKeyInfo(sequence(sequence(...algorithm), bitString(key)));
const rsa = [oid(oids.rsaEncryption), nullValue()];
const ec = (curve: string): Uint8Array[] => [oid(oids.ecPublicKey), oid(curve)];
const point = (size: number, form = 4): Uint8Array =>
  Uint8Array.from([form, ...new Uint8Array(form === 4 ? 2 * size : size)]);

test.each<[string, ReturnType<typeof spki>, object, string]>([
  [
    'RSA',
    spki(rsa, sequence(integer(2n ** 2047n + 1n), integer(65537))),
    { kind: 'rsa', modulusBits: 2048, exponent: 65537n, pssOnly: false },
    'RSA 2048',
  ],
  [
    'RSA of odd bits',
    spki(rsa, sequence(integer(2n ** 1022n), integer(3))),
    { kind: 'rsa', modulusBits: 1023 },
    'RSA 1023',
  ],
  [
    'RSASSA-PSS',
    spki([oid(oids.rsassaPss)], sequence(integer(2n ** 2047n), integer(3))),
    { kind: 'rsa', pssOnly: true },
    'RSA-PSS 2048',
  ],
  ['P-256', spki(ec(oids.secp256r1), point(32)), { kind: 'ec', curve: 'P-256', curveOid: oids.secp256r1 }, 'EC P-256'],
  ['P-521, compressed', spki(ec(oids.secp521r1), point(66, 3)), { kind: 'ec', curve: 'P-521' }, 'EC P-521'],
  ['Ed25519', spki([oid(oids.ed25519)], new Uint8Array(32)), { kind: 'ed25519' }, 'Ed25519'],
  ['Ed448', spki([oid(oids.ed448)], new Uint8Array(57)), { kind: 'ed448' }, 'Ed448'],
  ['X25519', spki([oid(oids.x25519)], new Uint8Array(32)), { kind: 'x25519' }, 'X25519'],
  [
    'DSA',
    spki([oid(oids.dsa), sequence(integer(2n ** 1023n), integer(7), integer(2))], integer(5)),
    { kind: 'dsa', primeBits: 1024 },
    'DSA 1024',
  ],
  ['DSA with inherited parameters', spki([oid(oids.dsa)], integer(5)), { kind: 'dsa', primeBits: undefined }, 'DSA'],
  [
    'an unknown curve',
    spki(ec('1.2.3'), point(32)),
    { kind: 'unknown', oid: oids.ecPublicKey, curveOid: '1.2.3' },
    'id-ecPublicKey 1.2.3',
  ],
  [
    'explicit curve parameters',
    spki([oid(oids.ecPublicKey), sequence(integer(1))], point(32)),
    { kind: 'unknown', oid: oids.ecPublicKey },
    'id-ecPublicKey',
  ],
  ['an unknown algorithm', spki([oid('1.2.3')], hex('00')), { kind: 'unknown', oid: '1.2.3' }, '1.2.3'],
])('reads %s', (_, key, facts, text) => {
  expect(publicKeyFacts(key)).toMatchObject(facts);
  expect(publicKeyFacts(key)).toBe(publicKeyFacts(key));
  expect(describePublicKey(key)).toBe(text);
});

test.each<[string, ReturnType<typeof spki>, RegExp]>([
  ['RSA without NULL', spki([oid(oids.rsaEncryption)], sequence(integer(5), integer(3))), /parameters are not NULL/],
  ['RSA with a negative modulus', spki(rsa, sequence(integer(-5), integer(3))), /modulus is not positive/],
  ['RSA with exponent 0', spki(rsa, sequence(integer(5), integer(0))), /publicExponent is not positive/],
  ['RSA with a third number', spki(rsa, sequence(integer(5), integer(3), integer(1))), /unexpected INTEGER/],
  ['RSA of garbage', spki(rsa, hex('ff')), /RSAPublicKey/],
  ['EC without curve', spki([oid(oids.ecPublicKey)], point(32)), /no parameters/],
  ['a point of another curve', spki(ec(oids.secp384r1), point(32)), /no point of P-384/],
  [
    'a hybrid point',
    spki(
      ec(oids.secp256r1),
      point(32).map((octet, i) => (i === 0 ? 6 : octet)),
    ),
    /no point of P-256/,
  ],
  ['the point at infinity', spki(ec(oids.secp256r1), hex('00')), /no point of P-256/],
  ['Ed25519 with parameters', spki([oid(oids.ed25519), nullValue()], new Uint8Array(32)), /has parameters/],
  ['Ed25519 of 31 octets', spki([oid(oids.ed25519)], new Uint8Array(31)), /key of 31 octets/],
  ['DSA with two parameters', spki([oid(oids.dsa), sequence(integer(5), integer(3))], integer(5)), /g: is missing/],
])('refuses %s', (_, key, message) => {
  expectMalformed(() => publicKeyFacts(key), message);
});

describe('keyIdentifier', () => {
  test('is SHA-1 of the key alone', () => {
    const abc = spki([oid('1.2.3')], new TextEncoder().encode('abc'));
    expect(keyIdentifier(abc)).toEqual(hex('a9993e364706816aba3e25717850c26c9cd0d89d'));
  });
});

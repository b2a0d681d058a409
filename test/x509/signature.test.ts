import { constants, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import { bitString, explicit, integer, nullValue, oid, sequence } from '../../src/der/writer.ts';
import { readElement } from '../../src/der/reader.ts';
import { readAlgorithmIdentifier, type AlgorithmIdentifier } from '../../src/x509/algorithm-identifier.ts';
import { parseSubjectPublicKeyInfo, type SubjectPublicKeyInfo } from '../../src/x509/public-key.ts';
import { verifySignature } from '../../src/x509/signature.ts';

const data = new TextEncoder().encode('signed');
const altered = new TextEncoder().encode('Signed');

const identifier = (...parts: readonly Uint8Array[]): AlgorithmIdentifier =>
  readAlgorithmIdentifier(readElement(sequence(...parts)));

interface Pair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const spkiOf = ({ publicKey }: Pair): SubjectPublicKeyInfo =>
  parseSubjectPublicKeyInfo(Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' })));

const ec = (namedCurve: string): Pair => generateKeyPairSync('ec', { namedCurve });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const p256 = ec('P-256');

const signWith = (pair: Pair, hash: string | null, options = {}): Uint8Array =>
  Uint8Array.from(sign(hash, data, { key: pair.privateKey, ...options }));

const pssParameters = (hash: string, maskHash = hash, salt = 32, ...more: readonly Uint8Array[]): Uint8Array =>
  sequence(
    explicit(0, sequence(oid(hash), nullValue())),
    explicit(1, sequence(oid(oids.mgf1), sequence(oid(maskHash), nullValue()))),
    explicit(2, integer(salt)),
    ...more,
  );

const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };

describe('valid', () => {
  const cases: readonly (readonly [
    name: string,
    pair: Pair,
    hash: string | null,
    algorithm: AlgorithmIdentifier,
    options?: object,
  ])[] = [
    ['RSA PKCS#1 with SHA-256', rsa, 'sha256', identifier(oid(oids.sha256WithRSAEncryption), nullValue())],
    ['RSA PKCS#1 with SHA-384', rsa, 'sha384', identifier(oid(oids.sha384WithRSAEncryption), nullValue())],
    ['RSA PKCS#1 with SHA-512 and absent parameters', rsa, 'sha512', identifier(oid(oids.sha512WithRSAEncryption))],
    ['RSA PSS with SHA-256', rsa, 'sha256', identifier(oid(oids.rsassaPss), pssParameters(oids.sha256)), pss],
    ['RSA PSS with SHA-512', rsa, 'sha512', identifier(oid(oids.rsassaPss), pssParameters(oids.sha512)), pss],
    ['ECDSA P-256', p256, 'sha256', identifier(oid(oids.ecdsaWithSha256))],
    ['ECDSA P-384', ec('P-384'), 'sha384', identifier(oid(oids.ecdsaWithSha384))],
    ['ECDSA P-521', ec('P-521'), 'sha512', identifier(oid(oids.ecdsaWithSha512))],
    ['ECDSA P-384 with SHA-256', ec('P-384'), 'sha256', identifier(oid(oids.ecdsaWithSha256))],
    ['Ed25519', generateKeyPairSync('ed25519'), null, identifier(oid(oids.ed25519))],
    ['Ed448', generateKeyPairSync('ed448'), null, identifier(oid(oids.ed448))],
  ];
  test.each(
    cases.map(([name, pair, hash, algorithm, options]) => [name, pair, hash, algorithm, options ?? {}] as const),
  )('%s, and invalid over other data', (_name, pair, hash, algorithm, options) => {
    const signature = signWith(pair, hash, options);
    expect(verifySignature(algorithm, spkiOf(pair), data, signature)).toBe('valid');
    expect(verifySignature(algorithm, spkiOf(pair), altered, signature)).toBe('invalid');
    expect(verifySignature(algorithm, spkiOf(pair), data, signature.subarray(1))).toBe('invalid');
  });

  // One signature in 256 begins with a zero octet; of RSASSA-PSS OpenSSL takes it without that octet, too (RFC 8017, 8.1.2 does not).
  test.each([
    ['PKCS#1', identifier(oid(oids.sha256WithRSAEncryption), nullValue()), {}],
    ['PSS', identifier(oid(oids.rsassaPss), pssParameters(oids.sha256)), pss],
  ] as const)('RSA %s at the length of the modulus only', (_name, algorithm, options) => {
    const spki = spkiOf(rsa);
    for (let count = 0; count < 10_000; count++) {
      const text = new TextEncoder().encode(`signed ${count}`);
      const signature = Uint8Array.from(sign('sha256', text, { key: rsa.privateKey, ...options }));
      if (signature[0] !== 0) continue;
      expect(verifySignature(algorithm, spki, text, signature)).toBe('valid');
      expect(verifySignature(algorithm, spki, text, signature.subarray(1))).toBe('invalid');
      expect(verifySignature(algorithm, spki, text, Uint8Array.of(0, ...signature))).toBe('invalid');
      return;
    }
    throw new Error('no signature with a zero octet in front');
  });
});

describe('unsupported', () => {
  const ecSignature = signWith(p256, 'sha256');
  const weak: readonly (readonly [name: string, algorithm: AlgorithmIdentifier, hash: string])[] = [
    ['SHA-1 with RSA', identifier(oid(oids.sha1WithRSAEncryption), nullValue()), 'sha1'],
    ['MD5 with RSA', identifier(oid(oids.md5WithRSAEncryption), nullValue()), 'md5'],
    ['SHA-224 with RSA', identifier(oid(oids.sha224WithRSAEncryption), nullValue()), 'sha224'],
  ];
  test.each(weak)('%s, though the signature holds', (_name, algorithm, hash) => {
    expect(verifySignature(algorithm, spkiOf(rsa), data, signWith(rsa, hash))).toBe('unsupported');
  });

  const parameters: readonly (readonly [name: string, parameters: Uint8Array | undefined])[] = [
    ['no parameters', undefined],
    ['the defaults, which are SHA-1', sequence()],
    ['another hash in the mask', pssParameters(oids.sha256, oids.sha384)],
    ['SHA-1', pssParameters(oids.sha1)],
    ['a trailer field of 2', pssParameters(oids.sha256, oids.sha256, 32, explicit(3, integer(2)))],
    ['a negative salt', pssParameters(oids.sha256, oids.sha256, -1)],
    ['a salt beyond every key', pssParameters(oids.sha256, oids.sha256, 100_000)],
    ['NULL', nullValue()],
  ];
  test.each(parameters)('PSS with %s', (_name, der) => {
    const algorithm = identifier(oid(oids.rsassaPss), ...(der === undefined ? [] : [der]));
    expect(verifySignature(algorithm, spkiOf(rsa), data, signWith(rsa, 'sha256', pss))).toBe('unsupported');
  });

  test('parameters where there are none to be', () => {
    const algorithm = identifier(oid(oids.ecdsaWithSha256), nullValue());
    expect(verifySignature(algorithm, spkiOf(p256), data, ecSignature)).toBe('unsupported');
  });
  test('a key of another kind than the algorithm', () => {
    expect(verifySignature(identifier(oid(oids.ecdsaWithSha256)), spkiOf(rsa), data, ecSignature)).toBe('unsupported');
    expect(verifySignature(identifier(oid(oids.ed25519)), spkiOf(p256), data, ecSignature)).toBe('unsupported');
  });
  test('a key for PSS alone with PKCS#1', () => {
    const pair = generateKeyPairSync('rsa-pss', { modulusLength: 2048 });
    const algorithm = identifier(oid(oids.sha256WithRSAEncryption), nullValue());
    expect(verifySignature(algorithm, spkiOf(pair), data, new Uint8Array(256))).toBe('unsupported');
  });
  test('a key for PSS with restrictions of its own', () => {
    const pair = generateKeyPairSync('rsa-pss', {
      modulusLength: 2048,
      hashAlgorithm: 'sha256',
      mgf1HashAlgorithm: 'sha256',
    });
    const algorithm = identifier(oid(oids.rsassaPss), pssParameters(oids.sha256));
    expect(verifySignature(algorithm, spkiOf(pair), data, signWith(pair, 'sha256', pss))).toBe('unsupported');
  });
  test('an algorithm that nobody knows', () => {
    expect(verifySignature(identifier(oid('1.2.3.4')), spkiOf(p256), data, ecSignature)).toBe('unsupported');
  });
  test.each(['P-192', 'P-224', 'secp256k1'])('the curve %s', curve => {
    const pair = ec(curve);
    expect(verifySignature(identifier(oid(oids.ecdsaWithSha256)), spkiOf(pair), data, signWith(pair, 'sha256'))).toBe(
      'unsupported',
    );
  });
  test('a point off the curve', () => {
    const point = Uint8Array.from([4, ...new Array<number>(64).fill(1)]);
    const spki = parseSubjectPublicKeyInfo(
      sequence(sequence(oid(oids.ecPublicKey), oid(oids.secp256r1)), bitString(point)),
    );
    expect(verifySignature(identifier(oid(oids.ecdsaWithSha256)), spki, data, ecSignature)).toBe('unsupported');
  });
  test('an RSA modulus that would take seconds, and does not', () => {
    const modulus = (1n << 20_000n) + 1n;
    const spki = parseSubjectPublicKeyInfo(
      sequence(sequence(oid(oids.rsaEncryption), nullValue()), bitString(sequence(integer(modulus), integer(65_537)))),
    );
    const algorithm = identifier(oid(oids.sha256WithRSAEncryption), nullValue());
    expect(verifySignature(algorithm, spki, data, new Uint8Array(2500))).toBe('unsupported');
  });
  test('an RSA exponent of the size of a modulus', () => {
    const spki = parseSubjectPublicKeyInfo(
      sequence(
        sequence(oid(oids.rsaEncryption), nullValue()),
        bitString(sequence(integer((1n << 2047n) + 1n), integer((1n << 2000n) + 1n))),
      ),
    );
    const algorithm = identifier(oid(oids.sha256WithRSAEncryption), nullValue());
    expect(verifySignature(algorithm, spki, data, new Uint8Array(256))).toBe('unsupported');
  });
});

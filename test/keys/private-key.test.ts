import { describe, expect, it } from 'vitest';
import { contextPrimitive } from '../../src/der/reader.ts';
import { bitString, encode, explicit, integer, nullValue, octetString, oid, sequence } from '../../src/der/writer.ts';
import { keyTypeNames } from '../../src/keys/key-types.ts';
import { openSigner } from '../../src/keys/open.ts';
import {
  describePrivateKey,
  describePrivateKeyBlock,
  describePrivateKeyFile,
  encodePrivateKeyPem,
  publicKeyOf,
  readPrivateKey,
} from '../../src/keys/private-key.ts';
import { generateKey } from '../../src/keys/software.ts';
import { encodePem, readPem } from '../../src/x509/pem.ts';
import { genpkey, openssl, opensslPublicKey, utf8 } from './openssl.ts';

const made = new Map(keyTypeNames.map(keyType => [keyType, openssl(['genpkey', ...genpkey[keyType]])] as const));
const derOf = (pem: Uint8Array): Uint8Array => readPem(pem).at(-1)!.der;
const p256 = made.get('ec-p256')!;
const rsa2048 = made.get('rsa-2048')!;

const refusal = (code: string, text: string): unknown =>
  expect.objectContaining({ name: 'MtlsctlError', code, message: expect.stringContaining(text) as unknown });

describe.each(keyTypeNames)('a %s key that openssl made', keyType => {
  const key = made.get(keyType)!;

  it('is read from PEM and from DER', async () => {
    const der = await readPrivateKey(key, undefined);
    expect(der).toEqual(derOf(key));
    expect(await readPrivateKey(der, undefined)).toEqual(der);
    expect(describePrivateKeyFile(key)).toEqual({ encrypted: false, format: 'pkcs8' });
  });

  it('opens as a signer with the public key that openssl computes', async () => {
    const signer = await openSigner(key, utf8('not needed'));
    expect(signer.keyType).toBe(keyType);
    expect(signer.publicKey.der).toEqual(opensslPublicKey(key));
  });
});

describe('the forms that openssl wrote before PKCS#8', () => {
  it.each(['P-256', 'P-384'])('reads a SEC1 key on %s behind its EC PARAMETERS', async curve => {
    const pem = openssl(['ecparam', '-name', curve === 'P-256' ? 'prime256v1' : 'secp384r1', '-genkey']);
    expect(readPem(pem).map(({ label }) => label)).toEqual(['EC PARAMETERS', 'EC PRIVATE KEY']);
    expect(describePrivateKeyFile(pem).format).toBe('sec1');
    expect(publicKeyOf(await readPrivateKey(pem, undefined)).der).toEqual(opensslPublicKey(pem));
    expect(await readPrivateKey(derOf(pem), undefined)).toEqual(await readPrivateKey(pem, undefined));
  });

  it('reads what openssl ec writes, also without the public key or with a compressed one', async () => {
    const whole = await readPrivateKey(p256, undefined);
    for (const args of [[], ['-no_public'], ['-conv_form', 'compressed'], ['-conv_form', 'hybrid']]) {
      expect(await readPrivateKey(openssl(['ec', ...args], p256), undefined)).toEqual(whole);
    }
  });

  it('reads a PKCS#1 key', async () => {
    const pem = openssl(['rsa', '-traditional'], rsa2048);
    expect(readPem(pem)[0]!.label).toBe('RSA PRIVATE KEY');
    expect(describePrivateKeyFile(pem).format).toBe('pkcs1');
    expect(await readPrivateKey(pem, undefined)).toEqual(derOf(rsa2048));
    expect(await readPrivateKey(derOf(pem), undefined)).toEqual(derOf(rsa2048));
  });

  it('refuses the encryption of old PEM, and says how to get rid of it', async () => {
    const pem = openssl(['ec', '-aes128', '-passout', 'pass:secret'], p256);
    const description = describePrivateKeyFile(pem);
    expect(description).toMatchObject({ encrypted: true, format: 'sec1', encryption: { cipher: 'AES-128-CBC' } });
    expect(await describePrivateKey(pem, utf8('secret'))).toEqual({ file: description });
    await expect(readPrivateKey(pem, utf8('secret'))).rejects.toMatchObject({
      code: 'key-unsupported',
      hints: [expect.stringContaining('openssl pkcs8 -topk8')],
    });
  });
});

describe('a well-formed key that mtlsctl does not sign with', () => {
  const withPublicKey: readonly (readonly [string, readonly string[]])[] = [
    ['RSA 1024', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024']],
    ['RSA 2056', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2056']],
    ['EC P-521', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521']],
    ['EC P-224', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-224']],
    ['EC secp256k1', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1']],
    ['EC brainpoolP256r1', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:brainpoolP256r1']],
    ['Ed448', ['-algorithm', 'ED448']],
    ['X25519', ['-algorithm', 'X25519']],
    ['X448', ['-algorithm', 'X448']],
  ];

  it.each(withPublicKey)('%s: is refused by name, and described with its public key', async (name, args) => {
    const key = openssl(['genpkey', ...args]);
    await expect(readPrivateKey(key, undefined)).rejects.toThrow(refusal('key-unsupported', name));
    const description = await describePrivateKey(key);
    expect(description).toMatchObject({ algorithm: name, file: { encrypted: false, format: 'pkcs8' } });
    expect(description.publicKey!.der).toEqual(opensslPublicKey(key));
    expect(description).not.toHaveProperty('keyType');
  });

  const byNameOnly: readonly (readonly [string, readonly string[]])[] = [
    ['RSA-PSS', ['-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048']],
    ['DH', ['-algorithm', 'DH', '-pkeyopt', 'group:ffdhe2048']],
    [
      'RSA with more than two primes',
      ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-pkeyopt', 'rsa_keygen_primes:3'],
    ],
    ['EC on the curve 1.3.132.0.27', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:sect233r1']],
    [
      'EC with explicit parameters',
      ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-pkeyopt', 'ec_param_enc:explicit'],
    ],
  ];

  it.each(byNameOnly)('%s: is refused and described by name', async (name, args) => {
    const key = openssl(['genpkey', ...args]);
    await expect(readPrivateKey(key, undefined)).rejects.toThrow(refusal('key-unsupported', name));
    expect(await describePrivateKey(key)).toEqual({ file: { encrypted: false, format: 'pkcs8' }, algorithm: name });
    expect(() => publicKeyOf(derOf(key))).toThrow(refusal('key-unsupported', name));
  });

  it('a PEM label of another world is named', async () => {
    const pem = utf8(encodePem('OPENSSH PRIVATE KEY', utf8('openssh-key-v1')));
    await expect(readPrivateKey(pem, undefined)).rejects.toThrow(refusal('key-unsupported', 'OPENSSH PRIVATE KEY'));
    expect(await describePrivateKey(pem)).toEqual({
      file: { encrypted: false, format: 'other' },
      algorithm: 'OPENSSH PRIVATE KEY',
    });
  });
});

describe('which key of a file', () => {
  it('finds the key in front of a chain, with CRLF and text between', async () => {
    const text = `${new TextDecoder().decode(p256)}subject=CN = x\n${encodePem('CERTIFICATE', Uint8Array.of(0x30, 0))}`;
    expect(await readPrivateKey(utf8(text.replaceAll('\n', '\r\n')), undefined)).toEqual(derOf(p256));
  });

  it.each([
    ['nothing', new Uint8Array(), 'neither PEM nor DER'],
    ['text', utf8('not a key'), 'neither PEM nor DER'],
    ['a certificate', utf8(encodePem('CERTIFICATE', Uint8Array.of(0x30, 0))), 'no private key, but CERTIFICATE'],
    ['two keys', utf8(new TextDecoder().decode(p256).repeat(2)), 'holds 2 private keys'],
    ['a public key in DER', opensslPublicKey(p256), 'neither PEM nor DER'],
    ['a BEGIN without END', utf8('-----BEGIN PRIVATE KEY-----\nMIGH\n'), 'PEM is broken'],
    [
      'SEC1 under the label of PKCS#8',
      utf8(encodePem('PRIVATE KEY', derOf(openssl(['ec'], p256)))),
      'PKCS#8 structure',
    ],
  ])('refuses %s', async (_, file, text) => {
    await expect(readPrivateKey(file, undefined)).rejects.toThrow(refusal('key-malformed', text));
    await expect(describePrivateKey(file)).rejects.toThrow(refusal('key-malformed', text));
  });

  it('refuses a file over a mebibyte', async () => {
    await expect(readPrivateKey(new Uint8Array(2 ** 20 + 1), undefined)).rejects.toThrow(
      refusal('too-large', '1048576'),
    );
  });

  it('describes one block of several', async () => {
    const blocks = readPem(new TextDecoder().decode(p256) + new TextDecoder().decode(rsa2048));
    const descriptions = await Promise.all(blocks.map(block => describePrivateKeyBlock(block)));
    expect(descriptions.map(({ keyType }) => keyType)).toEqual(['ec-p256', 'rsa-2048']);
  });
});

describe('a key whose parts contradict each other', async () => {
  const algorithm = sequence(oid('1.2.840.10045.2.1'), oid('1.2.840.10045.3.1.7'));
  const scalar = new Uint8Array(32).fill(7);
  const otherPoint = (await generateKey('ec-p256')).publicKey.subjectPublicKey;
  const ec = (...rest: readonly Uint8Array[]): Uint8Array =>
    sequence(integer(0), algorithm, octetString(sequence(integer(1), ...rest)));
  const ed = (version: number, seed: Uint8Array, ...rest: readonly Uint8Array[]): Uint8Array =>
    sequence(integer(version), sequence(oid('1.3.101.112')), octetString(octetString(seed)), ...rest);
  const read = (der: Uint8Array): Promise<Uint8Array> => readPrivateKey(utf8(encodePrivateKeyPem(der)), undefined);

  it('reads the EC key that the next ones deviate from', async () => {
    const whole = await read(ec(octetString(scalar)));
    expect(await read(ec(octetString(scalar), explicit(1, bitString(publicKeyOf(whole).subjectPublicKey))))).toEqual(
      whole,
    );
  });

  it.each([
    ['the public key of another', ec(octetString(scalar), explicit(1, bitString(otherPoint))), 'another private key'],
    [
      'a public key that is no point',
      ec(octetString(scalar), explicit(1, bitString(Uint8Array.of(4, 1)))),
      'another private key',
    ],
    ['a private key of zero', ec(octetString(new Uint8Array(32))), 'outside of its curve'],
    ['a private key over the order', ec(octetString(new Uint8Array(32).fill(0xff))), 'outside of its curve'],
    ['no private key', ec(octetString(new Uint8Array())), 'outside of its curve'],
    ['a private key that is too long', ec(octetString(new Uint8Array(33).fill(1))), 'longer than its curve'],
    ['two curves', ec(octetString(scalar), explicit(0, oid('1.3.132.0.34'))), 'two curves'],
    [
      'no curve',
      sequence(integer(0), sequence(oid('1.2.840.10045.2.1')), octetString(sequence())),
      'without the name of its curve',
    ],
    [
      'RSA parameters that are a NULL with content',
      sequence(
        integer(0),
        sequence(oid('1.2.840.113549.1.1.1'), encode(0x05, Uint8Array.of(0))),
        octetString(sequence()),
      ),
      'structure is broken',
    ],
    ['an Ed25519 seed that is too short', ed(0, new Uint8Array(31)), 'another length than 32'],
    [
      'an Ed25519 public key of another',
      ed(1, scalar, encode(contextPrimitive(1), new Uint8Array(33))),
      'another private key',
    ],
    [
      'a public key where version 0 has none',
      ed(0, scalar, encode(contextPrimitive(1), new Uint8Array(33))),
      'structure is broken',
    ],
    [
      'Ed25519 with parameters',
      sequence(integer(0), sequence(oid('1.3.101.112'), nullValue()), octetString(octetString(scalar))),
      'with parameters',
    ],
  ])('refuses %s', async (_, der, text) => {
    await expect(read(der)).rejects.toThrow(refusal('key-malformed', text));
  });

  it('reads a version 1 key with attributes and its public key (RFC 5958)', async () => {
    const plain = await read(ed(0, scalar));
    const publicKey = encode(contextPrimitive(1), Uint8Array.of(0), publicKeyOf(plain).subjectPublicKey);
    expect(await read(ed(1, scalar, encode(0xa0), publicKey))).toEqual(plain);
  });
});

describe('an RSA key whose numbers contradict each other', () => {
  // p = 61, q = 53: small, and as well-formed as a large one.
  const valid = [3233n, 17n, 2753n, 61n, 53n, 53n, 49n, 38n] as const;
  const pem = (numbers: readonly bigint[], version = 0): Uint8Array =>
    utf8(encodePem('RSA PRIVATE KEY', sequence(integer(version), ...numbers.map(n => integer(n)))));

  it('describes the one that the next ones deviate from', async () => {
    expect((await describePrivateKey(pem(valid))).algorithm).toBe('RSA 12');
  });

  it.each(valid.map((_, i) => i))('refuses another number at place %i', async place => {
    for (const change of [2n, -2n]) {
      const numbers = valid.map((n, i) => (i === place ? n + change : n));
      await expect(describePrivateKey(pem(numbers))).rejects.toThrow(refusal('key-malformed', ''));
    }
  });

  it.each([
    ['p = q', [3721n, 7n, 2743n, 61n, 61n, 43n, 43n, 1n], 'product'],
    ['p = 1', [3233n, 17n, 2753n, 1n, 3233n, 0n, 2753n, 0n], 'product'],
    ['p = 0', [0n, 17n, 2753n, 0n, 53n, 0n, 49n, 0n], 'product'],
    ['e = 1', [3233n, 1n, 1n, 61n, 53n, 1n, 1n, 38n], 'less than 3'],
    ['a negative number', [3233n, 17n, -2753n, 61n, 53n, 53n, 49n, 38n], 'negative'],
  ])('refuses %s', async (_, numbers, text) => {
    await expect(describePrivateKey(pem(numbers))).rejects.toThrow(refusal('key-malformed', text));
  });

  it('refuses numbers that would keep it busy', async () => {
    await expect(describePrivateKey(pem([1n << 20_000n, ...valid.slice(1)]))).rejects.toThrow(
      refusal('key-unsupported', '16384'),
    );
    await expect(describePrivateKey(pem([3233n, (1n << 64n) + 1n, ...valid.slice(2)]))).rejects.toThrow(
      refusal('key-unsupported', '64 bits'),
    );
  });
});

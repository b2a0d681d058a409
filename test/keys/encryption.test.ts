import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { integer, nullValue, octetString, oid, sequence } from '../../src/der/writer.ts';
import { openSigner } from '../../src/keys/open.ts';
import {
  describePrivateKey,
  describePrivateKeyFile,
  encodePrivateKeyPem,
  encryptPrivateKeyPem,
  readPrivateKey,
} from '../../src/keys/private-key.ts';
import { generateKey } from '../../src/keys/software.ts';
import { encodePem, readPem } from '../../src/x509/pem.ts';
import { genpkey, openssl, tryOpenssl, utf8 } from './openssl.ts';

const random = (count: number): Uint8Array => new Uint8Array(randomBytes(count));
const passphrase = utf8('correct horse');
const pass = ['-passout', 'pass:correct horse'];
const key = openssl(['genpkey', ...genpkey['ec-p256']]);
const keyDer = readPem(key)[0]!.der;
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe('a key that mtlsctl encrypts', async () => {
  const pem = await encryptPrivateKeyPem(keyDer, passphrase, random);

  it('is opened by openssl with the passphrase, and not without', () => {
    expect(decode(openssl(['pkey', '-passin', 'pass:correct horse'], pem))).toBe(decode(key));
    expect(tryOpenssl(['pkey', '-passin', 'pass:correct'], pem).status).not.toBe(0);
  });

  it('is PBES2 with PBKDF2-HMAC-SHA256, 600,000 iterations, AES-256-CBC, for openssl and for us', () => {
    const text = decode(openssl(['asn1parse', '-inform', 'DER'], readPem(pem)[0]!.der));
    expect(text).toMatch(/PBES2[\s\S]*PBKDF2[\s\S]*INTEGER +:0927C0\n[\s\S]*hmacWithSHA256[\s\S]*aes-256-cbc/);
    expect(describePrivateKeyFile(utf8(pem))).toEqual({
      encrypted: true,
      format: 'encrypted-pkcs8',
      encryption: { scheme: 'PBES2', cipher: 'AES-256-CBC', kdf: 'PBKDF2', prf: 'hmacWithSHA256', iterations: 600_000 },
    });
  });

  it('is opened by us, from PEM and DER', async () => {
    expect(await readPrivateKey(utf8(pem), passphrase)).toEqual(keyDer);
    const der = readPem(pem)[0]!.der;
    expect(await readPrivateKey(der, passphrase)).toEqual(keyDer);
    expect((await openSigner(utf8(pem), passphrase)).keyType).toBe('ec-p256');
  });

  it('does not open with another passphrase', async () => {
    for (const wrong of ['', 'correct horse ', 'Correct horse']) {
      await expect(readPrivateKey(utf8(pem), utf8(wrong))).rejects.toMatchObject({ code: 'passphrase-wrong' });
    }
  });

  it('asks for a passphrase by naming the flag', async () => {
    await expect(readPrivateKey(utf8(pem), undefined)).rejects.toMatchObject({
      code: 'passphrase-missing',
      hints: [expect.stringContaining('--passphrase-file')],
    });
  });

  it('is described closed without a passphrase, and by its public part with it', async () => {
    expect(await describePrivateKey(utf8(pem))).toEqual({ file: describePrivateKeyFile(utf8(pem)) });
    expect(await describePrivateKey(utf8(pem), passphrase)).toMatchObject({
      algorithm: 'EC P-256',
      keyType: 'ec-p256',
    });
  });

  it('has a salt and a vector of its own each time', async () => {
    expect(await encryptPrivateKeyPem(keyDer, passphrase, random)).not.toBe(pem);
  });
});

it.each(['\0', 'secret\0'])('refuses to encrypt with %j: HMAC takes it for what stands before', async text => {
  await expect(encryptPrivateKeyPem(keyDer, utf8(text), random)).rejects.toThrow('NUL');
});

it('refuses to encrypt with an empty passphrase', async () => {
  await expect(encryptPrivateKeyPem(keyDer, utf8(''), random)).rejects.toMatchObject({ code: 'bad-value' });
});

it.each(['ed25519', 'ec-p384', 'rsa-2048'] as const)('openssl opens an encrypted %s key', async keyType => {
  const { pkcs8 } = await generateKey(keyType);
  const opened = openssl(
    ['pkey', '-passin', 'pass:correct horse'],
    await encryptPrivateKeyPem(pkcs8, passphrase, random),
  );
  expect(decode(opened)).toBe(encodePrivateKeyPem(pkcs8));
});

it('takes a passphrase octet for octet, whatever its encoding', async () => {
  const latin1 = Uint8Array.of(0x66, 0xfc, 0x72, 0x20, 0xff);
  const pem = await encryptPrivateKeyPem(keyDer, latin1, random);
  expect(await readPrivateKey(utf8(pem), latin1)).toEqual(keyDer);
  await expect(readPrivateKey(utf8(pem), utf8('f\u00fcr \u00ff'))).rejects.toMatchObject({ code: 'passphrase-wrong' });
});

describe('a key that openssl encrypted', () => {
  const ciphers = ['aes-128-cbc', 'aes-192-cbc', 'aes-256-cbc', 'des-ede3-cbc'];
  const prfs = ['hmacWithSHA1', 'hmacWithSHA224', 'hmacWithSHA256', 'hmacWithSHA384', 'hmacWithSHA512'];

  it.each(ciphers.flatMap(cipher => prfs.map(prf => [cipher, prf] as const)))('opens: %s, %s', async (cipher, prf) => {
    const pem = openssl(['pkcs8', '-topk8', '-v2', cipher, '-v2prf', prf, '-iter', '1000', ...pass], key);
    expect(describePrivateKeyFile(pem).encryption).toEqual({
      scheme: 'PBES2',
      cipher: cipher.toUpperCase(),
      kdf: 'PBKDF2',
      prf,
      iterations: 1000,
    });
    expect(await readPrivateKey(pem, passphrase)).toEqual(keyDer);
  });

  it('opens: scrypt', async () => {
    const pem = openssl(['pkcs8', '-topk8', '-scrypt', ...pass], key);
    expect(describePrivateKeyFile(pem).encryption).toEqual({
      scheme: 'PBES2',
      cipher: 'AES-256-CBC',
      kdf: 'scrypt',
      cost: 16_384,
      blockSize: 8,
      parallelization: 1,
    });
    expect(await readPrivateKey(pem, passphrase)).toEqual(keyDer);
    await expect(readPrivateKey(pem, utf8('wrong'))).rejects.toMatchObject({ code: 'passphrase-wrong' });
  });

  it('opens: scrypt with other parameters', async () => {
    const parameters = ['-scrypt_N', '1024', '-scrypt_r', '16', '-scrypt_p', '3'];
    expect(
      await readPrivateKey(openssl(['pkcs8', '-topk8', '-scrypt', ...parameters, ...pass], key), passphrase),
    ).toEqual(keyDer);
  });

  it('opens what openssl genpkey encrypts', async () => {
    const pem = openssl(['genpkey', ...genpkey['ec-p384'], '-aes-256-cbc', '-pass', 'pass:correct horse']);
    expect((await openSigner(pem, passphrase)).keyType).toBe('ec-p384');
  });

  it('is refused by name where its scheme is older than PBES2', async () => {
    const pem = openssl(['pkcs8', '-topk8', '-v1', 'PBE-SHA1-3DES', ...pass], key);
    expect(describePrivateKeyFile(pem).encryption).toEqual({ scheme: 'pbeWithSHAAnd3-KeyTripleDES-CBC' });
    await expect(readPrivateKey(pem, passphrase)).rejects.toMatchObject({
      code: 'key-unsupported',
      message: expect.stringContaining('pbeWithSHAAnd3-KeyTripleDES-CBC') as unknown,
      hints: [expect.stringContaining('openssl pkcs8 -topk8')],
    });
  });

  it('is refused by name where its cipher is not one of RFC 8018', async () => {
    const pem = openssl(['pkcs8', '-topk8', '-v2', 'camellia-256-cbc', ...pass], key);
    expect(describePrivateKeyFile(pem).encryption).toMatchObject({
      scheme: 'PBES2',
      cipher: '1.2.392.200011.61.1.1.1.4',
    });
    await expect(readPrivateKey(pem, passphrase)).rejects.toMatchObject({ code: 'key-unsupported' });
  });
});

it('finds the passphrase wrong also where the padding happens to be right', async () => {
  const pem = openssl(['pkcs8', '-topk8', '-iter', '1', ...pass], key);
  for (let i = 0; i < 1500; i++) {
    await expect(readPrivateKey(pem, utf8(`guess ${i}`))).rejects.toMatchObject({ code: 'passphrase-wrong' });
  }
});

describe('an encrypted key that asks for too much, or for nonsense', () => {
  const salt = octetString(new Uint8Array(16));
  const aes = sequence(oid('2.16.840.1.101.3.4.1.42'), octetString(new Uint8Array(16)));
  const pbkdf2 = (...parameters: readonly Uint8Array[]): Uint8Array =>
    sequence(oid('1.2.840.113549.1.5.12'), sequence(salt, ...parameters));
  const scrypt = (...numbers: readonly number[]): Uint8Array =>
    sequence(oid('1.3.6.1.4.1.11591.4.11'), sequence(salt, ...numbers.map(n => integer(n))));
  const file = (kdf: Uint8Array, scheme = aes, encrypted = new Uint8Array(32)): Uint8Array => {
    const pbes2 = sequence(oid('1.2.840.113549.1.5.13'), sequence(kdf, scheme));
    return utf8(encodePem('ENCRYPTED PRIVATE KEY', sequence(pbes2, octetString(encrypted))));
  };

  it('gets to the decryption where nothing is wrong', async () => {
    await expect(readPrivateKey(file(pbkdf2(integer(1), integer(32))), passphrase)).rejects.toMatchObject({
      code: 'passphrase-wrong',
    });
  });

  it.each([
    ['2^31-1 iterations', pbkdf2(integer(2 ** 31 - 1))],
    ['a gigabyte of memory', scrypt(2 ** 20, 8, 1)],
    ['a large block size', scrypt(2, 2 ** 30, 1)],
    ['hours of scrypt', scrypt(2 ** 14, 8, 2 ** 20)],
    ['a PRF that nobody knows', pbkdf2(integer(1), sequence(oid('1.2.3'), nullValue()))],
    ['a key derivation that nobody knows', sequence(oid('1.2.3'))],
  ])('is refused as unsupported: %s', async (_, kdf) => {
    await expect(readPrivateKey(file(kdf), passphrase)).rejects.toMatchObject({ code: 'key-unsupported' });
    expect(describePrivateKeyFile(file(kdf)).encrypted).toBe(true);
  });

  it.each([
    ['no iteration', file(pbkdf2(integer(0)))],
    ['a negative count', file(pbkdf2(integer(-1)))],
    ['a count over 2^31', file(pbkdf2(integer(2 ** 31)))],
    ["another cipher's key length", file(pbkdf2(integer(1), integer(16)))],
    ['a PRF without NULL', file(pbkdf2(integer(1), sequence(oid('1.2.840.113549.2.9'))))],
    ['N that is no power of two', file(scrypt(1000, 8, 1))],
    ['N = 1', file(scrypt(1, 8, 1))],
    ['r = 0', file(scrypt(16, 0, 1))],
    ['p = 0', file(scrypt(16, 8, 0))],
    ['no KDF parameters', file(sequence(oid('1.2.840.113549.1.5.12')))],
    [
      'a short vector',
      file(pbkdf2(integer(1)), sequence(oid('2.16.840.1.101.3.4.1.42'), octetString(new Uint8Array(8)))),
    ],
    ['no vector', file(pbkdf2(integer(1)), sequence(oid('2.16.840.1.101.3.4.1.42')))],
    ['nothing encrypted', file(pbkdf2(integer(1)), aes, new Uint8Array())],
    ['half a block', file(pbkdf2(integer(1)), aes, new Uint8Array(24))],
  ])('is refused as malformed: %s', async (_, bytes) => {
    await expect(readPrivateKey(bytes, passphrase)).rejects.toMatchObject({ code: 'key-malformed' });
  });
});

import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { keyTypeNames, keyTypeOf, keyTypes, parseKeyType } from '../../src/keys/key-types.ts';
import { encodePrivateKeyPem, publicKeyOf } from '../../src/keys/private-key.ts';
import { generateKey, importKey } from '../../src/keys/software.ts';
import { loadWebCrypto } from '../../src/keys/web-crypto.ts';
import { openssl, opensslPublicKey, opensslVerifies, temporaryDirectory, tryOpenssl, utf8 } from './openssl.ts';

const at = temporaryDirectory();
const data = utf8('what is signed');

describe.each(keyTypeNames)('a software key of type %s', keyType => {
  const generated = generateKey(keyType);

  it('is found whole by openssl', async () => {
    const pem = encodePrivateKeyPem((await generated).pkcs8);
    const { status, text } = tryOpenssl(['pkey', '-check', '-noout'], pem);
    expect(text).toContain('Key is valid');
    expect(status).toBe(0);
  });

  it('has the public key that openssl computes', async () => {
    const key = await generated;
    expect(key.publicKey.der).toEqual(opensslPublicKey(utf8(encodePrivateKeyPem(key.pkcs8))));
    expect(publicKeyOf(key.pkcs8).der).toEqual(key.publicKey.der);
    expect(keyTypeOf(key.publicKey)).toBe(keyType);
  });

  it('signs what openssl verifies, and nothing else', async () => {
    const key = await generated;
    const signature = await key.sign(data);
    const { hash: digest } = keyTypes[keyType];
    expect(opensslVerifies(at, { spki: key.publicKey.der, data, signature, digest })).toBe(true);
    expect(opensslVerifies(at, { spki: key.publicKey.der, data: utf8('what was signed'), signature, digest })).toBe(
      false,
    );
  });

  it('is the same after an import', async () => {
    const key = await generated;
    const again = importKey(key.pkcs8);
    expect(again.pkcs8).toEqual(key.pkcs8);
    expect(again.publicKey.der).toEqual(key.publicKey.der);
    expect(again.keyType).toBe(keyType);
    const signature = await again.sign(data);
    expect(opensslVerifies(at, { spki: key.publicKey.der, data, signature, digest: keyTypes[keyType].hash })).toBe(
      true,
    );
  });

  it('is taken by @peculiar/webcrypto as well', async () => {
    const { subtle } = await loadWebCrypto();
    const key = await generated;
    const algorithm = keyTypes[keyType].generate;
    const hash = keyTypes[keyType].hash === 'sha384' ? 'SHA-384' : 'SHA-256';
    const privateKey = await subtle.importKey('pkcs8', key.pkcs8, algorithm, true, ['sign']);
    const publicKey = await subtle.importKey('spki', key.publicKey.der, algorithm, true, ['verify']);
    const signature = await subtle.sign({ ...algorithm, hash }, privateKey, data);
    expect(await subtle.verify({ ...algorithm, hash }, publicKey, new Uint8Array(signature), data)).toBe(true);
  });

  it('does not show its private part when printed', async () => {
    const key = await generated;
    const shown = JSON.stringify(key) + inspect(key, { depth: 10, showHidden: false }) + Object.keys(key).join();
    expect(shown).not.toContain('pkcs8');
    expect({ ...key }).not.toHaveProperty('pkcs8');
  });
});

describe('the signature algorithm', () => {
  it.each([
    ['ec-p256', 'ecdsa-with-SHA256'],
    ['ec-p384', 'ecdsa-with-SHA384'],
    ['ed25519', 'ED25519'],
    ['rsa-2048', 'sha256WithRSAEncryption'],
    ['rsa-3072', 'sha256WithRSAEncryption'],
    ['rsa-4096', 'sha256WithRSAEncryption'],
  ] as const)('of %s is %s', (keyType, name) => {
    const text = new TextDecoder().decode(
      openssl(['asn1parse', '-inform', 'DER'], keyTypes[keyType].signatureAlgorithm),
    );
    expect(text).toContain(`:${name}`);
    expect(text.includes('NULL')).toBe(keyTypes[keyType].isRsa); // RFC 4055, section 5; RFC 5758, 3.2; RFC 8410, section 3
  });
});

describe('parseKeyType', () => {
  it('takes the names of CLI.md', () => {
    expect(keyTypeNames.map(parseKeyType)).toEqual([
      'ec-p256',
      'ec-p384',
      'ed25519',
      'rsa-2048',
      'rsa-3072',
      'rsa-4096',
    ]);
  });

  it.each(['', 'rsa', 'EC-P256', 'rsa-1024', 'toString', '__proto__', '\u001b[31m'])(
    'refuses %j and names the right ones',
    text => {
      expect(() => parseKeyType(text)).toThrow(
        expect.objectContaining({ code: 'bad-value', hints: [expect.stringContaining('ec-p256, ec-p384')] }),
      );
    },
  );
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MtlsctlError } from '../../src/errors.ts';
import { describePrivateKey, readPrivateKey } from '../../src/keys/private-key.ts';
import { encodePem, readPem } from '../../src/x509/pem.ts';
import { genpkey, openssl, utf8 } from './openssl.ts';

const passphrase = utf8('secret');
const p256 = openssl(['genpkey', ...genpkey['ec-p256']]);
const rsa = openssl(['genpkey', ...genpkey['rsa-2048']]);
const files = {
  'PKCS#8, EC P-256': p256,
  'PKCS#8, Ed25519': openssl(['genpkey', ...genpkey.ed25519]),
  'PKCS#8, RSA 2048': rsa,
  SEC1: openssl(['ec'], p256),
  'PKCS#1': openssl(['rsa', '-traditional'], rsa),
  'encrypted, PBKDF2': openssl(['pkcs8', '-topk8', '-iter', '2', '-passout', 'pass:secret'], p256),
  'encrypted, scrypt': openssl(['pkcs8', '-topk8', '-scrypt', '-scrypt_N', '2', '-passout', 'pass:secret'], p256),
} as const;

const codes = ['key-malformed', 'key-unsupported', 'passphrase-wrong', 'passphrase-missing', 'too-large'];

/** Reads and describes what may be no key any more: it works, or an error comes that shows nothing of the key. */
async function checkHandled(file: Uint8Array, key: Uint8Array): Promise<void> {
  for (const attempt of [readPrivateKey, describePrivateKey]) {
    for (const given of [passphrase, undefined]) {
      try {
        await attempt(file, given);
      } catch (error) {
        expect(error).toBeInstanceOf(MtlsctlError);
        expect(codes).toContain((error as MtlsctlError).code);
        expectNothingShown(error as MtlsctlError, key);
      }
    }
  }
}

/** Looks for any 4 octets of the key in hex or base64, and at what stands behind the error. */
function expectNothingShown(error: MtlsctlError, key: Uint8Array): void {
  expect(error.cause).toBeUndefined();
  const said = JSON.stringify([error.message, error.hints, error.details]);
  const pieces = said.match(/[0-9a-f]{8,}/gi) ?? [];
  const hex = Buffer.from(key).toString('hex');
  expect(pieces.filter(piece => hex.includes(piece.toLowerCase()))).toEqual([]);
  const base64 = Buffer.from(key).toString('base64');
  const words = said.match(/[A-Za-z0-9+/]{8,}/g) ?? [];
  expect(words.filter(word => base64.includes(word))).toEqual([]);
}

describe.each(Object.entries(files))('%s', (_, pem) => {
  const block = readPem(pem).at(-1)!;
  const { der, label } = block;
  const wrap = (bytes: Uint8Array): Uint8Array => utf8(encodePem(label, bytes));

  it('cut short anywhere: a known error', async () => {
    for (let length = 0; length < der.length; length += 1 + (der.length >> 9)) {
      await expect(readPrivateKey(wrap(der.subarray(0, length)), passphrase)).rejects.toBeInstanceOf(MtlsctlError);
      await checkHandled(der.subarray(0, length), der);
    }
    for (let length = 0; length < pem.length; length += 17) await checkHandled(pem.subarray(0, length), der);
  });

  it('followed by another octet: a known error', async () => {
    await expect(readPrivateKey(wrap(Uint8Array.of(...der, 0)), passphrase)).rejects.toMatchObject({
      code: 'key-malformed',
    });
  });

  it('changed in one octet: read, or a known error', async () => {
    const change = fc.tuple(fc.nat(Math.min(der.length, 200) - 1), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(change, async ([position, difference]) => {
        const changed = Uint8Array.from(der);
        changed[position] = changed[position]! ^ difference;
        await checkHandled(wrap(changed), der);
        await checkHandled(changed, der);
      }),
      { numRuns: 150 },
    );
  });

  it('with octets inserted and removed: read, or a known error', async () => {
    const edit = fc.tuple(fc.nat(der.length), fc.nat(8), fc.uint8Array({ maxLength: 8 }));
    await fc.assert(
      fc.asyncProperty(edit, async ([position, removed, added]) => {
        await checkHandled(
          wrap(Uint8Array.of(...der.subarray(0, position), ...added, ...der.subarray(position + removed))),
          der,
        );
      }),
      { numRuns: 100 },
    );
  });
});

it('any octets at all, with or without a key label: read, or a known error', async () => {
  const label = fc.constantFrom(
    'PRIVATE KEY',
    'ENCRYPTED PRIVATE KEY',
    'EC PRIVATE KEY',
    'RSA PRIVATE KEY',
    'DSA PRIVATE KEY',
  );
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), label, async (bytes, name) => {
      await checkHandled(bytes, bytes);
      await checkHandled(utf8(encodePem(name, bytes)), bytes);
    }),
  );
});

it('a changed private number is never read as a key', async () => {
  for (const name of ['PKCS#8, EC P-256', 'PKCS#8, RSA 2048'] as const) {
    const der = readPem(files[name])[0]!.der;
    const start = name === 'PKCS#8, RSA 2048' ? 40 : 36;
    for (let position = start; position < der.length; position += 1 + (der.length >> 6)) {
      const changed = Uint8Array.from(der);
      changed[position] = changed[position]! ^ 1;
      await expect(readPrivateKey(changed, undefined)).rejects.toMatchObject({ code: 'key-malformed' });
    }
  }
});

it('a control character in a header does not reach the description', async () => {
  const pem = `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: \u001b[31mAES,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n`;
  const description = await describePrivateKey(utf8(pem)).catch((error: unknown) => String(error));
  expect(JSON.stringify(description)).not.toMatch(/\\u001b/);
});

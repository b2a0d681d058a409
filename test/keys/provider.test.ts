import 'reflect-metadata';
import { X509CertificateGenerator, Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { keyTypeNames } from '../../src/keys/key-types.ts';
import { cryptoFor } from '../../src/keys/provider.ts';
import type { Signer } from '../../src/keys/signer.ts';
import { generateKey } from '../../src/keys/software.ts';
import { openssl, temporaryDirectory, tryOpenssl } from './openssl.ts';

const at = temporaryDirectory();
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A self-signed certificate by @peculiar/x509, in DER. */
async function certificate(signer: Signer, serialNumber = '01'): Promise<Uint8Array> {
  const { crypto, signingKey, signingAlgorithm } = await cryptoFor(signer);
  const made = await X509CertificateGenerator.create(
    {
      serialNumber,
      subject: 'CN=signed',
      issuer: 'CN=signed',
      notBefore: new Date('2026-01-01T00:00:00Z'),
      notAfter: new Date('2046-01-01T00:00:00Z'),
      publicKey: signer.publicKey.der,
      signingKey,
      signingAlgorithm,
    },
    crypto,
  );
  return new Uint8Array(made.rawData);
}

describe.each(keyTypeNames)('@peculiar/x509 with a %s signer', keyType => {
  it('makes a certificate that openssl verifies', async () => {
    const signer = await generateKey(keyType);
    writeFileSync(at('cert.pem'), openssl(['x509', '-inform', 'DER'], await certificate(signer)));
    const { text } = tryOpenssl(['verify', '-check_ss_sig', '-CAfile', at('cert.pem'), at('cert.pem')]);
    expect(text).toContain('OK');
  });

  it('makes a request that openssl verifies', async () => {
    const signer = await generateKey(keyType);
    const { crypto, signingKey, publicKey, signingAlgorithm } = await cryptoFor(signer);
    const request = await Pkcs10CertificateRequestGenerator.create(
      { name: 'CN=asked', keys: { privateKey: signingKey, publicKey }, signingAlgorithm },
      crypto,
    );
    const { status, text } = tryOpenssl(
      ['req', '-inform', 'DER', '-verify', '-noout', '-subject'],
      new Uint8Array(request.rawData),
    );
    expect(text).toMatch(/verify OK/i);
    expect(status).toBe(0);
  });
});

it('writes the AlgorithmIdentifier of the signer, twice, and its signature as it is', async () => {
  const software = await generateKey('ec-p384');
  const seen: Uint8Array[] = [];
  const token: Signer = {
    ...software,
    sign(data) {
      seen.push(data);
      return Promise.resolve(Uint8Array.of(0x30, 0x06, 0x02, 0x01, 0x05, 0x02, 0x01, 0x07));
    },
  };
  const text = decode(openssl(['asn1parse', '-inform', 'DER'], await certificate(token)));
  expect(text.match(/ecdsa-with-SHA384/g)).toHaveLength(2);
  expect(Buffer.from(await certificate(token)).toString('hex')).toMatch(/0309003006020105020107$/);
  expect(seen).toHaveLength(2);
});

it('has no randomness: a serial number must be given', async () => {
  const signer = await generateKey('ec-p256');
  await expect(certificate(signer, '00')).rejects.toThrow('getRandomValues');
});

it('keeps the private key out of what it hands over', async () => {
  const signer = await generateKey('ec-p256');
  const { crypto, signingKey } = await cryptoFor(signer);
  await expect(crypto.subtle.exportKey('pkcs8', signingKey)).rejects.toThrow();
});

import { describe, expect, it } from 'vitest';
import { integer, sequence } from '../../src/der/writer.ts';
import { buildCertificate } from '../../src/issuance/build.ts';
import { basicConstraintsOfCa, keyUsageExtension } from '../../src/issuance/extensions.ts';
import { loadX509, rawExtension, rawName } from '../../src/issuance/package.ts';
import type { Blueprint } from '../../src/issuance/release.ts';
import { cryptoFor } from '../../src/keys/provider.ts';
import type { Signer } from '../../src/keys/signer.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { parseDistinguishedName } from '../../src/x509/name.ts';
import { keyFor, now, year } from './authorities.ts';

const blueprint = async (changes: Partial<Blueprint> = {}): Promise<Blueprint> => ({
  serialNumber: Uint8Array.of(0x80, 1, 2, 3),
  subject: parseDistinguishedName('CN=user-svc.link.internal,O=Größe'),
  issuer: parseDistinguishedName('CN=site-a'),
  notBefore: now - 60_000 - (now % 1000),
  notAfter: now + year - (now % 1000),
  publicKey: (await keyFor('user-svc')).publicKey,
  extensions: [basicConstraintsOfCa(0), keyUsageExtension(0b110)],
  ...changes,
});

/** What the generator of @peculiar/x509 makes of the same blueprint. */
async function generated(plan: Blueprint, signer: Signer): Promise<Uint8Array> {
  const x509 = await loadX509();
  const { crypto, signingKey, signingAlgorithm } = await cryptoFor(signer);
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: Buffer.from(plan.serialNumber).toString('hex'),
      subject: rawName(x509, plan.subject),
      issuer: rawName(x509, plan.issuer),
      notBefore: new Date(plan.notBefore),
      notAfter: new Date(plan.notAfter),
      publicKey: Uint8Array.from(plan.publicKey.der).buffer,
      extensions: plan.extensions.map(extension => rawExtension(extension.der)),
      signingKey: signingKey as never,
      signingAlgorithm: signingAlgorithm as never,
    },
    crypto,
  );
  return new Uint8Array(certificate.rawData);
}

describe('buildCertificate', () => {
  // With these keys the same octets have the same signature.
  describe.each(['ed25519', 'rsa-2048'] as const)('with a key of the type %s', keyType => {
    it.each([
      ['a leaf', {}],
      ['a serial number without its sign', { serialNumber: Uint8Array.of(0xff) }],
      ['a serial number that begins with zeros', { serialNumber: Uint8Array.of(0, 0, 1, 2) }],
      ['dates on both sides of 2050', { notAfter: Date.UTC(2050, 0, 1) }],
      ['the last date in UTCTime', { notAfter: Date.UTC(2049, 11, 31, 23, 59, 59) }],
    ] as const)('writes what the generator of @peculiar/x509 writes: %s', async (_what, changes) => {
      const signer = await keyFor('site-a', keyType);
      const plan = await blueprint(changes);
      const made = await buildCertificate(plan, signer);
      expect(Buffer.from(made).toString('hex')).toBe(Buffer.from(await generated(plan, signer)).toString('hex'));
    });
  });

  it('writes parts as they are, whatever they hold', async () => {
    const subject = sequence(integer(1));
    const made = await buildCertificate(await blueprint({ subject }), await keyFor('site-a', 'ed25519'));
    expect(Buffer.from(made).includes(Buffer.from(subject))).toBe(true);
    expect(() => parseCertificate(made)).toThrow('subject');
  });

  it('lets through what the signer throws', async () => {
    const signer = await keyFor('site-a', 'ed25519');
    const broken: Signer = { ...signer, sign: () => Promise.reject(new Error('no token')) };
    await expect(buildCertificate(await blueprint(), broken)).rejects.toThrow('no token');
  });
});

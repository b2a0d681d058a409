import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import { explicit, implicitConstructed, integer, octetString, oid, sequence } from '../../src/der/writer.ts';
import { kindOfDer, partsOf, withoutTrustNotes } from '../../src/inspect/recognise.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { authority } from '../path/certificates.ts';
import { crl } from '../path/crls.ts';
import { certificateDer, crlDer, nameDer, publicKey, signed } from '../x509/build.ts';

const root = authority();
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 });
const request = signed(sequence(integer(0), nameDer('asker'), publicKey, implicitConstructed(0)));
const secret = { cipher: 'aes-256-cbc', passphrase: 'x' };

describe('DER is told by its shape:', () => {
  it.each([
    ['certificate', 'certificate', root.certificate.der],
    ['certificate', 'certificate of version 1', certificateDer({ version: [] })],
    ['CRL', 'CRL', crl(root).der],
    ['CRL', 'CRL of version 1', crlDer({ version: [] })],
    ['certificate request', 'request', request],
    ['public key', 'public key', ec.publicKey.export({ format: 'der', type: 'spki' })],
    ['RSA public key', 'PKCS#1 public key', rsa.publicKey.export({ format: 'der', type: 'pkcs1' })],
    ['private key', 'PKCS#8', ec.privateKey.export({ format: 'der', type: 'pkcs8' })],
    ['private key', 'encrypted PKCS#8', ec.privateKey.export({ format: 'der', type: 'pkcs8', ...secret })],
    ['private key', 'SEC1', ec.privateKey.export({ format: 'der', type: 'sec1' })],
    ['private key', 'PKCS#1', rsa.privateKey.export({ format: 'der', type: 'pkcs1' })],
    ['PKCS #7 message', 'PKCS#7', sequence(oid(oids.pkcs7SignedData), explicit(0, sequence()))],
    [
      'PKCS #12 store',
      'PKCS#12',
      sequence(integer(3), sequence(oid(oids.pkcs7Data), explicit(0, octetString(new Uint8Array())))),
    ],
    ['unknown', 'an empty SEQUENCE', sequence()],
    ['unknown', 'an INTEGER', integer(1)],
    ['unknown', 'nothing', new Uint8Array()],
  ])('%s: %s', (kind, _, der) => {
    expect(kindOfDer(Uint8Array.from(der))).toBe(kind);
  });

  it('nothing that is no DER crashes it', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), bytes => kindOfDer(bytes).length > 0));
  });
});

describe('the parts of a PEM file', () => {
  const kinds = (text: string): readonly (readonly [string, string | undefined])[] =>
    partsOf(new TextEncoder().encode(text)).map(({ kind, labelled }) => [kind, labelled]);

  it('go by their shape, their label is told beside it', () => {
    expect(kinds(encodePem('X509 CRL', root.certificate.der))).toEqual([['certificate', 'CRL']]);
    expect(kinds(encodePem('PUBLIC KEY', new Uint8Array([5, 0])))).toEqual([['public key', 'public key']]);
  });

  it('stay a private key under such a label, whatever they look like', () => {
    expect(kinds(encodePem('OPENSSH PRIVATE KEY', root.certificate.der))).toEqual([['private key', 'private key']]);
  });

  it('of labels nobody knows are unknown', () => {
    expect(kinds(encodePem('PGP PRIVATE KEY BLOCK', new Uint8Array([1])))).toEqual([['unknown', 'unknown']]);
  });
});

it("takes OpenSSL's notes on trust off a certificate", () => {
  const { der } = root.certificate;
  expect(withoutTrustNotes(Uint8Array.from([...der, 0x30, 0]))).toEqual(der);
  expect(withoutTrustNotes(der)).toEqual(der);
});

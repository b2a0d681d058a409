import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import { Tag } from '../../src/der/reader.ts';
import {
  bitString,
  boolean,
  concat,
  encode,
  explicit,
  generalizedTime,
  implicit,
  integer,
  nullValue,
  octetString,
  oid,
  printableString,
  sequence,
  time,
  unsignedIntegerContent,
} from '../../src/der/writer.ts';
import {
  fingerprint,
  parseCertificate,
  readCertificates,
  serialFromHex,
  serialHex,
} from '../../src/x509/certificate.ts';
import { formatName } from '../../src/x509/name.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { hex } from '../der/hex.ts';
import { expectMalformed } from '../der/refuses.ts';
import { algorithm, certificateDer, extension, nameDer, now, publicKey, signed, withExtensions } from './build.ts';

const v1 = { version: [] };
const v2 = { version: [explicit(0, integer(1))] };
const unknown = extension('1.2.3.4', hex('0500'));
const tagged = (...contents: Uint8Array[]): Uint8Array[] => [explicit(3, sequence(...contents))];

describe('parseCertificate', () => {
  test('reads every field', () => {
    const der = withExtensions(extension('1.2.3.4', hex('deadbeef'), true), extension('1.2.3.5', hex('00')));
    const certificate = parseCertificate(der);
    expect(certificate).toMatchObject({
      der,
      version: 3,
      serialNumber: hex('1234'),
      signatureAlgorithm: { oid: oids.ecdsaWithSha256, parameters: undefined, der: algorithm },
      tbsSignatureAlgorithm: { oid: oids.ecdsaWithSha256 },
      notBefore: now,
      notAfter: now + 1000,
      notBeforeTag: Tag.utcTime,
      subjectPublicKeyInfo: { der: publicKey, algorithm: { oid: oids.ecPublicKey, parameters: oid(oids.secp256r1) } },
      issuerUniqueID: undefined,
      extensions: [
        { oid: '1.2.3.4', critical: true, value: hex('deadbeef') },
        { oid: '1.2.3.5', critical: false, value: hex('00') },
      ],
      signature: hex('010203'),
    });
    expect([formatName(certificate.issuer), formatName(certificate.subject)]).toEqual(['CN=issuer', 'CN=subject']);
    expect(sequence(certificate.tbs, algorithm, bitString(certificate.signature))).toEqual(der);
  });

  test('tells where an extension value begins', () => {
    const der = withExtensions(unknown);
    const [first] = parseCertificate(der).extensions;
    expect(der.subarray(first!.offset, first!.offset + 2)).toEqual(hex('0500'));
  });

  test.each<[string, Parameters<typeof certificateDer>[0], object]>([
    ['version 1', v1, { version: 1, extensions: [] }],
    [
      'version 2 with unique identifiers',
      { ...v2, uniqueIds: [implicit(1, hex('00aa')), implicit(2, hex('00bb'))] },
      { version: 2, issuerUniqueID: hex('aa'), subjectUniqueID: hex('bb') },
    ],
    ['a negative serial number', { serialNumber: [integer(-5)] }, { serialNumber: hex('fb') }],
    [
      'a serial number of 21 octets',
      { serialNumber: [integer(2n ** 160n)] },
      { serialNumber: hex(`01${'00'.repeat(20)}`) },
    ],
    ['the serial number 0', { serialNumber: [integer(0)] }, { serialNumber: hex('00') }],
    [
      'GeneralizedTime before 2050, and tells',
      { validity: [sequence(generalizedTime(now), time(now))] },
      { notBefore: now, notBeforeTag: Tag.generalizedTime, notAfterTag: Tag.utcTime },
    ],
    ['an empty subject', { subject: [sequence()] }, {}],
  ])('reads %s', (_, parts, expected) => {
    expect(parseCertificate(certificateDer(parts))).toMatchObject(expected);
  });

  test.each<[string, Parameters<typeof certificateDer>[0], RegExp]>([
    ['version 1 encoded', { version: [explicit(0, integer(0))] }, /DEFAULT v1 is encoded/],
    ['version 4', { version: [explicit(0, integer(3))] }, /INTEGER is over 2/],
    ['a version of no INTEGER', { version: [explicit(0, nullValue())] }, /version: not an INTEGER/],
    ['two versions', { version: [explicit(0, integer(2), integer(2))] }, /version: trailing bytes/],
    ['no serial number', { serialNumber: [] }, /serialNumber: has SEQUENCE/],
    ['a padded serial number', { serialNumber: [encode(Tag.integer, hex('0001'))] }, /not minimal/],
    [
      'an algorithm with more than parameters',
      { signature: [sequence(oid('1.2.3'), nullValue(), nullValue())] },
      /signature: unexpected NULL/,
    ],
    [
      'an algorithm with a broken parameter',
      { signature: [sequence(oid('1.2.3'), encode(Tag.sequence, hex('0402')))] },
      /reaches past the end|truncated/,
    ],
    ['an issuer that is no Name', { issuer: [nullValue()] }, /issuer: not a SEQUENCE/],
    ['three dates', { validity: [sequence(time(now), time(now), time(now))] }, /validity: unexpected UTCTime/],
    ['one date', { validity: [sequence(time(now))] }, /notAfter: truncated/],
    ['a date of text', { validity: [sequence(printableString('x'), time(now))] }, /neither UTCTime nor/],
    ['a key of odd bits', { publicKey: [sequence(algorithm, bitString(hex('80'), 7))] }, /not of whole octets/],
    [
      'unique identifiers in version 1',
      { ...v1, uniqueIds: [implicit(1, hex('00aa'))] },
      /unique identifier in a certificate of version 1/,
    ],
    ['extensions in version 1', { ...v1, extensions: tagged(unknown) }, /extensions in a certificate of version 1/],
    ['extensions in version 2', { ...v2, extensions: tagged(unknown) }, /extensions in a certificate of version 2/],
    ['no extension in extensions', { extensions: tagged() }, /extensions: empty/],
    ['an extension twice', { extensions: tagged(unknown, extension('1.2.3.5', hex('')), unknown) }, /1\.2\.3\.4 twice/],
    [
      'critical FALSE encoded',
      { extensions: tagged(sequence(oid('1.2.3'), boolean(false), octetString(hex('')))) },
      /DEFAULT FALSE is encoded/,
    ],
    [
      'critical 01',
      { extensions: tagged(sequence(oid('1.2.3'), hex('010101'), octetString(hex('')))) },
      /neither 00 nor FF/,
    ],
    ['an extension without value', { extensions: tagged(sequence(oid('1.2.3'))) }, /extnValue: is missing/],
    [
      'an extension with two values',
      { extensions: tagged(sequence(oid('1.2.3'), octetString(hex('')), octetString(hex('')))) },
      /unexpected OCTET STRING/,
    ],
    [
      'something after the extensions',
      { extensions: tagged(unknown), after: [nullValue()] },
      /tbsCertificate: unexpected NULL/,
    ],
    ['extensions twice', { extensions: [...tagged(unknown), ...tagged(unknown)] }, /tbsCertificate: unexpected \[3\]/],
    [
      '257 extensions',
      { extensions: tagged(...Array.from({ length: 257 }, (__, i) => extension(`1.2.${i}`, hex('')))) },
      /more than 256/,
    ],
  ])('refuses %s', (_, parts, message) => {
    expectMalformed(() => parseCertificate(certificateDer(parts)), message);
  });

  test.each<[string, Uint8Array, RegExp, number | undefined]>([
    ['nothing', new Uint8Array(), /certificate: truncated/, 0],
    ['an INTEGER', integer(1), /not a SEQUENCE/, 0],
    ['a trailing octet', concat(certificateDer(), hex('00')), /trailing bytes/, certificateDer().length],
    [
      'a fourth field',
      sequence(...[1, 2, 3].map(() => algorithm), nullValue()),
      /version|serialNumber|signatureValue/,
      undefined,
    ],
    [
      'a signature of odd bits',
      sequence(certificateDer().subarray(0, 0), sequence(), algorithm, bitString(hex('80'), 7)),
      /not of whole octets/,
      undefined,
    ],
    ['input over 4 MiB', new Uint8Array(4 * 1024 * 1024 + 1), /larger than 4 MiB/, undefined],
  ])('refuses %s', (_, der, message, offset) => {
    expectMalformed(() => parseCertificate(der), message, offset);
  });

  test('offsets count from the start of the file', () => {
    const der = signed(sequence(explicit(0, integer(0))));
    expectMalformed(() => parseCertificate(der), /DEFAULT v1/, 6);
  });
});

describe('serial numbers', () => {
  test.each([
    ['1234', '1234'],
    ['0080', '80'],
    ['00', '00'],
    ['7f', '7f'],
    ['ff', '-01'],
    ['80', '-80'],
    ['ff7f', '-81'],
  ])('%s is printed %s', (content, text) => {
    expect(serialHex(hex(content))).toBe(text);
  });

  test('round trip through hex', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), bytes => {
        const content = unsignedIntegerContent(bytes);
        expect(serialFromHex(serialHex(content))).toEqual(content);
      }),
    );
  });
});

test('fingerprint is SHA-256 in lower-case hex', () => {
  expect(fingerprint(new Uint8Array())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});

describe('readCertificates', () => {
  const der = certificateDer();
  const other = certificateDer({ subject: [nameDer('other')] });
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

  test('reads DER', () => {
    expect(readCertificates(der).map(c => c.der)).toEqual([der]);
  });

  test('reads all certificates of a PEM file in order, and passes over other blocks', () => {
    const file = bytes(
      encodePem('CERTIFICATE', der) + encodePem('PRIVATE KEY', hex('3000')) + encodePem('CERTIFICATE', other),
    );
    expect(readCertificates(file).map(c => formatName(c.subject))).toEqual(['CN=subject', 'CN=other']);
  });

  test('refuses a PEM file without certificate', () => {
    expectMalformed(() => readCertificates(bytes(encodePem('X509 CRL', der))), 'no CERTIFICATE block');
  });

  test('refuses a file where one certificate is broken', () => {
    const file = bytes(encodePem('CERTIFICATE', der) + encodePem('CERTIFICATE', other.subarray(1)));
    expectMalformed(() => readCertificates(file), /certificate/);
  });
});

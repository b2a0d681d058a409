import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import { Tag } from '../../src/der/reader.ts';
import {
  boolean,
  encode,
  enumerated,
  explicit,
  generalizedTime,
  implicit,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  time,
  unsignedIntegerContent,
} from '../../src/der/writer.ts';
import { findRevoked, parseCrl, readCrls } from '../../src/x509/crl.ts';
import { assembleSigned, encodeTbsCrl } from '../../src/x509/crl-writer.ts';
import type { CrlWriterEntry } from '../../src/x509/crl-writer.ts';
import { authorityKeyIdentifier, crlNumber, invalidityDate, reasonCode } from '../../src/x509/extensions.ts';
import { formatName, parseName } from '../../src/x509/name.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { hex } from '../der/hex.ts';
import { expectMalformed } from '../der/refuses.ts';
import { algorithm, crlDer, extension, nameDer, now } from './build.ts';
import { growth, linear } from '../growth.ts';

const entry = (serial: bigint | number, ...extensions: Uint8Array[]): Uint8Array =>
  sequence(integer(serial), time(now), ...(extensions.length === 0 ? [] : [sequence(...extensions)]));
const reason = (code: number): Uint8Array => extension(oids.reasonCode, enumerated(code));
const issuedBy = (name: string): Uint8Array =>
  extension(oids.certificateIssuer, sequence(explicit(4, nameDer(name))), true);
const revoked = (...entries: Uint8Array[]): Uint8Array => crlDer({ revoked: [sequence(...entries)] });
const v1 = { version: [] };

describe('parseCrl', () => {
  test('reads every field', () => {
    const der = crlDer({
      revoked: [sequence(entry(5, reason(1)), entry(300))],
      extensions: [explicit(0, sequence(extension(oids.cRLNumber, integer(9))))],
    });
    const crl = parseCrl(der);
    expect(crl).toMatchObject({
      der,
      version: 2,
      thisUpdate: now,
      nextUpdate: now + 1000,
      thisUpdateTag: Tag.utcTime,
      revokedCount: 2,
      signature: hex('010203'),
    });
    expect(formatName(crl.issuer)).toBe('CN=issuer');
    expect(crlNumber(crl)).toBe(9n);
    expect([...crl.entries()].map(e => [e.serialNumber, e.revocationDate, reasonCode(e)])).toEqual([
      [hex('05'), now, 1],
      [hex('012c'), now, undefined],
    ]);
  });

  test('reads entries twice over', () => {
    const crl = parseCrl(revoked(entry(1), entry(2)));
    const entries = crl.entries();
    expect([[...entries].length, [...entries].length]).toEqual([2, 2]);
  });

  test.each<[string, Parameters<typeof crlDer>[0], object]>([
    [
      'a CRL without nextUpdate, entries and all',
      { nextUpdate: [], revoked: [sequence(entry(5))] },
      { nextUpdate: undefined, revokedCount: 1 },
    ],
    ['version 1', { ...v1, revoked: [sequence(entry(5))] }, { version: 1, revokedCount: 1 }],
    ['no entries', {}, { revokedCount: 0 }],
    ['an empty list of entries', { revoked: [sequence()] }, { revokedCount: 0 }],
    [
      'GeneralizedTime',
      { thisUpdate: [generalizedTime(now)] },
      { thisUpdate: now, thisUpdateTag: Tag.generalizedTime },
    ],
  ])('reads %s', (_, parts, expected) => {
    expect(parseCrl(crlDer(parts))).toMatchObject(expected);
  });

  test.each<[string, Parameters<typeof crlDer>[0], RegExp]>([
    ['v1 encoded', { version: [integer(0)] }, /v1 is encoded/],
    ['version 3', { version: [integer(2)] }, /over 1/],
    [
      'extensions in version 1',
      { ...v1, extensions: [explicit(0, sequence(extension('1.2', hex(''))))] },
      /extensions in a CRL of version 1/,
    ],
    [
      'entry extensions in version 1',
      { ...v1, revoked: [sequence(entry(5, reason(1)))] },
      /entry extensions in a CRL of version 1/,
    ],
    ['a NULL for thisUpdate', { thisUpdate: [nullValue()] }, /neither UTCTime nor/],
    ['a third date', { nextUpdate: [time(now), time(now)] }, /unexpected UTCTime/],
    ['an entry that is no SEQUENCE', { revoked: [sequence(integer(5))] }, /revokedCertificates: not a SEQUENCE/],
    ['an entry without date', { revoked: [sequence(sequence(integer(5)))] }, /revocationDate: truncated/],
    [
      'an entry with a padded serial number',
      { revoked: [sequence(sequence(hex('02020005'), time(now)))] },
      /not minimal/,
    ],
    ['an entry without serial number', { revoked: [sequence(sequence(hex('0200'), time(now)))] }, /INTEGER is empty/],
    [
      'an entry with a date that is none',
      { revoked: [sequence(sequence(integer(5), encode(Tag.utcTime, Buffer.from('261301000000Z'))))] },
      /not of the exact form/,
    ],
    [
      'an entry with empty extensions',
      { revoked: [sequence(sequence(integer(5), time(now), sequence()))] },
      /crlEntryExtensions: empty/,
    ],
    [
      'an entry with something after',
      { revoked: [sequence(sequence(integer(5), time(now), nullValue()))] },
      /unexpected NULL/,
    ],
    ['an entry with an extension twice', { revoked: [sequence(entry(5, reason(1), reason(2)))] }, /twice/],
    [
      'an entry with critical FALSE',
      {
        revoked: [
          sequence(
            sequence(integer(5), time(now), sequence(sequence(oid('1.2'), boolean(false), octetString(hex(''))))),
          ),
        ],
      },
      /DEFAULT FALSE/,
    ],
    ['an entry that reaches past the list', { revoked: [encode(Tag.sequence, hex('3020 020105'))] }, /reaches past/],
    [
      'an entry with a long length for a short one',
      { revoked: [encode(Tag.sequence, hex('308112'), entry(5).subarray(2))] },
      /not minimal/,
    ],
    [
      'extensions twice',
      { extensions: [explicit(0, sequence(extension('1.2', hex('')), extension('1.2', hex(''))))] },
      /twice/,
    ],
    ['something at the end', { after: [nullValue()] }, /tbsCertList: unexpected NULL/],
  ])('refuses %s', (_, parts, message) => {
    expectMalformed(() => parseCrl(crlDer(parts)), message);
  });

  test('tells the octet of a bad entry among many', () => {
    const der = revoked(entry(1), entry(2), sequence(hex('02020005'), time(now)));
    expectMalformed(() => parseCrl(der), /not minimal/, Buffer.from(der).indexOf(Buffer.from('02020005', 'hex')));
  });
});

describe('find', () => {
  const many = parseCrl(
    revoked(...Array.from({ length: 500 }, (_, i) => entry(i * 7 + 1, ...(i % 2 === 0 ? [reason(1)] : [])))),
  );

  test('finds each serial number, at the first lookup and after', () => {
    for (let i = 0; i < 500; i++)
      expect(many.find(unsignedIntegerContent(hex((i * 7 + 1).toString(16).padStart(4, '0'))))).toBeDefined();
    expect(parseCrl(many.der).find(hex('08'))?.serialNumber).toEqual(hex('08'));
  });

  test('finds no other', () => {
    for (const serial of ['00', '02', '0001', '0801', 'f8', 'ff', '']) expect(many.find(hex(serial))).toBeUndefined();
  });

  test('finds entries of every length', () => {
    const long = 2n ** 1100n + 5n;
    const crl = parseCrl(revoked(entry(long), entry(-3), entry(7, extension('1.2.3', new Uint8Array(300)))));
    for (let round = 0; round < 3; round++) {
      expect([...crl.entries()].map(e => crl.find(e.serialNumber)?.serialNumber)).toEqual(
        [...crl.entries()].map(e => e.serialNumber),
      );
    }
  });

  test('finds all entries with a serial number in their order', () => {
    const crl = parseCrl(revoked(entry(5, reason(1)), entry(6), entry(5, reason(3))));
    for (let round = 0; round < 3; round++) expect(crl.findAll(hex('05')).map(e => reasonCode(e))).toEqual([1, 3]);
  });

  test('is searched no slower where all entries have one serial number', () => {
    const crls = new Map(
      [5000, 20_000].map(size => [size, revoked(...Array.from({ length: size }, () => entry(5)))] as const),
    );
    const search = (size: number): void => {
      const crl = parseCrl(crls.get(size) ?? new Uint8Array());
      for (let round = 0; round < 20; round++) expect(crl.find(hex('06'))).toBeUndefined();
    };
    expect(growth(search, 5000)).toBeLessThan(linear);
  });

  test('finds nothing in a CRL without entries', () => {
    const crl = parseCrl(crlDer());
    expect([crl.find(hex('05')), crl.findAll(hex('05')), [...crl.entries()]]).toEqual([undefined, [], []]);
  });
});

describe('findRevoked', () => {
  const name = (commonName: string): ReturnType<typeof parseName> => parseName(nameDer(commonName));
  const indirect = [
    explicit(0, sequence(extension(oids.issuingDistributionPoint, sequence(implicit(4, hex('ff'))), true))),
  ];

  test('finds only for the issuer of the CRL', () => {
    const crl = parseCrl(revoked(entry(5)));
    expect(findRevoked(crl, hex('05'), name('ISSUER'))).toBeDefined();
    expect(findRevoked(crl, hex('05'), name('other'))).toBeUndefined();
  });

  test('follows certificateIssuer through an indirect CRL', () => {
    const crl = parseCrl(
      crlDer({
        revoked: [sequence(entry(1), entry(2, issuedBy('b')), entry(3), entry(4, issuedBy('c')), entry(2))],
        extensions: indirect,
      }),
    );
    const found = ['issuer', 'b', 'c'].map(issuer =>
      [1, 2, 3, 4].filter(serial => findRevoked(crl, Uint8Array.of(serial), name(issuer)) !== undefined),
    );
    expect(found).toEqual([[1], [2, 3], [2, 4]]);
  });
});

describe('readCrls', () => {
  test('reads DER, and all CRLs of a PEM file', () => {
    const der = revoked(entry(5));
    const file = Buffer.from(encodePem('X509 CRL', der) + encodePem('X509 CRL', crlDer()));
    expect(readCrls(file).map(crl => crl.revokedCount)).toEqual([1, 0]);
    expect(readCrls(der)).toHaveLength(1);
  });

  test('refuses a PEM file without CRL', () => {
    expectMalformed(() => readCrls(Buffer.from(encodePem('CERTIFICATE', crlDer()))), 'no X509 CRL block');
  });
});

describe('encodeTbsCrl', () => {
  const write = (entries: Iterable<CrlWriterEntry>): Uint8Array =>
    assembleSigned(
      encodeTbsCrl({
        signatureAlgorithm: algorithm,
        issuer: nameDer('ca'),
        thisUpdate: now,
        nextUpdate: now + 86_400_000,
        number: 2n ** 70n,
        authorityKeyIdentifier: hex('0102'),
        entries,
      }),
      algorithm,
      hex('aa'),
    );

  test('writes what parseCrl reads', () => {
    const seconds = fc.integer({ min: -2_000_000_000, max: 4_000_000_000 }).map(s => s * 1000);
    const written = fc.record({
      serialNumber: fc.uint8Array({ minLength: 1, maxLength: 40 }).map(unsignedIntegerContent),
      revocationDate: seconds,
      reason: fc.constantFrom(undefined, 1, 2, 3, 4, 5, 6, 8, 9, 10),
      invalidityDate: fc.option(seconds, { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(written, { maxLength: 30 }), entries => {
        const crl = parseCrl(write(entries));
        const read = Array.from(crl.entries(), e => ({
          serialNumber: e.serialNumber,
          revocationDate: e.revocationDate,
          reason: reasonCode(e),
          invalidityDate: invalidityDate(e),
        }));
        expect(read).toEqual(entries);
        for (const { serialNumber } of entries) expect(crl.find(serialNumber)).toBeDefined();
      }),
    );
  });

  test('writes number and key identifier of the issuer, and no list where nothing is revoked', () => {
    const crl = parseCrl(write([]));
    expect(crl).toMatchObject({ version: 2, thisUpdate: now, nextUpdate: now + 86_400_000, revokedCount: 0 });
    expect(crlNumber(crl)).toBe(2n ** 70n);
    expect(authorityKeyIdentifier(crl)).toMatchObject({ keyIdentifier: hex('0102'), authorityCertIssuer: undefined });
    expect(Buffer.from(crl.der).indexOf(Buffer.from('3000', 'hex'))).toBe(-1);
  });

  test('leaves the reason unspecified out', () => {
    const [read] = parseCrl(write([{ serialNumber: hex('05'), revocationDate: now, reason: 0 }])).entries();
    expect(read?.extensions).toEqual([]);
  });

  test('writes the longest entry there can be', () => {
    const longest = {
      serialNumber: hex(`7f${'ff'.repeat(63)}`),
      revocationDate: Date.parse('2060-01-01'),
      reason: 1,
      invalidityDate: now,
    };
    const crl = parseCrl(write(Array.from({ length: 20_000 }, () => longest)));
    expect(crl.revokedCount).toBe(20_000);
  });

  test.each<[string, CrlWriterEntry]>([
    ['an empty serial number', { serialNumber: hex(''), revocationDate: now }],
    ['a padded serial number', { serialNumber: hex('0001'), revocationDate: now }],
    ['a serial number of 65 octets', { serialNumber: new Uint8Array(65).fill(1), revocationDate: now }],
    ['reason 7', { serialNumber: hex('01'), revocationDate: now, reason: 7 }],
    ['no date', { serialNumber: hex('01'), revocationDate: NaN }],
  ])('refuses to write %s', (_, bad) => {
    expect(() => write([bad])).toThrow(RangeError);
  });

  test('a million entries are written, read and searched', () => {
    function* entries(): Generator<CrlWriterEntry> {
      for (let i = 0; i < 1_000_000; i++) {
        yield {
          serialNumber: Uint8Array.of(0x40, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, i >> 16, i >> 8, i),
          revocationDate: now + i * 1000,
          reason: i % 3,
        };
      }
    }
    const crl = parseCrl(write(entries()));
    expect(crl.revokedCount).toBe(1_000_000);
    const last = Uint8Array.of(0x40, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 999_999 >> 16, 999_999 >> 8, 999_999);
    for (let i = 0; i < 100; i++) expect(crl.find(last)?.revocationDate).toBe(now + 999_999_000);
  });
});

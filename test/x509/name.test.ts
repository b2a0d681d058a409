import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MtlsctlError } from '../../src/errors.ts';
import { oids } from '../../src/der/object-identifiers.ts';
import { Tag } from '../../src/der/reader.ts';
import { encode, integer, nullValue, oid, printableString, sequence, setOf, utf8String } from '../../src/der/writer.ts';
import {
  appendRdn,
  commonName,
  formatName,
  isEmptyName,
  nameKey,
  namesMatch,
  parseDistinguishedName,
  parseName,
} from '../../src/x509/name.ts';
import type { Name } from '../../src/x509/name.ts';
import { hex } from '../der/hex.ts';
import { expectMalformed } from '../der/refuses.ts';

const attribute = (type: string, value: Uint8Array): Uint8Array => sequence(oid(type), value);
const cn = (value: Uint8Array | string): Uint8Array =>
  attribute(oids.commonName, typeof value === 'string' ? utf8String(value) : value);
const name = (...rdns: Uint8Array[]): Name => parseName(sequence(...rdns));
const named = (value: Uint8Array | string): Name => name(setOf(cn(value)));
const text = (distinguishedName: string): string => formatName(parseName(parseDistinguishedName(distinguishedName)));

describe('readName', () => {
  test('reads attributes as encoded, the most general first', () => {
    const read = name(
      setOf(attribute(oids.organizationName, printableString('Link'))),
      setOf(cn('a'), attribute(oids.userId, utf8String('b'))),
    );
    expect(read.rdns).toEqual([
      [{ type: oids.organizationName, tag: Tag.printableString, value: 'Link', der: printableString('Link') }],
      [
        { type: oids.commonName, tag: Tag.utf8String, value: 'a', der: utf8String('a') },
        { type: oids.userId, tag: Tag.utf8String, value: 'b', der: utf8String('b') },
      ],
    ]);
    expect(commonName(read)).toBe('a');
    expect(isEmptyName(read)).toBe(false);
  });

  test('reads values that are no text', () => {
    const read = named(integer(5));
    expect(read.rdns[0]?.[0]).toMatchObject({ tag: Tag.integer, value: '#020105' });
    expect(formatName(read)).toBe('CN=#020105');
    expect(commonName(read)).toBeUndefined();
  });

  test('reads the empty name', () => {
    expect(isEmptyName(name())).toBe(true);
    expect(formatName(name())).toBe('');
  });

  const backwards = encode(Tag.set, cn('b'), cn('a'));
  test.each<[string, Uint8Array, RegExp]>([
    ['a SET for the SEQUENCE', setOf(), /Name: not a SEQUENCE/],
    ['a SEQUENCE for a SET', sequence(sequence(cn('a'))), /has SEQUENCE where SET/],
    ['an empty RelativeDistinguishedName', sequence(setOf()), /RelativeDistinguishedName is empty/],
    ['a SET that is not in order', sequence(backwards), /SET OF is not in order/],
    ['an attribute without value', sequence(setOf(sequence(oid('2.5.4.3')))), /attribute value: truncated/],
    [
      'an attribute with two values',
      sequence(setOf(sequence(oid('2.5.4.3'), utf8String('a'), nullValue()))),
      /unexpected NULL/,
    ],
    [
      'PrintableString with *',
      sequence(setOf(cn(encode(Tag.printableString, hex('2a'))))),
      /not allowed in PrintableString/,
    ],
    ['broken UTF-8', sequence(setOf(cn(encode(Tag.utf8String, hex('ff'))))), /invalid UTF-8/],
    [
      'a padded attribute type',
      sequence(setOf(sequence(hex('06038055 04'.replace(' ', '')), nullValue()))),
      /not minimal/,
    ],
    ['a value with a broken inside', sequence(setOf(cn(encode(Tag.sequence, hex('0402'))))), /truncated|reaches/],
    ['1001 attributes', sequence(...Array.from({ length: 1001 }, () => setOf(cn('a')))), /more than 1000 attributes/],
  ])('refuses %s', (_, der, message) => {
    expectMalformed(() => parseName(der), message);
  });
});

describe('formatName', () => {
  test.each<[string, string]>([
    ['a,b', 'CN=a\\,b'],
    ['a+b"c\\d<e>f;g', 'CN=a\\+b\\"c\\\\d\\<e\\>f\\;g'],
    ['a=b', 'CN=a=b'],
    ['#a', 'CN=\\#a'],
    ['a#', 'CN=a#'],
    [' a ', 'CN=\\ a\\ '],
    [' ', 'CN=\\ '],
    ['  ', 'CN=\\ \\ '],
    ['a b', 'CN=a b'],
    ['', 'CN='],
    ['é日𝄞', 'CN=é日𝄞'],
    ['a\0b', 'CN=a\\00b'],
    ['\x1b[31mred\x07', 'CN=\\1B[31mred\\07'],
    ['a\r\nb\tc\x7f', 'CN=a\\0D\\0Ab\\09c\\7F'],
    ['\x9b31m', 'CN=\\C2\\9B31m'],
    ['\u202egnp.exe', 'CN=\\E2\\80\\AEgnp.exe'],
    ['a\u2066b\u200b\ufeff\u2028', 'CN=a\\E2\\81\\A6b\\E2\\80\\8B\\EF\\BB\\BF\\E2\\80\\A8'],
    ['\u{e0041}', 'CN=\\F3\\A0\\81\\81'],
  ])('writes %j as %s', (value, expected) => {
    expect(formatName(named(value))).toBe(expected);
  });

  test('writes the most specific first, and attributes of one RDN with + in the order of DER', () => {
    expect(text('CN=user-svc.link.internal+UID=7,O=Link,C=SE')).toBe('UID=7+CN=user-svc.link.internal,O=Link,C=SE');
  });

  test('writes types without keyword as RFC 4514 wants', () => {
    expect(formatName(name(setOf(attribute('1.2.3', utf8String('a')))))).toBe('1.2.3=#0c0161');
  });

  test('lets no control character through, whatever the value', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter(value => !/\p{Cs}/u.test(value)),
        value => {
          expect(formatName(named(value))).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        },
      ),
    );
  });
});

describe('parseDistinguishedName', () => {
  test.each<[string, string]>([
    ['CN=a,O=b', 'CN=a,O=b'],
    [' cn = a , o = b ', 'CN=a,O=b'],
    ['commonName=a', 'CN=a'],
    ['2.5.4.3=a', 'CN=a'],
    ['OID.2.5.4.3=a', 'CN=a'],
    ['CN=a\\,b', 'CN=a\\,b'],
    ['CN=a\\2Cb', 'CN=a\\,b'],
    ['CN=\\C3\\A9', 'CN=é'],
    ['CN=a\\ ', 'CN=a\\ '],
    ['CN=\\ \\ a', 'CN=\\  a'],
    ['CN=a\\\\', 'CN=a\\\\'],
    ['CN=a\\\\ ', 'CN=a\\\\'],
    ['CN=\\#a', 'CN=\\#a'],
    ['CN=#0c0161', 'CN=a'],
    ['1.2.3=#0c0161', '1.2.3=#0c0161'],
    ['CN=a=b', 'CN=a=b'],
    ['emailAddress=a@b.example,DC=link,DC=internal', 'emailAddress=a@b.example,DC=link,DC=internal'],
    ['', ''],
  ])('reads %j', (input, expected) => {
    expect(text(input)).toBe(expected);
  });

  test('encodes each attribute as RFC 5280 has it', () => {
    const { rdns } = parseName(parseDistinguishedName('emailAddress=a@b,serialNumber=7,O=Link,C=SE'));
    expect(rdns.flat().map(a => a.tag)).toEqual([
      Tag.printableString,
      Tag.utf8String,
      Tag.printableString,
      Tag.ia5String,
    ]);
  });

  test.each<[string, RegExp]>([
    ['a', /no '='/],
    ['CN=a,', /no '='/],
    [',CN=a', /no '='/],
    ['CN=a+', /no '='/],
    ['XX=a', /unknown attribute type "XX"/],
    ['1.2.a=b', /unknown attribute type/],
    ['=a', /unknown attribute type/],
    ['CN=', /CN is empty/],
    ['CN=a"b', /unescaped special/],
    ['CN=a;O=b', /unescaped special/],
    ['CN=<a>', /unescaped special/],
    ['CN=a\\', /bad escape|unescaped/],
    ['CN=\\x', /bad escape/],
    ['CN=\\C3', /no UTF-8/],
    ['CN=\\00', /control character/],
    ['CN=a\x1b[31m', /control character/],
    ['CN=\u202ea', /control character/],
    ['CN=#0', /bad hex/],
    ['CN=#', /bad hex/],
    ['CN=#0c0261', /no DER/],
    ['CN=#0c011b', /control character/],
    ['CN=#13012a', /no DER/],
    ['C=SWE', /3 characters, at most 2/],
    ['C=S', /two letters/],
    ['C=1é', /two letters/],
    ['serialNumber=a@b', /PrintableString/],
    ['DC=é', /ASCII/],
    [`CN=${'a'.repeat(65)}`, /65 characters, at most 64/],
    [`O=${'é'.repeat(65)}`, /65 characters, at most 64/],
    [`CN=${'a'.repeat(9000)}`, /longer than 8192/],
  ])('refuses %j', (input, message) => {
    expect(() => parseDistinguishedName(input)).toThrow(message);
    expect(() => parseDistinguishedName(input)).toThrow(MtlsctlError);
  });

  test('counts characters, not octets', () => {
    expect(text(`CN=${'𝄞'.repeat(64)}`)).toBe(`CN=${'𝄞'.repeat(64)}`);
  });

  test.each([' ', '  ', '\u3000', 'a\u00a0', '\\', '\\ ', ' \\ ', '# ', 'a\\ ', ' #'])(
    'reads back the value %j',
    value => {
      const der = sequence(setOf(attribute(oids.commonName, utf8String(value))));
      expect(parseDistinguishedName(formatName(parseName(der)))).toEqual(der);
    },
  );

  test('reads back what formatName writes', () => {
    const clean = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter(value => !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/u.test(value) && Array.from(value).length <= 64);
    const type = fc.constantFrom(oids.commonName, oids.organizationName, oids.localityName, oids.userId, '1.2.3.4');
    const rdn = fc.array(fc.tuple(type, clean), { minLength: 1, maxLength: 2 });
    fc.assert(
      fc.property(fc.array(rdn, { maxLength: 4 }), rdns => {
        const der = sequence(
          ...rdns.map(pairs => setOf(...pairs.map(([t, value]) => attribute(t, utf8String(value))))),
        );
        expect(parseDistinguishedName(formatName(parseName(der)))).toEqual(der);
      }),
    );
  });

  test('throws nothing but bad-value', () => {
    const piece = fc.constantFrom('CN', 'O', '=', ',', '+', '\\', '"', '#', '0c', 'a', ' ', '\\2C', 'é', '1.2');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), pieces => {
        try {
          parseName(parseDistinguishedName(pieces.join('')));
        } catch (error) {
          expect(error).toMatchObject({ code: 'bad-value' });
        }
      }),
    );
  });
});

describe('namesMatch', () => {
  test.each<[string, Name, Name, boolean]>([
    ['the same octets', named('a'), named('a'), true],
    ['another case', named('Link Root'), named('LINK ROOT'), true],
    ['another case outside ASCII', named('ÉTÉ'), named('été'), true],
    ['ß and ss', named('Straße'), named('STRASSE'), true],
    ['more white space', named(' Link   Root '), named('Link Root'), true],
    ['another string type', named(printableString('Link')), named('Link'), true],
    ['another normal form', named('e\u0301'), named('\u00e9'), true],
    ['another text', named('a'), named('b'), false],
    ['white space or none', named('LinkRoot'), named('Link Root'), false],
    ['an invisible character more', named('Li\u200bnk'), named('Link'), false],
    ['another type', named('a'), name(setOf(attribute(oids.organizationName, utf8String('a')))), false],
    ['one RDN more', named('a'), name(setOf(cn('a')), setOf(cn('a'))), false],
    ['two RDNs or one of two', name(setOf(cn('a')), setOf(cn('b'))), name(setOf(cn('a'), cn('b'))), false],
    ['another order of RDNs', name(setOf(cn('a')), setOf(cn('b'))), name(setOf(cn('b')), setOf(cn('a'))), false],
    ['an INTEGER and its hex as text', named(integer(5)), named('#020105'), false],
    ['an RDN of two in another case', name(setOf(cn('a'), cn('B'))), name(setOf(cn('A'), cn('b'))), true],
    ['empty names', name(), name(), true],
    ['an empty name and another', name(), named('a'), false],
  ])('%s: %#', (_, a, b, expected) => {
    expect(namesMatch(a, b)).toBe(expected);
    expect(nameKey(a) === nameKey(b)).toBe(expected);
  });
});

test('appendRdn puts one more RelativeDistinguishedName at the end', () => {
  expect(formatName(appendRdn(named('issuer'), setOf(cn('crl1'))))).toBe('CN=crl1,CN=issuer');
});

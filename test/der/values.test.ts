import { describe, expect, test } from 'vitest';
import type { Element } from '../../src/der/reader.ts';
import { Tag, readElement } from '../../src/der/reader.ts';
import {
  hexOf,
  readBitString,
  readBoolean,
  readInteger,
  readIntegerBytes,
  readNamedBits,
  readNull,
  readOid,
  readSmallInteger,
  readText,
  readTime,
  readTrue,
  readWholeBitString,
} from '../../src/der/values.ts';
import { encode } from '../../src/der/writer.ts';
import { hex } from './hex.ts';
import { expectMalformed } from './refuses.ts';

const element = (bytes: string): Element => readElement(hex(bytes));
const ascii = (tag: number, text: string): Element => readElement(encode(tag, new TextEncoder().encode(text)));

test.each<[string, (e: Element) => unknown, string, unknown]>([
  ['BOOLEAN false', readBoolean, '010100', false],
  ['BOOLEAN true', readBoolean, '0101ff', true],
  ['INTEGER 0', readInteger, '020100', 0n],
  ['INTEGER 127', readInteger, '02017f', 127n],
  ['INTEGER 128', readInteger, '02020080', 128n],
  ['INTEGER -1', readInteger, '0201ff', -1n],
  ['INTEGER -128', readInteger, '020180', -128n],
  ['INTEGER -129', readInteger, '0202ff7f', -129n],
  ['INTEGER 2^64', readInteger, '0209010000000000000000', 2n ** 64n],
  ['small INTEGER 2^31 - 1', (e: Element) => readSmallInteger(e, 0x7fffffff), '02047fffffff', 0x7fffffff],
  ['OID 1.2.840.113549', readOid, '06062a864886f70d', '1.2.840.113549'],
  ['OID 2.5.29.15', readOid, '0603551d0f', '2.5.29.15'],
  ['OID 0.0', readOid, '060100', '0.0'],
  ['OID 1.39', readOid, '06014f', '1.39'],
  ['OID 2.0', readOid, '060150', '2.0'],
  ['OID 2.999.3', readOid, '0603883703', '2.999.3'],
  ['OID of a UUID', readOid, `06146982${'80'.repeat(17)}01`, `2.25.${2n ** 127n + 1n}`],
  ['BIT STRING without bits', readBitString, '030100', { unusedBits: 0, bytes: new Uint8Array() }],
  ['BIT STRING of 5 bits', readBitString, '030203a8', { unusedBits: 3, bytes: hex('a8') }],
  ['named bits 0 and 5', readNamedBits, '03020284', 0b100001],
  ['named bit 8', readNamedBits, '0303070080', 1 << 8],
  ['no named bits', readNamedBits, '030100', 0],
  ['IA5String', readText, '16026162', 'ab'],
  ['UTF8String', readText, '0c02c3a9', 'é'],
])('reads %s', (_, read, bytes, value) => {
  expect(read(element(bytes))).toEqual(value);
});

test.each<[string, (e: Element) => unknown, string, RegExp, number]>([
  ['BOOLEAN 01', readBoolean, '010101', /neither 00 nor FF/, 0],
  ['BOOLEAN without octet', readBoolean, '0100', /neither/, 0],
  ['BOOLEAN of two octets', readBoolean, '0102ffff', /neither/, 0],
  ['a DEFAULT FALSE', e => readTrue(e, 'cA'), '010100', /cA: DEFAULT FALSE is encoded/, 0],
  ['INTEGER without octets', readInteger, '0200', /empty/, 0],
  ['INTEGER padded with 00', readIntegerBytes, '0202007f', /not minimal/, 0],
  ['INTEGER padded with ff', readIntegerBytes, '0202ff80', /not minimal/, 0],
  ['small INTEGER padded', e => readSmallInteger(e, 9), '02020001', /not minimal/, 0],
  ['small INTEGER below 0', e => readSmallInteger(e, 9), '0201ff', /negative/, 0],
  ['small INTEGER above its limit', e => readSmallInteger(e, 9), '02010a', /over 9/, 0],
  ['small INTEGER of 5 octets', e => readSmallInteger(e, 0x7fffffff), '02050100000000', /over/, 0],
  ['OID without octets', readOid, '0600', /empty/, 0],
  ['OID cut short', readOid, '06022a86', /truncated/, 3],
  ['OID with a padded arc', readOid, '06042a808648', /not minimal/, 3],
  ['OID with a padded first arc', readOid, '0602802a', /not minimal/, 2],
  ['OID of 65 octets', readOid, `0641${'01'.repeat(65)}`, /over 64/, 0],
  ['NULL with content', readNull, '050100', /not empty/, 0],
  ['BIT STRING without octets', readBitString, '0300', /empty/, 0],
  ['BIT STRING with 8 unused', readBitString, '03020800', /unused count/, 2],
  ['BIT STRING with 1 unused of none', readBitString, '030101', /unused count/, 2],
  ['BIT STRING with unused bits set', readBitString, '03020181', /unused bits set/, 3],
  ['a key with unused bits', e => readWholeBitString(e, 'key'), '03020182', /not of whole octets/, 2],
  ['named bits with a trailing zero', readNamedBits, '03020680', /trailing zero bits/, 0],
  ['named bits with a trailing octet', readNamedBits, '0303008000', /trailing zero bits/, 0],
  ['named bits all zero', readNamedBits, '03020000', /trailing zero bits/, 0],
  ['named bits without end', readNamedBits, `030600${'ff'.repeat(5)}`, /more than 31/, 0],
])('refuses %s', (_, read, bytes, message, offset) => {
  expectMalformed(() => read(element(bytes)), message, offset);
});

describe('readTime', () => {
  test.each<[number, string, string]>([
    [Tag.utcTime, '700101000000Z', '1970-01-01T00:00:00Z'],
    [Tag.utcTime, '500101000000Z', '1950-01-01T00:00:00Z'],
    [Tag.utcTime, '491231235959Z', '2049-12-31T23:59:59Z'],
    [Tag.utcTime, '240229120000Z', '2024-02-29T12:00:00Z'],
    [Tag.generalizedTime, '20500101000000Z', '2050-01-01T00:00:00Z'],
    [Tag.generalizedTime, '99991231235959Z', '9999-12-31T23:59:59Z'],
    [Tag.generalizedTime, '20000229000000Z', '2000-02-29T00:00:00Z'],
  ])('reads %i %s', (tag, text, instant) => {
    expect(readTime(ascii(tag, text))).toBe(Date.parse(instant));
  });

  test('reads the years before 100 as they are', () => {
    expect(readTime(ascii(Tag.generalizedTime, '00000101000000Z'))).toBe(-62_167_219_200_000);
  });

  test.each<[number, string]>([
    [Tag.utcTime, '7001010000Z'],
    [Tag.utcTime, '700101000000'],
    [Tag.utcTime, '700101000000+0000'],
    [Tag.utcTime, '700101000000z'],
    [Tag.utcTime, '700001000000Z'],
    [Tag.utcTime, '701301000000Z'],
    [Tag.utcTime, '700100000000Z'],
    [Tag.utcTime, '700132000000Z'],
    [Tag.utcTime, '700431000000Z'],
    [Tag.utcTime, '230229000000Z'],
    [Tag.utcTime, '700101240000Z'],
    [Tag.utcTime, '700101006000Z'],
    [Tag.utcTime, '700101000060Z'],
    [Tag.utcTime, '7001 1000000Z'],
    [Tag.utcTime, '-00101000000Z'],
    [Tag.generalizedTime, '19000229000000Z'],
    [Tag.generalizedTime, '20240101000000.5Z'],
    [Tag.generalizedTime, '202401010000Z'],
    [Tag.generalizedTime, '20240101000000'],
    [Tag.generalizedTime, '240101000000Z'],
    [Tag.octetString, '20240101000000Z'],
  ])('refuses %i %s', (tag, text) => {
    expectMalformed(() => readTime(ascii(tag, text)), /time/i, 0);
  });
});

describe('readText', () => {
  test.each<[number, string, string]>([
    [Tag.printableString, "AZaz09 '()+,-./:=?", "AZaz09 '()+,-./:=?"],
    [Tag.numericString, '0 9', '0 9'],
    [Tag.visibleString, '~!', '~!'],
    [Tag.utf8String, '日本 𝄞', '日本 𝄞'],
  ])('reads %i %s', (tag, text, value) => {
    expect(readText(ascii(tag, text))).toBe(value);
  });

  test.each<[string, string, string]>([
    ['TeletexString as ISO 8859-1', '1402e96e', 'én'],
    ['BMPString', '1e0400e965e5', 'é日'],
    ['UniversalString', '1c080001d11e00000041', '𝄞A'],
    ['a byte order mark as a character', '0c04efbbbf41', '\ufeffA'],
  ])('reads %s', (_, bytes, value) => {
    expect(readText(element(bytes))).toBe(value);
  });

  test.each<[string, string, RegExp, number]>([
    ['PrintableString with @', '13026140', /not allowed in PrintableString/, 3],
    ['PrintableString with *', '13012a', /not allowed/, 2],
    ['PrintableString with NUL', '13026100', /not allowed/, 3],
    ['NumericString with a letter', '120161', /not allowed in NumericString/, 2],
    ['IA5String over 7f', '160180', /not allowed in IA5String/, 2],
    ['VisibleString with a control', '1a011b', /not allowed in VisibleString/, 2],
    ['UTF8String cut short', '0c01c3', /invalid UTF-8/, 2],
    ['UTF8String not minimal', '0c02c081', /invalid UTF-8/, 2],
    ['UTF8String with a surrogate', '0c03eda080', /invalid UTF-8/, 2],
    ['BMPString of odd length', '1e03004100', /no multiple of 2/, 2],
    ['BMPString with a surrogate', '1e02d834', /no Unicode character/, 2],
    ['UniversalString over 10ffff', '1c0400110000', /no Unicode character/, 2],
    ['a type that is no string', '040161', /no string type/, 2],
  ])('refuses %s', (_, bytes, message, offset) => {
    expectMalformed(() => readText(element(bytes)), message, offset);
  });

  test('reads by the tag that IMPLICIT tagging hides', () => {
    expect(readText(element('82026162'), Tag.ia5String)).toBe('ab');
    expectMalformed(() => readText(element('820180'), Tag.ia5String), /IA5String/);
  });
});

test('hexOf writes two digits an octet', () => {
  expect(hexOf(hex('000fff'))).toBe('000fff');
});

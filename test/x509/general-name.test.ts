import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readElement } from '../../src/der/reader.ts';
import {
  explicit,
  implicit,
  implicitConstructed,
  integer,
  nullValue,
  oid,
  sequence,
  utf8String,
} from '../../src/der/writer.ts';
import type { GeneralName } from '../../src/x509/general-name.ts';
import {
  formatGeneralName,
  formatIp,
  parseCidr,
  parseIp,
  readGeneralName,
  readGeneralNames,
} from '../../src/x509/general-name.ts';
import { hex } from '../der/hex.ts';
import { expectMalformed } from '../der/refuses.ts';
import { nameDer } from './build.ts';

const read = (der: Uint8Array): GeneralName => readGeneralName(readElement(der));
const ascii = (n: number, text: string): Uint8Array => implicit(n, Buffer.from(text, 'latin1'));

describe('readGeneralName', () => {
  test.each<[string, Uint8Array, object, string]>([
    ['dNSName', ascii(2, 'a.example'), { kind: 'dns', value: 'a.example' }, 'DNS:a.example'],
    ['rfc822Name', ascii(1, 'a@b.example'), { kind: 'email' }, 'email:a@b.example'],
    ['URI', ascii(6, 'spiffe://a/b'), { kind: 'uri' }, 'URI:spiffe://a/b'],
    ['IPv4 address', implicit(7, hex('c0000201')), { kind: 'ip', value: '192.0.2.1' }, 'IP:192.0.2.1'],
    ['directoryName', explicit(4, nameDer('x')), { kind: 'directory' }, 'DirName:CN=x'],
    ['registeredID', implicit(8, hex('2a0304')), { kind: 'registeredId', oid: '1.2.3.4' }, 'RID:1.2.3.4'],
    [
      'otherName',
      implicitConstructed(0, oid('1.2.3'), explicit(0, utf8String('a'))),
      { kind: 'other', typeId: '1.2.3', der: utf8String('a') },
      'other:1.2.3:#0c0161',
    ],
    ['x400Address', implicitConstructed(3, nullValue()), { kind: 'x400' }, 'x400:#a3020500'],
    ['ediPartyName', implicitConstructed(5, nullValue()), { kind: 'ediParty' }, 'ediParty:#a5020500'],
  ])('reads %s', (_, der, expected, text) => {
    expect(read(der)).toMatchObject(expected);
    expect(formatGeneralName(read(der))).toBe(text);
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['dNSName outside ASCII', ascii(2, 'é.example'), /not allowed in IA5String/],
    ['a constructed dNSName', implicitConstructed(2, nullValue()), /\[2\] is none/],
    ['a primitive directoryName', implicit(4, nameDer('x')), /\[4\] is none/],
    ['a tag that is none', implicit(9, hex('')), /\[9\] is none/],
    ['a universal type', utf8String('a'), /UTF8String is none/],
    ['an address of 5 octets', implicit(7, hex('0102030405')), /iPAddress of 5 octets/],
    ['a subnet among addresses', implicit(7, hex('0a000000ff000000')), /iPAddress of 8 octets/],
    ['a directoryName that is none', explicit(4, integer(1)), /Name: not a SEQUENCE/],
    [
      'a directoryName under IMPLICIT tagging',
      implicitConstructed(4, nullValue(), nullValue()),
      /trailing bytes|not a SEQUENCE/,
    ],
    ['a registeredID that is none', implicit(8, hex('80')), /OBJECT IDENTIFIER/],
    ['an otherName without value', implicitConstructed(0, oid('1.2.3')), /otherName.value: is missing/],
    [
      'an otherName with a broken value',
      implicitConstructed(0, oid('1.2.3'), explicit(0, hex('3003020205'))),
      /reaches past/,
    ],
  ])('refuses %s', (_, der, message) => {
    expectMalformed(() => read(der), message);
  });

  test('reads a subnet where one is wanted, and no address there', () => {
    expect(readGeneralName(readElement(implicit(7, hex('0a000000ff000000'))), 'subnet')).toMatchObject({
      kind: 'ip',
      value: '10.0.0.0/8',
    });
    expectMalformed(
      () => readGeneralName(readElement(implicit(7, hex('0a000000'))), 'subnet'),
      /iPAddress of 4 octets/,
    );
  });

  test('refuses an empty list', () => {
    expectMalformed(() => readGeneralNames(readElement(sequence())), /empty/);
  });
});

describe('formatGeneralName', () => {
  test.each([
    ['a.example, DNS:b.example', 'DNS:a.example\\, DNS:b.example'],
    ['a\\', 'DNS:a\\\\'],
    ['\x1b]0;owned\x07', 'DNS:\\1B]0;owned\\07'],
    ['a\0.example', 'DNS:a\\00.example'],
    ['a\nb', 'DNS:a\\0Ab'],
  ])('escapes %j', (value, expected) => {
    expect(formatGeneralName(read(ascii(2, value)))).toBe(expected);
  });
});

describe('addresses', () => {
  test.each([
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['20010db8000000000000000000000001', '2001:db8::1'],
    ['20010db8000000010000000000000001', '2001:db8:0:1::1'],
    ['20010db8000100010001000100010000', '2001:db8:1:1:1:1:1:0'],
    ['20010db8000000000001000000000000', '2001:db8:0:0:1::'],
    ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['ffff0000000000000000000000000000', 'ffff::'],
  ])('%s is written %s (RFC 5952)', (bytes, text) => {
    expect(formatIp(hex(bytes))).toBe(text);
    expect(parseIp(text)).toEqual(hex(bytes));
  });

  test.each([
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['2001:DB8::', '20010db8000000000000000000000000'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
  ])('reads %s', (text, bytes) => {
    expect(parseIp(text)).toEqual(hex(bytes));
  });

  test.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.4 ',
    '0x1.2.3.4',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1%eth0',
    '12345::',
    '1.2.3.4::',
    '::1.2.3.4:1',
    'g::',
    ':1',
    '1:',
  ])('refuses %j', text => {
    expect(parseIp(text)).toBeUndefined();
  });

  test('what is written reads back', () => {
    const octets = fc.oneof(fc.constant(0), fc.nat(255));
    const address = fc.oneof(
      fc.array(octets, { minLength: 4, maxLength: 4 }),
      fc.array(octets, { minLength: 16, maxLength: 16 }),
    );
    fc.assert(
      fc.property(address, bytes => {
        expect(parseIp(formatIp(Uint8Array.from(bytes)))).toEqual(Uint8Array.from(bytes));
      }),
    );
  });

  test.each([
    ['10.0.0.0/8', '0a000000ff000000'],
    ['0.0.0.0/0', '0000000000000000'],
    ['192.0.2.1/32', 'c0000201ffffffff'],
    ['192.0.2.128/25', 'c0000280ffffff80'],
    ['2001:db8::/33', `20010db8${'00'.repeat(12)}ffffffff80${'00'.repeat(11)}`],
  ])('reads and writes the subnet %s', (text, bytes) => {
    expect(parseCidr(text)).toEqual(hex(bytes));
    expect(formatIp(hex(bytes))).toBe(text);
  });

  test.each([
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.1/8',
    '10.0.0.0/',
    '10.0.0.0/08',
    '::/129',
    'x/8',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
  ])('refuses the subnet %j', text => {
    expect(parseCidr(text)).toBeUndefined();
  });

  test('writes a mask with gaps out', () => {
    expect(formatIp(hex('0a000000ff00ff00'))).toBe('10.0.0.0/255.0.255.0');
  });

  test('writes odd lengths in hex', () => {
    expect(formatIp(hex('0102'))).toBe('0102');
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Tag, checkTree, readElement } from '../../src/der/reader.ts';
import { readInteger, readNamedBits, readOid, readSmallInteger, readText, readTime } from '../../src/der/values.ts';
import {
  bitString,
  boolean,
  compareOctets,
  concat,
  encode,
  enumerated,
  explicit,
  generalizedTime,
  header,
  ia5String,
  implicit,
  implicitConstructed,
  integer,
  namedBits,
  nullValue,
  octetString,
  oid,
  printableString,
  sequence,
  setOf,
  time,
  unsignedInteger,
  utf8String,
} from '../../src/der/writer.ts';
import { hex } from './hex.ts';

test.each<[string, Uint8Array, string]>([
  ['SEQUENCE', sequence(boolean(true), nullValue()), '3005 0101ff 0500'],
  ['SET OF in order', setOf(integer(2), integer(1), octetString(hex('00'))), '3109 020101 020102 040100'],
  ['INTEGER 128', integer(128), '02020080'],
  ['INTEGER -128', integer(-128n), '020180'],
  ['ENUMERATED 1', enumerated(1), '0a0101'],
  ['unsigned INTEGER with its high bit set', unsignedInteger(hex('80')), '02020080'],
  ['unsigned INTEGER without leading zeros', unsignedInteger(hex('00007f')), '02017f'],
  ['unsigned INTEGER 0', unsignedInteger(hex('0000')), '020100'],
  ['BIT STRING', bitString(hex('a8'), 3), '030203a8'],
  ['named bits', namedBits((1 << 5) | (1 << 6)), '03020106'],
  ['named bit 8', namedBits(1 << 8), '0303070080'],
  ['no named bits', namedBits(0), '030100'],
  ['OID', oid('2.999.3'), '0603883703'],
  ['UTF8String', utf8String('é'), '0c02c3a9'],
  ['PrintableString', printableString('SE'), '13025345'],
  ['IA5String', ia5String('a@b'), '1603614062'],
  ['UTCTime', time(Date.parse('2049-12-31T23:59:59.999Z')), `170d${Buffer.from('491231235959Z').toString('hex')}`],
  [
    'GeneralizedTime from 2050',
    time(Date.parse('2050-01-01T00:00:00Z')),
    `180f${Buffer.from('20500101000000Z').toString('hex')}`,
  ],
  [
    'GeneralizedTime before 1950',
    time(Date.parse('1949-12-31T23:59:59Z')),
    `180f${Buffer.from('19491231235959Z').toString('hex')}`,
  ],
  ['EXPLICIT', explicit(0, integer(2)), 'a003020102'],
  ['IMPLICIT', implicit(6, hex('61')), '860161'],
  ['IMPLICIT constructed', implicitConstructed(1, nullValue()), 'a1020500'],
  ['concat', concat(hex('01'), hex('0203')), '010203'],
  ['header', header(Tag.sequence, [new Uint8Array(200), new Uint8Array(100)]), '3082012c'],
])('writes %s', (_, bytes, expected) => {
  expect(bytes).toEqual(hex(expected));
});

test.each<[string, () => unknown]>([
  ['an OID of one arc', () => oid('2')],
  ['an OID under a root that is none', () => oid('3.1')],
  ['an OID with second arc 40 under 1', () => oid('1.40')],
  ['an OID with a leading zero', () => oid('1.02')],
  ['PrintableString with @', () => printableString('a@b')],
  ['IA5String with é', () => ia5String('é')],
  ['a year over 9999', () => time(Date.parse('9999-12-31T23:59:59Z') + 1000)],
  ['no instant', () => generalizedTime(NaN)],
])('refuses to write %s', (_, write) => {
  expect(write).toThrow(RangeError);
});

describe('round trips', () => {
  test('integers', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
        value => readInteger(readElement(integer(value))) === value,
      ),
    );
    fc.assert(
      fc.property(
        fc.bigInt({ min: -70_000n, max: 70_000n }),
        value => readInteger(readElement(integer(value))) === value,
      ),
    );
  });

  test('small integers', () => {
    fc.assert(fc.property(fc.nat(), value => readSmallInteger(readElement(integer(value)), 0x7fffffff) === value));
  });

  test('object identifiers', () => {
    const arc = fc.oneof(fc.nat(300), fc.bigInt({ min: 0n, max: 2n ** 128n }));
    const first = fc.oneof(fc.tuple(fc.nat(1), fc.nat(39)), fc.tuple(fc.constant(2), arc));
    fc.assert(
      fc.property(first, fc.array(arc, { maxLength: 2 }), (start, rest) => {
        const text = [...start, ...rest].join('.');
        expect(readOid(readElement(oid(text)))).toBe(text);
      }),
    );
  });

  test('times, to the second', () => {
    const seconds = fc.integer({ min: -62_167_219_200, max: 253_402_300_799 });
    fc.assert(fc.property(seconds, s => readTime(readElement(time(s * 1000 + 999))) === s * 1000));
    fc.assert(fc.property(seconds, s => readTime(readElement(generalizedTime(s * 1000))) === s * 1000));
  });

  test('times agree with Date', () => {
    const seconds = fc.integer({ min: -62_135_596_800, max: 253_402_300_799 });
    fc.assert(
      fc.property(seconds, s => {
        const text = new Date(s * 1000).toISOString().replace(/[-:T]|\.000/g, '');
        expect(generalizedTime(s * 1000)).toEqual(encode(Tag.generalizedTime, Buffer.from(text)));
      }),
    );
  });

  test('named bits', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 31 - 1 }),
        mask => readNamedBits(readElement(namedBits(mask))) === mask,
      ),
    );
  });

  test('text', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), text => readText(readElement(utf8String(text))) === text));
  });

  test('sets come out in order whatever the order in', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 6 })), values => {
        const elements = values.map(octetString);
        const set = setOf(...elements);
        checkTree(readElement(set), 'set');
        expect(set).toEqual(setOf(...elements.toReversed()));
      }),
    );
  });

  test('order of octets is that of Buffer.compare', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => Math.sign(compareOctets(a, b)) === Buffer.compare(a, b)),
    );
  });
});

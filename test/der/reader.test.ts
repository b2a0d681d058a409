import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  Cursor,
  Tag,
  checkTree,
  contentBytes,
  elementBytes,
  maximumDepth,
  readContained,
  readElement,
  tagName,
} from '../../src/der/reader.ts';
import type { Element } from '../../src/der/reader.ts';
import { encode, sequence } from '../../src/der/writer.ts';
import { hex } from './hex.ts';
import { expectMalformed } from './refuses.ts';

describe('readElement', () => {
  test('reads identifier, length and content without copying', () => {
    const bytes = hex('04 03 010203');
    const e = readElement(bytes);
    expect(e).toMatchObject({ tag: Tag.octetString, start: 0, contentStart: 2, end: 5, depth: 0 });
    expect(contentBytes(e)).toEqual(hex('010203'));
    expect(contentBytes(e).buffer).toBe(bytes.buffer);
    expect(elementBytes(e)).toEqual(bytes);
  });

  test('reads a Buffer into plain octets', () => {
    expect(contentBytes(readElement(Buffer.from('0401ff', 'hex'))).constructor).toBe(Uint8Array);
  });

  test.each([127, 128, 255, 256, 65_535, 65_536, 16_777_216])('reads a length of %i', length => {
    const e = readElement(encode(Tag.octetString, new Uint8Array(length)));
    expect(e.end - e.contentStart).toBe(length);
  });

  test.each<[string, string, RegExp, number]>([
    ['no octets', '', /truncated/, 0],
    ['no length', '30', /truncated/, 0],
    ['a content cut short', '0402 01', /reaches past the end/, 0],
    ['a length cut short', '0482 01', /truncated length/, 2],
    ['an indefinite length', '3080 0500 0000', /indefinite length/, 1],
    ['a long form for 5', '0481 05 0102030405', /not minimal/, 1],
    ['a long form for 127', `04 817f ${'00'.repeat(127)}`, /not minimal/, 1],
    ['a leading zero in the length', `04 820080 ${'00'.repeat(128)}`, /not minimal/, 1],
    ['a length of 5 octets', '04 85 0100000000', /length of 5 octets/, 1],
    ['the reserved length ff', '04 ff 00', /length of 127 octets/, 1],
    ['a huge length', '04 84 ffffffff 00', /reaches past the end/, 0],
    ['a trailing octet', '0500 00', /trailing bytes/, 2],
    ['a high tag number', '1f 81 00 00', /tag number over 30/, 0],
    ['a private high tag number', 'ff 21 00', /tag number over 30/, 0],
    ['tag 0', '0000', /tag 0/, 0],
    ['a constructed OCTET STRING', '24 03 0401 00', /wrong form/, 0],
    ['a constructed UTF8String', '2c 00', /wrong form/, 0],
    ['a primitive SEQUENCE', '10 00', /wrong form/, 0],
    ['a primitive SET', '11 00', /wrong form/, 0],
  ])('refuses %s', (_, bytes, message, offset) => {
    expectMalformed(() => readElement(hex(bytes), 'input'), message, offset);
  });

  test('names what it was reading and the octet', () => {
    expectMalformed(() => readElement(hex('0401'), 'serialNumber'), /^serialNumber: .* at byte 0$/);
  });

  test('never throws anything but malformed, and gives back what it read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
        let e: Element;
        try {
          e = readElement(bytes);
        } catch (error) {
          expect(error).toMatchObject({ code: 'malformed' });
          return;
        }
        expect(encode(e.tag, contentBytes(e))).toEqual(bytes);
      }),
    );
  });
});

describe('Cursor', () => {
  const list = readElement(hex('30 08 020101 0101ff 0500'));

  test('walks elements in order', () => {
    const cursor = new Cursor(list);
    expect(cursor.peekTag()).toBe(Tag.integer);
    expect(cursor.expect(Tag.integer, 'a').start).toBe(2);
    expect(cursor.optional(Tag.octetString)).toBeUndefined();
    expect(cursor.optional(Tag.boolean)?.start).toBe(5);
    expect(cursor.next('c')).toMatchObject({ tag: Tag.null, depth: 1 });
    expect(cursor.atEnd).toBe(true);
    expect(cursor.peekTag()).toBeUndefined();
    cursor.finish('list');
  });

  test('refuses another type than expected, at its octet', () => {
    expectMalformed(
      () => new Cursor(list).expect(Tag.sequence, 'thing'),
      'thing: has INTEGER where SEQUENCE is expected',
      2,
    );
  });

  test('refuses a missing element, at the end', () => {
    expectMalformed(
      () => new Cursor(readElement(hex('3000'))).expect(Tag.null, 'thing'),
      'thing: is missing where NULL',
      2,
    );
  });

  test('refuses what is left over', () => {
    const cursor = new Cursor(list);
    cursor.next('a');
    expectMalformed(
      () => {
        cursor.finish('list');
      },
      'list: unexpected BOOLEAN',
      5,
    );
  });

  test('refuses an element that reaches out of its parent', () => {
    const outer = readElement(hex('30 05 3002 0402 00'));
    const inner = new Cursor(outer).next('inner');
    expectMalformed(() => new Cursor(inner).next('value'), /reaches past the end/, 4);
  });

  test('refuses to walk a primitive element', () => {
    expectMalformed(() => new Cursor(readElement(hex('040100'))), 'OCTET STRING is not constructed', 0);
  });
});

describe('depth', () => {
  const nested = (depth: number): Uint8Array => (depth === 0 ? hex('0500') : sequence(nested(depth - 1)));

  test('reads down to the limit', () => {
    checkTree(readElement(nested(maximumDepth)), 'tree');
  });

  test('refuses one level more', () => {
    expectMalformed(() => {
      checkTree(readElement(nested(maximumDepth + 1)), 'tree');
    }, /nested deeper than 32/);
  });

  test('refuses a tree of too many elements', () => {
    const wide = sequence(...Array.from({ length: 5000 }, () => hex('0500')));
    expectMalformed(() => {
      checkTree(readElement(wide), 'tree');
    }, /more than 4096 elements/);
  });
});

describe('readContained', () => {
  test('keeps offsets of the whole input', () => {
    const outer = readElement(hex('04 03 02017f'));
    expect(readContained(outer, 'value')).toMatchObject({ tag: Tag.integer, start: 2, end: 5, depth: 1 });
  });

  test('refuses trailing octets inside', () => {
    expectMalformed(() => readContained(readElement(hex('04 04 02017f 00')), 'value'), /trailing bytes/, 5);
  });
});

test('tagName knows universal and context tags', () => {
  expect([0x30, 0xa3, 0x82, 0x5f].map(tagName)).toEqual(['SEQUENCE', '[3]', '[2]', 'tag 0x5f']);
});

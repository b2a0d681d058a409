import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvRecord } from '../../src/audit/csv.ts';

describe('csvRecord', () => {
  it.each([
    ['plain', 'plain'],
    ['CN=a,O=b', '"CN=a,O=b"'],
    ['say "a"', '"say ""a"""'],
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['|calc', "'|calc"],
    [' =1', "' =1"],
    ['\t=1', "'\\t=1"],
    ['a\nb', 'a\\nb'],
    ['\u001b[31mred', '\\x1b[31mred'],
    ['a\u202eb', 'a\\u{202e}b'],
    [' a', '" a"'],
    ['', ''],
  ])('writes %j as %j', (value, field) => {
    expect(csvRecord([value, 'x'])).toBe(`${field},x\n`);
  });

  it('writes one line without control characters that no spreadsheet takes for a formula, whatever it is given', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), value => {
        const record = csvRecord([value]);
        expect(record).toMatch(/^[^\p{Cc}\p{Cf}]*\n$/u);
        expect(record).not.toMatch(/^"?\s*[=+\-@]/);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable, quoted } from '../src/printable.ts';

describe('printable', () => {
  it.each([
    ['an escape sequence', '\u001b[31mred', '\\x1b[31mred'],
    ['a C1 control', 'a\u009bb', 'a\\x9bb'],
    ['line ends and tabs', 'a\r\n\tb', 'a\\r\\n\\tb'],
    ['NUL and DEL', '\0\u007f', '\\x00\\x7f'],
    ['a bidirectional override', 'a\u202eb', 'a\\u{202e}b'],
    ['a zero-width space', 'a\u200bb', 'a\\u{200b}b'],
    ['a line separator', 'a\u2028b', 'a\\u{2028}b'],
    ['a lone surrogate', 'a\ud800b', 'a\\u{d800}b'],
  ])('escapes %s', (_, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it('leaves letters of all scripts, spaces and backslashes as they are', () => {
    expect(printable('Grüße, 世界 CN=a\\,b 😀')).toBe('Grüße, 世界 CN=a\\,b 😀');
  });

  it('never leaves a control character, whatever comes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      }),
    );
  });
});

describe('quoted', () => {
  it('cuts a long text and tells its length', () => {
    expect(quoted('x'.repeat(300), 10)).toBe(`'xxxxxxxxxx…' (300 characters)`);
  });

  it('does not cut a character in two', () => {
    expect(quoted('aaa😀😀', 4)).toBe(`'aaa…' (7 characters)`);
  });
});

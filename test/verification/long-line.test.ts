import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LongText, parseLongLine } from '../../src/verification/long-line.ts';

/** What JSON.parse() makes of it, for what parseLongLine() has cut out may be asked for. */
function whole(value: unknown): unknown {
  if (value instanceof LongText) {
    const text = value.text();
    expect(Buffer.from(value.bytes()).toString()).toBe(text);
    return text;
  }
  if (Array.isArray(value)) return value.map(whole);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, whole(member)]));
}

const parse = (text: string): unknown => parseLongLine(Buffer.from(text));

const strings = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string().map(text => `\0${text}`),
  fc.nat(9).map(n => `\0${n}`),
  fc.string({ unit: fc.constantFrom('a', '\n', '\\', '"', '/', '\t', 'é', '\0') }).map(text => text.repeat(100)),
);

describe('a long line', () => {
  it('reads as JSON does, however long its strings and whatever is in them', () => {
    const values = fc.dictionary(
      fc.constantFrom('id', 'leaf', 'trust', 'untrusted'),
      fc.oneof(
        strings,
        fc.array(strings),
        fc.array(fc.dictionary(fc.constantFrom('kind', 'value'), strings)),
        fc.integer(),
      ),
    );
    fc.assert(
      fc.property(values, value => {
        expect(whole(parse(JSON.stringify(value)))).toEqual({ ...value });
      }),
    );
  });

  it('has its long strings cut out, by which alone they are known', () => {
    const [one, two, three] = parse(JSON.stringify(['x'.repeat(300), 'y'.repeat(300), 'x'.repeat(300)])) as LongText[];
    expect([one, two, three].every(text => text instanceof LongText)).toBe(true);
    expect(one?.digest).toBe(three?.digest);
    expect(one?.digest).not.toBe(two?.digest);
  });

  it('is not read as text where it is too long for that', () => {
    expect((parse(JSON.stringify('x'.repeat(100_000))) as LongText).text()).toBeUndefined();
  });

  it.each([
    ['no end of a string', `{"leaf":"${'x'.repeat(300)}`],
    ['an escaped end of a string', `{"leaf":"${'x'.repeat(300)}\\"}`],
    ['no JSON', `{"leaf":"${'x'.repeat(300)}"]`],
    ['brackets without end', '['.repeat(1_000_000) + ']'.repeat(1_000_000)],
  ])('with %s is malformed', (_, text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'malformed' }) as Error);
  });

  it.each([
    ['a control character', `"${'x'.repeat(300)}\u0001"`],
    ['a bad escape', `"${'x'.repeat(300)}\\x"`],
  ])('with %s in a string is malformed once that is asked for', (_, text) => {
    const cut = parse(text) as LongText;
    expect(() => cut.bytes()).toThrow(expect.objectContaining({ code: 'malformed' }) as Error);
  });

  it('that is not UTF-8 is malformed', () => {
    expect(() => parseLongLine(Buffer.from(`{"a":"\xff"}`, 'latin1'))).toThrow('not UTF-8');
  });

  it.each([
    ['brackets', `[${'[],'.repeat(1_000_000)}[]]`],
    ['short strings', `[${'"",'.repeat(1_000_000)}""]`],
  ])('of nothing but %s is too large', (_, text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'too-large' }) as Error);
  });
});

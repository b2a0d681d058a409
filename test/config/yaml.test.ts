import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeYaml, type Plain } from '../../src/config/emit.ts';
import { parseYaml, utf8Text, type YamlValue } from '../../src/config/yaml.ts';
import { isMtlsctlError } from '../../src/errors.ts';
import { configFailure } from './failure.ts';

function plain(value: YamlValue): unknown {
  if (value.kind === 'text') return value.text;
  if (value.kind === 'list') return value.items.map(plain);
  return Object.fromEntries([...value.entries].map(([key, entry]) => [key, plain(entry.value)]));
}

describe('parseYaml', () => {
  it('keeps every scalar as text, with its line', () => {
    const tree = parseYaml('a: no\nb: 1e3\nc:\n  - 0x10\n  - "1:30"\n', 'x.yaml');
    expect(plain(tree)).toEqual({ a: 'no', b: '1e3', c: ['0x10', '1:30'] });
    expect(tree.kind === 'map' && tree.entries.get('c')?.line).toBe(3);
  });

  it.each(['', '# nothing\n', '---\n', '\ufeff'])('takes %j for an empty map', text => {
    expect(plain(parseYaml(text, 'x.yaml'))).toEqual(text === '---\n' ? '' : {});
  });

  it.each([
    [
      'a duplicate key, naming both lines',
      'a: 1\nb: 2\na: 3\n',
      3,
      "key 'a' is here a second time; the first is on line 1",
    ],
    ['a tag', 'a: !!int 1\n', 1, 'tags are not allowed'],
    ['a custom tag', 'a: 1\nb: !!js/function "x"\n', 2, 'tags are not allowed'],
    ['an anchor', 'a: &x 1\n', 1, 'anchors are not allowed'],
    ['an alias', 'a: &x 1\nb: *x\n', 1, 'not allowed'],
    ['a merge key', 'a: &x {b: c}\nd:\n  <<: *x\n', 1, 'not allowed'],
    ['an undefined alias', 'a: *x\n', 1, 'alias'],
    ['two documents', 'a: 1\n---\nb: 2\n', 2, 'more than one YAML document'],
    ['an open bracket', 'a: [1, 2\nb: 3\n', 2, ''],
    ['a tab for indentation', 'a:\n\tb: 1\n', 2, ''],
    ['a list as a key', '? [a]\n: b\n', 1, 'a key must be plain text'],
    ['an escape in a key', '"\\e[2J": 1\n"\\e[2J": 2\n', 2, "key '\\x1b[2J'"],
  ])('refuses %s', (_, text, line, words) => {
    const failure = configFailure(() => parseYaml(text, 'x.yaml'));
    expect(failure.message).toContain(words);
    expect(failure.message.startsWith('x.yaml:')).toBe(true);
    expect(failure.details['line']).toBe(line);
  });

  it.each([
    ['flow lists', '['.repeat(100_000)],
    ['closed flow lists', `${'['.repeat(3000)}${']'.repeat(3000)}`],
    ['flow maps', '{a: '.repeat(3000)],
    ['lists in lists', '- '.repeat(100_000)],
    ['explicit keys', '? '.repeat(100_000)],
    ['indentation', Array.from({ length: 300 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('')],
    ['brackets hidden behind quotes', '["]", '.repeat(3000)],
  ])('refuses deep %s at once', (_, text) => {
    expect(configFailure(() => parseYaml(text, 'x.yaml')).message).toContain('nested too deeply');
  });

  it('refuses a file over its limit', () => {
    expect(() => parseYaml('#'.repeat(1 << 21), 'x.yaml')).toThrow(
      expect.objectContaining({ code: 'too-large' }) as Error,
    );
  });

  it.each([
    ['a flow list', `a: [${'b, '.repeat(100_000)}b]`],
    ['a list', `a:\n${'- b\n'.repeat(100_000)}`],
    ['keys', Array.from({ length: 100_000 }, (_, i) => `k${i}: 1\n`).join('')],
    ['comments', '#\n'.repeat(100_000)],
    ['empty lines', `a: b\n${'\n'.repeat(200_000)}`],
    ['a block of text', `a: |\n${' b\n'.repeat(200_000)}`],
    ['flow text over many lines', `a: [b\n${' c\n'.repeat(200_000)}]`],
  ])('refuses %s that is within the limit and would take a hundred times its size', (_, text) => {
    expect(text.length).toBeLessThan(1 << 20);
    expect(() => parseYaml(text, 'x.yaml')).toThrow(
      expect.objectContaining({
        code: 'too-large',
        message: expect.stringMatching(/^x\.yaml:\d+: more than/) as string,
      }) as Error,
    );
  });

  it('throws nothing but config-invalid, whatever the text', () => {
    const fragments = fc.constantFrom(
      'a',
      ': ',
      '\n',
      '  ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '"',
      "'",
      '|',
      '>',
      '&x ',
      '*x',
      '!t ',
      '#',
      '? ',
      '\t',
      '\0',
      '---',
    );
    fc.assert(
      fc.property(fc.array(fragments, { maxLength: 30 }), parts => {
        try {
          parseYaml(parts.join(''), 'x.yaml');
        } catch (error) {
          if (!isMtlsctlError(error, 'config-invalid')) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('utf8Text', () => {
  it('refuses what is not UTF-8, and puts no other letter in its place', () => {
    expect(utf8Text(Buffer.from('hook: grüße'), 'service.yaml')).toBe('hook: grüße');
    expect(() => utf8Text(Buffer.from('hook: gr\xfc\xdfe', 'latin1'), 'service.yaml')).toThrow('it is not UTF-8');
  });
});

describe('encodeYaml', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1 }),
    fc.constantFrom(
      'no',
      'true',
      '~',
      '1e3',
      '0x1f',
      '1:30',
      '- a',
      'a: b',
      'a #b',
      ' a',
      'a ',
      '*x',
      '&x',
      '!x',
      '2026-11-22',
      '12',
      '.5',
      '=',
      '<<',
      '|',
      '>',
    ),
  );
  const value: fc.Arbitrary<Plain> = fc.letrec<{ any: Plain }>(tie => ({
    any: fc.oneof(
      { maxDepth: 3 },
      text,
      fc.array(tie('any'), { minLength: 1, maxLength: 3 }),
      fc.dictionary(text, tie('any'), { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
    ),
  })).any;

  it('is read back as it was, whatever the text', () => {
    fc.assert(
      fc.property(fc.dictionary(text, value, { noNullPrototype: true }), map => {
        expect(plain(parseYaml(encodeYaml(map), 'x.yaml'))).toEqual(map);
      }),
    );
  });

  it('leaves out what is absent or empty', () => {
    expect(encodeYaml({ a: undefined, b: [], c: {}, d: { e: undefined }, f: 'x' })).toBe('f: x\n');
  });
});

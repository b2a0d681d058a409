import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeYaml } from '../../src/config/emit.ts';
import { parsePlainYaml } from '../../src/config/plain-yaml.ts';
import { parseWholeYaml } from '../../src/config/yaml.ts';
import { isMtlsctlError } from '../../src/errors.ts';

function byPackage(text: string): unknown {
  try {
    return parseWholeYaml(text, 'file');
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    return error.message;
  }
}

describe('parsePlainYaml', () => {
  it('reads values and lists with their lines', () => {
    const text = 'profile: service\ndns:\n  - db.example\n  - a b:c\nhook: systemctl reload x\n';
    expect(parsePlainYaml(text)).toEqual(byPackage(text));
    expect(parsePlainYaml(text)).toMatchObject({ kind: 'map' });
  });

  it.each([
    '',
    'a: b',
    'a:\n',
    'a: b\na: c\n',
    'a: b\n\n',
    'a: b # c\n',
    'a: "b"\n',
    'a: b: c\n',
    'a: b:\n',
    'a: b \n',
    'a: b\n  - c\n',
    'a:\n- b\n',
    'a:\n  - b: c\n',
    'a:\n  - b\n c\n',
    'a: |\n  b\n',
    'a: b\r\n',
    'a: *b\n',
    '---\na: b\n',
    'a: b\n...\n',
    'a: [b]\n',
    'a: null\n',
    'a:\n  - Null\n',
    'null: a\n',
    'a:\tb\n',
  ])('leaves %j to the package', text => {
    expect(parsePlainYaml(text)).toBeUndefined();
  });

  it('reads what it takes as the package does', () => {
    const pieces = [
      'a',
      'key',
      ':',
      ': ',
      ' ',
      '\n',
      '\n  - ',
      '\n- ',
      '  ',
      '-',
      '#',
      ' #',
      '"',
      'null',
      '1e3',
      'a.b/c@d+e',
      '\t',
      '[',
      '%',
      '---\n',
    ];
    const ordinary = fc.stringMatching(/^[A-Za-z0-9:][A-Za-z0-9 ._/@+:-]{0,9}$/);
    const text = fc.oneof(
      fc
        .uniqueArray(fc.tuple(fc.stringMatching(/^[a-zA-Z][a-z0-9]{0,3}$/), ordinary, fc.boolean()), {
          selector: ([key]) => key,
          minLength: 1,
          maxLength: 3,
        })
        .map(entries =>
          entries.map(([key, value, isList]) => (isList ? `${key}:\n  - ${value}\n` : `${key}: ${value}\n`)).join(''),
        ),
      fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map(parts => `${parts.join('')}\n`),
      fc
        .dictionary(
          fc.stringMatching(/^[a-z][a-zA-Z0-9]{0,5}$/),
          fc.oneof(fc.stringMatching(/^[ -~]{1,12}$/), fc.array(fc.stringMatching(/^[ -~]{1,8}$/), { maxLength: 3 })),
        )
        .map(encodeYaml),
    );
    let taken = 0;
    fc.assert(
      fc.property(text, each => {
        const plain = parsePlainYaml(each);
        if (plain === undefined) return;
        taken += 1;
        expect(plain).toEqual(byPackage(each));
      }),
      { numRuns: 2000 },
    );
    expect(taken).toBeGreaterThan(50);
  });
});

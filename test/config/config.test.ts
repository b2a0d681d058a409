import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeConfig, loadConfig, parseConfig } from '../../src/config.ts';
import { nearestName } from '../../src/config/fields.ts';
import { configFailure } from './failure.ts';

const day = 86_400_000;
const parse = (text: string) => parseConfig(text, 'mtlsctl.yaml');

describe('parseConfig', () => {
  it('takes the defaults where the file is silent, or absent', () => {
    for (const config of [parse(''), loadConfig(undefined)]) {
      expect(config.trustDomain).toBe('link.internal');
      expect(config.defaults).toEqual({ profile: 'service' });
      expect(config.crl).toEqual({ validity: day, rootValidity: 180 * day });
    }
  });

  it('reads every setting', () => {
    const config = parse(`
trustDomain: example.org
defaults: {issuer: site-a, profile: node, validity: 30d, keyType: ed25519, hook: systemctl reload x}
crl:
  validity: 48h
  rootValidity: 1y
authorities:
  site-a:
    crlUrls: http://crl.example.org/a.crl
    crlValidity: 72h
profiles:
  service: {validity: 10d}
`);
    expect(config).toMatchObject({
      trustDomain: 'example.org',
      defaults: {
        issuer: 'site-a',
        profile: 'node',
        validity: 30 * day,
        keyType: 'ed25519',
        hook: 'systemctl reload x',
      },
      crl: { validity: 2 * day, rootValidity: 365 * day },
      authorities: { 'site-a': { crlUrls: ['http://crl.example.org/a.crl'], crlValidity: 3 * day } },
      profiles: { service: { line: 12, fields: { validity: 10 * day } } },
    });
  });

  it.each([
    ['trust-domain: a.b\n', 1, "unknown key 'trust-domain'; did you mean 'trustDomain'?"],
    ['trustDomian: a.b\n', 1, "did you mean 'trustDomain'?"],
    ['crl:\n  expiry: 1d\n', 2, "unknown key 'expiry' in crl"],
    ['crl:\n  valdity: 1d\n', 2, "unknown key 'valdity' in crl; did you mean 'validity'?"],
    [
      'profiles:\n  service:\n    keyusage: [digitalSignature]\n',
      3,
      "unknown key 'keyusage' in profiles.service; did you mean 'keyUsage'?",
    ],
    ['allow: {db: null}\n', 1, 'allow.db needs a single value'],
    ['allow:\n  db: [web, null]\n', 2, 'allow.db needs a single value'],
    ['allow:\n  null: [web]\n', 2, "the key 'null' is no text in YAML"],
    ['trustDomain: null\n', 1, 'trustDomain needs a single value'],
    ['defaults: {issuer: ~}\n', 1, 'defaults.issuer needs a single value'],
    ['defaults:\n  issuer: a\nalow: x\n', 3, "unknown key 'alow'; did you mean 'allow'?"],
    ['__proto__: 1\n', 1, "unknown key '__proto__'"],
    ['constructor: 1\n', 1, "unknown key 'constructor'"],
    ['"\\e]0;x\\a": 1\n', 1, "unknown key '\\x1b]0;x\\x07'"],
    ['trustDomain: Link\n', 1, "trustDomain has the bad value 'Link': a trust domain is written in lower case"],
    ['trustDomain:\n', 1, 'trustDomain needs a single value'],
    ['trustDomain: [a]\n', 1, 'trustDomain needs a single value'],
    ['crl: 24h\n', 1, 'crl must hold keys and values'],
    ['- a\n', 1, 'the file must hold keys and values'],
    ['defaults:\n  validity: soon\n', 2, "defaults.validity has the bad value 'soon': expected a duration"],
    ['defaults:\n  keyType: dsa\n', 2, 'defaults.keyType'],
    ['authorities:\n  ../x: {}\n', 2, "has the bad value '../x'"],
    ['authorities:\n  a:\n    crlUrls: [http://a/b, http://a/b]\n', 3, 'twice'],
    ['authorities:\n  a:\n    crlUrls: [ftp://a/b]\n', 3, 'http'],
  ])('refuses %j', (text, line, words) => {
    const failure = configFailure(() => parse(text));
    expect(failure.message).toContain(words);
    expect(failure.details).toMatchObject({ file: 'mtlsctl.yaml', line });
  });

  it('names the file, line and a command for the eye in its hint', () => {
    expect(configFailure(() => parse('crl: {validty: 1d}')).hints).toEqual([
      "write 'validity:' in line 1 of mtlsctl.yaml",
    ]);
  });

  it('takes a section whose lines are all comments for absent', () => {
    expect(parse('crl:\n  # validity: 1d\ndefaults:\n').crl.validity).toBe(day);
  });
});

describe('encodeConfig', () => {
  it('is stable, and is read back as the same settings', () => {
    const duration = fc.integer({ min: 1, max: 1_000_000 }).map(seconds => seconds * 1000);
    const settings = fc.record({
      trustDomain: fc.constantFrom('link.internal', 'no', 'a.b'),
      defaults: fc.record(
        {
          issuer: fc.constantFrom('site-a', 'null'),
          validity: duration,
          keyType: fc.constantFrom('ed25519', 'rsa-2048'),
          hook: fc.constantFrom("a 'b' && c: d #e", 'true'),
        },
        { requiredKeys: [] },
      ),
      crl: fc.record({ validity: duration, rootValidity: duration }),
      authorities: fc.dictionary(
        fc.constantFrom('site-a', 'b', '1'),
        fc.record({ crlUrls: fc.constant(['http://a.b/c']), crlValidity: duration }),
        { noNullPrototype: true },
      ),
    });
    fc.assert(
      fc.property(settings, given => {
        const text = encodeConfig(given);
        expect(encodeConfig(given as never)).toBe(text);
        const { trustDomain, defaults, crl, authorities } = parse(text);
        expect({ trustDomain, defaults, crl, authorities }).toEqual({
          ...given,
          defaults: { profile: 'service', ...given.defaults },
        });
      }),
    );
  });

  it('writes what a person would', () => {
    expect(encodeConfig({ trustDomain: 'example.org', crl: { rootValidity: 90 * day } })).toBe(
      '# The settings of this PKI directory. Unknown keys are errors.\ntrustDomain: example.org\ncrl:\n  validity: 1d\n  rootValidity: 90d\n',
    );
  });
});

describe('nearestName', () => {
  it.each([
    ['expire', 'expiry'],
    ['valdity', 'validity'],
    ['val', 'validity'],
    ['VALIDITY', 'validity'],
    ['zzz', undefined],
    ['', undefined],
    ['x'.repeat(100_000), undefined],
  ])('for %s: %s', (name, nearest) => {
    expect(nearestName(name, ['expiry', 'validity', 'issuer'])).toBe(nearest);
  });
});

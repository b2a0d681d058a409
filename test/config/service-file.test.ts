import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeServiceFile, parseServiceFile } from '../../src/config/service-file.ts';
import { configFailure } from './failure.ts';

describe('service.yaml', () => {
  it('is read back as it was written, always the same', () => {
    const names = (...values: string[]) => fc.subarray(values);
    const service = fc.record(
      {
        profile: fc.constantFrom('service', 'no'),
        authority: fc.constantFrom('site-a', '1'),
        dns: names('a.b', '*.c.d', 'null'),
        ip: names('10.0.0.1', 'fd00::1', '::'),
        uri: names('spiffe://a/b', 'https://c:1/d?e#f'),
        email: names('a@b.c'),
        validity: fc.integer({ min: 1, max: 1_000_000 }).map(seconds => seconds * 1000),
        keyType: fc.constantFrom('ec-p256', 'rsa-4096'),
        owner: fc.constantFrom('postgres', '70', 'svc_a$'),
        group: fc.constantFrom('ssl-cert', '0'),
        keyMode: fc.constantFrom(0o400, 0o440, 0o600, 0o640),
        outputs: fc.constantFrom(['combined'] as const, ['pkcs12', 'spiffe'] as const),
        pkcs12PassphraseFile: fc.constantFrom('/run/a b/pass', '/x'),
        hook: fc.constantFrom('systemctl reload nginx', "sh -c 'a: b' # c", 'echo "x\ty"\n'),
      },
      { requiredKeys: ['dns', 'ip', 'uri', 'email'] },
    );
    fc.assert(
      fc.property(service, given => {
        const text = encodeServiceFile(given);
        expect(parseServiceFile(text, 'service.yaml')).toEqual(given);
        expect(encodeServiceFile(parseServiceFile(text, 'service.yaml'))).toBe(text);
      }),
    );
  });

  it.each([
    ['ownr: nobody\n', 'unknown key'],
    ['owner: a b\n', 'neither the name nor'],
    ['keyMode: 0644\n', 'nobody else may read'],
    ['keyMode: 1640\n', 'nobody else may read'],
    ['outputs: [combined, combined]\n', 'twice'],
    ['pkcs12PassphraseFile: pass\n', 'no absolute path'],
    ['issuer: a\n', 'unknown key'],
    ['dns: [a, a]\n', 'twice'],
    ['dns:\n  - a..b\n', 'empty label'],
    [`dns: [${Array.from({ length: 101 }, (_, n) => `a${n}`).join(', ')}]\n`, 'the limit is 100'],
    ['ip: 10.0.0.1/8\n', 'address'],
    ['validity: [90d]\n', 'single value'],
    ['hook: ""\n', 'single value'],
  ])('refuses %j', (text, words) => {
    expect(configFailure(() => parseServiceFile(text, 'user-svc/service.yaml')).message).toContain(words);
  });

  it('takes one name for a list of one', () => {
    expect(parseServiceFile('dns: a.b\n', 'service.yaml').dns).toEqual(['a.b']);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMtlsctlError } from '../src/errors.ts';
import * as options from '../src/options.ts';

const day = 86_400_000;

function failureOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (isMtlsctlError(error, 'bad-value')) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('parseDuration', () => {
  it.each([
    ['90d', 90 * day],
    ['12h', day / 2],
    ['30m', 1_800_000],
    ['2y', 730 * day],
    ['1w', 7 * day],
    ['1d12h', 1.5 * day],
    ['1y2w3d4h5m6s', (365 + 14 + 3) * day + 14_706_000],
    ['1000y', 365_000 * day],
  ])('reads %s', (text, ms) => {
    expect(options.parseDuration(text)).toBe(ms);
  });

  it.each([
    '',
    ' ',
    '90',
    'd',
    '-1d',
    '1.5d',
    '12h1d',
    '1d1d',
    '90D',
    '1 d',
    '90d ',
    '1d\n',
    '1mo',
    '1001y',
    '0d',
    '9999999999d',
    '٣d',
  ])('refuses %j, naming the flag', text => {
    expect(failureOf(() => options.parseDuration(text, '--validity'))).toContain('for --validity: ');
  });

  it('takes zero only where it is allowed', () => {
    expect(options.parseDuration('0s', '--min-remaining', { zero: true })).toBe(0);
    expect(() => options.parseDuration('0s')).toThrow('longer than zero');
  });

  it('reads back what formatDuration writes, to the second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 31_536_000_000 }), seconds => {
        expect(options.parseDuration(options.formatDuration(seconds * 1000))).toBe(seconds * 1000);
      }),
    );
  });

  it.each([
    [90 * day, '90d'],
    [3650 * day, '10y'],
    [400 * day, '1y35d'],
    [0, '0s'],
    [-day, '-1d'],
    [1500, '1s'],
  ])('formats %d ms', (ms, text) => {
    expect(options.formatDuration(ms)).toBe(text);
  });
});

describe('parseTimeout', () => {
  it("takes what Node's timers take: more would fire at once", () => {
    expect(options.parseTimeout('24d')).toBe(24 * 86_400_000);
    expect(options.parseTimeout('24d')).toBeLessThan(2 ** 31);
    expect(failureOf(() => options.parseTimeout('25d', 'hookTimeout'))).toContain('longer than 24d');
  });
});

describe('parseInstant', () => {
  it.each(['9999-12-31T23:59:59-01:00', '0000-01-01T00:00:00+00:01'])(
    'refuses %s, which no year of four digits holds',
    text => {
      expect(failureOf(() => options.parseInstant(text, '--at'))).toContain('9999');
    },
  );

  it.each([
    ['2026-11-22T14:05:01Z', Date.UTC(2026, 10, 22, 14, 5, 1)],
    ['2026-11-22t14:05:01z', Date.UTC(2026, 10, 22, 14, 5, 1)],
    ['2026-11-22T14:05:01.999Z', Date.UTC(2026, 10, 22, 14, 5, 1)],
    ['2026-11-22T14:05:01+02:00', Date.UTC(2026, 10, 22, 12, 5, 1)],
    ['2026-11-22T14:05:01-01:30', Date.UTC(2026, 10, 22, 15, 35, 1)],
    ['1949-12-31T23:59:59Z', Date.UTC(1949, 11, 31, 23, 59, 59)],
    ['2028-02-29T00:00:00Z', Date.UTC(2028, 1, 29)],
  ])('reads %s', (text, ms) => {
    expect(options.parseInstant(text)).toBe(ms);
  });

  it.each([
    ...['2026-11-22', '2026-11-22T14:05:01', 'now', '1763820301', '2026-13-01T00:00:00Z', '2026-02-29T00:00:00Z'],
    ...['2026-01-01T24:00:00Z', '2026-01-01T00:60:00Z', '2026-01-01T00:00:00+24:00', '2026-01-01 00:00:00Z'],
  ])('refuses %s', text => {
    expect(failureOf(() => options.parseInstant(text, '--at'))).toContain('--at');
  });

  it('reads back what formatInstant writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: -62_167_219_200, max: 253_402_300_799 }), seconds => {
        expect(options.parseInstant(options.formatInstant(seconds * 1000))).toBe(seconds * 1000);
      }),
    );
  });
});

describe('parseSerial', () => {
  it.each([
    ['0A:1B:2c', '0a1b2c'],
    ['0x0A1B', '0a1b'],
    ['a', '0a'],
    ['abc', '0abc'],
    ['000000ff', 'ff'],
    ['00', '00'],
    ['dec:255', 'ff'],
    ['dec:0', '00'],
    ['DEC:4096', '1000'],
    ['f'.repeat(40), 'f'.repeat(40)],
  ])('reads %s', (text, hex) => {
    expect(options.parseSerial(text)).toBe(hex);
  });

  it.each([
    '',
    '0x',
    'xyz',
    'a:b:c',
    ':aa',
    'aa:',
    '-1',
    '1 2',
    'dec:',
    'dec:ff',
    'f'.repeat(41),
    `dec:${'9'.repeat(60)}`,
  ])('refuses %j', text => {
    expect(failureOf(() => options.parseSerial(text, '--serial'))).toContain('--serial');
  });

  it('reads any serial number in all its spellings alike', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 160n) - 1n }), serial => {
        const hex = serial.toString(16).padStart(2, '0');
        const even = hex.length % 2 === 0 ? hex : `0${hex}`;
        for (const text of [`dec:${serial}`, `0x${hex}`, even.toUpperCase(), even.match(/../g)!.join(':')]) {
          expect(options.parseSerial(text)).toBe(even);
        }
      }),
    );
  });
});

describe('names', () => {
  const hostile = [
    ...[
      '',
      '.',
      '..',
      'a/b',
      '../x',
      'a\0b',
      'a\nb',
      '\u001b[2Jx',
      'a b',
      'ä',
      'A',
      '-a',
      'a-',
      'a_b',
      'a.b',
      'a\u202eb',
    ],
    ...['x'.repeat(64), 'x'.repeat(300), '{service}', 'a,CN=b', '..data', '%2e%2e'],
  ];

  it.each(hostile)('refuses %j as a service, an authority and a profile, showing it escaped', text => {
    for (const parse of [options.parseServiceName, options.parseAuthorityName, options.parseName]) {
      const message = failureOf(() => parse(text));
      expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(message.length).toBeLessThan(300);
    }
  });

  it('takes DNS labels up to 63 characters', () => {
    for (const name of ['a', '0', 'user-svc', 'a1', 'x'.repeat(63)]) expect(options.parseServiceName(name)).toBe(name);
  });

  it('refuses the directory of the authorities as a service', () => {
    expect(() => options.parseServiceName('authorities')).toThrow('reserved');
    expect(options.parseAuthorityName('authorities')).toBe('authorities');
  });

  it.each([
    ['link.internal', true],
    ['a', true],
    ['Link.internal', false],
    ['link_internal', false],
    ['-x.y', false],
    ['10.0.0.1', false],
    ['a..b', false],
    [`${'a.'.repeat(100)}b`, false],
  ])('as a trust domain, %s: %s', (text, good) => {
    if (good) expect(options.parseTrustDomain(text)).toBe(text);
    else expect(failureOf(() => options.parseTrustDomain(text))).toContain('--trust-domain');
  });

  it.each([
    ['API.Example.com', 'api.example.com'],
    ['*.example.com', '*.example.com'],
    ['localhost', 'localhost'],
  ])('reads the DNS name %s', (text, name) => {
    expect(options.parseDnsName(text)).toBe(name);
  });

  it.each([
    '*',
    '*.',
    'a.*.b',
    'w*.a',
    'a.',
    '.a',
    'a..b',
    'a_b.c',
    '1.2.3.4',
    'münchen.de',
    'a b',
    `${'x'.repeat(64)}.a`,
    'a'.repeat(254),
  ])('refuses the DNS name %j', text => {
    expect(failureOf(() => options.parseDnsName(text))).toContain('--dns');
  });

  it('names the flag for an address given as a DNS name', () => {
    expect(() => options.parseDnsName('10.0.0.1')).toThrow(
      expect.objectContaining({ hints: ['give an address with --ip'] }) as Error,
    );
  });

  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['FD00:0:0::1', 'fd00::1'],
    ['::', '::'],
  ])('reads the address %s', (text, address) => {
    expect(options.parseIpAddress(text)).toBe(address);
  });

  it.each(['', '10.0.0', '10.0.0.256', '010.0.0.1', '10.0.0.1/8', 'fe80::1%eth0', ':::', 'localhost'])(
    'refuses the address %j',
    text => {
      expect(failureOf(() => options.parseIpAddress(text))).toContain('--ip');
    },
  );

  it.each([
    'spiffe://link.internal/service/a',
    'https://example.com/a?b=c#d',
    'urn:uuid:0',
    'https://[::1]:8443/',
    'https://10.0.0.1/',
  ])('takes the URI %s', text => {
    expect(options.parseUri(text)).toBe(text);
  });

  it.each([
    ...[
      '',
      'example.com/a',
      '//a/b',
      'spiffe://',
      'spiffe:///a',
      'spiffe://Link/a',
      'spiffe://a/b/',
      'spiffe://a//b',
      'spiffe://a/../b',
    ],
    ...[
      'spiffe://a:1/b',
      'spiffe://u@a/b',
      'spiffe://a/b?c',
      'spiffe://a/b#c',
      'https://',
      'https://a_b/',
      'https://a b/',
      'https://ä/',
      'x:',
      'https://a/%zz',
    ],
    `https://a/${'x'.repeat(2048)}`,
  ])('refuses the URI %j', text => {
    expect(failureOf(() => options.parseUri(text))).toContain('--uri');
  });

  it.each(['a@example.com', 'first.last+tag@a.b'])('takes the address %s', text => {
    expect(options.parseEmail(text)).toBe(text);
  });

  it.each(['a', '@a', 'a@', 'a b@c', 'a@b_c', '.a@b', `${'x'.repeat(65)}@a`])('refuses the e-mail address %j', text => {
    expect(failureOf(() => options.parseEmail(text))).toContain('--email');
  });

  it('takes distribution points over http alone', () => {
    expect(options.parseHttpUrl('http://crl.link.internal/a.crl')).toBe('http://crl.link.internal/a.crl');
    for (const text of ['ldap://a/b', 'file:///etc/passwd', 'crl.link.internal']) {
      expect(failureOf(() => options.parseHttpUrl(text))).toContain('--crl-url');
    }
  });
});

describe('name constraints', () => {
  it('takes DNS names, hosts, domains and ranges', () => {
    expect(options.parseDnsConstraint('Link.Internal')).toBe('link.internal');
    expect(options.parseUriConstraint('.link.internal')).toBe('.link.internal');
    expect(options.parseIpConstraint('10.0.0.0/8')).toBe('10.0.0.0/8');
    expect(options.parseIpConstraint('10.1.2.3')).toBe('10.1.2.3/32');
    expect(options.parseIpConstraint('fd00::1')).toBe('fd00::1/128');
    expect(options.parseEmailConstraint('example.com')).toBe('example.com');
  });

  it('refuses a leading dot in a DNS constraint, which RFC 5280 does not know', () => {
    expect(failureOf(() => options.parseDnsConstraint('.link.internal'))).toContain('begins with a dot');
  });

  it.each(['10.0.0.1/8', '10.0.0.0/33', '10.0.0.0/', 'a/8', ''])('refuses the range %j', text => {
    expect(failureOf(() => options.parseIpConstraint(text))).toContain('--permit-ip');
  });

  it.each(['spiffe://a', 'a/b', ''])('refuses the URI constraint %j', text => {
    expect(failureOf(() => options.parseUriConstraint(text))).toContain('--permit-uri');
  });
});

describe('parseKeyMode', () => {
  it.each(['constructor', 'toString', '__proto__', '0644', ''])('refuses %j', text => {
    expect(failureOf(() => options.parseKeyMode(text))).toContain('0640');
  });
});

describe('the rest', () => {
  it('reads fingerprints as other tools print them', () => {
    const hex = '0123456789abcdef'.repeat(4);
    for (const text of [hex, hex.toUpperCase(), hex.match(/../g)!.join(':'), `sha256:${hex}`]) {
      expect(options.parseFingerprint(text)).toBe(hex);
    }
    for (const text of [hex.slice(1), `${hex}0`, 'g'.repeat(64), ''])
      expect(() => options.parseFingerprint(text)).toThrow('SHA-256');
  });

  it('reads reasons by name, in any case, and by number', () => {
    expect(options.parseReason('KEYCOMPROMISE')).toBe('keyCompromise');
    expect(options.parseReason('6')).toBe('certificateHold');
    for (const text of ['removeFromCRL', '8', '7', '', 'toString'])
      expect(() => options.parseReason(text)).toThrow('--reason');
  });

  it('keeps counts within their range', () => {
    const range = { minimum: 1, maximum: 8 };
    expect(options.parseCount('8', '--jobs', range)).toBe(8);
    for (const text of ['0', '9', '-1', '1.0', '', '1e1', ' 1'])
      expect(() => options.parseCount(text, '--jobs', range)).toThrow('1 to 8');
  });

  it('takes a hook as it is, unless it is empty, huge or has a NUL', () => {
    expect(options.parseHook(`systemctl reload 'x y' && true`)).toBe(`systemctl reload 'x y' && true`);
    for (const text of ['', '  ', 'a\0b', 'x'.repeat(4097)]) expect(() => options.parseHook(text)).toThrow('--hook');
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dnsNameProblem, dnsPatternProblem, parseSpiffeId, spiffeIdProblem } from '../../src/x509/name-syntax.ts';

describe('dnsNameProblem', () => {
  it.each([
    ['a'.repeat(63), undefined],
    ['a'.repeat(64), 'it has a label longer than 63 characters'],
    [`${'a.'.repeat(126)}a`, undefined],
    [`${'a.'.repeat(127)}a`, 'it is longer than 253 characters'],
    ['1.2.3.4', 'it is an IP address'],
    ['a.1', 'its last label is a number'],
    ['1.a', undefined],
    ['a_b.c', 'it has an underscore'],
    ['a.', 'it has an empty label'],
    ['a\u001b[31m', 'it has a control character'],
    ['a\n.b', 'it has a control character'],
    ['*.a', 'it has a wildcard, which is not allowed here'],
    ['é.c', 'it has a character outside ASCII; write such a name in its xn-- form'],
  ])('%s: %s', (name, problem) => {
    expect(dnsNameProblem(name)).toBe(problem);
  });

  it.each(['*', 'a.*', '*.*.b', 'x*.b', '**.b'])('is no pattern: %s', name => {
    expect(dnsPatternProblem(name)).toBe('a wildcard may only be the whole leftmost label');
  });

  it('lets an underscore pass where that is asked for', () => {
    expect(dnsNameProblem('_sip.a_b.c', { underscore: true })).toBeUndefined();
  });

  it('takes any name put together from good labels', () => {
    const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/);
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 10 }), labels => {
        expect(dnsNameProblem(labels.join('.'))).toBeUndefined();
        expect(dnsPatternProblem(`*.${labels.join('.')}`)).toBeUndefined();
        expect(dnsNameProblem(`*.${labels.join('.')}`)).toBeDefined();
      }),
    );
  });

  it('never repeats the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), name => {
        expect(dnsNameProblem(name) ?? '').not.toMatch(/[^ -~]/);
      }),
    );
  });
});

describe('parseSpiffeId', () => {
  it('tells trust domain and path', () => {
    expect(parseSpiffeId('spiffe://link.internal/service/a')).toEqual({
      trustDomain: 'link.internal',
      path: '/service/a',
    });
    expect(parseSpiffeId('SPIFFE://link.internal')).toEqual({ trustDomain: 'link.internal', path: '' });
  });

  // The examples of SPIFFE-ID, 2.
  it.each([
    ...[
      'https://a/b',
      'spiffe:/a/b',
      'spiffe://',
      'spiffe:///b',
      'spiffe://A/b',
      'spiffe://a/',
      'spiffe://a//b',
      'spiffe://a/./b',
    ],
    ...[
      'spiffe://a/b/..',
      'spiffe://a/b?c',
      'spiffe://a/b#c',
      'spiffe://a:8443/b',
      'spiffe://u@a/b',
      'spiffe://a/%41',
      'spiffe://a/ü',
    ],
    ...[`spiffe://${'a'.repeat(256)}/b`, `spiffe://a/${'b'.repeat(2048)}`],
  ])('refuses %s', id => {
    expect(spiffeIdProblem(id)).toBeDefined();
  });
});

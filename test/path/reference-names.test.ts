import { describe, expect, test } from 'vitest';
import type { ReferenceName } from '../../src/path/reference-names.ts';
import { commonNameDer, directoryName, type CertificateOptions } from './certificates.ts';
import { codes, judge, tiers } from './chains.ts';

const verdictOn = (leaf: CertificateOptions, ...names: readonly ReferenceName[]): readonly string[] =>
  codes(judge(tiers({ leaf }), { names }));

const dns = (value: string): ReferenceName => ({ kind: 'dns', value });
const uri = (value: string): ReferenceName => ({ kind: 'uri', value });

const id = 'spiffe://link.internal/service/user-svc';

const matches: readonly (readonly [scenario: string, leaf: CertificateOptions, name: ReferenceName])[] = [
  ['the same DNS name', { dns: ['a.link.internal'] }, dns('a.link.internal')],
  ['a DNS name in other case', { dns: ['A.link.Internal'] }, dns('a.LINK.internal')],
  ['a name of one label', { dns: ['user-svc'] }, dns('user-svc')],
  ['a reference name with its final period', { dns: ['a.link.internal'] }, dns('a.link.internal.')],
  ['a wildcard over one label', { dns: ['*.link.internal'] }, dns('a.link.internal')],
  ['a wildcard over an A-label', { dns: ['*.link.internal'] }, dns('xn--n3h.link.internal')],
  ['an underscore, which private networks use', { dns: ['my_svc.link.internal'] }, dns('my_svc.link.internal')],
  ['an IPv4 address', { ip: ['192.0.2.1'] }, { kind: 'ip', value: '192.0.2.1' }],
  ['an IPv6 address in another spelling', { ip: ['2001:db8::1'] }, { kind: 'ip', value: '2001:0DB8:0:0::1' }],
  [
    'an e-mail address, its host in other case',
    { email: ['ops@link.internal'] },
    { kind: 'email', value: 'ops@LINK.internal' },
  ],
  ['a SPIFFE ID', { uri: [id] }, uri(id)],
];

describe('accepts', () => {
  test.each(matches)('%s', (_scenario, leaf, name) => {
    expect(verdictOn(leaf, name)).toEqual([]);
  });
});

const mismatches: readonly (readonly [scenario: string, leaf: CertificateOptions, name: ReferenceName])[] = [
  ['another DNS name', { dns: ['a.link.internal'] }, dns('b.link.internal')],
  ['the domain above', { dns: ['a.link.internal'] }, dns('link.internal')],
  ['a name below', { dns: ['link.internal'] }, dns('a.link.internal')],
  ['a wildcard over two labels', { dns: ['*.link.internal'] }, dns('a.b.link.internal')],
  ['a wildcard for the domain itself', { dns: ['*.link.internal'] }, dns('link.internal')],
  ['a wildcard in part of a label', { dns: ['a*.link.internal'] }, dns('ab.link.internal')],
  ['a wildcard that is not left-most', { dns: ['a.*.internal'] }, dns('a.link.internal')],
  ['a bare wildcard', { dns: ['*'] }, dns('internal')],
  ['two wildcards', { dns: ['*.*.internal'] }, dns('a.link.internal')],
  ['a presented name with a final period', { dns: ['a.link.internal.'] }, dns('a.link.internal')],
  [
    'the common name',
    { name: 'a.link.internal', otherNames: [directoryName(commonNameDer('x'))] },
    dns('a.link.internal'),
  ],
  ['a DNS name written as a URI', { uri: ['a.link.internal'] }, dns('a.link.internal')],
  ['an address written as a DNS name', { dns: ['192.0.2.1'] }, { kind: 'ip', value: '192.0.2.1' }],
  ['an IPv4 address mapped into IPv6', { ip: ['::ffff:192.0.2.1'] }, { kind: 'ip', value: '192.0.2.1' }],
  [
    'an e-mail address in other case before the @',
    { email: ['Ops@link.internal'] },
    { kind: 'email', value: 'ops@link.internal' },
  ],
  ['a SPIFFE ID in other case', { uri: [id] }, uri(id.toUpperCase())],
  ['a SPIFFE ID with a final slash', { uri: [id] }, uri(`${id}/`)],
  ['a SPIFFE ID of another trust domain', { uri: ['spiffe://other/service/user-svc'] }, uri(id)],
];

describe('refuses', () => {
  test.each(mismatches)('%s', (_scenario, leaf, name) => {
    expect(verdictOn(leaf, name)).toEqual(['name-mismatch']);
  });
});

test.each([
  dns('192.0.2.1'),
  dns('*.link.internal'),
  dns(''),
  dns('a..b'),
  dns('a b'),
  { kind: 'ip', value: '192.0.2' } as const,
])('refuses to look for $value as $kind, which is no such name', name => {
  expect(verdictOn({ dns: ['*.link.internal'], ip: ['192.0.2.1'] }, name)).toEqual(['reference-name-malformed']);
});

test('wants every reference name', () => {
  expect(verdictOn({ dns: ['a', 'b'] }, dns('a'), dns('b'))).toEqual([]);
  expect(verdictOn({ dns: ['a', 'b'] }, dns('a'), dns('c'))).toEqual(['name-mismatch']);
});

test('refuses a SPIFFE ID beside a second URI', () => {
  expect(verdictOn({ uri: [id, 'https://link.internal/'] }, uri(id))).toEqual(['spiffe-id-not-single']);
});

test('tells which names the certificate has, and not two thousand of them', () => {
  const many = Array.from({ length: 2000 }, (_, i) => `n${i}.link.internal`);
  const [reason] = judge(tiers({ leaf: { dns: many } }), { names: [dns('x')] }).reasons;
  expect(reason).toMatchObject({ code: 'name-mismatch', expected: 'DNS:x' });
  expect(reason?.code === 'name-mismatch' && reason.found).toMatch(/^DNS:n0\.link\.internal, .* and 1990 more$/);
});

import { describe, expect, test } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import { explicit, implicit, implicitConstructed, oid, sequence, utf8String } from '../../src/der/writer.ts';
import {
  authority,
  commonNameDer,
  directoryName,
  dnsName,
  emailName,
  extension,
  intermediate,
  issue,
  nameDer,
  subnetName,
  uriName,
  type CertificateOptions,
} from './certificates.ts';
import { codes, judge, tiers } from './chains.ts';

type Row = readonly [scenario: string, issuer: CertificateOptions, leaf: CertificateOptions, code?: string];

const within = nameDer([oids.organizationName, 'Link'], [oids.organizationalUnitName, 'Site A']);
const leafWithin = nameDer(
  [oids.organizationName, 'LINK'],
  [oids.organizationalUnitName, 'site  a'],
  [oids.commonName, 'x'],
);
const otherName = implicitConstructed(0, oid('1.2.3.4'), explicit(0, utf8String('x')));

const rows: readonly Row[] = [
  ['a DNS name that is permitted', { permitted: [dnsName('link.internal')] }, { dns: ['link.internal'] }],
  ['a DNS name below the permitted', { permitted: [dnsName('link.internal')] }, { dns: ['a.b.link.internal'] }],
  ['a DNS name in other case', { permitted: [dnsName('LINK.internal')] }, { dns: ['a.link.INTERNAL'] }],
  ['one of two permitted DNS names', { permitted: [dnsName('x'), dnsName('y')] }, { dns: ['a.y'] }],
  ['everything under an empty DNS constraint', { permitted: [dnsName('')] }, { dns: ['a.link.internal'] }],
  ['a DNS name outside', { permitted: [dnsName('link.internal')] }, { dns: ['a.other'] }, 'name-not-permitted'],
  [
    'a DNS name that only ends alike',
    { permitted: [dnsName('link.internal')] },
    { dns: ['xlink.internal'] },
    'name-not-permitted',
  ],
  [
    'one DNS name of two outside',
    { permitted: [dnsName('link.internal')] },
    { dns: ['a.link.internal', 'x'] },
    'name-not-permitted',
  ],
  ['an excluded DNS name', { excluded: [dnsName('link.internal')] }, { dns: ['a.link.internal'] }, 'name-excluded'],
  [
    'a DNS name both permitted and excluded',
    { permitted: [dnsName('internal')], excluded: [dnsName('link.internal')] },
    { dns: ['a.link.internal'] },
    'name-excluded',
  ],
  ['another DNS name than the excluded', { excluded: [dnsName('link.internal')] }, { dns: ['other'] }],
  ['everything under an empty exclusion', { excluded: [dnsName('')] }, { dns: ['a'] }, 'name-excluded'],
  ['a wildcard inside', { permitted: [dnsName('link.internal')] }, { dns: ['*.link.internal'] }],
  [
    'a wildcard that reaches outside',
    { permitted: [dnsName('a.link.internal')] },
    { dns: ['*.link.internal'] },
    'name-not-permitted',
  ],
  [
    'a wildcard that reaches an excluded name',
    { excluded: [dnsName('a.link.internal')] },
    { dns: ['*.link.internal'] },
    'name-excluded',
  ],
  [
    'a wildcard one label above an excluded name',
    { excluded: [dnsName('a.b.link.internal')] },
    { dns: ['*.link.internal'] },
  ],
  ['a leading period: names below', { permitted: [dnsName('.link.internal')] }, { dns: ['a.link.internal'] }],
  [
    'a leading period: not the domain',
    { permitted: [dnsName('.link.internal')] },
    { dns: ['link.internal'] },
    'name-not-permitted',
  ],
  [
    'a malformed DNS name under a constraint',
    { permitted: [dnsName('internal')] },
    { dns: ['.internal'] },
    'name-malformed',
  ],
  [
    'a malformed DNS name under an exclusion',
    { excluded: [dnsName('other')] },
    { dns: ['a..internal'] },
    'name-malformed',
  ],
  [
    'a malformed DNS constraint',
    { permitted: [dnsName('*.internal'), dnsName('internal')] },
    { dns: ['a.internal'] },
    'name-constraint-malformed',
  ],
  [
    'a DNS constraint of a period alone',
    { permitted: [dnsName('.'), dnsName('internal')] },
    { dns: ['a.internal'] },
    'name-constraint-malformed',
  ],
  ['names of another form', { permitted: [subnetName('192.0.2.0/24')], excluded: [uriName('x')] }, { dns: ['a'] }],

  ['an address inside', { permitted: [subnetName('192.0.2.0/24')] }, { ip: ['192.0.2.255'] }],
  ['an address outside', { permitted: [subnetName('192.0.2.0/24')] }, { ip: ['192.0.3.0'] }, 'name-not-permitted'],
  [
    'an address of the other family',
    { permitted: [subnetName('192.0.2.0/24')] },
    { ip: ['::1'] },
    'name-not-permitted',
  ],
  ['an IPv6 address that begins as an IPv4 network', { excluded: [subnetName('32.0.0.0/8')] }, { ip: ['2001:db8::5'] }],
  ['an excluded IPv6 address', { excluded: [subnetName('2001:db8::/32')] }, { ip: ['2001:db8::5'] }, 'name-excluded'],
  ['any address under a mask of zeros', { excluded: [subnetName('0.0.0.0/0')] }, { ip: ['8.8.8.8'] }, 'name-excluded'],
  [
    'a mask with a hole',
    { permitted: [implicit(7, Uint8Array.of(192, 0, 2, 0, 255, 0, 255, 0))] },
    { ip: ['192.0.2.1'] },
    'name-constraint-malformed',
  ],

  ['an e-mail address at the host', { permitted: [emailName('link.internal')] }, { email: ['a@LINK.internal'] }],
  [
    'an e-mail address at a host below',
    { permitted: [emailName('link.internal')] },
    { email: ['a@x.link.internal'] },
    'name-not-permitted',
  ],
  [
    'an e-mail address below a leading period',
    { permitted: [emailName('.link.internal')] },
    { email: ['a@x.link.internal'] },
  ],
  [
    'an e-mail address at the domain of a leading period',
    { permitted: [emailName('.link.internal')] },
    { email: ['a@link.internal'] },
    'name-not-permitted',
  ],
  ['the very mailbox', { permitted: [emailName('a@link.internal')] }, { email: ['a@link.internal'] }],
  [
    'the mailbox in other case',
    { permitted: [emailName('a@link.internal')] },
    { email: ['A@link.internal'] },
    'name-not-permitted',
  ],
  [
    'an asterisk in a mailbox, literally',
    { permitted: [emailName('*@link.internal')] },
    { email: ['a@link.internal'] },
    'name-not-permitted',
  ],
  ['a malformed e-mail constraint', { permitted: [emailName('a@b@c')] }, { dns: ['a'] }, 'name-constraint-malformed'],
  ['a malformed e-mail address', { excluded: [emailName('x')] }, { email: ['a b@c'] }, 'name-malformed'],
  [
    'an e-mail address in the subject',
    { excluded: [emailName('link.internal')] },
    { subject: nameDer([oids.emailAddress, 'a@link.internal']) },
    'name-excluded',
  ],

  ['a URI of the host', { permitted: [uriName('link.internal')] }, { uri: ['spiffe://link.internal/service/x'] }],
  ['a URI with user and port', { permitted: [uriName('link.internal')] }, { uri: ['https://me@LINK.internal:8443/x'] }],
  [
    'a URI of a host below',
    { permitted: [uriName('link.internal')] },
    { uri: ['spiffe://x.link.internal/a'] },
    'name-not-permitted',
  ],
  ['a URI below a leading period', { permitted: [uriName('.internal')] }, { uri: ['spiffe://link.internal/a'] }],
  ['an excluded URI', { excluded: [uriName('link.internal')] }, { uri: ['spiffe://link.internal/a'] }, 'name-excluded'],
  ['a URI without a host', { excluded: [uriName('x')] }, { uri: ['urn:uuid:f81d4fae'] }, 'name-malformed'],
  ['a URI with an address for a host', { excluded: [uriName('x')] }, { uri: ['https://192.0.2.1/'] }, 'name-malformed'],
  ['a host hidden behind a user', { excluded: [uriName('evil')] }, { uri: ['https://good@evil/'] }, 'name-excluded'],

  ['a subject inside', { permitted: [directoryName(within)] }, { subject: leafWithin }],
  ['a subject outside', { permitted: [directoryName(within)] }, {}, 'name-not-permitted'],
  [
    'a directory name outside',
    { permitted: [directoryName(within)] },
    { subject: leafWithin, otherNames: [directoryName(commonNameDer('x'))] },
    'name-not-permitted',
  ],
  [
    'a subject of as many parts, outside',
    { permitted: [directoryName(within)] },
    {
      subject: nameDer(
        [oids.organizationName, 'Link'],
        [oids.organizationalUnitName, 'Site B'],
        [oids.commonName, 'x'],
      ),
    },
    'name-not-permitted',
  ],
  ['an excluded subject', { excluded: [directoryName(within)] }, { subject: leafWithin }, 'name-excluded'],
  ['an empty subject', { permitted: [directoryName(within)] }, { name: '' }],
  ['a shorter name than the constraint', { excluded: [directoryName(leafWithin)] }, { subject: within }],

  [
    'a form that is not known, where such a name is',
    { excluded: [otherName] },
    { otherNames: [otherName] },
    'name-constraint-unsupported',
  ],
  ['a form that is not known, where no such name is', { excluded: [otherName] }, {}],
];

const withCode = ([scenario, issuer, leaf, code]: Row): readonly [
  string,
  CertificateOptions,
  CertificateOptions,
  string[],
] => [scenario, issuer, leaf, code === undefined ? [] : [code]];

describe('an intermediate constrains', () => {
  test.each(rows.map(withCode))('%s', (_scenario, site, leaf, code) => {
    expect(codes(judge(tiers({ site, leaf })))).toEqual(code);
  });
});

describe('the trust anchor constrains', () => {
  test.each(
    rows
      .map(withCode)
      .filter(([, , , code]) => code.length > 0)
      .slice(0, 6),
  )('%s', (_scenario, anchor, leaf, code) => {
    const root = authority(anchor);
    expect(codes(judge({ root, leaf: issue(root, leaf) }))).toEqual(code);
  });
});

test('constrains intermediates below, and not self-issued ones', () => {
  const root = authority({ permitted: [dnsName('link.internal')] });
  const below = intermediate(root, { dns: ['other'] });
  expect(codes(judge({ root, site: below, leaf: issue(below) }))).toEqual(['name-not-permitted']);
  const selfIssued = intermediate(root, { name: 'root', key: 'root, next key', dns: ['other'] });
  expect(codes(judge({ root, site: selfIssued, leaf: issue(selfIssued) }))).toEqual([]);
});

test('lets an intermediate narrow and never widen', () => {
  const root = authority({ permitted: [dnsName('a.internal'), dnsName('b.internal')] });
  const site = intermediate(root, { permitted: [dnsName('b.internal'), dnsName('c.internal')] });
  const verdictOn = (name: string): readonly string[] =>
    codes(judge({ root, site, leaf: issue(site, { dns: [name] }) }));
  expect(verdictOn('b.internal')).toEqual([]);
  expect(verdictOn('a.internal')).toEqual(['name-not-permitted']);
  expect(verdictOn('c.internal')).toEqual(['name-not-permitted']);
});

test('holds a self-issued leaf to the constraints', () => {
  const root = authority({ permitted: [dnsName('link.internal')] });
  const leaf = issue(root, { name: 'root', dns: ['other'] });
  expect(codes(judge({ root, leaf }))).toEqual(['name-not-permitted']);
});

test.each([
  ['minimum', implicit(0, Uint8Array.of(1))],
  ['maximum', implicit(1, Uint8Array.of(9))],
])('refuses a constraint with a %s', (_field, field) => {
  const trees = sequence(implicitConstructed(0, sequence(dnsName('internal'), field)));
  const site = { extensions: [extension(oids.nameConstraints, true, trees)] };
  expect(codes(judge(tiers({ site })))).toEqual(['name-constraint-malformed']);
});

test('tells name, constraint and who constrains', () => {
  const [reason] = judge(tiers({ site: { permitted: [dnsName('a'), dnsName('b')] }, leaf: { dns: ['c'] } })).reasons;
  expect(reason).toEqual({
    code: 'name-not-permitted',
    subject: 'CN=user-svc',
    name: 'DNS:c',
    permitted: 'DNS:a, DNS:b',
    constrainedBy: 'CN=site-a',
  });
});

test('refuses 2,048 names under 2,048 constraints as too expensive', () => {
  const many = Array.from({ length: 2048 }, (_, i) => `n${i}.internal`);
  const chain = tiers({ site: { permitted: many.map(dnsName), excluded: [dnsName('x')] }, leaf: { dns: many } });
  expect(codes(judge(chain))).toEqual(['budget-names']);
});

/** A chain of so many CAs below the root, which has the first options, and a leaf under them. */
function ladder(length: number, root: CertificateOptions, each: CertificateOptions): ReturnType<typeof judge> {
  const chain = [authority(root)];
  for (let i = 0; i < length; i++)
    chain.push(intermediate(chain.at(-1)!, { ...each, name: `tier ${i}`, key: `tier ${i}` }));
  const intermediates = chain.slice(1).map(({ certificate }) => certificate);
  return judge({ root: chain[0]!, leaf: issue(chain.at(-1)!) }, { intermediates });
}

test('refuses more than 250,000 names under a constraint, whatever it speaks of', () => {
  const dns = Array.from({ length: 10_000 }, (_, i) => `n${i}`);
  const root = { permitted: [emailName('link.internal')] };
  expect(codes(ladder(24, root, { dns }))).toEqual([]);
  expect(codes(ladder(25, root, { dns }))).toEqual(['budget-names']);
});

test('refuses more than 250,000 constraints, whatever they speak of', () => {
  const permitted = Array.from({ length: 8_000 }, () => emailName('link.internal'));
  expect(codes(ladder(31, {}, { permitted }))).toEqual([]);
  expect(codes(ladder(32, {}, { permitted }))).toEqual(['budget-names']);
});

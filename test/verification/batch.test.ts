import { describe, expect, test } from 'vitest';
import { main } from '../../src/main.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { type FakeSystem, fakeSystem } from '../fake-system.ts';
import { authority, day, type Entity, intermediate, issue, now } from '../path/certificates.ts';
import { tiers } from '../path/chains.ts';
import { crl as issueCrl, type CrlOptions } from '../path/crls.ts';

const pem = (...entities: readonly Entity[]): string =>
  entities.map(({ certificate }) => encodePem('CERTIFICATE', certificate.der)).join('');

const crl = (issuer: Entity, options: CrlOptions = {}): string => encodePem('X509 CRL', issueCrl(issuer, options).der);

const { root, site, leaf } = tiers({ leaf: { dns: ['user-svc.link.internal', 'user-svc'], extendedKeyUsage: null } });
const valid = { id: 'x', leaf: pem(leaf), untrusted: [pem(site)], trust: [pem(root)] };
const accepted = { id: 'x', valid: true, reasons: [] };
const refused = (...reasons: readonly string[]): object => ({ id: 'x', valid: false, reasons });
const error = (code: string, message: string): object => ({ id: 'x', error: { code, message } });

type Stdin = string | Uint8Array | AsyncIterable<Uint8Array>;

function batch(stdin: Stdin): FakeSystem {
  return fakeSystem({ args: ['verify-chain', '--batch'], now, stdin });
}

async function answers(...lines: readonly (string | object)[]): Promise<readonly unknown[]> {
  const system = batch(lines.map(line => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
  expect(await main(system)).toBe(0);
  expect(system.errors()).toBe('');
  return parsed(system);
}

function parsed(system: FakeSystem): readonly unknown[] {
  return system
    .output()
    .split('\n')
    .filter(line => line !== '')
    .map((line): unknown => JSON.parse(line));
}

describe('answers', () => {
  test('come in the order of the requests, one each, whatever became of the others', async () => {
    const requests = [{ ...valid, id: 1 }, 'nothing', { ...valid, id: 'two', trust: [] }, '', { ...valid, id: null }];
    expect(await answers(...requests)).toMatchObject([
      { id: 1, valid: true },
      { id: null, error: { code: 'malformed' } },
      { id: 'two', valid: false },
      { id: null, valid: true },
    ]);
  });

  test('are given before the next request is there', async () => {
    const seen: string[] = [];
    async function* requests(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 3; i++) {
        await Promise.resolve();
        seen.push(system.output());
        yield Buffer.from(`${JSON.stringify({ ...valid, id: i })}\n`);
      }
    }
    const system = batch(requests());
    await main(system);
    expect(seen.map(output => output.split('\n').length - 1)).toEqual([0, 1, 2]);
  });

  test('tell a code once, however many certificates it is about', async () => {
    const past = { at: undefined, ...valid, time: '2020-01-01T00:00:00Z' };
    expect(await answers(past)).toEqual([refused('not-yet-valid')]);
  });
});

describe('a request', () => {
  test.each([
    ['nothing else', {}, accepted],
    ['nulls for what is not asked', allNull(), accepted],
    ['members of other names', { expected: 'valid', features: [] }, accepted],
    ['no time: now', { time: null }, accepted],
    ['a time', { time: '2029-01-01T00:00:00.5+01:00' }, refused('expired')],
    ['a name that the leaf has', { name: { kind: 'dns', value: 'user-svc' } }, accepted],
    ['a name that it does not have', { name: { kind: 'dns', value: 'other' } }, refused('name-mismatch')],
    ['one of several names missing', { names: [dns('user-svc'), dns('other')] }, refused('name-mismatch')],
    ['a depth that is enough', { maxDepth: 1 }, accepted],
    ['a depth that is not', { maxDepth: 0 }, refused('chain-too-long')],
    ['a key usage', { keyUsage: ['digitalSignature'] }, accepted],
    ['a key usage by its newer name', { keyUsage: ['contentCommitment'] }, refused('key-usage')],
    ['an extended key usage', { eku: ['serverAuth', '1.3.6.1.5.5.7.3.2'] }, accepted],
    ['a purpose', { purpose: 'mutual' }, accepted],
    [
      'policies that the chain does not have',
      { policies: { requireExplicitPolicy: true } },
      refused('policy-required'),
    ],
    ['an intermediate that does not parse', { untrusted: [pem(site), 'junk'] }, accepted],
    ['nothing but intermediates in the leaf', { leaf: pem(leaf, site), untrusted: [] }, accepted],
    ['no intermediate', { untrusted: [] }, refused('issuer-not-found')],
    ['CRLs for all of the chain', { crls: [crl(root), crl(site)] }, accepted],
    ['CRLs for a part of it', { crls: [crl(site)] }, refused('crl-missing')],
    ['the CRL that revokes', { crls: [crl(root), crl(site, { revoked: [leaf] })] }, refused('revoked')],
  ])('with %s', async (_what, members, answer) => {
    expect(await answers({ ...valid, ...members })).toEqual([answer]);
  });

  test.each([
    ['purpose', 'juggler', 'expected any, client, mutual, server'],
    ['profile', 7, 'expected rfc5280, webpki'],
    ['strict', 'yes', 'expected true or false'],
    ['maxDepth', -1, 'expected a whole number from 0 to 10000'],
    ['maxDepth', '1', 'expected a whole number from 0 to 10000'],
    ['untrusted', 'pem', 'expected a list'],
    ['trust', [1], 'expected text'],
    ['trust', null, 'it is missing'],
    ['name', 'user-svc', 'expected an object'],
    ['names', [{ kind: 'other', value: 'x' }], 'expected a kind of dns, email, ip, uri'],
    ['names', [{ kind: 'dns' }], 'expected text'],
    ['keyUsage', ['toString'], "expected names of key usages, such as digitalSignature, and not 'toString'"],
    ['eku', ['everything'], "expected object identifiers, or names such as serverAuth, and not 'everything'"],
    ['policies', [], 'expected an object'],
    ['names', Array(1001).fill(dns('a')), 'expected at most 1000 entries, and there are 1001'],
  ])('with a bad %s: %j', async (key, value, problem) => {
    expect(await answers({ ...valid, [key]: value })).toEqual([error('bad-value', `bad '${key}': ${problem}`)]);
  });

  test('with a bad policy or time is told what is wrong', async () => {
    expect(
      await answers({ ...valid, time: 'yesterday' }, { ...valid, policies: { initialPolicySet: ['any'] } }),
    ).toMatchObject([
      { error: { code: 'bad-value', message: expect.stringContaining("'yesterday'") as string } },
      { error: { code: 'bad-value', message: "bad 'initialPolicySet': expected object identifiers, and not 'any'" } },
    ]);
  });

  test.each([
    ['leaf', { leaf: 'junk' }],
    ['leaf', { leaf: encodePem('CERTIFICATE', Uint8Array.of(0x30, 0)) }],
    ['trust', { trust: ['junk'] }],
    ['untrusted', { untrusted: ['junk'] }],
    ['crls', { crls: [crl(root), crl(site), 'junk'] }],
  ])('whose %s does not parse can not be judged', async (key, members) => {
    expect(await answers({ ...valid, ...members })).toMatchObject([
      { id: 'x', error: { code: 'malformed', message: expect.stringMatching(`^${key}: `) as string } },
    ]);
  });

  test('that is long is read as a short one is', async () => {
    const padding = { comment: 'x'.repeat(100_000) };
    const names = [dns('user-svc'), dns(`user-svc.link.internal`)];
    const crls = [crl(root), crl(site, { revoked: [leaf] })];
    expect(
      await answers(
        { ...valid, ...padding, names },
        { ...valid, ...padding, crls },
        { ...valid, ...padding, untrusted: ['junk', pem(site, root)] },
        { ...valid, ...padding, leaf: `junk ${'x'.repeat(300)}` },
        { ...valid, ...padding, purpose: 'x'.repeat(300) },
        { ...valid, ...padding, id: 'i'.repeat(1_001) },
        { ...valid, ...padding, names: [dns('n'.repeat(100_000))] },
      ),
    ).toMatchObject([
      accepted,
      refused('revoked'),
      accepted,
      error('malformed', 'leaf: no PEM block in the text'),
      error('bad-value', "bad 'purpose': expected any, client, mutual, server"),
      { id: null, error: { code: 'bad-value' } },
      error('bad-value', "bad 'names': it is too long"),
    ]);
  });

  test('with more than 15,000 certificates can not be judged', async () => {
    const many = pem(site).repeat(8_000);
    expect(await answers({ ...valid, untrusted: [many, `${many} `] })).toEqual([
      error('too-large', 'there are more than 15000 certificates in the line'),
    ]);
  });

  test('that is not UTF-8 can not be judged', async () => {
    const system = batch(Uint8Array.of(0x22, 0xff, 0x22, 0x0a));
    await main(system);
    expect(parsed(system)).toEqual([{ id: null, error: { code: 'malformed', message: 'the line is not UTF-8' } }]);
  });
});

describe('lines that share their certificates', () => {
  test('are judged each on its own', async () => {
    const expired = issue(site, { notAfter: now - day });
    const other = authority({ name: 'root', key: 'other' });
    const requests = [valid, { ...valid, leaf: pem(expired) }, { ...valid, trust: [pem(other)] }, valid];
    expect(await answers(...requests)).toEqual([accepted, refused('expired'), refused('signature-invalid'), accepted]);
  });

  test('may bring a pool of 10,000', async () => {
    const elsewhere = intermediate(root, { name: 'elsewhere' });
    const pool = [...Array.from({ length: 10_000 }, (_, i) => altered(elsewhere, i)), pem(site)];
    expect(await answers({ ...valid, untrusted: pool }, { ...valid, untrusted: pool })).toEqual([accepted, accepted]);
  });
});

/** The same certificate with another signature, which can't be right. */
function altered({ certificate }: Entity, i: number): string {
  const der = Buffer.from(certificate.der);
  der.writeUInt16BE(i, der.length - 2);
  return encodePem('CERTIFICATE', der);
}

function dns(value: string): object {
  return { kind: 'dns', value };
}

function allNull(): object {
  const absent = [
    'crls',
    'time',
    'purpose',
    'name',
    'names',
    'maxDepth',
    'keyUsage',
    'eku',
    'profile',
    'strict',
    'policies',
  ];
  return Object.fromEntries(absent.map(key => [key, null]));
}

import { describe, expect, it } from 'vitest';
import { loadProfile } from '../../src/config/profiles.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { type CertificateOrder, issueCertificate } from '../../src/issuance/issue.ts';
import { noSubjectNames, planNames, type SubjectNames } from '../../src/issuance/names.ts';
import { serialHex } from '../../src/x509/certificate.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  subjectAltName,
  subjectKeyIdentifier,
} from '../../src/x509/extensions.ts';
import { formatGeneralName } from '../../src/x509/general-name.ts';
import { lint } from '../../src/x509/lint.ts';
import { parseDistinguishedName } from '../../src/x509/name.ts';
import {
  type Ca,
  config,
  day,
  intermediate,
  issuerOf,
  keyFor,
  leaf,
  leafOrder,
  now,
  randomness,
  root,
  year,
} from './authorities.ts';

const none = noSubjectNames;
const permit = (kinds: Partial<SubjectNames>) => ({ permitted: { ...none, ...kinds }, excluded: none });
const exclude = (kinds: Partial<SubjectNames>) => ({ permitted: none, excluded: { ...none, ...kinds } });

const refusal = async (code: ErrorCode, work: Promise<unknown>, words = ''): Promise<void> => {
  await expect(work).rejects.toMatchObject({ code, message: expect.stringContaining(words) as string });
};

describe('issueCertificate', () => {
  it('makes a root, an intermediate and a leaf that lint clean', async () => {
    const top = await root();
    const issuing = await intermediate(top);
    const target = await leaf(issuing);
    expect(lint(top.certificate, { issuer: top.certificate, own: true })).toEqual([]);
    expect(lint(issuing.certificate, { issuer: top.certificate, own: true })).toEqual([]);
    expect(lint(target, { issuer: issuing.certificate, own: true })).toEqual([]);
  });

  it('writes what the profile says', async () => {
    const top = await root();
    const issuing = await intermediate(top);
    const target = await leaf(issuing);
    expect(basicConstraints(top.certificate)).toEqual({ ca: true, pathLenConstraint: 1 });
    expect(basicConstraints(issuing.certificate)).toEqual({ ca: true, pathLenConstraint: 0 });
    expect(subjectAltName(target)?.map(formatGeneralName)).toEqual([
      'DNS:user-svc.link.internal',
      'DNS:user-svc',
      'DNS:user-svc.link.local',
      'URI:spiffe://link.internal/service/user-svc',
    ]);
    expect([target.notBefore, target.notAfter]).toEqual([now - 60_000, now + 90 * day]);
    expect(authorityKeyIdentifier(target)?.keyIdentifier).toEqual(subjectKeyIdentifier(issuing.certificate));
    expect(authorityKeyIdentifier(top.certificate)).toBeUndefined();
    expect(serialHex(target.serialNumber)).toHaveLength(32);
  });

  it('writes dates from 2050 on as GeneralizedTime', async () => {
    const { certificate } = await root({ validity: 60 * year });
    expect(certificate.notAfter).toBe(now + 60 * year);
  });

  it.each([
    '00000000000000000000000000000001',
    '80000000000000000000000000000000',
    'ffffffffffffffffffffffffffffffff',
    '7f000000000000000000000000000000',
  ])('keeps a serial number of the octets %s, drawing again where they begin with zero', async hex => {
    const first = Uint8Array.from(Buffer.from(hex, 'hex'));
    const second = Uint8Array.from(Buffer.from('ab'.repeat(16), 'hex'));
    const draws = [first, second];
    const target = await leaf(await intermediate(await root()), { random: () => draws.shift()! });
    expect(serialHex(target.serialNumber)).toBe(hex.startsWith('00') ? 'ab'.repeat(16) : hex);
  });

  it('shortens a leaf that would outlive its issuer, with a warning', async () => {
    const issuing = await intermediate(await root(), { validity: 30 * day });
    const { certificate, warnings } = await issueCertificate(await leafOrder(issuing));
    expect(certificate.notAfter).toBe(issuing.certificate.notAfter);
    expect(warnings).toEqual(['shortened to end with its issuer on 2026-12-22T14:05:01Z']);
  });

  it('refuses a leaf that would get less than a tenth of its life', async () => {
    const issuing = await intermediate(await root(), { validity: 8 * day });
    await refusal('lifetime-refused', leaf(issuing));
  });

  it('refuses everything under an issuer that has expired', async () => {
    const issuing = await intermediate(await root(), { validity: 30 * day });
    await refusal('expired', leaf(issuing, { now: now + 31 * day }));
  });
});

describe('name constraints', () => {
  it.each([
    ['a DNS name not permitted', permit({ dns: ['example.com'] }), {}, 'DNS:user-svc.link.internal'],
    ['a DNS name excluded', exclude({ dns: ['link.internal'] }), {}, 'DNS:user-svc.link.internal'],
    ['an address outside', permit({ ip: ['10.0.0.0/8'] }), { ip: ['192.168.0.1'] }, 'IP'],
    ['an IPv6 address where IPv4 is permitted', permit({ ip: ['10.0.0.0/8'] }), { ip: ['fd00::1'] }, 'IP'],
    ['a SPIFFE ID of another trust domain', permit({ uri: ['example.com'] }), {}, 'URI:spiffe'],
    ['an e-mail address outside', permit({ email: ['example.com'] }), { email: ['a@example.org'] }, 'example.org'],
    [
      'a wildcard over an excluded name',
      exclude({ dns: ['a.example.com'] }),
      { dns: ['*.example.com'] },
      '*.example.com',
    ],
  ])('refuses %s before signing', async (_, nameConstraints, extra, words) => {
    const issuing = await intermediate(await root(), { nameConstraints });
    const order = await leafOrder(issuing);
    const issuers = [issuing.certificate, ...issuing.chain];
    const { names } = planNames(order.profile, {
      service: 'user-svc',
      trustDomain: config.trustDomain,
      issuers,
      extra,
    });
    let signed = false;
    const signer = { ...issuing.key, sign: () => Promise.reject(new Error(`signed: ${(signed = true)}`)) };
    await refusal(
      'constraint-violation',
      issueCertificate({ ...order, names, issuer: { ...issuerOf(issuing), signer } }),
      words,
    );
    expect(signed).toBe(false);
  });

  it('of the root hold for a leaf below the intermediate', async () => {
    const issuing = await intermediate(await root({ nameConstraints: permit({ uri: ['example.com'] }) }));
    await refusal('constraint-violation', leaf(issuing));
  });

  it('leave a way to enrol where only the trust domain is permitted', async () => {
    const issuing = await intermediate(await root(), {
      nameConstraints: permit({ dns: ['link.internal'], uri: ['link.internal'] }),
    });
    const target = await leaf(issuing);
    expect(subjectAltName(target)?.map(formatGeneralName)).toEqual([
      'DNS:user-svc.link.internal',
      'URI:spiffe://link.internal/service/user-svc',
    ]);
  });

  it.each([
    [permit({ dns: ['link.internal'] }), permit({ dns: ['site-a.link.internal'] }), true],
    [permit({ dns: ['link.internal'] }), permit({ dns: ['link.internal'] }), true],
    [permit({ dns: ['link.internal'] }), permit({ dns: ['internal'] }), false],
    [permit({ dns: ['link.internal'] }), permit({ uri: ['example.com'] }), true],
    [permit({ ip: ['10.0.0.0/8'] }), permit({ ip: ['10.1.0.0/16'] }), true],
    [permit({ ip: ['10.1.0.0/16'] }), permit({ ip: ['10.0.0.0/8'] }), false],
    [permit({ ip: ['10.0.0.0/8'] }), permit({ ip: ['fd00::/8'] }), false],
    [permit({ uri: ['.link.internal'] }), permit({ uri: ['a.link.internal'] }), true],
    [permit({ uri: ['link.internal'] }), permit({ uri: ['.link.internal'] }), false],
    [exclude({ dns: ['bad.internal'] }), permit({ dns: ['a.bad.internal'] }), false],
    [exclude({ dns: ['a.internal'] }), permit({ dns: ['internal'] }), true],
    [permit({ dns: ['link.internal'] }), exclude({ dns: ['example.com'] }), true],
  ])('of a root %j let an intermediate have %j: %s', async (above, below, allowed) => {
    const top = await root({ nameConstraints: above });
    const work = intermediate(top, { nameConstraints: below });
    if (allowed) await work;
    else await refusal('constraint-violation', work, 'do not allow to permit');
  });
});

describe('path length', () => {
  it('refuses a CA below an issuer of path length 0', async () => {
    const issuing = await intermediate(await root());
    await refusal('constraint-violation', intermediate(issuing, { label: 'site-b' }), 'path length 0');
  });

  it('refuses a path length that the issuer leaves no room for', async () => {
    await refusal('constraint-violation', intermediate(await root(), { pathLength: 1 }), 'leaves room for 0');
  });

  it('counts from the root on', async () => {
    const top = await root({ pathLength: 2 });
    const first = await intermediate(top, { pathLength: 1 });
    const second = await intermediate(first, { label: 'site-b', pathLength: 0 });
    await refusal('constraint-violation', intermediate(second, { label: 'site-c' }));
    const roomy: Ca = {
      ...(await intermediate(top, { pathLength: 1 })),
      chain: [(await root({ pathLength: 1 })).certificate],
    };
    await refusal('constraint-violation', intermediate(roomy, { label: 'site-b' }), 'path length 1');
  });
});

describe('what is no matter of constraints', () => {
  it('refuses a leaf as an issuer', async () => {
    const issuing = await intermediate(await root());
    const target = await leaf(issuing);
    const fake: Ca = { certificate: target, key: await keyFor('user-svc'), chain: [] };
    await refusal('policy-refused', leaf(fake, { label: 'api-gateway' }), 'no CA');
  });

  it('refuses to sign with a key that is not the issuer’s', async () => {
    const issuing = await intermediate(await root());
    await refusal('key-mismatch', leaf({ ...issuing, key: await keyFor('foreign') }));
  });

  it('refuses a key that an authority has already', async () => {
    const top = await root();
    const issuing = await intermediate(top);
    await refusal('key-shared', leaf(issuing, { publicKey: issuing.key.publicKey }));
    await refusal(
      'key-shared',
      leaf(issuing, { publicKey: top.key.publicKey, authorityKeys: [top.key.publicKey.der] }),
    );
    await refusal('key-shared', root({ authorityKeys: [top.key.publicKey.der] }));
  });

  it('refuses a CA that is called like its issuer', async () => {
    const top = await root();
    await refusal(
      'policy-refused',
      intermediate(top, { subject: parseDistinguishedName('CN=ROOT  ca,O=link.internal') }),
      'subject of its issuer',
    );
  });

  it('refuses a root that is issued by another, and a leaf that signs itself', async () => {
    const top = await root();
    await refusal('policy-refused', intermediate(top, { profile: loadProfile('root', config) }));
    const order = await leafOrder(top);
    const key = await keyFor('user-svc');
    await refusal('policy-refused', issueCertificate({ ...order, issuer: { certificate: 'self', signer: key } }));
  });
});

describe('what was signed is read back', () => {
  async function tampered(change: (signature: Uint8Array) => Uint8Array): Promise<CertificateOrder> {
    const issuing = await intermediate(await root());
    const sign = async (data: Uint8Array) => change(await issuing.key.sign(data));
    return { ...(await leafOrder(issuing)), issuer: { ...issuerOf(issuing), signer: { ...issuing.key, sign } } };
  }

  it('refuses a signature that does not verify', async () => {
    const order = await tampered(signature => signature.with(-1, (signature.at(-1) ?? 0) ^ 1));
    await refusal('issued-certificate-refused', issueCertificate(order), 'signature is invalid');
  });

  it('refuses a signature over something else', async () => {
    const issuing = await intermediate(await root());
    const sign = () => issuing.key.sign(Uint8Array.of(1, 2, 3));
    const order = { ...(await leafOrder(issuing)), issuer: { ...issuerOf(issuing), signer: { ...issuing.key, sign } } };
    await refusal('issued-certificate-refused', issueCertificate(order), 'signature is invalid');
  });

  it('refuses what a lint finds, naming the rule and its source', async () => {
    const issuing = await intermediate(await root());
    const order = await leafOrder(issuing);
    const names = { ...none, dns: ['a.b'], uri: ['spiffe://a/b', 'https://c/'] };
    await refusal(
      'issued-certificate-refused',
      issueCertificate({ ...order, names }),
      'svid-one-uri: the certificate has another URI beside its SPIFFE ID (SPIFFE X509-SVID, 2)',
    );
  });

  it('refuses a leaf without names', async () => {
    const issuing = await intermediate(await root());
    await refusal(
      'issued-certificate-refused',
      issueCertificate({ ...(await leafOrder(issuing)), names: none }),
      'own-names',
    );
  });
});

it('draws serial numbers that do not repeat in 500 certificates', async () => {
  const issuing = await intermediate(await root());
  const order = await leafOrder(issuing);
  const random = randomness('many');
  const issued = await Promise.all(Array.from({ length: 500 }, () => issueCertificate({ ...order, random })));
  expect(new Set(issued.map(({ certificate }) => serialHex(certificate.serialNumber))).size).toBe(500);
});

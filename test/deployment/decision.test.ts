import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import {
  decide,
  type DueReason,
  firstSecond,
  type Installed,
  renewalShare,
  renewalTime,
  type Wanted,
} from '../../src/deployment/decision.ts';
import { KeyUsage, subjectKeyIdentifier } from '../../src/x509/extensions.ts';
import { authority, type CertificateOptions, day, intermediate, issue, now } from '../path/certificates.ts';

const root = authority();
const site = intermediate(root, { notAfter: now + 3000 * day });
const notBefore = now - 30 * day;
const leaf = (options: CertificateOptions = {}) =>
  issue(site, { notBefore, notAfter: notBefore + 90 * day, dns: ['user-svc.link.internal', 'user-svc'], ...options });

function installed(options: CertificateOptions = {}): Extract<Installed, { state: 'readable' }> {
  const { certificate } = leaf(options);
  return {
    state: 'readable',
    certificate,
    chain: [certificate, site.certificate],
    anchors: [root.certificate],
    keyMatches: true,
  };
}

/** What leaf() is like; a test gives the one thing that deviates. */
const wanted = (changes: Partial<Wanted> = {}): Wanted => ({
  subject: 'CN=user-svc',
  names: ['DNS:user-svc.link.internal', 'DNS:user-svc'],
  keyType: 'ec-p256',
  keyUsage: KeyUsage.digitalSignature,
  extendedKeyUsage: [oids.clientAuth, oids.serverAuth],
  renewAt: 2 / 3,
  validity: 90 * day,
  backdate: 60_000,
  issuer: { keyIdentifier: subjectKeyIdentifier(site.certificate), notAfter: site.certificate.notAfter },
  ...changes,
});

const reasons = (is: Installed, want = wanted(), keyType: string | undefined = 'ec-p256', at = now) =>
  decide(is, want, keyType, at);
const codes = (...args: Parameters<typeof reasons>): readonly DueReason['code'][] =>
  reasons(...args).map(reason => reason.code);

describe('decide', () => {
  it('finds nothing to do where all is as asked', () => {
    expect(reasons(installed())).toEqual([]);
  });

  it('takes names and purposes in any order', () => {
    const want = wanted();
    const turned = { names: [...want.names].reverse(), extendedKeyUsage: [...want.extendedKeyUsage].reverse() };
    expect(reasons(installed(), wanted(turned))).toEqual([]);
  });

  it.each<[DueReason['code'], Parameters<typeof reasons>]>([
    ['missing', [{ state: 'missing', missing: ['cert.pem'] }]],
    ['unreadable', [{ state: 'unreadable', problem: 'it is garbage' }]],
    ['pair-mismatch', [{ ...installed(), keyMatches: false }]],
    ['expired', [installed(), wanted(), 'ec-p256', notBefore + 90 * day + 1000]],
    ['renewal-time-reached', [installed(), wanted(), 'ec-p256', notBefore + 60 * day]],
    ['key-type-changed', [installed(), wanted({ keyType: 'ed25519' })]],
    ['names-changed', [installed(), wanted({ names: ['DNS:user-svc.link.internal'] })]],
    ['names-changed', [installed(), wanted({ names: [...wanted().names, 'IP:10.0.0.1'] })]],
    ['names-changed', [installed(), wanted({ subject: 'CN=other' })]],
    ['profile-changed', [installed(), wanted({ extendedKeyUsage: [oids.serverAuth] })]],
    ['profile-changed', [installed(), wanted({ keyUsage: KeyUsage.digitalSignature | KeyUsage.keyEncipherment })]],
    ['profile-changed', [installed(), wanted({ validity: 30 * day })]],
    ['profile-changed', [installed({ notAfter: notBefore + 60 * day }), wanted({ renewAt: 0.9 })]],
    [
      'issuer-changed',
      [installed(), wanted({ issuer: { keyIdentifier: new Uint8Array(20), notAfter: now + 3000 * day } })],
    ],
  ])('says %s, and nothing else, for one deviation', (code, args) => {
    expect(codes(...args)).toEqual([code]);
  });

  it('names each change where there are several', () => {
    const is = { ...installed({ name: 'other' }), keyMatches: false };
    expect(codes(is, wanted({ keyType: 'ed25519', extendedKeyUsage: [] }))).toEqual([
      ...['pair-mismatch', 'key-type-changed', 'names-changed', 'profile-changed'],
    ]);
  });

  it('says which names are missing and which are not wanted', () => {
    expect(reasons(installed(), wanted({ names: ['DNS:user-svc', 'DNS:new'] }))).toEqual([
      { code: 'names-changed', missing: ['DNS:new'], unwanted: ['DNS:user-svc.link.internal'] },
    ]);
  });

  it('takes a life that was shortened to the end of its issuer, as long as that ends so soon', () => {
    const end = notBefore + 80 * day;
    const short = wanted({ issuer: { keyIdentifier: wanted().issuer?.keyIdentifier, notAfter: end } });
    expect(codes(installed({ notAfter: end }), short)).toEqual([]);
    expect(codes(installed({ notAfter: end }), wanted())).toEqual(['profile-changed']);
  });

  it('does not ask about the issuer where it is not known here', () => {
    expect(codes(installed(), wanted({ issuer: undefined, validity: 10 * day }))).toEqual([]);
  });

  it('is due from its renewal time on, and never again before it has expired', () => {
    const { certificate } = installed();
    const at = renewalTime(certificate, 2 / 3);
    fc.assert(
      fc.property(fc.integer({ min: notBefore, max: notBefore + 200 * day }), time => {
        const found = codes(installed(), wanted(), 'ec-p256', time);
        if (time < at) expect(found).toEqual([]);
        else expect(found).toEqual([time > certificate.notAfter ? 'expired' : 'renewal-time-reached']);
      }),
    );
  });
});

describe('renewalTime', () => {
  const life = fc.integer({ min: 0, max: 10 * 365 * 86_400 }).map(seconds => seconds * 1000);
  const share = fc.double({ min: 0, max: 1, noNaN: true });

  it('lies within the life, on a whole millisecond', () => {
    fc.assert(
      fc.property(life, share, (length, renewAt) => {
        const certificate = { ...leaf().certificate, notBefore, notAfter: notBefore + length };
        const at = renewalTime(certificate, renewAt);
        expect(at).toBeGreaterThanOrEqual(notBefore);
        expect(at).toBeLessThanOrEqual(notBefore + length);
        expect(Number.isInteger(at)).toBe(true);
        expect(firstSecond(at) - at).toBeLessThan(1000);
        expect(firstSecond(at) % 1000).toBe(0);
      }),
    );
  });

  it('never falls where the share or the life grows', () => {
    fc.assert(
      fc.property(life, life, share, share, (a, b, first, second) => {
        const at = (length: number, renewAt: number): number =>
          renewalTime({ ...leaf().certificate, notBefore, notAfter: notBefore + length }, renewAt);
        const [short, long] = [Math.min(a, b), Math.max(a, b)];
        const [less, more] = [Math.min(first, second), Math.max(first, second)];
        expect(at(short, less)).toBeLessThanOrEqual(at(short, more));
        expect(at(short, less)).toBeLessThanOrEqual(at(long, less));
      }),
    );
  });

  it('is after two thirds of 90 days', () => {
    expect(renewalTime(leaf().certificate, 2 / 3)).toBe(notBefore + 60 * day);
  });
});

describe('renewalShare', () => {
  it('is always the same for a service and a host, and another one for others', () => {
    const shares = ['one', 'two'].flatMap(service => ['a', 'b'].map(host => renewalShare(2 / 3, service, host)));
    expect(new Set(shares).size).toBe(4);
    expect(renewalShare(2 / 3, 'one', 'a')).toBe(shares[0]);
  });

  it('is a little earlier than the profile says, and never later', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (service, host, renewAt) => {
          const share = renewalShare(renewAt, service, host);
          expect(share).toBeLessThanOrEqual(renewAt);
          expect(share).toBeGreaterThanOrEqual(Math.max(renewAt / 2, renewAt - 0.05));
        },
      ),
    );
    expect(renewalShare(2 / 3, 'one', undefined)).toBe(2 / 3);
  });

  it('spreads a fleet over the whole of the time that there is', () => {
    const early = Array.from({ length: 1000 }, (_, i) => 2 / 3 - renewalShare(2 / 3, `svc-${i}`, 'node-1'));
    const tenths = Array.from({ length: 10 }, (_, i) => early.filter(e => Math.floor(e * 200) === i).length);
    expect(Math.min(...tenths)).toBeGreaterThan(50);
    expect(Math.max(...tenths)).toBeLessThan(150);
  });
});

describe('decide, with what CRLs list', () => {
  const revoked = { place: 'leaf', subject: 'CN=user-svc', reason: 'keyCompromise', revocationDate: now } as const;

  it('finds a revoked certificate due, and one whose issuer is', () => {
    expect(decide(installed(), wanted(), 'ec-p256', now, revoked)).toEqual([
      { code: 'revoked', reason: 'keyCompromise', revocationDate: now },
    ]);
    expect(decide(installed(), wanted(), 'ec-p256', now, { ...revoked, place: 'issuer' })).toEqual([
      { code: 'issuer-revoked', subject: 'CN=user-svc', reason: 'keyCompromise', revocationDate: now },
    ]);
  });

  it('finds nothing due while the certificate is on hold: a new one would go round it', () => {
    const hold = { ...revoked, reason: 'certificateHold' };
    expect(decide(installed(), wanted({ renewAt: 0.1 }), 'rsa-2048', now, hold)).toEqual([]);
  });
});

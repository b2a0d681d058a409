import { describe, expect, test } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import { explicit, implicit, integer, nullValue, oid, sequence } from '../../src/der/writer.ts';
import { CrlReason, KeyUsage } from '../../src/x509/extensions.ts';
import type { Crl } from '../../src/x509/crl.ts';
import type { VerifyInput } from '../../src/path/verify.ts';
import {
  authority,
  commonNameDer,
  day,
  directoryName,
  extension,
  intermediate,
  issue,
  now,
  testKey,
  uriName,
  type CertificateOptions,
} from './certificates.ts';
import { codes, judge, tiers, type Tiers } from './chains.ts';
import { crl, issuingPoint, pointName, yes, type CrlOptions, type RevokedCertificate } from './crls.ts';

const chain = tiers();

const verdictOn = (
  crls: readonly Crl[],
  input: Partial<VerifyInput> = {},
  { root, site, leaf }: Tiers = chain,
): readonly string[] => codes(judge({ root, site, leaf }, { crls, ...input }));

/** The leaf's own CRL deviates, the root's is as it should be. */
const withSiteCrl = (
  options: CrlOptions,
  tiersToJudge: Tiers = chain,
  input: Partial<VerifyInput> = {},
): readonly string[] => verdictOn([crl(tiersToJudge.root), crl(tiersToJudge.site, options)], input, tiersToJudge);

test('accepts where every certificate but the anchor is covered and none is revoked', () => {
  expect(withSiteCrl({})).toEqual([]);
});

test('asks for no CRL where none is given, unless one is required', () => {
  expect(verdictOn([])).toEqual([]);
  expect(verdictOn([], { requireCrl: true })).toEqual(['crl-missing', 'crl-missing']);
});

test('tells when and why a leaf was revoked', () => {
  const at = Date.UTC(2026, 9, 1);
  const revoked = [{ certificate: chain.leaf.certificate, at, reason: CrlReason.keyCompromise }];
  const verdict = judge(chain, { crls: [crl(chain.root), crl(chain.site, { revoked })] });
  expect(verdict.reasons).toEqual([
    { code: 'revoked', subject: 'CN=user-svc', revocationDate: at, reason: 'keyCompromise' },
  ]);
});

test('refuses a chain whose intermediate is revoked', () => {
  const revoked = [{ certificate: chain.site.certificate }];
  expect(verdictOn([crl(chain.root, { revoked }), crl(chain.site)])).toEqual(['revoked']);
});

test('takes the newer of two CRLs that are both in time, whatever their order', () => {
  const listing = crl(chain.site, { thisUpdate: now - 2 * day, revoked: [{ certificate: chain.leaf.certificate }] });
  const [before, after] = [listing, crl(chain.site)];
  for (const crls of [
    [before, after],
    [after, before],
  ])
    expect(verdictOn([...crls, crl(chain.root)])).toEqual([]);
});

test('takes the CRL with the higher number where two are of the same second', () => {
  const listing = crl(chain.site, { number: 8n, revoked: [{ certificate: chain.leaf.certificate }] });
  for (const crls of [
    [listing, crl(chain.site)],
    [crl(chain.site), listing],
  ]) {
    expect(verdictOn([...crls, crl(chain.root)])).toEqual(['revoked']);
  }
});

test('takes a complete CRL of the issuer, whatever the distribution points say', () => {
  const point = sequence(
    explicit(0, explicit(0, uriName('http://crl.link.internal/some.crl'))),
    implicit(1, Uint8Array.of(5, 0x60)), // keyCompromise and cACompromise
  );
  const leaf = { extensions: [extension(oids.cRLDistributionPoints, false, sequence(point))] };
  expect(withSiteCrl({}, tiers({ leaf }))).toEqual([]);
});

test('takes certificateIssuer for unknown where the CRL is not indirect', () => {
  const issuer = extension(oids.certificateIssuer, true, sequence(directoryName(commonNameDer('site-a'))));
  const revoked = [{ certificate: chain.site.certificate, extensions: [issuer] }];
  expect(withSiteCrl({ revoked })).toEqual(['crl-not-acceptable']);
});

test('tells what is wrong with the algorithm of a CRL', () => {
  const problemWith = (options: CrlOptions): unknown =>
    judge(chain, { crls: [crl(chain.root), crl(chain.site, options)] }).reasons;
  const outerAlgorithm = sequence(oid(oids.ecdsaWithSha384));
  expect(problemWith({ outerAlgorithm })).toMatchObject([{ problem: 'names two signature algorithms' }]);
  const signer = { ...testKey('ca site-a'), algorithm: sequence(oid('1.2.840.10045.4.1')) };
  expect(problemWith({ signer })).toMatchObject([{ problem: 'is signed with a weak algorithm' }]);
});

test('takes no CRL for end entities where a CA is asked for', () => {
  const users = crl(chain.root, { extensions: [issuingPoint(implicit(1, yes))] });
  expect(verdictOn([users, crl(chain.site)])).toEqual(['crl-not-acceptable']);
});

test('wants the intermediate covered, not the leaf alone', () => {
  expect(verdictOn([crl(chain.site)])).toEqual(['crl-missing']);
});

test('finds the right one of several CRLs, whatever their order', () => {
  const [old, fresh] = [crl(chain.site, { nextUpdate: now - day }), crl(chain.site)];
  expect(verdictOn([old, fresh, crl(chain.root)])).toEqual([]);
  expect(verdictOn([crl(chain.root), fresh, old])).toEqual([]);
});

describe('refuses', () => {
  const unknown = extension('1.3.6.1.4.1.55555.2', true, nullValue());
  const deviations: readonly (readonly [scenario: string, options: CrlOptions, code: string])[] = [
    ['a stale CRL', { nextUpdate: now - 1000 }, 'crl-stale'],
    ['a CRL of tomorrow', { thisUpdate: now + day, nextUpdate: now + 2 * day }, 'crl-not-acceptable'],
    ['a CRL without nextUpdate', { nextUpdate: null }, 'crl-not-acceptable'],
    ['a CRL of another key', { signer: testKey('stranger') }, 'crl-not-acceptable'],
    ['a CRL of another name', { issuerName: commonNameDer('stranger') }, 'crl-missing'],
    ['a CRL with an unknown critical extension', { extensions: [unknown] }, 'crl-not-acceptable'],
    ['a CRL with an extension that does not parse', { extensions: [issuingPoint(nullValue())] }, 'crl-not-acceptable'],
    [
      'an entry with an unknown critical extension',
      { revoked: [{ certificate: chain.leaf.certificate, extensions: [unknown] }] },
      'crl-not-acceptable',
    ],
    [
      'an entry of another certificate with an unknown critical extension',
      { revoked: [{ certificate: chain.site.certificate, extensions: [unknown] }] },
      'crl-not-acceptable',
    ],
    [
      'two signature algorithms in one CRL',
      { outerAlgorithm: sequence(oid(oids.ecdsaWithSha384)) },
      'crl-not-acceptable',
    ],
    ['a CRL for CAs only, for a leaf', { extensions: [issuingPoint(implicit(2, yes))] }, 'crl-not-acceptable'],
    ['a CRL for attribute certificates', { extensions: [issuingPoint(implicit(5, yes))] }, 'crl-not-acceptable'],
    [
      'a CRL of a distribution point that the leaf does not name',
      { extensions: [issuingPoint(pointName(commonNameDer('elsewhere')))] },
      'crl-not-acceptable',
    ],
    ['a CRL for some reasons only', { extensions: [issuingPoint(implicit(3, Uint8Array.of(6, 0x40)))] }, 'crl-missing'],
    ['a delta CRL alone', { extensions: [extension(oids.deltaCRLIndicator, true, integer(6))] }, 'crl-missing'],
  ];
  test.each(deviations)('%s', (_scenario, options, code) => {
    expect(withSiteCrl(options)).toEqual([code]);
  });

  test('a CRL of a key without cRLSign', () => {
    expect(withSiteCrl({}, tiers({ site: { keyUsage: KeyUsage.keyCertSign } }))).toEqual(['crl-not-acceptable']);
  });

  test('a CRL that ends before the time that must remain', () => {
    expect(withSiteCrl({ nextUpdate: now + day }, chain, { minRemaining: 2 * day })).toContain('crl-expires-soon');
  });
});

describe('accepts', () => {
  const deviations: readonly (readonly [scenario: string, options: CrlOptions])[] = [
    ['nextUpdate itself', { nextUpdate: now }],
    ['thisUpdate itself', { thisUpdate: now }],
    ['a CRL for end entities', { extensions: [issuingPoint(implicit(1, yes))] }],
    ['a critical number', { extensions: [extension(oids.cRLNumber, true, integer(1))] }],
    ['an entry taken off', { revoked: [{ certificate: chain.leaf.certificate, reason: CrlReason.removeFromCRL }] }],
    ['an entry for another certificate', { revoked: [{ certificate: chain.site.certificate }] }],
  ];
  test.each(deviations)('%s', (_scenario, options) => {
    expect(withSiteCrl(options)).toEqual([]);
  });
});

test.each([
  ['without a number', { without: [oids.cRLNumber] }],
  ['with a critical number', { extensions: [extension(oids.cRLNumber, true, integer(1))] }],
  ['without the key of its issuer', { without: [oids.authorityKeyIdentifier] }],
] as const)('refuses a CRL %s only when strict', (_scenario, options) => {
  expect(withSiteCrl(options)).toEqual([]);
  expect(withSiteCrl(options, chain, { strict: true })).toEqual(['crl-not-acceptable']);
});

describe('distribution points', () => {
  const point = (...fields: readonly Uint8Array[]): CertificateOptions => ({
    extensions: [extension(oids.cRLDistributionPoints, false, sequence(sequence(...fields)))],
  });

  test('accepts a CRL of the point that the leaf names', () => {
    const named = tiers({ leaf: point(pointName(commonNameDer('crl 1'))) });
    expect(withSiteCrl({ extensions: [issuingPoint(pointName(commonNameDer('CRL 1')))] }, named)).toEqual([]);
  });

  test('wants every reason covered, by several CRLs if need be', () => {
    const some = crl(chain.site, { extensions: [issuingPoint(implicit(3, Uint8Array.of(5, 0x60)))] });
    const others = crl(chain.site, { extensions: [issuingPoint(implicit(3, Uint8Array.of(7, 0x1f, 0x80)))] });
    expect(verdictOn([crl(chain.root), some])).toEqual(['crl-missing']);
    expect(verdictOn([crl(chain.root), some, others])).toEqual([]);
  });

  const indirect = issuingPoint(implicit(4, yes));
  const crlIssuerField = explicit(2, directoryName(commonNameDer('crl office')));

  test('takes an indirect CRL of the issuer that the leaf names', () => {
    const root = authority();
    const site = intermediate(root);
    const office = issue(root, { name: 'crl office', keyUsage: KeyUsage.cRLSign });
    const leaf = issue(site, point(pointName(commonNameDer('crl 1')), crlIssuerField));
    const certificateIssuer = extension(
      oids.certificateIssuer,
      true,
      sequence(directoryName(site.certificate.subject.der)),
    );
    const judged = (revoked: readonly RevokedCertificate[]): readonly string[] =>
      codes(
        judge(
          { root, leaf },
          {
            intermediates: [site.certificate, office.certificate],
            crls: [crl(root), crl(office, { extensions: [indirect], revoked })],
          },
        ),
      );
    expect(judged([])).toEqual([]);
    expect(judged([{ certificate: leaf.certificate, extensions: [certificateIssuer] }])).toEqual(['revoked']);
    // The same number, and of the office's own certificates: no certificateIssuer stands before it.
    expect(judged([{ certificate: leaf.certificate }])).toEqual([]);
  });

  test('takes no indirect CRL of another issuer than the leaf names', () => {
    const root = authority();
    const office = issue(root, { name: 'another office', keyUsage: KeyUsage.cRLSign });
    const leaf = issue(root, point(pointName(commonNameDer('crl 1')), crlIssuerField));
    const crls = [crl(root, { issuerName: commonNameDer('nobody') }), crl(office, { extensions: [indirect] })];
    expect(codes(judge({ root, leaf }, { intermediates: [office.certificate], crls }))).toEqual(['crl-missing']);
  });

  test('takes no CRL of another issuer that is not indirect', () => {
    const root = authority();
    const office = issue(root, { name: 'crl office', keyUsage: KeyUsage.cRLSign });
    const leaf = issue(root, point(crlIssuerField));
    const verdict = judge({ root, leaf }, { intermediates: [office.certificate], crls: [crl(office)] });
    expect(codes(verdict)).toEqual(['crl-missing']);
  });
});

describe('delta CRLs', () => {
  const delta = (base: number, options: CrlOptions = {}): Crl =>
    crl(chain.site, {
      number: 9n,
      ...options,
      extensions: [extension(oids.deltaCRLIndicator, true, integer(base)), ...(options.extensions ?? [])],
    });
  const revoked = [{ certificate: chain.leaf.certificate }];
  const released = [{ certificate: chain.leaf.certificate, reason: CrlReason.removeFromCRL }];

  test('adds to its base', () => {
    expect(verdictOn([crl(chain.root), crl(chain.site), delta(7, { revoked })])).toEqual(['revoked']);
  });
  test('takes off what its base has', () => {
    expect(verdictOn([crl(chain.root), crl(chain.site, { revoked }), delta(7, { revoked: released })])).toEqual([]);
  });
  test('does not go with an older base than it names', () => {
    expect(verdictOn([crl(chain.root), crl(chain.site, { revoked }), delta(8, { revoked: released })])).toEqual([
      'revoked',
    ]);
  });
  test('does not go with a newer base than itself', () => {
    expect(verdictOn([crl(chain.root), crl(chain.site), delta(5, { number: 6n, revoked })])).toEqual([]);
  });
  test('does not go with a base of another scope', () => {
    const users = delta(7, { revoked, extensions: [issuingPoint(implicit(1, yes))] });
    expect(verdictOn([crl(chain.root), crl(chain.site), users])).toEqual([]);
  });
  test('that is not signed by its issuer is not believed', () => {
    const signer = { ...testKey('ca site-a'), sign: testKey('stranger').sign };
    const forged = delta(7, { revoked: released, signer });
    expect(verdictOn([crl(chain.root), crl(chain.site, { revoked }), forged])).toEqual(['revoked']);
  });
  test('of another good key of the issuer does not go with the base: RFC 5280, 5.2.4', () => {
    const signer = intermediate(chain.root, { key: 'crl key', keyUsage: KeyUsage.cRLSign });
    const other = delta(7, { revoked, signer: signer.key });
    const crls = [crl(chain.root), crl(chain.site), other];
    const intermediates = [chain.site.certificate, signer.certificate];
    expect(verdictOn(crls, { intermediates })).toEqual([]);
  });
  test('counts for less than a newer one', () => {
    const [older, newer] = [delta(7, { number: 9n, revoked }), delta(7, { number: 10n, revoked: released })];
    for (const deltas of [
      [older, newer],
      [newer, older],
    ]) {
      expect(verdictOn([crl(chain.root), crl(chain.site), ...deltas])).toEqual([]);
    }
  });
  test('of another key is not believed', () => {
    const forged = delta(7, { revoked: released, signer: testKey('stranger') });
    expect(verdictOn([crl(chain.root), crl(chain.site, { revoked }), forged])).toEqual(['revoked']);
  });
});

describe('a CRL signed with another key of its issuer', () => {
  const signingKey = (options: CertificateOptions = {}): readonly string[] => {
    const root = authority();
    const site = intermediate(root);
    const signer = intermediate(root, { key: 'crl key', keyUsage: KeyUsage.cRLSign, ...options });
    return codes(
      judge(
        { root, leaf: issue(site) },
        {
          intermediates: [site.certificate, signer.certificate],
          crls: [crl(root), crl(site, { signer: signer.key })],
        },
      ),
    );
  };

  test('is taken where that key has a valid certificate under the same anchor', () => {
    expect(signingKey()).toEqual([]);
  });
  test('is refused where that certificate stands under another anchor', () => {
    const other = authority({ name: 'other root' });
    const root = authority();
    const site = intermediate(root);
    const signer = intermediate(other, { key: 'crl key', keyUsage: KeyUsage.cRLSign });
    const verdict = judge(
      { root, leaf: issue(site) },
      {
        trustAnchors: [root.certificate, other.certificate],
        intermediates: [site.certificate, signer.certificate],
        crls: [crl(root), crl(other), crl(site, { signer: signer.key })],
      },
    );
    expect(codes(verdict)).toEqual(['crl-not-acceptable']);
  });
  test('is refused where nothing tells whether that certificate is revoked', () => {
    const root = authority();
    const signer = intermediate(root, { name: 'root', key: 'crl key', keyUsage: KeyUsage.cRLSign });
    const verdict = judge(
      { root, leaf: issue(root) },
      { intermediates: [signer.certificate], crls: [crl(root, { signer: signer.key })] },
    );
    expect(codes(verdict)).toEqual(['crl-not-acceptable']);
  });
  test('is refused where that certificate has expired', () => {
    expect(signingKey({ notAfter: now - day })).toEqual(['crl-not-acceptable']);
  });
  test('is refused where that certificate may not sign CRLs', () => {
    expect(signingKey({ keyUsage: KeyUsage.keyCertSign })).toEqual(['crl-not-acceptable']);
  });
});

test('pays for the signatures of CRLs in every verification, so that a verdict is the same the second time', () => {
  const forged = Array.from({ length: 120 }, (_, i) =>
    crl(chain.site, { signer: testKey('forger'), thisUpdate: now - i - 1, number: BigInt(1000 - i) }),
  );
  const crls = [...forged, crl(chain.site), crl(chain.root)];
  const [first, second] = [verdictOn(crls), verdictOn(crls)];
  expect(first).toContain('budget-signatures');
  expect(second).toEqual(first);
});

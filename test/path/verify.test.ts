import { describe, expect, test } from 'vitest';
import { Tag } from '../../src/der/reader.ts';
import { oids } from '../../src/der/object-identifiers.ts';
import { boolean, integer, nullValue, octetString, oid, sequence } from '../../src/der/writer.ts';
import { KeyUsage } from '../../src/x509/extensions.ts';
import type { VerifyInput } from '../../src/path/verify.ts';
import {
  authority,
  day,
  extension,
  intermediate,
  issue,
  nameWith,
  now,
  testKey,
  type CertificateOptions,
} from './certificates.ts';
import { codes, judge, tiers } from './chains.ts';

type Deviations = NonNullable<Parameters<typeof tiers>[0]>;

const unknownCritical = { extensions: [extension('1.3.6.1.4.1.55555.1', true, nullValue())] };
const sha1 = sequence(oid(oids.ecdsaWithSha1));

test('accepts root, intermediate and leaf, and gives the chain leaf first', () => {
  const { root, site, leaf } = tiers();
  const verdict = judge({ root, site, leaf });
  expect(verdict).toMatchObject({ valid: true, reasons: [], warnings: [], tried: [] });
  expect(verdict.chain).toEqual([leaf.certificate, site.certificate, root.certificate]);
});

const refusals: readonly (readonly [scenario: string, deviations: Deviations, code: string, subject: string])[] = [
  ['an expired leaf', { leaf: { notAfter: now - 1000 } }, 'expired', 'CN=user-svc'],
  ['an expired intermediate', { site: { notAfter: now - 1000 } }, 'expired', 'CN=site-a'],
  ['an expired trust anchor', { root: { notAfter: now - 1000 } }, 'expired', 'CN=root'],
  ['a leaf of tomorrow', { leaf: { notBefore: now + day } }, 'not-yet-valid', 'CN=user-svc'],
  ['an intermediate of tomorrow', { site: { notBefore: now + day } }, 'not-yet-valid', 'CN=site-a'],
  [
    'an intermediate that is no CA',
    { site: { extensions: [extension(oids.basicConstraints, true, sequence())] } },
    'not-a-ca',
    'CN=site-a',
  ],
  ['an intermediate without basicConstraints', { site: { without: [oids.basicConstraints] } }, 'not-a-ca', 'CN=site-a'],
  ['a trust anchor without basicConstraints', { root: { without: [oids.basicConstraints] } }, 'not-a-ca', 'CN=root'],
  ['an intermediate without keyCertSign', { site: { keyUsage: KeyUsage.cRLSign } }, 'key-usage', 'CN=site-a'],
  ['a trust anchor without keyCertSign', { root: { keyUsage: KeyUsage.cRLSign } }, 'key-usage', 'CN=root'],
  ['a leaf with an unknown critical extension', { leaf: unknownCritical }, 'critical-extension-unknown', 'CN=user-svc'],
  [
    'an intermediate with an unknown critical extension',
    { site: unknownCritical },
    'critical-extension-unknown',
    'CN=site-a',
  ],
  [
    'a trust anchor with an unknown critical extension',
    { root: unknownCritical },
    'critical-extension-unknown',
    'CN=root',
  ],
  ['a leaf for clients only', { leaf: { extendedKeyUsage: [oids.clientAuth] } }, 'extended-key-usage', 'CN=user-svc'],
  [
    'an intermediate for clients only',
    { site: { extendedKeyUsage: [oids.clientAuth] } },
    'extended-key-usage',
    'CN=site-a',
  ],
  [
    'a trust anchor for e-mail only',
    { root: { extendedKeyUsage: [oids.emailProtection] } },
    'extended-key-usage',
    'CN=root',
  ],
  ['a trust anchor that is not valid yet', { root: { notBefore: now + 1000 } }, 'not-yet-valid', 'CN=root'],
  ['a leaf for servers only', { leaf: { extendedKeyUsage: [oids.serverAuth] } }, 'extended-key-usage', 'CN=user-svc'],
  ['a leaf whose key may not sign', { leaf: { keyUsage: KeyUsage.keyEncipherment } }, 'key-usage', 'CN=user-svc'],
  ['a leaf signed by another key', { leaf: { signer: testKey('stranger') } }, 'signature-invalid', 'CN=user-svc'],
  [
    'an intermediate signed by another key',
    { site: { signer: testKey('stranger') } },
    'signature-invalid',
    'CN=site-a',
  ],
  ['a leaf signed with SHA-1', { leaf: { innerAlgorithm: sha1 } }, 'algorithm-refused', 'CN=user-svc'],
  [
    'two signature algorithms in one leaf',
    {
      leaf: {
        innerAlgorithm: sequence(oid(oids.ecdsaWithSha512)),
        outerAlgorithm: sequence(oid(oids.ecdsaWithSha256)),
      },
    },
    'algorithm-mismatch',
    'CN=user-svc',
  ],
  [
    'an extension that does not parse',
    { leaf: { extensions: [extension(oids.keyUsage, true, octetString(new Uint8Array(1)))] } },
    'extension-malformed',
    'CN=user-svc',
  ],
  [
    'an extension that does not parse in the anchor',
    { root: { extensions: [extension(oids.nameConstraints, true, integer(1))] } },
    'extension-malformed',
    'CN=root',
  ],
  [
    'an extension of more elements than are read',
    { site: { dns: Array.from({ length: 16_384 }, (_, i) => `n${i}`) } },
    'extension-too-large',
    'CN=site-a',
  ],
  [
    'BOOLEAN FALSE where DER leaves it out',
    { site: { extensions: [extension(oids.basicConstraints, true, sequence(boolean(false)))] } },
    'extension-malformed',
    'CN=site-a',
  ],
];

describe('refuses', () => {
  test.each(refusals)('%s', (_scenario, deviations, code, subject) => {
    const verdict = judge(tiers(deviations));
    expect(verdict.valid).toBe(false);
    expect(verdict.reasons).toContainEqual(expect.objectContaining({ code, subject }));
    expect(new Set(codes(verdict)).size).toBe(1);
  });
});

const allowances: readonly (readonly [scenario: string, deviations: Deviations, input?: Partial<VerifyInput>])[] = [
  ['notAfter itself', { leaf: { notAfter: now } }],
  ['a moment within the second of notAfter', { leaf: { notAfter: now } }, { at: now + 999 }],
  ['notBefore itself', { leaf: { notBefore: now } }],
  ['a leaf without keyUsage', { leaf: { keyUsage: null } }],
  ['a leaf without extendedKeyUsage', { leaf: { extendedKeyUsage: null } }],
  ['a leaf without basicConstraints', { leaf: { without: [oids.basicConstraints] } }],
  ['any extended key usage', { leaf: { extendedKeyUsage: [oids.anyExtendedKeyUsage] } }],
  ['a client where a client is asked for', { leaf: { extendedKeyUsage: [oids.clientAuth] } }, { purpose: 'client' }],
  ['a server with keyEncipherment', { leaf: { keyUsage: KeyUsage.keyEncipherment } }, { purpose: 'server' }],
  [
    'any use where none is asked for',
    { leaf: { keyUsage: KeyUsage.dataEncipherment, extendedKeyUsage: [oids.codeSigning] } },
    { purpose: 'any' },
  ],
  [
    'an unknown extension that is not critical',
    { leaf: { extensions: [extension('1.3.6.1.4.1.55555.1', false, nullValue())] } },
  ],
  ['a self-signature of the anchor that does not hold', { root: { signer: testKey('stranger') } }],
  ['a self-signature of the anchor with SHA-1', { root: { innerAlgorithm: sha1 } }],
  [
    'another string type in the issuer name',
    { root: { subject: nameWith(oids.commonName, Tag.printableString, 'root') } },
  ],
  ['an intermediate without keyUsage', { site: { keyUsage: null } }],
];

describe('accepts', () => {
  test.each(allowances.map(([scenario, deviations, input]) => [scenario, deviations, input ?? {}] as const))(
    '%s',
    (_scenario, deviations, input) => {
      expect(codes(judge(tiers(deviations), input))).toEqual([]);
    },
  );
});

test('refuses a client whose key may encipher keys alone', () => {
  const chain = tiers({ leaf: { keyUsage: KeyUsage.keyEncipherment } });
  expect(codes(judge(chain, { purpose: 'client' }))).toEqual(['key-usage']);
});

describe('refuses a signature whose algorithm', () => {
  test.each([
    ['is for another kind of key', oids.sha256WithRSAEncryption],
    ['nobody knows', '1.3.6.1.4.1.55555.3'],
  ])('%s', (_scenario, type) => {
    const algorithm = sequence(oid(type));
    const leaf = { innerAlgorithm: algorithm, outerAlgorithm: algorithm };
    expect(codes(judge(tiers({ leaf })))).toEqual(['signature-unsupported']);
  });
});

test('refuses the second after notAfter', () => {
  expect(codes(judge(tiers({ leaf: { notAfter: now } }), { at: now + 1000 }))).toEqual(['expired']);
});

test('tells everything that is wrong with a chain', () => {
  const verdict = judge(
    tiers({ leaf: { notAfter: now - day, extendedKeyUsage: [oids.clientAuth] }, site: { notAfter: now - day } }),
    { purpose: 'server', names: [{ kind: 'dns', value: 'other.link.internal' }] },
  );
  expect(codes(verdict)).toEqual(['expired', 'expired', 'extended-key-usage', 'name-mismatch']);
});

describe('what the caller asks for', () => {
  const chain = tiers();
  const asked: readonly (readonly [scenario: string, input: Partial<VerifyInput>, expected: readonly string[]])[] = [
    ['a key usage that the leaf has', { keyUsage: ['digitalSignature'] }, []],
    ['a key usage that it has not', { keyUsage: ['keyAgreement'] }, ['key-usage']],
    ['a key usage that nobody knows', { keyUsage: ['wishing'] }, ['key-usage']],
    ['a purpose by name', { extendedKeyUsage: ['serverAuth'] }, []],
    ['a purpose by identifier that the leaf has not', { extendedKeyUsage: [oids.codeSigning] }, ['extended-key-usage']],
    ['as many intermediates as there are', { maxDepth: 1 }, []],
    ['fewer intermediates than there are', { maxDepth: 0 }, ['chain-too-long']],
    ['less time than is left', { minRemaining: 364 * day }, []],
    ['just the time that is left', { minRemaining: 365 * day }, []],
    [
      'more time than is left, for every certificate',
      { minRemaining: 366 * day },
      ['expires-soon', 'expires-soon', 'expires-soon'],
    ],
  ];
  test('no intermediates under an anchor that is one itself', () => {
    const { site, leaf } = tiers();
    expect(codes(judge({ root: site, leaf }, { maxDepth: 0 }))).toEqual([]);
  });
  test.each(asked)('%s', (_scenario, input, expected) => {
    expect(codes(judge(chain, input))).toEqual(expected);
  });
});

describe('path length', () => {
  const chainOf = (
    root: CertificateOptions,
    middle: CertificateOptions,
    site: CertificateOptions,
  ): readonly string[] => {
    const anchor = authority(root);
    const upper = intermediate(anchor, { name: 'middle', ...middle });
    const lower = intermediate(upper, { name: 'site', ...site });
    const leaf = issue(lower);
    return codes(judge({ root: anchor, leaf }, { intermediates: [upper.certificate, lower.certificate] }));
  };

  test('accepts two intermediates under a root that allows two', () => {
    expect(chainOf({ pathLength: 2 }, {}, {})).toEqual([]);
  });
  test('refuses two intermediates under a root that allows one', () => {
    expect(chainOf({ pathLength: 1 }, {}, {})).toEqual(['path-length']);
  });
  test('refuses an intermediate under one that allows none', () => {
    expect(chainOf({}, { pathLength: 0 }, {})).toEqual(['path-length']);
  });
  test('accepts a larger constraint below a smaller that still holds', () => {
    expect(chainOf({ pathLength: 2 }, { pathLength: 1 }, { pathLength: 5 })).toEqual([]);
  });
  test('does not count self-issued certificates', () => {
    expect(chainOf({ pathLength: 1 }, { name: 'site', key: 'old key' }, { key: 'new key' })).toEqual([]);
  });
  test('does not count a CA that is itself asked about', () => {
    const root = authority({ pathLength: 0 });
    expect(codes(judge({ root, leaf: intermediate(root) }))).toEqual([]);
  });
});

describe('a CA in the place of a leaf', () => {
  const asked = (options: CertificateOptions, input: Partial<VerifyInput>) => {
    const root = authority();
    const { valid, reasons, warnings } = judge({ root, leaf: intermediate(root, options) }, input);
    return { valid, reasons: reasons.map(each => each.code), warnings: warnings.map(each => each.code) };
  };

  test.each(['server', 'client', 'mutual'] as const)('is told of where its bits are not those of a %s', purpose => {
    expect(asked({}, { purpose })).toEqual({ valid: true, reasons: [], warnings: ['ca-as-leaf'] });
    expect(asked({}, { purpose, strict: true })).toEqual({ valid: true, reasons: [], warnings: ['ca-as-leaf'] });
  });

  test('is nothing to tell of where no purpose is asked for, or where it has the bits', () => {
    expect(asked({}, { purpose: 'any' }).warnings).toEqual([]);
    const both = { keyUsage: KeyUsage.keyCertSign | KeyUsage.digitalSignature };
    expect(asked(both, { purpose: 'server', strict: true })).toEqual({ valid: true, reasons: [], warnings: [] });
  });
});

test('warns of a broken section 4 rule, and refuses it when strict', () => {
  const chain = tiers({ site: { without: [oids.subjectKeyIdentifier] } });
  const reason = { code: 'subject-key-identifier-missing', subject: 'CN=site-a' };
  expect(judge(chain)).toMatchObject({ valid: true, reasons: [], warnings: [reason] });
  expect(judge(chain, { strict: true })).toMatchObject({ valid: false, reasons: [reason], warnings: [] });
});

import { describe, expect, test } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import { boolean, implicit, implicitConstructed, integer, octetString, oid, sequence } from '../../src/der/writer.ts';
import { KeyUsage } from '../../src/x509/extensions.ts';
import { toleratedRules, type sectionFourRules } from '../../src/path/section-four.ts';
import type { webpkiRules } from '../../src/path/webpki.ts';
import {
  authority,
  commonNameDer,
  directoryName,
  dnsName,
  ecdsaWithSha256,
  extension,
  intermediate,
  issue,
  keyId,
  keyOf,
  testKey,
  type CertificateOptions,
} from './certificates.ts';
import { codes, judge, tiers } from './chains.ts';
import { generateKeyPairSync } from 'node:crypto';

type Deviations = Parameters<typeof tiers>[0];

const keyIdentifierOf = (name: string): Uint8Array => implicit(0, keyId(testKey(name).spki));

const sectionFour: Readonly<Record<keyof typeof sectionFourRules, Deviations>> = {
  'authority-information-access-critical': {
    leaf: { extensions: [extension(oids.authorityInfoAccess, true, sequence(sequence(oid(oids.ocsp), dnsName('x'))))] },
  },
  'authority-key-identifier-critical': {
    leaf: { extensions: [extension(oids.authorityKeyIdentifier, true, sequence(keyIdentifierOf('ca site-a')))] },
  },
  'authority-key-identifier-incomplete': {
    leaf: {
      extensions: [
        extension(
          oids.authorityKeyIdentifier,
          false,
          sequence(keyIdentifierOf('ca site-a'), implicit(2, Uint8Array.of(1))),
        ),
      ],
    },
  },
  'authority-key-identifier-missing': { leaf: { without: [oids.authorityKeyIdentifier] } },
  'basic-constraints-not-critical': {
    site: { extensions: [extension(oids.basicConstraints, false, sequence(boolean(true)))] },
  },
  'ca-subject-empty': {},
  'dns-constraint-leading-period': { site: { permitted: [dnsName('.internal')] } },
  'dns-name-malformed': { leaf: { dns: ['user svc'] } },
  'dns-name-underscore': { leaf: { dns: ['user_svc'] } },
  'extension-unused-malformed': { leaf: { extensions: [extension(oids.issuerAltName, false, integer(1))] } },
  'inhibit-any-policy-not-critical': { site: { extensions: [extension(oids.inhibitAnyPolicy, false, integer(0))] } },
  'issuer-empty': {},
  'key-cert-sign-without-ca': { leaf: { keyUsage: KeyUsage.digitalSignature | KeyUsage.keyCertSign } },
  'key-usage-empty': {},
  'key-usage-missing': { site: { keyUsage: null } },
  'name-constraints-empty': { site: { extensions: [extension(oids.nameConstraints, true, sequence())] } },
  'name-constraints-not-critical': {
    site: {
      extensions: [
        extension(oids.nameConstraints, false, sequence(implicitConstructed(0, sequence(dnsName('internal'))))),
      ],
    },
  },
  'name-constraints-without-ca': { leaf: { permitted: [dnsName('internal')] } },
  'path-length-without-signing': {
    leaf: { extensions: [extension(oids.basicConstraints, true, sequence(integer(0)))] },
  },
  'policy-constraints-not-critical': {
    site: { extensions: [extension(oids.policyConstraints, false, sequence(implicit(0, Uint8Array.of(9))))] },
  },
  'serial-not-positive': { leaf: { serial: 0n } },
  'serial-too-long': { leaf: { serial: 1n << 160n } },
  'subject-alternative-name-not-critical': {
    leaf: { name: '', extensions: [extension(oids.subjectAltName, false, sequence(dnsName('user-svc')))] },
  },
  'subject-key-identifier-critical': {
    leaf: { extensions: [extension(oids.subjectKeyIdentifier, true, octetString(new Uint8Array(20)))] },
  },
  'subject-key-identifier-missing': { site: { without: [oids.subjectKeyIdentifier] } },
};

const reachable = Object.entries(sectionFour).filter(([, deviation]) => Object.keys(deviation ?? {}).length > 0);

test("authority-key-identifier-missing is told of a leaf that has its issuer's key", () => {
  const chain = tiers({ site: { key: 'shared' }, leaf: { key: 'shared', without: [oids.authorityKeyIdentifier] } });
  expect(codes(judge(chain, { strict: true }))).toEqual(['authority-key-identifier-missing']);
});

describe('section 4', () => {
  test.each(reachable)('%s is a warning, and a refusal when strict', (code, deviation) => {
    const chain = tiers(deviation);
    const loose = judge(chain, { purpose: 'any' });
    expect(loose).toMatchObject({ valid: true, warnings: [{ code }] });
    const strict = judge(chain, { purpose: 'any', strict: true });
    expect(codes(strict)).toEqual([code]);
    expect(strict.warnings).toEqual([]);
  });

  test('empty names of a CA are refused when strict', () => {
    const chain = tiers({ site: { name: '' } });
    expect(judge(chain).valid).toBe(true);
    expect(codes(judge(chain, { strict: true }))).toEqual(['issuer-empty', 'ca-subject-empty']);
  });

  test('an empty keyUsage is refused when strict', () => {
    const chain = tiers({ leaf: { keyUsage: 0 } });
    expect(codes(judge(chain, { purpose: 'any', strict: true }))).toEqual(['key-usage-empty']);
  });

  test('rules on policies lose their point where the caller asks for policies', () => {
    const chain = tiers(sectionFour['policy-constraints-not-critical']);
    const policies = {
      initialPolicySet: [oids.anyPolicy],
      requireExplicitPolicy: false,
      inhibitPolicyMapping: false,
      inhibitAnyPolicy: false,
    };
    expect(codes(judge(chain, { strict: true, policies }))).toEqual([]);
  });

  test('wants no authorityKeyIdentifier of a self-signed anchor, and one of another', () => {
    const without = { without: [oids.authorityKeyIdentifier] };
    expect(codes(judge(tiers({ root: without }), { strict: true }))).toEqual([]);
    const root = intermediate(authority({ name: 'older' }), { name: 'root', ...without });
    expect(codes(judge({ root, leaf: issue(root) }, { strict: true }))).toEqual(['authority-key-identifier-missing']);
  });

  test.each(Object.keys(toleratedRules))('%s stays a warning even when strict', code => {
    expect(judge(tiers({ leaf: { serial: -5n } }), { strict: true })).toMatchObject({
      valid: true,
      warnings: [{ code }],
    });
  });

  test('a negative serial of a CA is refused when strict', () => {
    expect(codes(judge(tiers({ site: { serial: -5n } }), { strict: true }))).toEqual(['serial-not-positive']);
  });
});

const web: CertificateOptions = { name: 'www.example.com', dns: ['www.example.com'] };
const ed25519 = keyOf(generateKeyPairSync('ed25519').privateKey, sequence(oid(oids.ed25519)), null);
const keyedBy = (...fields: readonly Uint8Array[]): CertificateOptions => ({
  extensions: [extension(oids.authorityKeyIdentifier, false, sequence(...fields))],
});

const webpki: Readonly<Record<Exclude<keyof typeof webpkiRules, 'version-not-3'>, Deviations>> = {
  'common-name-not-in-subject-alternative-name': { leaf: { name: 'WWW.example.com' } },
  'extended-key-usage-any': { leaf: { extendedKeyUsage: [oids.anyExtendedKeyUsage] } },
  'extended-key-usage-critical': {
    leaf: { extensions: [extension(oids.extendedKeyUsage, true, sequence(oid(oids.serverAuth)))] },
  },
  'extended-key-usage-missing': { leaf: { extendedKeyUsage: null } },
  'key-type-not-listed': { leaf: { key: ed25519 } },
  'leaf-is-ca': { leaf: { ca: true, extendedKeyUsage: [oids.serverAuth] } },
  'root-authority-key-identifier-issuer': {
    root: keyedBy(
      keyIdentifierOf('root root'),
      implicitConstructed(1, directoryName(commonNameDer('root'))),
      implicit(2, Uint8Array.of(1)),
    ),
  },
  'root-authority-key-identifier-mismatch': { root: keyedBy(keyIdentifierOf('stranger')) },
  'root-extended-key-usage': { root: { extendedKeyUsage: [oids.serverAuth] } },
  'subject-alternative-name-critical': {
    leaf: { extensions: [extension(oids.subjectAltName, true, sequence(dnsName('www.example.com')))] },
  },
  'subject-alternative-name-missing': { leaf: { name: '', dns: [] } },
  'wildcard-over-public-suffix': { leaf: { dns: ['*.co.uk', 'www.example.com'] } },
};

describe('webpki', () => {
  test('accepts a chain that follows the Baseline Requirements', () => {
    expect(codes(judge(tiers({ leaf: web }), { profile: 'webpki', purpose: 'server' }))).toEqual([]);
  });

  test.each(Object.entries(webpki))('refuses %s, which RFC 5280 allows', (code, deviation) => {
    const chain = tiers({ ...deviation, leaf: { ...web, ...deviation?.leaf } });
    expect(codes(judge(chain, { purpose: 'server' }))).toEqual([]);
    expect(codes(judge(chain, { profile: 'webpki', purpose: 'server' }))).toEqual([code]);
  });

  test.each(['192.168.001.001', '0xC0A80101'])('refuses the common name %s for the address it means', name => {
    const chain = tiers({ leaf: { name, ip: ['192.168.1.1'] } });
    expect(codes(judge(chain, { profile: 'webpki', purpose: 'server' }))).toEqual([
      'common-name-not-in-subject-alternative-name',
    ]);
  });
});

test('every algorithm of these tests is the one that the certificates name', () => {
  expect(tiers().leaf.certificate.signatureAlgorithm.der).toEqual(ecdsaWithSha256);
});

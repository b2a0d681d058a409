import { describe, expect, it } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import {
  bitString,
  boolean,
  encode,
  explicit,
  generalizedTime,
  implicit,
  implicitConstructed,
  integer,
  namedBits,
  nullValue,
  octetString,
  oid,
  sequence,
  setOf,
  time,
  utf8String,
} from '../../src/der/writer.ts';
import { type Certificate, parseCertificate } from '../../src/x509/certificate.ts';
import { KeyUsage } from '../../src/x509/extensions.ts';
import { lint, lints } from '../../src/x509/lint.ts';
import { certificateDer, extension, nameDer, now } from './build.ts';

const ascii = (text: string) => new TextEncoder().encode(text);
const dns = (name: string) => implicit(2, ascii(name));
const uri = (name: string) => implicit(6, ascii(name));
const mail = (name: string) => implicit(1, ascii(name));
const keyUsage = (mask: number, critical = true) => extension(oids.keyUsage, namedBits(mask), critical);
const purposes = (ids: readonly string[], critical = false) =>
  extension(oids.extendedKeyUsage, sequence(...ids.map(oid)), critical);
const alternativeNames = (names: readonly Uint8Array[], critical = false) =>
  extension(oids.subjectAltName, sequence(...names), critical);
const emptyName = sequence();
const year = 365 * 86_400_000;

type Extensions = Readonly<Record<string, Uint8Array | undefined>>;
type Parts = NonNullable<Parameters<typeof certificateDer>[0]>;

const serial = integer(BigInt(`0x01${'ab'.repeat(15)}`));
const ids = { issuer: new Uint8Array(20).fill(1), leaf: new Uint8Array(20).fill(2) };

const spki = (...algorithm: Uint8Array[]) => sequence(sequence(...algorithm), bitString(new Uint8Array(32).fill(9)));
const rsaKey = sequence(
  sequence(oid(oids.rsaEncryption), nullValue()),
  bitString(sequence(integer((1n << 2047n) + 1n), integer(65_537))),
);
const ecKey = (fill: number) =>
  sequence(
    sequence(oid(oids.ecPublicKey), oid(oids.secp256r1)),
    bitString(Uint8Array.from([4, ...new Uint8Array(64).fill(fill)])),
  );

const leafExtensions: Extensions = {
  usage: keyUsage(KeyUsage.digitalSignature),
  purposes: purposes([oids.serverAuth, oids.clientAuth]),
  names: alternativeNames([dns('user-svc.link.internal'), uri('spiffe://link.internal/service/user-svc')]),
  subjectKey: extension(oids.subjectKeyIdentifier, octetString(ids.leaf)),
  authorityKey: extension(oids.authorityKeyIdentifier, sequence(implicit(0, ids.issuer))),
};

const caExtensions: Extensions = {
  basic: extension(oids.basicConstraints, sequence(boolean(true), integer(0)), true),
  usage: keyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign),
  subjectKey: extension(oids.subjectKeyIdentifier, octetString(ids.issuer)),
  authorityKey: extension(oids.authorityKeyIdentifier, sequence(implicit(0, new Uint8Array(20).fill(3)))),
};

function certificate(base: Extensions, changes: Extensions, parts: Parts): Certificate {
  const extensions = Object.values({ ...base, ...changes }).filter(each => each !== undefined);
  return parseCertificate(
    certificateDer({
      serialNumber: [serial],
      validity: [sequence(time(now), time(now + year))],
      publicKey: [ecKey(2)],
      extensions: extensions.length === 0 ? [] : [explicit(3, sequence(...extensions))],
      ...parts,
    }),
  );
}

const leaf = (changes: Extensions = {}, parts: Parts = {}) => certificate(leafExtensions, changes, parts);
const ca = (changes: Extensions = {}, parts: Parts = {}) =>
  certificate(caExtensions, changes, {
    subject: [nameDer('issuer')],
    issuer: [nameDer('root')],
    publicKey: [ecKey(1)],
    ...parts,
  });

const issuer = ca({}, { validity: [sequence(time(now - year), time(now + 2 * year))] });
const subtree = (...parts: Uint8Array[]) => sequence(...parts);
const permitted = (...subtrees: Uint8Array[]) => sequence(implicitConstructed(0, ...subtrees));

const deviations: Readonly<Record<string, Certificate>> = {
  'signature-algorithms-differ': leaf({}, { signature: [sequence(oid(oids.ecdsaWithSha384))] }),
  'serial-not-positive': leaf({}, { serialNumber: [integer(-5)] }),
  'serial-too-long': leaf({}, { serialNumber: [integer(1n << 160n)] }),
  'issuer-empty': leaf({}, { issuer: [emptyName] }),
  'issuer-differs': leaf({}, { issuer: [nameDer('Issuer')] }),
  'not-before-form': leaf({}, { validity: [sequence(generalizedTime(now), time(now + year))] }),
  'not-after-form': leaf({}, { validity: [sequence(time(now), generalizedTime(now + year))] }),
  'validity-inverted': leaf({}, { validity: [sequence(time(now + year), time(now))] }),
  'unique-identifier': leaf({}, { uniqueIds: [implicit(1, Uint8Array.of(0, 1))] }),
  'authority-key-identifier-missing': leaf({ authorityKey: undefined }),
  'authority-key-identifier-differs': leaf({
    authorityKey: extension(oids.authorityKeyIdentifier, sequence(implicit(0, new Uint8Array(20).fill(7)))),
  }),
  'authority-key-identifier-incomplete': leaf({
    authorityKey: extension(
      oids.authorityKeyIdentifier,
      sequence(implicit(0, ids.issuer), implicit(2, Uint8Array.of(1))),
    ),
  }),
  'subject-key-identifier-missing': ca({ subjectKey: undefined }),
  'subject-key-identifier-missing-in-leaf': leaf({ subjectKey: undefined }),
  'subject-key-identifier-empty': leaf({
    subjectKey: extension(oids.subjectKeyIdentifier, octetString(new Uint8Array())),
  }),
  'authority-key-identifier-critical': leaf({
    authorityKey: extension(oids.authorityKeyIdentifier, sequence(implicit(0, ids.issuer)), true),
  }),
  'subject-key-identifier-critical': leaf({
    subjectKey: extension(oids.subjectKeyIdentifier, octetString(ids.leaf), true),
  }),
  'subject-directory-attributes-critical': leaf({
    other: extension(oids.subjectDirectoryAttributes, sequence(), true),
  }),
  'distribution-point-empty': leaf({ other: extension(oids.cRLDistributionPoints, sequence(sequence())) }),
  'distribution-points-critical': leaf({
    other: extension(
      oids.cRLDistributionPoints,
      sequence(sequence(explicit(0, implicitConstructed(0, uri('http://a.b/c'))))),
      true,
    ),
  }),
  'freshest-crl-critical': leaf({
    other: extension(
      oids.freshestCRL,
      sequence(sequence(explicit(0, implicitConstructed(0, uri('http://a.b/c'))))),
      true,
    ),
  }),
  'authority-information-access-critical': leaf({
    other: extension(oids.authorityInfoAccess, sequence(sequence(oid(oids.ocsp), uri('http://a.b/c'))), true),
  }),
  'subject-information-access-critical': leaf({
    other: extension(oids.subjectInfoAccess, sequence(sequence(oid(oids.ocsp), uri('http://a.b/c'))), true),
  }),
  'key-usage-missing': ca({ usage: undefined }),
  'key-usage-empty': leaf({ usage: keyUsage(0) }),
  'key-usage-not-critical': leaf({ usage: keyUsage(KeyUsage.digitalSignature, false) }),
  'key-cert-sign-missing': ca({ usage: keyUsage(KeyUsage.cRLSign) }),
  'key-cert-sign-without-ca': leaf({ usage: keyUsage(KeyUsage.digitalSignature | KeyUsage.keyCertSign) }),
  'encipher-only-without-agreement': leaf({ usage: keyUsage(KeyUsage.digitalSignature | KeyUsage.encipherOnly) }),
  'encipherment-with-signing-key': leaf({ usage: keyUsage(KeyUsage.digitalSignature | KeyUsage.keyEncipherment) }),
  'agreement-with-signature-key': leaf(
    { usage: keyUsage(KeyUsage.digitalSignature | KeyUsage.keyAgreement) },
    { publicKey: [spki(oid(oids.ed25519))] },
  ),
  'signing-with-agreement-key': leaf({}, { publicKey: [spki(oid(oids.x25519))] }),
  'any-purpose-critical': leaf({ purposes: purposes([oids.anyExtendedKeyUsage], true) }),
  'purpose-without-usage': leaf({ usage: keyUsage(KeyUsage.nonRepudiation) }),
  'purpose-repeated': leaf({ purposes: purposes([oids.serverAuth, oids.clientAuth, oids.serverAuth]) }),
  'subject-missing': leaf({ names: undefined }, { subject: [emptyName] }),
  'subject-alternative-name-not-critical': leaf({}, { subject: [emptyName] }),
  'subject-alternative-name-critical': leaf({ names: alternativeNames([dns('a.b')], true) }),
  'issuer-alternative-name-critical': leaf({ other: extension(oids.issuerAltName, sequence(dns('a.b')), true) }),
  'dns-name-malformed': leaf({ names: alternativeNames([dns('a..b')]) }),
  'dns-name-underscore': leaf({ names: alternativeNames([dns('a_b.c')]) }),
  'uri-malformed': leaf({ names: alternativeNames([uri('/relative')]) }),
  'email-malformed': leaf({ names: alternativeNames([mail('nobody')]) }),
  'email-in-subject': leaf(
    {},
    { subject: [sequence(setOf(sequence(oid(oids.emailAddress), encode(0x16, ascii('a@b.c')))))] },
  ),
  'name-repeated': leaf({ names: alternativeNames([dns('a.b'), dns('a.b')]) }),
  'ca-subject-empty': ca({}, { subject: [emptyName] }),
  'basic-constraints-not-critical': ca({ basic: extension(oids.basicConstraints, sequence(boolean(true))) }),
  'path-length-without-signing': ca({ usage: keyUsage(KeyUsage.cRLSign) }),
  'name-constraints-without-ca': leaf({ other: extension(oids.nameConstraints, permitted(subtree(dns('a.b'))), true) }),
  'name-constraints-not-critical': ca({ other: extension(oids.nameConstraints, permitted(subtree(dns('a.b')))) }),
  'name-constraints-empty': ca({ other: extension(oids.nameConstraints, sequence(), true) }),
  'name-constraints-bounds': ca({
    other: extension(oids.nameConstraints, permitted(subtree(dns('a.b'), implicit(1, Uint8Array.of(5)))), true),
  }),
  'dns-constraint-leading-period': ca({
    other: extension(oids.nameConstraints, permitted(subtree(dns('.a.b'))), true),
  }),
  'policy-repeated': leaf({
    other: extension(oids.certificatePolicies, sequence(sequence(oid('1.2.3')), sequence(oid('1.2.3')))),
  }),
  'policy-mapping-any': ca({
    other: extension(oids.policyMappings, sequence(sequence(oid(oids.anyPolicy), oid('1.2.3'))), true),
  }),
  'policy-constraints-empty': ca({ other: extension(oids.policyConstraints, sequence(), true) }),
  'policies-of-cas-in-leaf': leaf({ other: extension(oids.inhibitAnyPolicy, integer(0), true) }),
  'policy-mappings-not-critical': ca({
    other: extension(oids.policyMappings, sequence(sequence(oid('1.2.4'), oid('1.2.3')))),
  }),
  'policy-constraints-not-critical': ca({
    other: extension(oids.policyConstraints, sequence(implicit(0, Uint8Array.of(0)))),
  }),
  'inhibit-any-policy-not-critical': ca({ other: extension(oids.inhibitAnyPolicy, integer(0)) }),
  'svid-one-uri': leaf({ names: alternativeNames([uri('spiffe://a/b'), uri('https://a.b/')]) }),
  'svid-id-malformed': leaf({ names: alternativeNames([uri('spiffe://A/b')]) }),
  'svid-leaf-path': leaf({ names: alternativeNames([uri('spiffe://a')]) }),
  'svid-signing-path': ca({ names: alternativeNames([uri('spiffe://a/b')]) }),
  'svid-leaf-signs': leaf({ usage: keyUsage(KeyUsage.digitalSignature | KeyUsage.cRLSign) }),
  'svid-key-usage': leaf({ usage: undefined }),
  'svid-digital-signature': leaf({ usage: keyUsage(KeyUsage.keyAgreement) }),
  'svid-signing-usage': ca({ names: alternativeNames([uri('spiffe://a')]), usage: keyUsage(KeyUsage.cRLSign) }),
  'svid-purposes': leaf({ purposes: purposes([oids.serverAuth]) }),
  'own-serial-128-bits': leaf({}, { serialNumber: [integer(0x1234)] }),
  'own-outlives-issuer': leaf({}, { validity: [sequence(time(now), time(now + 3 * year))] }),
  'own-predates-issuer': leaf({}, { validity: [sequence(time(now - 2 * year), time(now))] }),
  'own-authority-key-identifier-form': leaf({
    authorityKey: extension(
      oids.authorityKeyIdentifier,
      sequence(
        implicit(0, ids.issuer),
        implicitConstructed(1, explicit(4, nameDer('root'))),
        implicit(2, Uint8Array.of(1)),
      ),
    ),
  }),
  'own-shared-key': leaf({}, { publicKey: [ecKey(1)] }),
  'own-subject-key-identifier': leaf({ subjectKey: undefined }),
  'own-key-usage': leaf({ usage: keyUsage(KeyUsage.digitalSignature, false) }),
  'own-crl-sign': ca({ usage: keyUsage(KeyUsage.keyCertSign) }),
  'own-cert-sign': ca({ usage: keyUsage(KeyUsage.cRLSign) }),
  'own-purposes': leaf({ purposes: undefined }),
  'own-any-purpose': leaf({ purposes: purposes([oids.anyExtendedKeyUsage]) }),
  'own-names': leaf({ names: undefined }),
  'own-key-encipherment': leaf({}, { publicKey: [rsaKey] }),
};

describe('lint', () => {
  it('finds nothing in a leaf and a CA that are as they should be', () => {
    expect(lint(leaf(), { issuer, own: true })).toEqual([]);
    expect(lint(ca(), { own: true })).toEqual([]);
  });

  it.each(Object.entries(deviations))('finds %s', (name, certificateWithIt) => {
    const context = name === 'issuer-differs' || !name.includes('ca-') ? { issuer, own: true } : { own: true };
    expect(lint(certificateWithIt, context).map(finding => finding.name)).toContain(name);
  });

  it('has a deviation here for each of its rules', () => {
    // The reader refuses extensions in an older version by itself; the rule stands for whoever makes a Certificate otherwise.
    const untested = lints.map(rule => rule.name).filter(name => !(name in deviations));
    expect(untested).toEqual(['version-not-3']);
    expect(Object.keys(deviations).filter(name => !lints.some(rule => rule.name === name))).toEqual([]);
    const odd = { ...leaf(), version: 2 as const };
    expect(lint(odd).map(finding => finding.name)).toContain('version-not-3');
  });

  it('has no two rules of one name', () => {
    expect(new Set(lints.map(rule => rule.name)).size).toBe(lints.length);
  });

  it('holds foreign certificates to the standards alone', () => {
    expect(lint(deviations['own-serial-128-bits']!, { issuer })).toEqual([]);
    expect(lint(deviations['own-names']!, { issuer })).toEqual([]);
  });

  it('holds a certificate without a SPIFFE ID to no rule of SPIFFE', () => {
    const server = leaf({
      names: alternativeNames([dns('a.b'), uri('https://a.b/'), uri('https://c.d/')]),
      purposes: purposes([oids.serverAuth]),
    });
    expect(lint(server, { issuer, own: true })).toEqual([]);
  });

  it('tells name, level, clause and a sentence', () => {
    expect(lint(deviations['dns-name-underscore']!, { issuer })).toEqual([
      {
        name: 'dns-name-underscore',
        level: 'error',
        source: 'RFC 5280, 4.2.1.6',
        message: 'the certificate has a DNS name with an underscore, which is outside the preferred name syntax',
      },
    ]);
  });

  it('reports an extension or a key that does not decode, and then nothing else', () => {
    const badUsage = leaf({ usage: extension(oids.keyUsage, utf8String('x'), true) });
    expect(lint(badUsage, { issuer }).map(finding => finding.name)).toEqual(['extension-malformed']);
    const badKey = leaf({}, { publicKey: [spki(oid(oids.rsaEncryption), nullValue())] });
    expect(lint(badKey, { issuer }).map(finding => finding.name)).toEqual(['public-key-malformed']);
  });

  it('lets a self-signed root go without authorityKeyIdentifier', () => {
    const root = ca({ authorityKey: undefined }, { issuer: [nameDer('issuer')] });
    expect(lint(root, { issuer: root, own: true })).toEqual([]);
  });
});

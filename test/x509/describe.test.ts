import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import {
  bitString,
  boolean,
  explicit,
  ia5String,
  implicit,
  implicitConstructed,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
  setOf,
  time,
  utf8String,
} from '../../src/der/writer.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { parseCrl } from '../../src/x509/crl.ts';
import {
  describeCertificate,
  describeCrl,
  describePublicKeyInfo,
  describeRequest,
  type Facts,
} from '../../src/x509/describe.ts';
import { parseSubjectPublicKeyInfo } from '../../src/x509/public-key.ts';
import { parseRequest } from '../../src/x509/request.ts';
import {
  authority,
  day,
  directoryName,
  dnsName,
  intermediate,
  ipName,
  issue,
  now,
  subnetName,
  uriName,
} from '../path/certificates.ts';
import { crl } from '../path/crls.ts';
import { certificateDer, crlDer, extension, nameDer, publicKey, signed, withExtensions } from './build.ts';

const root = authority();

function extensionsOf(...extensions: Uint8Array[]): Facts {
  return describeCertificate(parseCertificate(withExtensions(...extensions)))['extensions'] as Facts;
}

function valueOf(type: string, value: Uint8Array): unknown {
  const [described] = Object.values(extensionsOf(extension(type, value))) as Facts[];
  return described?.['value'];
}

describe('a certificate', () => {
  it('is told with the names of RFC 5280 and plain values', () => {
    const { certificate } = issue(root, {
      serial: 0x0abcn,
      dns: ['a.example'],
      ip: ['10.1.2.3'],
      uri: ['spiffe://x/y'],
    });
    expect(describeCertificate(certificate)).toMatchObject({
      version: 3,
      serial: '0abc',
      signatureAlgorithm: 'ecdsa-with-SHA256',
      issuer: 'CN=root',
      subject: 'CN=user-svc',
      notBefore: '2025-11-22T12:00:00Z',
      notAfter: '2027-11-22T12:00:00Z',
      subjectPublicKeyInfo: { algorithm: 'id-ecPublicKey', type: 'EC P-256', namedCurve: 'secp256r1' },
      extensions: {
        basicConstraints: { oid: '2.5.29.19', critical: true, value: { cA: false } },
        keyUsage: { critical: true, value: ['digitalSignature'] },
        extendedKeyUsage: { critical: false, value: ['serverAuth', 'clientAuth'] },
        subjectAltName: {
          value: [
            { kind: 'dns', value: 'a.example' },
            { kind: 'ip', value: '10.1.2.3' },
            { kind: 'uri', value: 'spiffe://x/y' },
          ],
        },
      },
    });
  });

  it('goes through JSON without loss', () => {
    const facts = describeCertificate(
      intermediate(root, { permitted: [dnsName('example.com'), subnetName('10.0.0.0/8')] }).certificate,
    );
    expect(JSON.parse(JSON.stringify(facts))).toEqual(JSON.parse(JSON.stringify(facts, undefined, 2)));
    expect((facts['extensions'] as Record<string, Facts>)['nameConstraints']?.['value']).toEqual({
      permittedSubtrees: [
        { kind: 'dns', value: 'example.com' },
        { kind: 'ip', value: '10.0.0.0/8' },
      ],
      excludedSubtrees: [],
    });
  });

  it('tells when the two signature algorithms differ', () => {
    const other = sequence(oid(oids.sha256WithRSAEncryption), nullValue());
    const facts = describeCertificate(parseCertificate(certificateDer({ signature: [other] })));
    expect(facts).toMatchObject({
      signatureAlgorithm: 'ecdsa-with-SHA256',
      tbsSignatureAlgorithm: 'sha256WithRSAEncryption',
      signature: '010203',
    });
    expect(facts['problem']).toMatch(/signatureAlgorithm/);
  });

  it('keeps the rest where the key is no key', () => {
    const spki = sequence(sequence(oid(oids.ecPublicKey), oid(oids.secp256r1)), bitString(Uint8Array.of(4, 1)));
    const facts = describeCertificate(parseCertificate(certificateDer({ publicKey: [spki] })));
    expect(facts['subjectPublicKeyInfo']).toMatchObject({
      problem: expect.stringContaining('no point of P-256') as string,
      subjectPublicKey: '0401',
    });
    expect(facts['subject']).toBe('CN=subject');
  });
});

describe('an extension', () => {
  it('that is unknown is shown in hex with its size', () => {
    expect(extensionsOf(extension('1.2.3.4', octetString(Uint8Array.of(255)), true))).toEqual({
      '1.2.3.4': { oid: '1.2.3.4', critical: true, octets: 3, hex: '0401ff' },
    });
  });

  it('that is unknown and huge is cut', () => {
    const facts = extensionsOf(extension('1.2.3.4', octetString(new Uint8Array(100_000))));
    expect(facts['1.2.3.4']).toMatchObject({ octets: 100_005 });
    expect(JSON.stringify(facts).length).toBeLessThan(10_000);
  });

  it('that is malformed has a problem beside its octets', () => {
    expect(extensionsOf(extension(oids.keyUsage, integer(5)))).toMatchObject({
      keyUsage: { problem: expect.stringMatching(/INTEGER.* at byte \d+/) as string, hex: '020105' },
    });
  });

  it.each([
    [
      'authorityKeyIdentifier',
      oids.authorityKeyIdentifier,
      sequence(
        implicit(0, Uint8Array.of(1, 2)),
        implicitConstructed(1, directoryName(nameDer('x'))),
        implicit(2, Uint8Array.of(7)),
      ),
      {
        keyIdentifier: '0102',
        authorityCertIssuer: [{ kind: 'directory', value: 'CN=x' }],
        authorityCertSerialNumber: '07',
      },
    ],
    [
      'cRLDistributionPoints',
      oids.cRLDistributionPoints,
      sequence(
        sequence(
          explicit(0, implicitConstructed(0, uriName('http://a/'))),
          implicit(1, Uint8Array.of(6, 64)),
          implicitConstructed(2, directoryName(nameDer('i'))),
        ),
      ),
      [
        {
          distributionPoint: { fullName: [{ kind: 'uri', value: 'http://a/' }] },
          reasons: ['keyCompromise'],
          cRLIssuer: [{ kind: 'directory', value: 'CN=i' }],
        },
      ],
    ],
    [
      'a name relative to the CRL issuer',
      oids.freshestCRL,
      sequence(sequence(explicit(0, implicitConstructed(1, sequence(oid(oids.commonName), utf8String('r')))))),
      [{ distributionPoint: { nameRelativeToCRLIssuer: 'CN=r' } }],
    ],
    [
      'authorityInformationAccess',
      oids.authorityInfoAccess,
      sequence(sequence(oid(oids.ocsp), uriName('http://o/'))),
      [{ accessMethod: 'OCSP', accessLocation: { kind: 'uri', value: 'http://o/' } }],
    ],
    [
      'certificatePolicies',
      oids.certificatePolicies,
      sequence(
        sequence(
          oid('1.2.3'),
          sequence(sequence(oid(oids.cps), ia5String('http://c/')), sequence(oid('1.2.9'), nullValue())),
        ),
        sequence(oid(oids.anyPolicy)),
      ),
      [
        {
          policyIdentifier: '1.2.3',
          policyQualifiers: [
            { policyQualifierId: 'id-qt-cps', text: 'http://c/' },
            { policyQualifierId: '1.2.9', hex: '0500' },
          ],
        },
        { policyIdentifier: 'anyPolicy' },
      ],
    ],
    [
      'policyMappings',
      oids.policyMappings,
      sequence(sequence(oid('1.2.3'), oid('1.2.4'))),
      [{ issuerDomainPolicy: '1.2.3', subjectDomainPolicy: '1.2.4' }],
    ],
    [
      'policyConstraints',
      oids.policyConstraints,
      sequence(implicit(0, Uint8Array.of(2))),
      { requireExplicitPolicy: 2 },
    ],
    ['inhibitAnyPolicy', oids.inhibitAnyPolicy, integer(3), 3],
    ['tlsFeature', oids.tlsFeature, sequence(integer(5), integer(99)), ['status_request', 99]],
    ['id-pkix-ocsp-nocheck', oids.ocspNoCheck, nullValue(), true],
    ['netscapeComment', oids.netscapeComment, ia5String('made by'), 'made by'],
    ['a cRLNumber beyond 2^53', oids.cRLNumber, integer(2n ** 64n), '18446744073709551616'],
    [
      'issuingDistributionPoint',
      oids.issuingDistributionPoint,
      sequence(implicit(1, Uint8Array.of(255)), implicit(3, Uint8Array.of(6, 64))),
      {
        onlyContainsUserCerts: true,
        onlyContainsCACerts: false,
        onlySomeReasons: ['keyCompromise'],
        indirectCRL: false,
        onlyContainsAttributeCerts: false,
      },
    ],
    [
      'other names',
      oids.subjectAltName,
      sequence(
        implicitConstructed(0, oid(oids.userPrincipalName), explicit(0, utf8String('u@x'))),
        implicitConstructed(0, oid('1.2.3'), explicit(0, integer(1))),
        implicit(8, Uint8Array.of(42, 3)),
        ipName('::1'),
      ),
      [
        { kind: 'other', typeId: 'userPrincipalName', value: 'u@x' },
        { kind: 'other', typeId: '1.2.3', hex: '020101' },
        { kind: 'registeredId', value: '1.2.3' },
        { kind: 'ip', value: '::1' },
      ],
    ],
    [
      'basicConstraints of a CA',
      oids.basicConstraints,
      sequence(boolean(true), integer(0)),
      { cA: true, pathLenConstraint: 0 },
    ],
  ])('is decoded: %s', (_, type, value, expected) => {
    expect(JSON.parse(JSON.stringify(valueOf(type, value)))).toEqual(expected);
  });
});

describe('a CRL', () => {
  const revoked = [1, 2, 3].map(() => ({ certificate: issue(root).certificate, at: now - day, reason: 1 }));

  it('is told with its entries and their reasons', () => {
    const facts = describeCrl(crl(root, { revoked, number: 7n }), 10);
    expect(facts).toMatchObject({
      version: 2,
      issuer: 'CN=root',
      thisUpdate: '2026-11-21T12:00:00Z',
      nextUpdate: '2026-11-23T12:00:00Z',
      revokedCount: 3,
      extensions: { cRLNumber: { value: '7' } },
    });
    expect(facts['truncated']).toBeUndefined();
    expect(facts['revokedCertificates']).toMatchObject(
      revoked.map(() => ({
        revocationDate: '2026-11-21T12:00:00Z',
        extensions: { reasonCode: { value: 'keyCompromise' } },
      })),
    );
  });

  it.each([0, 1, 2])('lists %i entries where no more are wanted, and says that there are more', limit => {
    const facts = describeCrl(crl(root, { revoked }), limit);
    expect(facts).toMatchObject({ revokedCount: 3, truncated: true });
    expect(facts['revokedCertificates']).toHaveLength(limit);
  });

  it('without nextUpdate has none', () => {
    const entry = sequence(integer(5), time(now));
    const facts = describeCrl(parseCrl(crlDer({ nextUpdate: [], revoked: [sequence(entry)] })), 10);
    expect(facts['nextUpdate']).toBeUndefined();
    expect(facts['revokedCertificates']).toEqual([
      { serial: '05', revocationDate: '2026-11-22T12:00:00Z', extensions: undefined },
    ]);
  });
});

describe('a request', () => {
  it('is told with what it asks for', () => {
    const names = extension(oids.subjectAltName, sequence(dnsName('a.example')));
    const attributes = implicitConstructed(
      0,
      sequence(oid(oids.challengePassword), setOf(utf8String('pw'))),
      sequence(oid(oids.extensionRequest), setOf(sequence(names))),
    );
    const request = parseRequest(signed(sequence(integer(0), nameDer('asker'), publicKey, attributes)));
    expect(describeRequest(request)).toMatchObject({
      subject: 'CN=asker',
      attributes: { challengePassword: ['0c027077'] },
      extensions: { subjectAltName: { value: [{ kind: 'dns', value: 'a.example' }] } },
      signatureAlgorithm: 'ecdsa-with-SHA256',
    });
  });
});

describe('a public key', () => {
  it('of RSA tells its size and exponent', () => {
    const { publicKey: key } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const facts = describePublicKeyInfo(
      parseSubjectPublicKeyInfo(Uint8Array.from(key.export({ format: 'der', type: 'spki' }))),
    );
    expect(facts).toMatchObject({
      algorithm: 'rsaEncryption',
      type: 'RSA 1024',
      bits: 1024,
      publicExponent: '0x10001',
    });
  });

  it('of an unknown algorithm is named by its object identifier', () => {
    const spki = sequence(sequence(oid('1.2.3')), bitString(Uint8Array.of(1)));
    expect(describePublicKeyInfo(parseSubjectPublicKeyInfo(spki))).toMatchObject({ algorithm: '1.2.3', type: '1.2.3' });
  });

  it('with an exponent of thousands of digits is told in short', () => {
    const rsa = sequence(integer(2n ** 1024n + 1n), integer(2n ** 8000n + 1n));
    const spki = sequence(sequence(oid(oids.rsaEncryption), nullValue()), bitString(rsa));
    const { publicExponent } = describePublicKeyInfo(parseSubjectPublicKeyInfo(spki));
    expect(JSON.stringify(publicExponent).length).toBeLessThan(100);
  });
});

import { describe, expect, test } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import {
  boolean,
  encode,
  enumerated,
  explicit,
  generalizedTime,
  ia5String,
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
import { parseCertificate } from '../../src/x509/certificate.ts';
import {
  KeyUsage,
  authorityInformationAccess,
  authorityKeyIdentifier,
  basicConstraints,
  certificateIssuer,
  certificatePolicies,
  checkExtensions,
  crlDistributionPoints,
  crlNumber,
  crlReasonName,
  deltaCrlIndicator,
  extendedKeyUsage,
  findExtension,
  freshestCrl,
  inhibitAnyPolicy,
  invalidityDate,
  issuerAltName,
  issuingDistributionPoint,
  keyUsage,
  keyUsageNames,
  nameConstraints,
  policyConstraints,
  policyMappings,
  reasonCode,
  subjectAltName,
  subjectInformationAccess,
  subjectKeyIdentifier,
} from '../../src/x509/extensions.ts';
import type { HasExtensions } from '../../src/x509/extensions.ts';
import { parseName } from '../../src/x509/name.ts';
import { hex } from '../der/hex.ts';
import { expectMalformed } from '../der/refuses.ts';
import { extension, nameDer, now, withExtensions } from './build.ts';

type Decode = (has: HasExtensions) => unknown;

const holding = (id: string, value: Uint8Array): HasExtensions =>
  parseCertificate(withExtensions(extension(id, value)));
const dns = (text: string): Uint8Array => implicit(2, Buffer.from(text));
const uri = (text: string): Uint8Array => implicit(6, Buffer.from(text));
const dnsName = (value: string): object => ({ kind: 'dns', value });
const rdn = setOf(sequence(oid(oids.commonName), utf8String('crl')));

test.each<[string, Decode, string, Uint8Array, unknown]>([
  [
    'basicConstraints of an end entity',
    basicConstraints,
    oids.basicConstraints,
    sequence(),
    { ca: false, pathLenConstraint: undefined },
  ],
  [
    'basicConstraints of a CA',
    basicConstraints,
    oids.basicConstraints,
    sequence(boolean(true), integer(3)),
    { ca: true, pathLenConstraint: 3 },
  ],
  [
    'pathLenConstraint 0',
    basicConstraints,
    oids.basicConstraints,
    sequence(boolean(true), integer(0)),
    { ca: true, pathLenConstraint: 0 },
  ],
  ['keyUsage', keyUsage, oids.keyUsage, namedBits(KeyUsage.keyCertSign | KeyUsage.cRLSign), 0b1100000],
  ['keyUsage decipherOnly', keyUsage, oids.keyUsage, namedBits(KeyUsage.decipherOnly), 256],
  ['keyUsage without bits', keyUsage, oids.keyUsage, namedBits(0), 0],
  [
    'extendedKeyUsage',
    extendedKeyUsage,
    oids.extendedKeyUsage,
    sequence(oid(oids.serverAuth), oid('1.2.3')),
    [oids.serverAuth, '1.2.3'],
  ],
  ['subjectAltName', subjectAltName, oids.subjectAltName, sequence(dns('a'), dns('b')), [dnsName('a'), dnsName('b')]],
  ['issuerAltName', issuerAltName, oids.issuerAltName, sequence(dns('a')), [dnsName('a')]],
  ['subjectKeyIdentifier', subjectKeyIdentifier, oids.subjectKeyIdentifier, octetString(hex('0102')), hex('0102')],
  [
    'authorityKeyIdentifier',
    authorityKeyIdentifier,
    oids.authorityKeyIdentifier,
    sequence(implicit(0, hex('aa')), implicitConstructed(1, dns('a')), implicit(2, hex('05'))),
    { keyIdentifier: hex('aa'), authorityCertIssuer: [dnsName('a')], authorityCertSerialNumber: hex('05') },
  ],
  [
    'empty authorityKeyIdentifier',
    authorityKeyIdentifier,
    oids.authorityKeyIdentifier,
    sequence(),
    { keyIdentifier: undefined, authorityCertIssuer: undefined, authorityCertSerialNumber: undefined },
  ],
  [
    'nameConstraints',
    nameConstraints,
    oids.nameConstraints,
    sequence(
      implicitConstructed(0, sequence(dns('a'))),
      implicitConstructed(
        1,
        sequence(implicit(7, hex('0a000000ff000000')), implicit(0, hex('01')), implicit(1, hex('02'))),
      ),
    ),
    {
      permitted: [{ base: dnsName('a'), minimum: 0, maximum: undefined }],
      excluded: [{ base: { kind: 'ip', value: '10.0.0.0/8', bytes: hex('0a000000ff000000') }, minimum: 1, maximum: 2 }],
    },
  ],
  ['empty nameConstraints', nameConstraints, oids.nameConstraints, sequence(), { permitted: [], excluded: [] }],
  [
    'cRLDistributionPoints',
    crlDistributionPoints,
    oids.cRLDistributionPoints,
    sequence(
      sequence(
        explicit(0, implicitConstructed(0, dns('a'))),
        implicit(1, hex('0640')),
        implicitConstructed(2, dns('b')),
      ),
      sequence(explicit(0, encode(0xa1, rdn.subarray(2)))),
    ),
    [
      { distributionPoint: { kind: 'fullName', names: [dnsName('a')] }, reasons: 1 << 1, crlIssuer: [dnsName('b')] },
      { distributionPoint: { kind: 'relativeName', rdn }, reasons: undefined, crlIssuer: undefined },
    ],
  ],
  [
    'freshestCRL',
    freshestCrl,
    oids.freshestCRL,
    sequence(sequence()),
    [{ distributionPoint: undefined, reasons: undefined, crlIssuer: undefined }],
  ],
  [
    'authorityInfoAccess',
    authorityInformationAccess,
    oids.authorityInfoAccess,
    sequence(sequence(oid(oids.ocsp), uri('http://a'))),
    [{ accessMethod: oids.ocsp, accessLocation: { kind: 'uri', value: 'http://a' } }],
  ],
  [
    'subjectInfoAccess',
    subjectInformationAccess,
    oids.subjectInfoAccess,
    sequence(sequence(oid(oids.caRepository), uri('a'))),
    [{ accessMethod: oids.caRepository, accessLocation: { kind: 'uri', value: 'a' } }],
  ],
  [
    'certificatePolicies',
    certificatePolicies,
    oids.certificatePolicies,
    sequence(
      sequence(oid('1.2.3')),
      sequence(
        oid(oids.anyPolicy),
        sequence(
          sequence(oid(oids.cps), ia5String('http://a')),
          sequence(oid(oids.unotice), sequence(utf8String('hi'))),
          sequence(oid('1.2'), nullValue()),
        ),
      ),
    ),
    [
      { policyIdentifier: '1.2.3', policyQualifiers: [] },
      {
        policyIdentifier: oids.anyPolicy,
        policyQualifiers: [
          { policyQualifierId: oids.cps, text: 'http://a', der: ia5String('http://a') },
          { policyQualifierId: oids.unotice, text: 'hi', der: sequence(utf8String('hi')) },
          { policyQualifierId: '1.2', text: undefined, der: nullValue() },
        ],
      },
    ],
  ],
  [
    'policyMappings',
    policyMappings,
    oids.policyMappings,
    sequence(sequence(oid('1.2'), oid('1.3'))),
    [{ issuerDomainPolicy: '1.2', subjectDomainPolicy: '1.3' }],
  ],
  [
    'policyConstraints',
    policyConstraints,
    oids.policyConstraints,
    sequence(implicit(0, hex('00')), implicit(1, hex('05'))),
    { requireExplicitPolicy: 0, inhibitPolicyMapping: 5 },
  ],
  ['inhibitAnyPolicy', inhibitAnyPolicy, oids.inhibitAnyPolicy, integer(2), 2],
  ['cRLNumber', crlNumber, oids.cRLNumber, integer(2n ** 150n), 2n ** 150n],
  ['deltaCRLIndicator', deltaCrlIndicator, oids.deltaCRLIndicator, integer(7), 7n],
  [
    'issuingDistributionPoint',
    issuingDistributionPoint,
    oids.issuingDistributionPoint,
    sequence(
      explicit(0, implicitConstructed(0, dns('a'))),
      implicit(2, hex('ff')),
      implicit(3, hex('0640')),
      implicit(4, hex('ff')),
    ),
    {
      distributionPoint: { kind: 'fullName', names: [dnsName('a')] },
      onlyContainsUserCerts: false,
      onlyContainsCACerts: true,
      onlySomeReasons: 1 << 1,
      indirectCRL: true,
      onlyContainsAttributeCerts: false,
    },
  ],
  ['reasonCode', reasonCode, oids.reasonCode, enumerated(6), 6],
  ['invalidityDate', invalidityDate, oids.invalidityDate, generalizedTime(now), now],
  [
    'certificateIssuer',
    certificateIssuer,
    oids.certificateIssuer,
    sequence(explicit(4, nameDer('x'))),
    [{ kind: 'directory', name: parseName(nameDer('x')) }],
  ],
])('reads %s', (_, decode, id, value, expected) => {
  const has = holding(id, value);
  expect(decode(has)).toEqual(expected);
  checkExtensions(has);
});

test.each<[string, Decode, string, Uint8Array, RegExp]>([
  [
    'basicConstraints that are no SEQUENCE',
    basicConstraints,
    oids.basicConstraints,
    setOf(),
    /SET where SEQUENCE is expected/,
  ],
  [
    'cA FALSE encoded',
    basicConstraints,
    oids.basicConstraints,
    sequence(boolean(false)),
    /cA: DEFAULT FALSE is encoded/,
  ],
  [
    'a negative pathLenConstraint',
    basicConstraints,
    oids.basicConstraints,
    sequence(boolean(true), integer(-1)),
    /negative/,
  ],
  [
    'a pathLenConstraint before cA',
    basicConstraints,
    oids.basicConstraints,
    sequence(integer(1), boolean(true)),
    /unexpected BOOLEAN/,
  ],
  ['octets after an extension value', basicConstraints, oids.basicConstraints, hex('300000'), /trailing bytes/],
  ['an extension value without octets', basicConstraints, oids.basicConstraints, hex(''), /truncated/],
  ['keyUsage with trailing zeros', keyUsage, oids.keyUsage, hex('03020184'), /trailing zero/],
  ['keyUsage of octets', keyUsage, oids.keyUsage, octetString(hex('06')), /where BIT STRING/],
  ['an empty extendedKeyUsage', extendedKeyUsage, oids.extendedKeyUsage, sequence(), /empty/],
  [
    'an extendedKeyUsage of text',
    extendedKeyUsage,
    oids.extendedKeyUsage,
    sequence(utf8String('a')),
    /where OBJECT IDENTIFIER/,
  ],
  ['an empty subjectAltName', subjectAltName, oids.subjectAltName, sequence(), /subjectAltName: empty/],
  [
    'a subjectKeyIdentifier without OCTET STRING',
    subjectKeyIdentifier,
    oids.subjectKeyIdentifier,
    hex('0500'),
    /where OCTET STRING/,
  ],
  [
    'authorityKeyIdentifier out of order',
    authorityKeyIdentifier,
    oids.authorityKeyIdentifier,
    sequence(implicit(2, hex('05')), implicit(0, hex('aa'))),
    /unexpected \[0\]/,
  ],
  [
    'minimum 0 encoded',
    nameConstraints,
    oids.nameConstraints,
    sequence(implicitConstructed(0, sequence(dns('a'), implicit(0, hex('00'))))),
    /DEFAULT 0 is encoded/,
  ],
  [
    'empty permittedSubtrees',
    nameConstraints,
    oids.nameConstraints,
    sequence(implicitConstructed(0)),
    /permittedSubtrees: empty/,
  ],
  [
    'an address without mask in a constraint',
    nameConstraints,
    oids.nameConstraints,
    sequence(implicitConstructed(1, sequence(implicit(7, hex('0a000000'))))),
    /iPAddress of 4 octets/,
  ],
  [
    'excluded before permitted',
    nameConstraints,
    oids.nameConstraints,
    sequence(implicitConstructed(1, sequence(dns('a'))), implicitConstructed(0, sequence(dns('a')))),
    /unexpected \[0\]/,
  ],
  [
    'a distribution point name that is none',
    crlDistributionPoints,
    oids.cRLDistributionPoints,
    sequence(sequence(explicit(0, nullValue()))),
    /where \[1\] is expected/,
  ],
  [
    'a relative name out of order',
    crlDistributionPoints,
    oids.cRLDistributionPoints,
    sequence(
      sequence(
        explicit(0, implicitConstructed(1, sequence(oid('1.3'), nullValue()), sequence(oid('1.2'), nullValue()))),
      ),
    ),
    /not in order/,
  ],
  [
    'an access description of a policy',
    authorityInformationAccess,
    oids.authorityInfoAccess,
    sequence(sequence(oid('1.2'))),
    /accessLocation/,
  ],
  [
    'empty policyQualifiers',
    certificatePolicies,
    oids.certificatePolicies,
    sequence(sequence(oid('1.2'), sequence())),
    /policyQualifiers: empty/,
  ],
  [
    'a CPS pointer of UTF8String',
    certificatePolicies,
    oids.certificatePolicies,
    sequence(sequence(oid('1.2'), sequence(sequence(oid(oids.cps), utf8String('a'))))),
    /where IA5String/,
  ],
  [
    'a policy mapping of one',
    policyMappings,
    oids.policyMappings,
    sequence(sequence(oid('1.2'))),
    /subjectDomainPolicy: is missing/,
  ],
  [
    'a negative requireExplicitPolicy',
    policyConstraints,
    oids.policyConstraints,
    sequence(implicit(0, hex('ff'))),
    /negative/,
  ],
  ['a padded inhibitAnyPolicy', inhibitAnyPolicy, oids.inhibitAnyPolicy, hex('02020001'), /not minimal/],
  [
    'indirectCRL FALSE encoded',
    issuingDistributionPoint,
    oids.issuingDistributionPoint,
    sequence(implicit(4, hex('00'))),
    /DEFAULT FALSE is encoded/,
  ],
  ['reasonCode 7', reasonCode, oids.reasonCode, enumerated(7), /reasonCode: 7 is none/],
  ['reasonCode as INTEGER', reasonCode, oids.reasonCode, integer(1), /where ENUMERATED/],
  ['invalidityDate as UTCTime', invalidityDate, oids.invalidityDate, time(now), /where GeneralizedTime/],
])('refuses %s', (_, decode, id, value, message) => {
  expectMalformed(() => decode(holding(id, value)), message);
  expectMalformed(() => {
    checkExtensions(holding(id, value));
  }, message);
});

describe('decoding', () => {
  const has = holding(oids.basicConstraints, sequence(boolean(true)));

  test('is undefined where the extension is absent', () => {
    expect(keyUsage(has)).toBeUndefined();
    expect(findExtension(has, oids.keyUsage)).toBeUndefined();
  });

  test('is done once', () => {
    expect(basicConstraints(has)).toBe(basicConstraints(has));
  });

  test('is not done before it is asked for', () => {
    const broken = holding(oids.basicConstraints, hex('ff'));
    expect(findExtension(broken, oids.basicConstraints)?.value).toEqual(hex('ff'));
    expectMalformed(() => basicConstraints(broken), /./);
  });

  test('tells the octet of the whole file', () => {
    const der = withExtensions(extension(oids.basicConstraints, sequence(boolean(false))));
    const certificate = parseCertificate(der);
    const value = certificate.extensions[0]!.offset;
    expectMalformed(() => basicConstraints(certificate), /cA/, value + 2);
    expect(der[value]).toBe(0x30);
  });
});

test('names of keyUsage bits and reasons', () => {
  expect(keyUsageNames(KeyUsage.digitalSignature | KeyUsage.decipherOnly)).toEqual([
    'digitalSignature',
    'decipherOnly',
  ]);
  expect([1, 7, 10].map(crlReasonName)).toEqual(['keyCompromise', undefined, 'aACompromise']);
});

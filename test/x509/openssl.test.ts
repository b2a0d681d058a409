import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import { oid, sequence } from '../../src/der/writer.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { fingerprint, readCertificates, serialHex } from '../../src/x509/certificate.ts';
import { readCrls } from '../../src/x509/crl.ts';
import { assembleSigned, encodeTbsCrl } from '../../src/x509/crl-writer.ts';
import {
  authorityInformationAccess,
  authorityKeyIdentifier,
  basicConstraints,
  certificatePolicies,
  checkExtensions,
  crlDistributionPoints,
  crlNumber,
  extendedKeyUsage,
  keyUsage,
  keyUsageNames,
  nameConstraints,
  policyConstraints,
  reasonCode,
  subjectAltName,
  subjectKeyIdentifier,
} from '../../src/x509/extensions.ts';
import { formatGeneralName } from '../../src/x509/general-name.ts';
import { formatName, parseDistinguishedName } from '../../src/x509/name.ts';
import { encodePem, readPem } from '../../src/x509/pem.ts';
import { describePublicKey, keyIdentifier, parseSubjectPublicKeyInfo } from '../../src/x509/public-key.ts';
import { parseRequest } from '../../src/x509/request.ts';

// OpenSSL writes, we read, and both have to say the same; then the other way round.

const directory = mkdtempSync(join(tmpdir(), 'mtlsctl-x509-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const file = (name: string): string => join(directory, name);
const openssl = (...args: string[]): string =>
  execFileSync('openssl', args, { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const hexOf = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');

let made = 0;

function selfSigned(
  subject: string,
  extensions: readonly string[] = [],
  key: readonly string[] = ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
): { certificate: Certificate; path: string } {
  const path = file(`${made++}.pem`);
  const added = extensions.flatMap(extension => ['-addext', extension]);
  openssl(
    'req',
    '-x509',
    '-utf8',
    '-newkey',
    ...key,
    '-nodes',
    '-keyout',
    file('key.pem'),
    '-out',
    path,
    '-days',
    '90',
    '-subj',
    subject,
    ...added,
  );
  return { certificate: readCertificates(readFileSync(path))[0]!, path };
}

const dateOf = (line: string): number => Date.parse(line.replace(/^\w+=/, ''));

test.each<[string, string[], string]>([
  ['EC P-256', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], 'EC P-256'],
  ['EC P-384', ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], 'EC P-384'],
  ['secp256k1', ['ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1'], 'EC secp256k1'],
  [
    'explicit parameters',
    ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-pkeyopt', 'ec_param_enc:explicit'],
    'id-ecPublicKey',
  ],
  ['RSA', ['rsa:2048'], 'RSA 2048'],
  ['RSA-PSS', ['rsa-pss', '-pkeyopt', 'rsa_keygen_bits:1024'], 'RSA-PSS 1024'],
  ['Ed25519', ['ed25519'], 'Ed25519'],
  ['Ed448', ['ed448'], 'Ed448'],
])('reads the fields of a certificate with a key of %s as openssl does', (_, key, description) => {
  const { certificate, path } = selfSigned('/C=SE/O=Link, Inc/CN=user-svc.link.internal', [], key);
  const lines = openssl(
    'x509',
    '-in',
    path,
    '-noout',
    '-serial',
    '-startdate',
    '-enddate',
    '-fingerprint',
    '-sha256',
    '-subject',
    '-issuer',
    '-nameopt',
    'RFC2253',
  )
    .trim()
    .split('\n');
  const [serial, start, end, sha256, subject, issuer] = lines.map(line => line.trim());
  expect(`serial=${serialHex(certificate.serialNumber).toUpperCase()}`).toBe(serial);
  expect([certificate.notBefore, certificate.notAfter]).toEqual([dateOf(start!), dateOf(end!)]);
  expect(fingerprint(certificate.der).toUpperCase()).toBe(sha256!.replace(/^.*=/, '').replaceAll(':', ''));
  expect(`subject=${formatName(certificate.subject)}`).toBe(subject);
  expect(`issuer=${formatName(certificate.issuer)}`).toBe(issuer);
  expect(describePublicKey(certificate.subjectPublicKeyInfo)).toBe(description);
  expect(hexOf(subjectKeyIdentifier(certificate))).toBe(hexOf(keyIdentifier(certificate.subjectPublicKeyInfo)));
  const [publicKey] = readPem(openssl('x509', '-in', path, '-noout', '-pubkey'));
  expect(parseSubjectPublicKeyInfo(publicKey!.der)).toEqual(certificate.subjectPublicKeyInfo);
});

test.each([
  '/CN=plain',
  '/DC=internal/DC=link/CN=user',
  '/C=SE/ST=Skåne/L=Malmö/O=Länk "AB"; <x>/OU=a+b/CN=a\\/b, c=d#',
  '/CN=# leading',
  '/CN= both ',
  '/O=日本/CN=𝄞',
  '/emailAddress=a@b.example/UID=u/title=t',
])('writes the name %s as openssl does with RFC 2253', subject => {
  const { certificate, path } = selfSigned(subject);
  const line = openssl(
    'x509',
    '-in',
    path,
    '-noout',
    '-subject',
    '-nameopt',
    'RFC2253,-esc_msb,utf8,sep_comma_plus',
  ).replace(/\n$/, '');
  expect(`subject=${formatName(certificate.subject)}`).toBe(line);
  const rdns = parseDistinguishedName(formatName(certificate.subject));
  expect(Buffer.from(rdns).equals(certificate.subject.der)).toBe(true);
});

describe('extensions that openssl writes', () => {
  const { certificate } = selfSigned('/CN=ca', [
    'basicConstraints=critical,CA:TRUE,pathlen:2',
    'keyUsage=critical,keyCertSign,cRLSign,digitalSignature',
    'extendedKeyUsage=serverAuth,clientAuth,1.2.3.4',
    'subjectAltName=DNS:a.example,IP:192.0.2.1,IP:2001:db8::1,URI:spiffe://link.internal/service/a,email:a@b.example,RID:1.2.3,otherName:1.2.3.4;UTF8:hi',
    'nameConstraints=critical,permitted;DNS:link.internal,permitted;IP:10.0.0.0/255.0.0.0,excluded;URI:evil.example',
    'crlDistributionPoints=URI:http://crl.example/a.crl',
    'authorityInfoAccess=OCSP;URI:http://ocsp.example,caIssuers;URI:http://ca.example',
    'certificatePolicies=1.2.3.4,2.5.29.32.0',
    'policyConstraints=requireExplicitPolicy:3',
    '1.2.3.4.5=ASN1:UTF8String:unknown',
  ]);

  test('all decode', () => {
    checkExtensions(certificate);
    expect(certificate.extensions.some(extension => extension.oid === '1.2.3.4.5')).toBe(true);
  });

  test('are read right', () => {
    expect(basicConstraints(certificate)).toEqual({ ca: true, pathLenConstraint: 2 });
    expect(keyUsageNames(keyUsage(certificate)!)).toEqual(['digitalSignature', 'keyCertSign', 'cRLSign']);
    expect(extendedKeyUsage(certificate)).toEqual([oids.serverAuth, oids.clientAuth, '1.2.3.4']);
    expect(subjectAltName(certificate)!.map(formatGeneralName)).toEqual([
      'DNS:a.example',
      'IP:192.0.2.1',
      'IP:2001:db8::1',
      'URI:spiffe://link.internal/service/a',
      'email:a@b.example',
      'RID:1.2.3',
      'other:1.2.3.4:#0c026869',
    ]);
    const { permitted, excluded } = nameConstraints(certificate)!;
    expect([permitted, excluded].map(list => list.map(subtree => formatGeneralName(subtree.base)))).toEqual([
      ['DNS:link.internal', 'IP:10.0.0.0/8'],
      ['URI:evil.example'],
    ]);
    expect(crlDistributionPoints(certificate)).toMatchObject([
      { distributionPoint: { names: [{ value: 'http://crl.example/a.crl' }] } },
    ]);
    expect(authorityInformationAccess(certificate)!.map(access => access.accessMethod)).toEqual([
      oids.ocsp,
      oids.caIssuers,
    ]);
    expect(certificatePolicies(certificate)!.map(policy => policy.policyIdentifier)).toEqual([
      '1.2.3.4',
      oids.anyPolicy,
    ]);
    expect(policyConstraints(certificate)).toEqual({ requireExplicitPolicy: 3, inhibitPolicyMapping: undefined });
    expect(authorityKeyIdentifier(certificate)?.keyIdentifier).toEqual(subjectKeyIdentifier(certificate));
  });
});

test('reads a request that openssl writes', () => {
  openssl(
    'req',
    '-new',
    '-newkey',
    'ed25519',
    '-nodes',
    '-keyout',
    file('req.key'),
    '-out',
    file('req.pem'),
    '-subj',
    '/O=Link/CN=a',
    '-addext',
    'subjectAltName=DNS:a.example',
    '-addext',
    'keyUsage=critical,digitalSignature',
  );
  const request = parseRequest(readPem(readFileSync(file('req.pem')))[0]!.der);
  expect(formatName(request.subject)).toBe('CN=a,O=Link');
  expect(subjectAltName(request)!.map(formatGeneralName)).toEqual(['DNS:a.example']);
  expect(request.extensions.map(extension => extension.critical)).toEqual([false, true]);
  const [publicKey] = readPem(openssl('req', '-in', file('req.pem'), '-noout', '-pubkey'));
  expect(request.subjectPublicKeyInfo.der).toEqual(publicKey!.der);
});

describe('CRLs', () => {
  const configuration = `
[ca]
default_ca = a
[a]
database = ${file('index.txt')}
crlnumber = ${file('crlnumber')}
default_md = sha256
default_crl_days = 7
crl_extensions = x
[x]
authorityKeyIdentifier = keyid
`;
  const ca = selfSigned('/O=Link/CN=crl issuer');
  const key = readFileSync(file('key.pem'));

  test('reads a CRL that openssl writes', () => {
    writeFileSync(file('ca.cnf'), configuration);
    writeFileSync(file('ca.key'), key);
    writeFileSync(file('crlnumber'), '1F\n');
    writeFileSync(
      file('index.txt'),
      ['0A', 'DEADBEEF00112233445566778899AABBCCDDEEFF']
        .map(
          (serial, i) =>
            `R\t301231235959Z\t26010${i + 1}000000Z${i === 0 ? ',keyCompromise' : ''}\t${serial}\tunknown\t/CN=x\n`,
        )
        .join(''),
    );
    openssl(
      'ca',
      '-config',
      file('ca.cnf'),
      '-gencrl',
      '-cert',
      ca.path,
      '-keyfile',
      file('ca.key'),
      '-out',
      file('crl.pem'),
    );
    const [crl] = readCrls(readFileSync(file('crl.pem')));
    const text = openssl('crl', '-in', file('crl.pem'), '-noout', '-lastupdate', '-nextupdate', '-crlnumber')
      .trim()
      .split('\n');
    expect([crl!.thisUpdate, crl!.nextUpdate]).toEqual(text.slice(0, 2).map(dateOf));
    expect(crlNumber(crl!)).toBe(0x1fn);
    expect(
      Array.from(crl!.entries(), entry => [serialHex(entry.serialNumber), entry.revocationDate, reasonCode(entry)]),
    ).toEqual([
      ['0a', Date.parse('2026-01-01'), 1],
      ['deadbeef00112233445566778899aabbccddeeff', Date.parse('2026-01-02'), undefined],
    ]);
    expect(formatName(crl!.issuer)).toBe('CN=crl issuer,O=Link');
  });

  test('openssl reads the CRL that we write, and finds it well signed', () => {
    writeFileSync(file('ca.key'), key);
    const signatureAlgorithm = sequence(oid(oids.ecdsaWithSha256));
    const tbs = encodeTbsCrl({
      signatureAlgorithm,
      issuer: ca.certificate.subject.der,
      thisUpdate: Date.parse('2026-01-01T00:00:00Z'),
      nextUpdate: Date.parse('2026-01-08T00:00:00Z'),
      number: 31n,
      authorityKeyIdentifier: subjectKeyIdentifier(ca.certificate)!,
      entries: [
        {
          serialNumber: Uint8Array.of(0x0a),
          revocationDate: Date.parse('2025-12-01T10:20:30Z'),
          reason: 1,
          invalidityDate: Date.parse('2025-11-01T00:00:00Z'),
        },
        { serialNumber: Uint8Array.of(0, 0xff), revocationDate: Date.parse('2025-12-02T00:00:00Z') },
      ],
    });
    writeFileSync(file('tbs'), tbs);
    openssl('dgst', '-sha256', '-sign', file('ca.key'), '-out', file('signature'), file('tbs'));
    writeFileSync(
      file('ours.pem'),
      encodePem('X509 CRL', assembleSigned(tbs, signatureAlgorithm, readFileSync(file('signature')))),
    );
    const text = openssl('crl', '-in', file('ours.pem'), '-noout', '-text', '-CAfile', ca.path);
    for (const expected of [
      'Version 2',
      'Issuer: O = Link, CN = crl issuer',
      'Last Update: Jan  1 00:00:00 2026 GMT',
      'Next Update: Jan  8 00:00:00 2026 GMT',
      /X509v3 CRL Number: *\n *31\n/,
      /Serial Number: 0A\n *Revocation Date: Dec {2}1 10:20:30 2025 GMT\n *CRL entry extensions:\n *X509v3 CRL Reason Code: *\n *Key Compromise\n *Invalidity Date: *\n *Nov {2}1 00:00:00 2025 GMT/,
      /Serial Number: FF\n *Revocation Date: Dec {2}2 00:00:00 2025 GMT\n *Signature/,
    ]) {
      expect(text).toMatch(expected);
    }
    expect(() => openssl('crl', '-in', file('ours.pem'), '-noout', '-CAfile', ca.path)).not.toThrow();
  });
});

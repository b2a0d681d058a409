import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRequest } from '../../src/issuance/request.ts';
import { keyTypeNames, type KeyType } from '../../src/keys/key-types.ts';
import { parseDistinguishedName } from '../../src/x509/name.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { type Ca, intermediate, keyFor, leaf, now, root } from './authorities.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'mtlsctl-issuance-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function file(name: string, ...certificates: readonly Certificate[]): string {
  const path = join(directory, name);
  writeFileSync(path, certificates.map(each => encodePem('CERTIFICATE', each.der)).join(''));
  return path;
}

function openssl(...args: string[]): string {
  return execFileSync('openssl', args, {
    encoding: 'utf8',
    env: { SSL_CERT_FILE: '/dev/null', PATH: process.env['PATH'] },
  });
}

function verify(anchor: Certificate, untrusted: Certificate, target: Certificate): string {
  return openssl(
    'verify',
    '-x509_strict',
    '-attime',
    String(now / 1000),
    '-purpose',
    'sslserver',
    '-CAfile',
    file('ca.pem', anchor),
    '-untrusted',
    file('untrusted.pem', untrusted),
    file('leaf.pem', target),
  );
}

describe.each(keyTypeNames)('an issuer with a key of the type %s', (issuerType: KeyType) => {
  let top: Ca;
  let issuing: Ca;
  beforeAll(async () => {
    top = await root({ keyType: issuerType });
    issuing = await intermediate(top, { keyType: issuerType });
  });

  it.each(keyTypeNames)('openssl verify -x509_strict accepts its leaf with a key of the type %s', async leafType => {
    const target = await leaf(issuing, { keyType: leafType });
    expect(verify(top.certificate, issuing.certificate, target)).toContain(': OK');
  });
});

describe('openssl x509 -text', () => {
  it('shows names, usages, purposes and key identifiers of a leaf', async () => {
    const issuing = await intermediate(await root());
    const text = openssl('x509', '-noout', '-text', '-in', file('text.pem', await leaf(issuing)));
    expect(text).toContain('Subject: CN = user-svc.link.internal');
    expect(text).toContain(
      'DNS:user-svc.link.internal, DNS:user-svc, DNS:user-svc.link.local, URI:spiffe://link.internal/service/user-svc',
    );
    expect(text).toMatch(/X509v3 Key Usage: critical\n\s+Digital Signature\n/);
    expect(text).toMatch(/TLS Web Server Authentication, TLS Web Client Authentication/);
    expect(text).toMatch(/X509v3 Subject Key Identifier/);
    expect(text).toMatch(/X509v3 Authority Key Identifier: \n\s+(?:[0-9A-F]{2}:){19}[0-9A-F]{2}\n/);
    expect(text).toMatch(/Version: 3/);
  });

  it('shows constraints and distribution points of an intermediate', async () => {
    const subtrees = { dns: ['link.internal'], uri: ['link.internal'], ip: ['10.0.0.0/8', 'fd00::/8'], email: [] };
    const issuing = await intermediate(await root(), {
      nameConstraints: { permitted: subtrees, excluded: { dns: ['bad.link.internal'], uri: [], ip: [], email: [] } },
      crlUrls: ['http://crl.link.internal/root.crl'],
    });
    const text = openssl('x509', '-noout', '-text', '-in', file('text.pem', issuing.certificate));
    expect(text).toMatch(/X509v3 Basic Constraints: critical\n\s+CA:TRUE, pathlen:0/);
    expect(text).toMatch(/X509v3 Name Constraints: critical\n\s+Permitted:\n\s+DNS:link.internal\n/);
    expect(text).toContain('IP:10.0.0.0/255.0.0.0');
    expect(text).toMatch(/Excluded:\n\s+DNS:bad.link.internal/);
    expect(text).toContain('URI:http://crl.link.internal/root.crl');
  });
});

describe('openssl req -verify', () => {
  it.each(keyTypeNames)('accepts a request with a key of the type %s', async keyType => {
    const names = { dns: ['a.link.internal'], ip: ['10.0.0.1'], uri: [], email: [] };
    const der = await createRequest(parseDistinguishedName('CN=a,O=Link'), await keyFor('request', keyType), names);
    const path = join(directory, 'request.pem');
    writeFileSync(path, encodePem('CERTIFICATE REQUEST', der));
    const text = openssl('req', '-verify', '-noout', '-text', '-in', path);
    expect(text).toMatch(/Subject: O = Link, CN = a|Subject: CN = a, O = Link/);
    expect(text).toContain('DNS:a.link.internal, IP Address:10.0.0.1');
  });
});

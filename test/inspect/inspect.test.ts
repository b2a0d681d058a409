import { createPrivateKey } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { oids } from '../../src/der/object-identifiers.ts';
import { Tag } from '../../src/der/reader.ts';
import { encode, implicitConstructed, integer, sequence, setOf, time } from '../../src/der/writer.ts';
import { encodePem, readPem } from '../../src/x509/pem.ts';
import { authority, day, dnsName, extension, intermediate, issue, now, testKey } from '../path/certificates.ts';
import { crl } from '../path/crls.ts';
import { temporaryDirectory } from '../temporary.ts';
import { crlDer, extension as encodedExtension, nameDer, publicKey, signed } from '../x509/build.ts';
import { inspect, inspectJson } from './command.ts';

const root = authority();
const site = intermediate(root);
const leaf = issue(site, { dns: ['user-svc.link.internal'], uri: ['spiffe://link.internal/service/user-svc'] });
const pem = (der: Uint8Array, label = 'CERTIFICATE'): string => encodePem(label, der);
const leafPem = pem(leaf.certificate.der);
const sitePem = pem(site.certificate.der);
const rootPem = pem(root.certificate.der);
const request = signed(sequence(integer(0), nameDer('asker'), publicKey, implicitConstructed(0)));

const directory = temporaryDirectory();
let at: { workingDirectory: string };
beforeEach(() => {
  at = { workingDirectory: directory() };
});

function write(name: string, content: string | Uint8Array): string {
  writeFileSync(join(directory(), name), content);
  return name;
}

describe('a certificate', () => {
  it('is shown with the names of RFC 5280', async () => {
    const { status, output, errors } = await inspect([write('cert.pem', leafPem)], at);
    expect([status, errors]).toEqual([0, '']);
    for (const line of [
      'cert.pem: certificate',
      '  version:              3',
      '  signatureAlgorithm:   ecdsa-with-SHA256',
      '  issuer:               CN=site-a',
      '  notAfter:             2027-11-22T12:00:00Z (expires in 365 d)',
      '  subject:              CN=user-svc',
      '  subjectPublicKeyInfo: EC P-256',
      '    basicConstraints (critical): cA FALSE',
      '    keyUsage (critical): digitalSignature',
      '    extendedKeyUsage: serverAuth, clientAuth',
      '      DNS:user-svc.link.internal',
      '      URI:spiffe://link.internal/service/user-svc',
    ]) {
      expect(output.split('\n')).toContain(line);
    }
  });

  it('is the same in DER, from stdin, with CRLF, and between garbage', async () => {
    const [expected] = await inspectJson([write('cert.pem', leafPem)], at);
    const variants = [
      write('cert.der', leaf.certificate.der),
      write('crlf.pem', leafPem.replaceAll('\n', '\r\n')),
      write('bom.pem', `\ufeff${leafPem}`),
      write('garbage.pem', `Bag Attributes\n  x: y\n${leafPem}trailing \u0000\u001b[31m\n`),
    ];
    for (const variant of variants) {
      expect(await inspectJson([variant], at)).toMatchObject([
        { sha256: expected?.['sha256'], subject: 'CN=user-svc' },
      ]);
    }
    expect(await inspectJson(['-'], { ...at, stdin: leafPem })).toMatchObject([
      { target: '-', sha256: expected?.['sha256'] },
    ]);
  });

  it.each([
    ['expired', now + 366 * day, 'expired 1 d ago', 'expired'],
    ['not yet valid', now - 366 * day, '(not yet valid)', 'not yet valid'],
  ])('that is %s says so', async (_, instant, text, state) => {
    const name = write('cert.pem', leafPem);
    expect((await inspect([name], { ...at, now: instant })).output).toContain(text);
    expect(await inspectJson([name], { ...at, now: instant })).toMatchObject([{ state }]);
  });

  it('with a malformed extension is shown all the same, with status 3', async () => {
    const odd = issue(site, { extensions: [extension(oids.keyUsage, true, integer(5))] });
    const { status, output, errors } = await inspect([write('odd.pem', pem(odd.certificate.der))], at);
    expect(status).toBe(3);
    expect(output).toMatch(/keyUsage \(critical\): malformed: .*at byte \d+\n\s+020105/);
    expect(output).toContain('CN=user-svc');
    expect(errors).toMatch(/^mtlsctl: error: odd\.pem: keyUsage: .* at byte \d+ \[malformed\]\n/);
  });

  it('with an unknown extension has it in hex', async () => {
    const odd = issue(site, { extensions: [extension('1.2.3.4', true, integer(5))] });
    const { status, output } = await inspect([write('odd.pem', pem(odd.certificate.der))], at);
    expect(status).toBe(0);
    expect(output).toContain('    1.2.3.4 (critical): 020105\n');
  });

  it('in short takes a few lines', async () => {
    const { output } = await inspect(['--short', write('cert.pem', leafPem)], at);
    expect(output.split('\n').length).toBeLessThan(12);
    expect(output).toMatch(
      /cert\.pem: certificate, EC P-256\n.*CN=user-svc\n.*DNS:user-svc\.link\.internal, URI:spiffe/,
    );
  });
});

describe('several things in one file', () => {
  it('are a chain where each is issued by the next', async () => {
    const { status, output } = await inspect([write('chain.pem', leafPem + sitePem)], at);
    expect(status).toBe(0);
    expect(output).toContain('chain.pem: chain of 2 certificates\n');
    expect(output).toContain('chain.pem: certificate 1 of 2\n');
    expect(await inspectJson(['chain.pem'], at)).toMatchObject([
      { subject: 'CN=user-svc', chain: { position: 1, length: 2 } },
      { subject: 'CN=site-a', chain: { position: 2, length: 2 } },
    ]);
  });

  it('are none where they are not', async () => {
    const objects = await inspectJson([write('bundle.pem', sitePem + leafPem)], at);
    expect(objects.map(each => each['chain'])).toEqual([undefined, undefined]);
  });

  it('are all shown, whatever their kind, and unknown labels named', async () => {
    const blocks = [
      leafPem,
      pem(request, 'CERTIFICATE REQUEST'),
      pem(crl(root).der, 'X509 CRL'),
      pem(testKey('x').spki, 'PUBLIC KEY'),
      pem(new Uint8Array([1, 2, 3]), 'SOMETHING ELSE'),
    ];
    const { status, output } = await inspect([write('all.pem', blocks.join('noise\n'))], at);
    expect(status).toBe(0);
    expect(output.match(/^all\.pem: .*/gm)).toEqual([
      'all.pem: certificate',
      'all.pem: certificate request',
      'all.pem: CRL',
      'all.pem: public key',
      'all.pem: unknown, labelled SOMETHING ELSE',
    ]);
  });

  it('are shown but for the one that is broken: status 3, the error names its block and line', async () => {
    const broken = pem(leaf.certificate.der.subarray(0, -5));
    const { status, output, errors } = await inspect([write('some.pem', leafPem + broken + rootPem)], at);
    expect(status).toBe(3);
    expect(output).toContain('CN=root');
    expect(errors).toMatch(/^mtlsctl: error: some\.pem, block 2 at line \d+: .*\[malformed\]\n$/);
    expect(
      (await inspectJson(['some.pem'], at)).map(each => (each['error'] as { code?: string } | undefined)?.code),
    ).toEqual([undefined, 'malformed', undefined]);
  });

  it('with a wrong label are shown as what they are: status 3', async () => {
    const { status, output, errors } = await inspect([write('wrong.pem', pem(root.certificate.der, 'X509 CRL'))], at);
    expect(status).toBe(3);
    expect(output).toContain('wrong.pem: certificate\n');
    expect(errors).toContain('labelled X509 CRL, but it holds a certificate [malformed]');
  });
});

describe('a CRL', () => {
  const revoked = Array.from({ length: 150 }, () => ({ certificate: leaf.certificate, at: now - day, reason: 1 }));

  it('of many entries is cut in text, and says by how many', async () => {
    const name = write('crl.pem', pem(crl(root, { revoked }).der, 'X509 CRL'));
    const { output } = await inspect([name], at);
    expect(output).toContain('revokedCertificates:  150\n');
    expect(output.match(/keyCompromise/g)).toHaveLength(100);
    expect(output).toContain('… 50 more (--all lists them)');
    expect((await inspect(['--all', name], at)).output.match(/keyCompromise/g)).toHaveLength(150);
    expect(await inspectJson([name], at)).toMatchObject([{ revokedCount: 150, state: 'valid' }]);
  });

  it('without entries, and one without nextUpdate, say so', async () => {
    expect((await inspect([write('a.crl', crl(root).der)], at)).output).toContain('revokedCertificates:  none');
    expect((await inspect([write('b.crl', crlDer({ nextUpdate: [] }))], at)).output).toContain(
      'nextUpdate:           absent',
    );
  });

  it('of 100,000 entries is counted, and listed in part', async () => {
    const entry = sequence(integer(2n ** 120n), time(now));
    const list = encode(Tag.sequence, Buffer.concat(Array.from({ length: 100_000 }, () => entry)));
    const { status, output } = await inspect([write('big.crl', crlDer({ revoked: [list] }))], at);
    expect(status).toBe(0);
    expect(output).toContain('100000');
    expect(output.length).toBeLessThan(20_000);
  });
});

describe('a private key', () => {
  const { privateKey } = testKey('the secret');
  const forms = {
    'pkcs8.pem': privateKey.export({ format: 'pem', type: 'pkcs8' }),
    'pkcs8.der': privateKey.export({ format: 'der', type: 'pkcs8' }),
    'sec1.pem': privateKey.export({ format: 'pem', type: 'sec1' }),
    'sec1.der': privateKey.export({ format: 'der', type: 'sec1' }),
  };
  const scalar = Buffer.from(String(privateKey.export({ format: 'jwk' }).d), 'base64url');

  it.each(Object.entries(forms))(
    'in %s shows its public part and never itself, in no format',
    async (name, content) => {
      write(name, content);
      for (const format of ['text', 'json', 'yaml', 'pem']) {
        const { status, output, errors } = await inspect(['--format', format, name], at);
        expect([status, errors]).toEqual([0, '']);
        expect(output).not.toContain(scalar.toString('hex'));
        expect(output).not.toContain(scalar.toString('base64').slice(2, 20));
        expect(output).not.toMatch(/BEGIN.*PRIVATE/);
      }
      expect(await inspectJson([name], at)).toMatchObject([
        { kind: 'private key', encrypted: false, type: 'EC P-256' },
      ]);
      const printed = readPem((await inspect(['--format', 'pem', name], at)).output);
      expect(printed.map(({ label, der }) => [label, der])).toEqual([['PUBLIC KEY', testKey('the secret').spki]]);
    },
  );

  it('that is encrypted tells how', async () => {
    const encrypted = privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' });
    const name = write('key.pem', encrypted);
    const { status, output } = await inspect([name], at);
    expect(status).toBe(0);
    expect(output).toMatch(/^key\.pem: encrypted private key\n/);
    expect(output).toMatch(/scheme: +PBES2\n.*cipher: +AES-256-CBC\n.*kdf: +PBKDF2\n.*\n.*iterations: +2048\n/);
    expect((await inspect(['--short', name], at)).output).toContain(
      'PBES2, AES-256-CBC, PBKDF2, hmacWithSHA256, iterations 2048',
    );
  });

  it('that is encrypted has no PEM to print: usage, status 2', async () => {
    const encrypted = privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' });
    const { status, output, errors } = await inspect(['--format', 'pem', write('key.pem', encrypted)], at);
    expect([status, output]).toEqual([2, '']);
    expect(errors).toContain('never printed');
  });

  it('that is malformed is malformed input: status 3, nothing of it shown', async () => {
    const broken = pem(Uint8Array.from([0x30, 3, 2, 1, 0x55]), 'PRIVATE KEY');
    const { status, output, errors } = await inspect([write('key.pem', broken)], at);
    expect([status, output]).toEqual([3, '']);
    expect(errors).toMatch(/^mtlsctl: error: key\.pem: the private key is malformed: .* \[malformed\]\n/);
  });

  it('hidden under the label of a certificate is not printed either', async () => {
    const der = Uint8Array.from(createPrivateKey(forms['pkcs8.pem']).export({ format: 'der', type: 'pkcs8' }));
    for (const format of ['text', 'json', 'pem']) {
      const { output } = await inspect(['--format', format, write('x.pem', pem(der))], at);
      expect(output).not.toContain(scalar.toString('hex'));
      expect(output).not.toContain(scalar.toString('base64').slice(2, 20));
    }
  });
});

describe('the formats', () => {
  it('JSON is always a list of objects, each with its schema', async () => {
    write('cert.pem', leafPem);
    const { output } = await inspect(['--json', 'cert.pem'], at);
    expect(JSON.parse(output)).toMatchObject([
      { schema: 'mtlsctl/inspect/v1', target: 'cert.pem', kind: 'certificate' },
    ]);
    expect(output).toBe((await inspect(['--format', 'json', 'cert.pem'], at)).output);
  });

  it('YAML holds the same as JSON', async () => {
    write('all.pem', leafPem + pem(crl(root).der, 'X509 CRL'));
    const { output } = await inspect(['--format', 'yaml', 'all.pem'], at);
    expect(parse(output)).toEqual(await inspectJson(['all.pem'], at));
  });

  it('PEM is what went in', async () => {
    const text = leafPem + sitePem + pem(request, 'CERTIFICATE REQUEST') + pem(crl(root).der, 'X509 CRL');
    expect((await inspect(['--format', 'pem', write('all.pem', `noise\n${text}`)], at)).output).toBe(text);
    expect((await inspect(['--format', 'pem', write('a.der', leaf.certificate.der)], at)).output).toBe(leafPem);
  });

  it('--json and another --format exclude each other', async () => {
    const { status, errors } = await inspect(['--json', '--format', 'text', write('cert.pem', leafPem)], at);
    expect(status).toBe(2);
    expect(errors + (await inspect(['--json', '--format', 'text', 'cert.pem'], at)).output).toContain(
      'exclude each other',
    );
  });

  it('an unknown format is a usage error', async () => {
    expect((await inspect(['--format', 'xml', 'x'], at)).status).toBe(2);
  });
});

describe('targets', () => {
  it('that fail leave the others: status 8', async () => {
    const { status, output, errors } = await inspect(['missing', write('cert.pem', leafPem)], at);
    expect(status).toBe(8);
    expect(output).toContain('CN=user-svc');
    expect(errors).toContain('mtlsctl: error: there is no file missing, and it is no host:port [not-found]');
    expect(await inspectJson(['missing', 'cert.pem'], at)).toMatchObject([
      { target: 'missing', error: { code: 'not-found' } },
      { target: 'cert.pem', kind: 'certificate' },
    ]);
  });

  it('that all fail are status 3, each with its line', async () => {
    const { status, errors } = await inspect(['missing', 'gone'], at);
    expect(status).toBe(3);
    expect(errors.match(/\[not-found\]/g)).toHaveLength(2);
  });

  it.each([
    ['empty', '', 'malformed'],
    ['text', 'hello', 'malformed'],
    ['binary', Uint8Array.from([0, 255, 27, 91]), 'malformed'],
    ['truncated DER', leaf.certificate.der.subarray(0, 100), 'malformed'],
    ['indefinite length', Uint8Array.from([0x30, 0x80, 0, 0]), 'malformed'],
    ['broken base64', leafPem.replace('MII', 'M!I'), 'malformed'],
    ['PEM without END', leafPem.slice(0, -30), 'malformed'],
  ])('%s: one error line with code and hint, status 3', async (_, content, code) => {
    const { status, output, errors } = await inspect([write('bad', content)], at);
    expect([status, output]).toEqual([3, '']);
    expect(errors).toMatch(new RegExp(`^mtlsctl: error: bad[ :].* \\[${code}\\]\nmtlsctl: hint: .*\n$`));
  });

  it.each([
    ['PEM without END', leafPem.slice(0, -30), 'tail -n 3 bad'],
    [
      'PEM of half a certificate',
      `${leafPem.slice(0, 157)}\n-----END CERTIFICATE-----\n`,
      'openssl asn1parse -i -in bad',
    ],
  ])('%s: the hint is a command that takes it', async (_, content, hint) => {
    const { errors } = await inspect([write('bad', content)], at);
    expect(errors).toContain(`mtlsctl: hint: ${hint}\n`);
  });

  it('empty from standard input: the hint does not take that for a file', async () => {
    const { errors } = await inspect(['-'], { ...at, stdin: '' });
    expect(errors).toContain("mtlsctl: hint: pipe it in: 'mtlsctl inspect - < <file>'\n");
  });

  it('called as host:port that are files are files', async () => {
    expect((await inspect([write('localhost:1', leafPem)], at)).output).toContain('CN=user-svc');
  });
});

describe('an ordinary directory', () => {
  it('shows the files in it that hold something, its certificate first', async () => {
    mkdirSync(join(directory(), 'svc', 'below'), { recursive: true });
    write('svc/ca.pem', rootPem);
    write('svc/cert.pem', leafPem + sitePem);
    write('svc/notes.txt', 'hello');
    write('svc/.hidden.pem', rootPem);
    write('svc/below/x.pem', rootPem);
    const { status, output, errors } = await inspect(['svc'], at);
    expect(status).toBe(0);
    expect(output.match(/^svc\/.*/gm)).toEqual([
      'svc/cert.pem: certificate 1 of 2',
      'svc/cert.pem: certificate 2 of 2',
      'svc/ca.pem: certificate',
    ]);
    expect(errors).toBe('mtlsctl: left out, since they hold neither PEM nor DER: notes.txt\n');
  });

  it('with one broken file shows the others: status 3', async () => {
    mkdirSync(join(directory(), 'svc'));
    write('svc/a.pem', leafPem);
    write('svc/b.pem', leafPem.slice(0, -30));
    const { status, output, errors } = await inspect(['svc'], at);
    expect(status).toBe(3);
    expect(output).toContain('CN=user-svc');
    expect(errors).toContain('svc/b.pem: PEM: ');
  });

  it('and a file describe no more than 10,000 things', async () => {
    const blocks = (count: number): string => '-----BEGIN XX-----\nAAAA\n-----END XX-----\n'.repeat(count);
    const refused = { status: 3, output: '', errors: expect.stringContaining('[too-large]') as string };
    expect(await inspect([write('many.pem', blocks(10_001))], at)).toMatchObject(refused);
    expect((await inspect(['--short', write('just.pem', blocks(10_000))], at)).status).toBe(0);
    mkdirSync(join(directory(), 'svc'));
    write('svc/a.pem', blocks(5_000));
    write('svc/b.pem', blocks(5_001));
    expect(await inspect(['svc'], at)).toMatchObject(refused);
  });

  it('with nothing to show is not found', async () => {
    mkdirSync(join(directory(), 'empty'));
    const { status, errors } = await inspect(['empty'], at);
    expect(status).toBe(3);
    expect(errors).toContain('[not-found]');
  });
});

it('a request shows what it asks for', async () => {
  const names = encodedExtension(oids.subjectAltName, sequence(dnsName('a.example')));
  const attributes = implicitConstructed(0, sequence(...[extensionRequest(names)]));
  const der = signed(sequence(integer(0), nameDer('asker'), publicKey, attributes));
  const { output } = await inspect([write('csr.pem', pem(der, 'CERTIFICATE REQUEST'))], at);
  expect(output).toContain('subject:              CN=asker');
  expect(output).toContain('subjectAltName: DNS:a.example');
});

function extensionRequest(names: Uint8Array): Uint8Array {
  const oidBytes = Uint8Array.from([6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14]);
  return Uint8Array.from([...oidBytes, ...setOf(sequence(names))]);
}

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkRequest, createRequest } from '../../src/issuance/request.ts';
import { subjectAltName } from '../../src/x509/extensions.ts';
import { formatGeneralName } from '../../src/x509/general-name.ts';
import { formatName, parseDistinguishedName } from '../../src/x509/name.ts';
import { keyFor } from './authorities.ts';

const subject = parseDistinguishedName('CN=site-a CA,O=Link');
const refused = (code: string) => expect.objectContaining({ code }) as Error;

describe('createRequest', () => {
  it('asks for a subject and names with the key’s own signature', async () => {
    const key = await keyFor('site-a');
    const names = { dns: ['a.link.internal'], ip: ['10.0.0.1'], uri: ['spiffe://a/b'], email: [] };
    const request = checkRequest(await createRequest(subject, key, names));
    expect(formatName(request.subject)).toBe('CN=site-a CA,O=Link');
    expect(request.subjectPublicKeyInfo.der).toEqual(key.publicKey.der);
    expect(subjectAltName(request)?.map(formatGeneralName)).toEqual([
      'DNS:a.link.internal',
      'IP:10.0.0.1',
      'URI:spiffe://a/b',
    ]);
  });

  it('asks for no extension where no names are given', async () => {
    expect(checkRequest(await createRequest(subject, await keyFor('site-a'))).extensions).toEqual([]);
  });
});

describe('checkRequest', () => {
  it('refuses a request of which a single octet was changed', async () => {
    const der = await createRequest(subject, await keyFor('site-a'));
    const codes = new Set<unknown>();
    for (let offset = 0; offset < der.length; offset += 1) {
      const altered = der.with(offset, (der[offset] ?? 0) ^ 1);
      let outcome: unknown = 'accepted';
      try {
        checkRequest(altered);
      } catch (error) {
        outcome = (error as { code?: unknown }).code;
      }
      codes.add(outcome);
    }
    expect([...codes].sort()).toEqual(['malformed', 'policy-refused', 'request-signature-invalid']);
  });

  it('refuses a request signed with another key than the one in it', async () => {
    const key = await keyFor('site-a');
    const other = await keyFor('other');
    const impostor = { ...key, sign: (data: Uint8Array) => other.sign(data) };
    await expect(createRequest(subject, impostor)).rejects.toThrow(refused('request-signature-invalid'));
  });
});

describe('requests made by openssl', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'mtlsctl-request-'));
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  function request(algorithm: readonly string[], ...rest: string[]): Uint8Array {
    const [key, out] = [join(directory, 'key.pem'), join(directory, 'request.der')];
    execFileSync('openssl', ['genpkey', ...algorithm, '-out', key], { stdio: 'ignore' });
    execFileSync('openssl', ['req', '-new', '-key', key, '-subj', '/CN=x', '-outform', 'DER', '-out', out, ...rest]);
    return new Uint8Array(readFileSync(out));
  }

  const ec = (curve: string) => ['-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${curve}`];
  const rsa = (bits: number, ...rest: string[]) => [
    '-algorithm',
    'RSA',
    '-pkeyopt',
    `rsa_keygen_bits:${bits}`,
    ...rest,
  ];

  it.each([
    ['EC P-256', ec('P-256'), []],
    ['EC P-384, signed with SHA-512', ec('P-384'), ['-sha512']],
    ['Ed25519', ['-algorithm', 'ed25519'], []],
    ['RSA 2048', rsa(2048), []],
    ['RSA 2048, signed with PSS', rsa(2048), ['-sigopt', 'rsa_padding_mode:pss']],
  ])('are accepted with a key of the type %s', (_, algorithm, rest) => {
    expect(formatName(checkRequest(request(algorithm, ...rest)).subject)).toBe('CN=x');
  });

  it.each([
    ['RSA 1024', rsa(1024), []],
    ['RSA 2040', rsa(2040), []],
    ['RSA with the exponent 3', rsa(2048, '-pkeyopt', 'rsa_keygen_pubexp:3'), []],
    ['RSA-PSS', ['-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048'], []],
    ['EC P-521', ec('P-521'), []],
    ['EC secp256k1', ec('secp256k1'), []],
    ['Ed448', ['-algorithm', 'ed448'], []],
  ])('are refused with a key of the type %s', (_, algorithm, rest) => {
    const der = request(algorithm, ...rest);
    expect(() => checkRequest(der)).toThrow(refused('policy-refused'));
  });

  it('are refused where the proof of possession is made with SHA-1', () => {
    const der = request(ec('P-256'), '-sha1');
    expect(() => checkRequest(der)).toThrow(refused('request-signature-invalid'));
  });
});

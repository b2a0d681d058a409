import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { assembleSigned, encodeTbsCrl } from '../../src/x509/crl-writer.ts';
import {
  authority,
  day,
  dnsName,
  intermediate,
  issue,
  keyId,
  now,
  type CertificateOptions,
  type Entity,
} from '../path/certificates.ts';
import { tiers } from '../path/chains.ts';
import { sharedTemporaryDirectory } from '../temporary.ts';

const project = join(import.meta.dirname, '../..');
if (!existsSync(join(project, 'dist'))) throw new Error("dist is not built: run 'npm run build' first");

/** What an answer may take: seconds of processor time, which do not depend on what else the machine does, and kB of memory. */
const timeLimit = 2;
const timeLimitOfLargeCrl = 5;
const memoryLimit = 500 * 1000;

const directory = sharedTemporaryDirectory();

const pem = ({ certificate }: Entity): string => encodePem('CERTIFICATE', certificate.der);

function write(name: string, content: string): string {
  const path = join(directory(), name);
  writeFileSync(path, content);
  return path;
}

interface Answer {
  readonly status: number | null;
  readonly codes: readonly string[];
  readonly errors: readonly string[];
  readonly stderr: string;
  readonly seconds: number;
  readonly memory: number;
}

const tell =
  "process.on('exit', () => { const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage(); " +
  'process._rawDebug(`spent ${maxRSS} ${userCPUTime + systemCPUTime}`) })';

/** Runs the built program, and has it tell at its end what it took. */
function verifyChain(...words: readonly string[]): Answer {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      ...['--import', `data:text/javascript,${encodeURIComponent(tell)}`, join(project, 'bin/mtlsctl.js')],
      ...['verify-chain', '--json', '--at', new Date(now).toISOString().replace('.000', ''), ...words],
    ],
    { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  const [, memory, microseconds] = /^spent (\d+) (\d+)$/m.exec(stderr) ?? [];
  const { results = [], error } = JSON.parse(stdout) as {
    results?: readonly { reasons?: readonly { code: string }[]; error?: { code: string } }[];
    error?: { code: string };
  };
  return {
    status,
    codes: results.flatMap(({ reasons = [] }) => reasons.map(({ code }) => code)),
    errors: [error, ...results.map(result => result.error)].flatMap(item => (item === undefined ? [] : [item.code])),
    stderr,
    seconds: Number(microseconds) / 1e6,
    memory: Number(memory),
  };
}

function expectCheap({ seconds, memory, stderr }: Answer, limit = timeLimit): void {
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(seconds).toBeLessThan(limit);
  expect(memory).toBeLessThan(memoryLimit);
}

const { root, site, leaf } = tiers();
let trust: string;

beforeAll(() => {
  trust = write('trust.pem', pem(root));
});

/** A chain of CAs under the root, `length` of them. */
function ladder(length: number): readonly Entity[] {
  const chain = [root];
  for (let i = 0; i < length; i++) chain.push(intermediate(chain.at(-1)!, { name: `tier ${i}`, key: `tier ${i}` }));
  return chain;
}

describe('pools', () => {
  test('10,000 certificates of as many names', () => {
    const stranger = authority({ name: 'stranger' });
    const pool = Array.from({ length: 9_999 }, (_, i) => intermediate(stranger, { name: `ca ${i}`, key: 'shared' }));
    const untrusted = write('many.pem', [...pool, site].map(pem).join(''));
    const answer = verifyChain(write('leaf.pem', pem(leaf)), '--trust', trust, '--untrusted', untrusted);
    expect(answer).toMatchObject({ status: 0, codes: [] });
    expectCheap(answer);
  });

  test('10,000 certificates of one name, each with the key of another', () => {
    const stranger = authority({ name: 'stranger' });
    const anonymous: CertificateOptions = { without: [oids.subjectKeyIdentifier, oids.authorityKeyIdentifier] };
    const pool = Array.from({ length: 10_000 }, (_, i) =>
      intermediate(stranger, { ...anonymous, key: `key ${i % 500}` }),
    );
    const untrusted = write('same.pem', pool.map(pem).join(''));
    const answer = verifyChain(write('leaf.pem', pem(leaf)), '--trust', trust, '--untrusted', untrusted);
    expect(answer.status).toBe(1);
    expect(answer.codes).toContain('budget-signatures');
    expectCheap(answer);
  });

  test('12 CAs that all sign each other and lead nowhere', () => {
    const names = Array.from({ length: 12 }, (_, i) => `m${i}`);
    const anchors = names.map(name => authority({ name, key: name }));
    const mesh = anchors.flatMap(issuer => names.map(name => intermediate(issuer, { name, key: name })));
    const untrusted = write('mesh.pem', mesh.map(pem).join(''));
    const target = write('leaf-of-mesh.pem', pem(issue(anchors[0]!)));
    const answer = verifyChain(target, '--trust', trust, '--untrusted', untrusted);
    expect(answer.status).toBe(1);
    expect(answer.codes.some(code => code.startsWith('budget-'))).toBe(true);
    expectCheap(answer);
  });
});

describe('chains', () => {
  test('of 100 certificates: valid, with 99 signatures checked', () => {
    const chain = ladder(98);
    const untrusted = write('ladder.pem', chain.slice(1).map(pem).join(''));
    const answer = verifyChain(
      write('last.pem', pem(issue(chain.at(-1)!))),
      ...['--trust', trust, '--untrusted', untrusted],
    );
    expect(answer).toMatchObject({ status: 0, codes: [] });
    expectCheap(answer);
  });

  test('of 300 certificates: refused for the signatures that they would cost', () => {
    const chain = ladder(298);
    const untrusted = write('long.pem', chain.slice(1).map(pem).join(''));
    const answer = verifyChain(
      write('last.pem', pem(issue(chain.at(-1)!))),
      ...['--trust', trust, '--untrusted', untrusted],
    );
    expect(answer.status).toBe(1);
    expect(answer.codes).toContain('budget-signatures');
    expectCheap(answer);
  });
});

test('2,048 names under 2,048 constraints: refused for the comparisons that they would cost', () => {
  const names = Array.from({ length: 2048 }, (_, i) => `n${i}.link.internal`);
  const constrained = intermediate(root, { permitted: names.map(name => dnsName(`x.${name}`)) });
  const target = write('names.pem', pem(issue(constrained, { dns: names })));
  const answer = verifyChain(target, '--trust', trust, '--untrusted', write('constrained.pem', pem(constrained)));
  expect(answer.status).toBe(1);
  expect(answer.codes).toContain('budget-names');
  expectCheap(answer);
});

test('a CRL of 1,000,000 entries, the leaf among them', () => {
  const entries = Array.from({ length: 1_000_000 }, (_, i) => ({
    serialNumber: Uint8Array.of(0x40, i >> 16, (i >> 8) & 0xff, i & 0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
    revocationDate: now - day,
    reason: i % 5,
  }));
  const crls = [[root, []] as const, [site, [...entries, listed(leaf)]] as const].map(([issuer, list]) =>
    encodePem('X509 CRL', signedCrl(issuer, list)),
  );
  const crl = write('large.crl', crls.join(''));
  const target = write('leaf.pem', pem(leaf));
  const words = ['--trust', trust, '--untrusted', write('site.pem', pem(site)), '--crl', crl];
  const answer = verifyChain(target, ...words);
  expect(answer).toMatchObject({ status: 1, codes: ['revoked'] });
  expectCheap(answer, timeLimitOfLargeCrl);
});

const listed = ({ certificate }: Entity) => ({ serialNumber: certificate.serialNumber, revocationDate: now - day });

function signedCrl({ certificate, key }: Entity, entries: Parameters<typeof encodeTbsCrl>[0]['entries']): Uint8Array {
  const tbs = encodeTbsCrl({
    signatureAlgorithm: key.algorithm,
    issuer: certificate.subject.der,
    thisUpdate: now - day,
    nextUpdate: now + day,
    number: 1n,
    authorityKeyIdentifier: keyId(key.spki),
    entries,
  });
  return assembleSigned(tbs, key.algorithm, key.sign(tbs));
}

describe('files that do not parse', () => {
  test('leave the answers on the others as they are', () => {
    const broken = write('broken.pem', pem(leaf).replace(/^.{64}$/m, 'A'.repeat(64)));
    const chain = pem(leaf) + pem(site);
    const good = [write('one.pem', chain), write('two.pem', chain)];
    const files = [good[0]!, broken, write('empty.pem', ''), join(directory(), 'nowhere.pem'), good[1]!];
    const answer = verifyChain(...files, '--trust', trust);
    expect(answer).toMatchObject({ status: 3, codes: [], errors: ['malformed', 'malformed', 'not-found'] });
  });

  test('make a pool or a list of CRLs unusable as a whole', () => {
    const target = write('leaf.pem', pem(leaf));
    const broken = write('broken.pem', pem(site) + pem(root).replace(/^.{64}$/m, 'A'.repeat(64)));
    expect(verifyChain(target, '--trust', trust, '--untrusted', broken)).toMatchObject({ status: 3 });
    expect(verifyChain(target, '--trust', trust, '--crl', broken)).toMatchObject({ status: 3 });
  });
});

describe('a trust file, without which nothing is verified and never by the trust of the system,', () => {
  const refuses = (path: string, code: string): void => {
    const answer = verifyChain(write('leaf.pem', pem(leaf)), '--trust', path);
    expect(answer).toMatchObject({ status: 3, errors: [code], codes: [] });
  };

  test('may be missing', () => {
    refuses(join(directory(), 'missing.pem'), 'not-found');
  });

  test('may be empty', () => {
    refuses(write('empty-trust.pem', ''), 'malformed');
  });

  test('may hold no certificate', () => {
    refuses(write('no-certificate.pem', 'nothing to be seen here\n'), 'malformed');
  });

  test('may be unreadable: a directory', () => {
    mkdirSync(join(directory(), 'directory.pem'));
    refuses(join(directory(), 'directory.pem'), 'unreadable');
  });

  test('may hold a certificate that does not parse beside one that does', () => {
    refuses(write('half.pem', pem(root) + pem(site).replace(/^.{64}$/m, 'A'.repeat(64))), 'malformed');
  });
});

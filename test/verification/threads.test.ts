import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodePem } from '../../src/x509/pem.ts';
import { day, type Entity, issue, now } from '../path/certificates.ts';
import { crl } from '../path/crls.ts';
import { tiers } from '../path/chains.ts';
import { temporaryDirectory } from '../temporary.ts';

const project = join(import.meta.dirname, '../..');
if (!existsSync(join(project, 'dist'))) throw new Error("dist is not built: run 'npm run build' first");

const directory = temporaryDirectory();

const { root, site, leaf } = tiers();
const pem = (...entities: readonly Entity[]): string =>
  entities.map(({ certificate }) => encodePem('CERTIFICATE', certificate.der)).join('');

function write(name: string, content: string): string {
  const path = join(directory(), name);
  writeFileSync(path, content);
  return path;
}

test('many targets in threads give what few give, in the same order', () => {
  const crls = [crl(root), crl(site, { revoked: [issued] })].map(({ der }) => encodePem('X509 CRL', der)).join('');
  const kinds = [
    write('good.pem', pem(leaf, site)),
    write('revoked.pem', pem(issued, site)),
    write('expired.pem', pem(issue(site, { notAfter: now - day }), site)),
    write('alone.pem', pem(issue(issue(root)))),
    write('broken.pem', pem(leaf).slice(0, 200)),
    join(directory(), 'missing.pem'),
  ];
  const targets = Array.from({ length: 1_100 }, (_, i) => kinds[(5 * i + Math.floor(i / 64)) % kinds.length] ?? '');
  const flags = ['--trust', write('trust.pem', pem(root)), '--crl', write('crls.pem', crls), '--purpose', 'server'];
  const junit = join(directory(), 'junit.xml');
  const whole = verifyChain(...flags, '--junit', junit, ...targets);
  const parts = [targets.slice(0, 550), targets.slice(550)].map(part => verifyChain(...flags, ...part));
  expect(whole.status).toBe(3);
  expect(whole.results).toHaveLength(1_100);
  expect(whole.results).toEqual(parts.flatMap(({ results }) => results));
  expect(new Set(whole.results.map(({ target }) => target))).toEqual(new Set(targets));
});

const issued = issue(site, { key: 'revoked' });

function verifyChain(...words: readonly string[]) {
  const at = new Date(now).toISOString().replace('.000', '');
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(project, 'bin/mtlsctl.js'), 'verify-chain', '--json', '--at', at, ...words],
    { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  const { results } = JSON.parse(stdout) as { results: readonly { target: string }[] };
  return { status, results };
}

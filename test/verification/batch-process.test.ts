import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { encodePem } from '../../src/x509/pem.ts';
import { type Entity, issue, now } from '../path/certificates.ts';
import { crl } from '../path/crls.ts';
import { tiers } from '../path/chains.ts';

const project = join(import.meta.dirname, '../..');
if (!existsSync(join(project, 'dist'))) throw new Error("dist is not built: run 'npm run build' first");
const program = [join(project, 'bin/mtlsctl.js'), 'verify-chain', '--batch'];

const pem = ({ certificate }: Entity): string => encodePem('CERTIFICATE', certificate.der);
const { root, site } = tiers();
const crls = [root, site].map(issuer => encodePem('X509 CRL', crl(issuer).der));

function request(id: number, leaf: Entity, comment = ''): string {
  const time = new Date(now).toISOString();
  return `${JSON.stringify({ id, leaf: pem(leaf) + comment, untrusted: [pem(site)], trust: [pem(root)], crls, time })}\n`;
}

test('a long-lived pipe is answered line by line', async () => {
  const child = spawn(process.execPath, program, { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  for (const id of [1, 2, 3]) {
    child.stdin.write(request(id, issue(site)));
    const { value } = (await answers.next()) as { value: string };
    expect(JSON.parse(value)).toEqual({ id, valid: true, reasons: [] });
  }
  child.stdin.end();
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('stdin that can not be read is status 3', () => {
  const { status, stderr } = spawnSync('sh', ['-c', '"$@" < "$0"', tmpdir(), process.execPath, ...program]);
  expect(status).toBe(3);
  expect(String(stderr)).toContain('cannot read standard input: it is a directory [unreadable]');
});

/** Text beside the block makes each of 20,000 leaves another one: kept, they would take far more than there is. */
test('runs for ever in little memory', () => {
  const leaf = issue(site);
  const count = 20_000;
  const lines = Array.from({ length: count }, (_, i) => request(0, leaf, `comment ${i}`));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--max-old-space-size=96', ...program], {
    input: lines.join(''),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toBe('{"id":0,"valid":true,"reasons":[]}\n'.repeat(count));
});

/** Each line takes 20 MB as text, and some 65 MB once it is parsed. */
test('lines that each bring another pool of 10,000 certificates take less than 500 MB', () => {
  const tell = "process.on('exit', () => process._rawDebug('spent', process.resourceUsage().maxRSS))";
  const elsewhere = encodePem('CERTIFICATE', issue(root, { key: 'elsewhere' }).certificate.der);
  const pool = (line: number): readonly string[] =>
    Array.from({ length: 10_000 }, (_, i) => `${elsewhere}${String(line * 10_000 + i).padEnd(1_400, 'y')}\n`);
  const leaf = issue(site);
  const lines = [0, 1, 2, 3, 4].map(line =>
    request(line, leaf).replace(
      '"untrusted":[',
      `"untrusted":[${pool(line)
        .map(text => JSON.stringify(text))
        .join()},`,
    ),
  );
  const telling = ['--import', `data:text/javascript,${encodeURIComponent(tell)}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...telling, ...program], {
    input: lines.join(''),
    encoding: 'utf8',
  });
  expect(status).toBe(0);
  expect(stdout).toBe([0, 1, 2, 3, 4].map(id => `{"id":${id},"valid":true,"reasons":[]}\n`).join(''));
  expect(Number(/spent (\d+)/.exec(stderr)?.[1])).toBeLessThan(500 * 1000);
});

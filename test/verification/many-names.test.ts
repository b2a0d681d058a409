import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import { sequence } from '../../src/der/writer.ts';
import { maximumElements } from '../../src/x509/extension.ts';
import { encodePem } from '../../src/x509/pem.ts';
import {
  type CertificateOptions,
  dnsName,
  emailName,
  type Entity,
  extension,
  intermediate,
  issue,
  now,
} from '../path/certificates.ts';
import { tiers } from '../path/chains.ts';

const project = join(import.meta.dirname, '../..');
if (!existsSync(join(project, 'dist'))) throw new Error("dist is not built: run 'npm run build' first");

/** kB, as everywhere for `--batch`. */
const memoryLimit = 500 * 1000;

const { root, site, leaf } = tiers();
const pem = ({ certificate }: Entity): string => encodePem('CERTIFICATE', certificate.der);
const name = dnsName('a');

/** A subjectAltName of so many names of three octets. */
function names(count: number): CertificateOptions {
  const all = new Uint8Array(count * name.length);
  for (let i = 0; i < count; i++) all.set(name, i * name.length);
  return { extensions: [extension(oids.subjectAltName, false, sequence(all))] };
}

interface Asked {
  readonly leaf: Entity;
  readonly untrusted: readonly Entity[];
  readonly names?: readonly { readonly kind: 'dns'; readonly value: string }[];
}

/** One line each to the built program; what it answered, and what it took at the most. */
function answers(...asked: readonly Asked[]): { readonly answers: readonly unknown[]; readonly memory: number } {
  const tell = "process.on('exit', () => process._rawDebug('spent', process.resourceUsage().maxRSS))";
  const input = asked.map(each => {
    const texts = { leaf: pem(each.leaf), untrusted: each.untrusted.map(pem), trust: [pem(root)] };
    return `${JSON.stringify({ ...texts, names: each.names ?? [], time: new Date(now).toISOString() })}\n`;
  });
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      ...['--import', `data:text/javascript,${encodeURIComponent(tell)}`, join(project, 'bin/mtlsctl.js')],
      ...['verify-chain', '--batch'],
    ],
    { input: input.join(''), encoding: 'utf8' },
  );
  expect(status).toBe(0);
  return {
    answers: stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as unknown),
    memory: Number(/spent (\d+)/.exec(stderr)?.[1]),
  };
}

const valid = { id: null, valid: true, reasons: [] };

test('a leaf with more names than are read is refused, whatever name is asked for', () => {
  const full = issue(site, names(1_300_000));
  const asked = { leaf: full, untrusted: [site], names: [{ kind: 'dns', value: 'a' }] } as const;
  const { answers: told, memory } = answers(asked, { leaf, untrusted: [site] });
  expect(told).toEqual([{ id: null, valid: false, reasons: ['extension-too-large'] }, valid]);
  expect(memory).toBeLessThan(memoryLimit);
});

test('10,000 names are read', () => {
  const full = issue(site, names(10_000));
  const asked = { leaf: full, untrusted: [site], names: [{ kind: 'dns', value: 'a' }] } as const;
  expect(answers(asked).answers).toEqual([valid]);
});

test('a pool full of names, all issuers by their name, takes less than 500 MB', () => {
  const tooMany = Array.from({ length: 20 }, (_, i) => intermediate(root, { ...names(500_000), key: `many ${i}` }));
  const many = Array.from({ length: 500 }, (_, i) =>
    intermediate(root, { ...names(maximumElements - 1), key: `some ${i}` }),
  );
  const { answers: told, memory } = answers(
    { leaf, untrusted: [...tooMany, ...many, site] },
    { leaf, untrusted: [...many, ...tooMany] },
  );
  expect(told).toEqual([
    valid,
    { id: null, valid: false, reasons: expect.arrayContaining(['budget-signatures']) as unknown },
  ]);
  expect(memory).toBeLessThan(memoryLimit);
});

test('names under name constraints take less than 500 MB', () => {
  const constrained = intermediate(root, { name: 'constrained', key: 'constrained', permitted: [emailName('b')] });
  const chain = [constrained];
  for (let i = 0; i < 60; i++)
    chain.push(intermediate(chain.at(-1)!, { ...names(maximumElements - 1), name: `tier ${i}`, key: `tier ${i}` }));
  const { answers: told, memory } = answers({ leaf: issue(chain.at(-1)!), untrusted: chain });
  expect(told).toEqual([{ id: null, valid: false, reasons: expect.arrayContaining(['budget-names']) as unknown }]);
  expect(memory).toBeLessThan(memoryLimit);
});

import { readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { serviceState } from '../../src/status/service-state.ts';
import { main } from '../../src/main.ts';
import { authority, day, issue, now } from '../path/certificates.ts';
import { fakeSystem } from '../fake-system.ts';
import { sharedTemporaryDirectory } from '../temporary.ts';
import { inspect, inspectJson } from './command.ts';

const directory = sharedTemporaryDirectory();
const pki = (): string => join(directory(), 'pki');

async function run(...args: readonly string[]): Promise<void> {
  const system = fakeSystem({ args: [...args, '--dir', pki()], now });
  expect(await main(system), system.errors()).toBe(0);
}

beforeAll(async () => {
  await run('init-root', '--no-passphrase');
  await run('issue-intermediate', 'site-a', '--no-passphrase');
  for (const service of ['user-svc', 'api-gateway', 'broken', 'empty', 'swapped'])
    await run('enroll', service, '--issuer', 'site-a');
  const generation = (service: string): string => join(pki(), service, readlinkSync(join(pki(), service, '..data')));
  writeFileSync(join(generation('broken'), 'cert.pem'), 'no certificate');
  rmSync(join(generation('empty'), 'key.pem'));
  writeFileSync(join(generation('swapped'), 'key.pem'), readFileSync(join(generation('user-svc'), 'key.pem')));
});

describe('a PKI directory', () => {
  it('has an object for each authority and each service', async () => {
    const objects = await inspectJson([pki()]);
    expect(objects.map(({ kind, authority: name, service, state }) => [kind, service ?? name, state])).toEqual([
      ['authority', 'root', 'valid'],
      ['authority', 'site-a', 'valid'],
      ['service', 'api-gateway', 'valid'],
      ['service', 'broken', 'unreadable'],
      ['service', 'empty', 'missing'],
      ['service', 'swapped', 'mismatch'],
      ['service', 'user-svc', 'valid'],
    ]);
    expect(objects.at(-1)).toMatchObject({
      schema: 'mtlsctl/inspect/v1',
      authority: 'site-a',
      names: expect.arrayContaining([
        'DNS:user-svc.link.internal',
        'URI:spiffe://link.internal/service/user-svc',
      ]) as unknown,
      notAfter: '2027-02-20T12:00:00Z',
      generations: 1,
    });
    expect(String(objects.at(-1)?.['renewAt'])).toMatch(/^2027-01-21T/);
  });

  it('is shown as one row each, and below them what is wrong', async () => {
    const { status, output } = await inspect([pki()]);
    expect(status).toBe(0);
    expect(output).toMatch(
      /^user-svc +user-svc\.link\.internal \+3 +site-a +[0-9a-f]{30,40} +2027-02-20 \(90 d\) +2027-01-21 +valid +1$/m,
    );
    expect(output).toMatch(/^root +CN=root CA,O=link\.internal .* unencrypted$/m);
    expect(output).toMatch(/^empty: missing: .*key\.pem$/m);
  });

  it.each([
    [61, 'due'],
    [91, 'expired'],
    [-1, 'not yet valid'],
  ])('after %i days has services that are %s', async (days, state) => {
    const objects = await inspectJson([pki()], { now: now + days * day });
    expect(objects.find(({ service }) => service === 'user-svc')).toMatchObject({ state });
  });

  it('has no PEM of itself', async () => {
    expect((await inspect(['--format', 'pem', pki()])).status).toBe(2);
  });

  it("of a service's own shows its files", async () => {
    const { output } = await inspect([join(pki(), 'user-svc')]);
    expect(output).toContain('cert.pem: certificate 1 of 2');
    expect(output).toContain('key.pem: private key');
  });

  it('with settings that nobody understands is shown all the same: status 3', async () => {
    const path = join(pki(), 'mtlsctl.yaml');
    const before = readFileSync(path);
    writeFileSync(path, 'trust-domian: x\n');
    const { status, output, errors } = await inspect([pki()]);
    writeFileSync(path, before);
    expect(status).toBe(3);
    expect(errors).toContain('[config-invalid]');
    expect(output).toMatch(/^user-svc .* valid/m);
  });
});

describe('the state of a service', () => {
  const { certificate } = issue(authority(), { notBefore: now, notAfter: now + 90 * day });
  const readable = { state: 'readable', certificate, chain: [certificate], anchors: [], keyMatches: true } as const;

  it.each([
    [-1, 'not yet valid'],
    [0, 'valid'],
    [59, 'valid'],
    [60, 'due'],
    [90, 'due'],
    [91, 'expired'],
  ])('%i days into 90 is %s', (days, state) => {
    expect(serviceState(readable, 2 / 3, now + days * day)).toBe(state);
  });

  it('is a mismatch before anything else', () => {
    expect(serviceState({ ...readable, keyMatches: false }, 2 / 3, now + 91 * day)).toBe('mismatch');
  });

  it('is that of its files where they can not be read', () => {
    expect(serviceState({ state: 'missing', missing: ['cert.pem'] }, 2 / 3, now)).toBe('missing');
    expect(serviceState({ state: 'unreadable', problem: 'x' }, 2 / 3, now)).toBe('unreadable');
  });
});

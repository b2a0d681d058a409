import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { enrollService } from '../../src/deployment/enroll.ts';
import { faults } from '../../src/file-operations.ts';
import { encryptPrivateKeyPem } from '../../src/keys/private-key.ts';
import { type VerificationOrder, verifyTargets } from '../../src/verification/run.ts';
import { makeAuthorities, makeRoot, now } from '../authority/pki.ts';
import { enrolmentIn } from '../deployment/leaves.ts';
import { keyFor, randomness } from '../issuance/authorities.ts';
import { sharedTemporaryDirectory, temporaryDirectory } from '../temporary.ts';

const day = 86_400_000;
const shared = sharedTemporaryDirectory();
const temporary = temporaryDirectory();
const directory = (): string => join(temporary(), 'pki');
const at = (...names: readonly string[]): string => join(directory(), ...names);

beforeAll(async () => {
  const pki = join(shared(), 'pki');
  await makeAuthorities(pki);
  for (const service of ['one', 'two']) await enrollService(await enrolmentIn(pki), service);
  await enrollService(await enrolmentIn(pki, {}, { force: true }), 'two');
});

beforeEach(() => {
  cpSync(join(shared(), 'pki'), directory(), { recursive: true, verbatimSymlinks: true });
});

const run = (changes: Partial<VerificationOrder> = {}) =>
  verifyTargets({
    ...{ directory: directory(), targets: ['one'], all: false, crls: [], requireCrl: false, strict: false },
    ...{ trust: undefined, untrusted: undefined, minRemaining: undefined, key: undefined, maxDepth: undefined },
    ...{ purpose: 'any', names: [], at: now, profile: 'rfc5280' },
    ...changes,
  });

/** Of the first target: its reasons, or the code of what kept it from being read; none where it is valid. */
async function outcome(changes: Partial<VerificationOrder> = {}): Promise<readonly string[]> {
  const [result] = (await run(changes)).results;
  if (result === undefined) return ['no result'];
  if (result.error !== undefined) return [result.error.code];
  return result.valid ? [] : result.reasons.map(reason => reason.code);
}

describe('what is verified', () => {
  it('is a service, a file, or every service', async () => {
    expect(await run()).toMatchObject({ status: 0, results: [{ target: 'one' }] });
    expect(await run({ targets: [at('one/cert.pem')] })).toMatchObject({ status: 0 });
    const all = await run({ targets: [], all: true });
    expect([all.status, all.results.map(result => result.target)]).toEqual([0, ['one', 'two']]);
  });

  it('is never nothing', async () => {
    await expect(run({ targets: [] })).rejects.toMatchObject({ code: 'usage' });
    await expect(run({ all: true })).rejects.toMatchObject({ code: 'usage' });
    await expect(run({ targets: ['one', 'two'], key: at('one/key.pem') })).rejects.toMatchObject({ code: 'usage' });
    for (const service of ['one', 'two']) rmSync(at(service), { recursive: true });
    await expect(run({ targets: [], all: true })).rejects.toMatchObject({ code: 'not-found' });
    // A directory of something else is none of a service.
    const elsewhere = { all: true, directory: temporary(), trust: at('ca.pem') };
    await expect(run({ targets: [], ...elsewhere })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('goes on after a target that can not be read, which fails the run', async () => {
    const { status, results } = await run({ targets: ['none.pem', 'one', at('mtlsctl.yaml')] });
    expect(status).toBe(3);
    expect(results.map(result => result.error?.code ?? result.valid)).toEqual([...['not-found', true, 'malformed']]);
  });
});

describe('trust', () => {
  it('is never that of the system', async () => {
    rmSync(at('ca.pem'));
    await expect(run()).rejects.toMatchObject({ code: 'not-found' });
    writeFileSync(at('ca.pem'), '');
    await expect(run()).rejects.toMatchObject({ code: 'malformed' });
    await expect(run({ trust: at('none.pem') })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('is what is named, and another root refuses', async () => {
    expect(await outcome({ trust: at('ca.pem') })).toEqual([]);
    const other = join(temporary(), 'other');
    await makeRoot(other);
    expect(await outcome({ trust: join(other, 'ca.pem') })).not.toEqual([]);
  });

  it('takes intermediates from where they are named', async () => {
    const leaf = join(temporary(), 'leaf.pem');
    writeFileSync(
      leaf,
      `${readFileSync(at('one/cert.pem'), 'utf8').split('-----END')[0] ?? ''}-----END CERTIFICATE-----\n`,
    );
    expect(await outcome({ targets: [leaf] })).not.toEqual([]);
    expect(await outcome({ targets: [leaf], untrusted: at('authorities/site-a/chain.pem') })).toEqual([]);
    await expect(run({ untrusted: at('none.pem') })).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('revocation', () => {
  it('refuses where the CRLs of the PKI directory are stale or do not cover the chain', async () => {
    expect(await outcome({ at: now + 2 * day })).toContain('crl-stale');
    writeFileSync(at('crl.pem'), readFileSync(at('authorities/root/crl.pem')));
    expect(await outcome()).not.toEqual([]);
  });

  it('fails where crl.pem can not be read, or holds none', async () => {
    for (const content of ['', 'garbage\n', readFileSync(at('ca.pem'))]) {
      writeFileSync(at('crl.pem'), content);
      await expect(run()).rejects.toMatchObject({ code: 'malformed' });
    }
    await expect(run({ crls: [at('none.pem')] })).rejects.toMatchObject({ code: 'not-found' });
    await expect(run({ crls: [at('ca.pem')] })).rejects.toMatchObject({ code: 'malformed' });
  });

  it('is required where there is no CRL only if CRLs are published here, or where it is asked for', async () => {
    rmSync(at('crl.pem'));
    expect(await outcome()).toEqual(['crl-missing', 'crl-missing']);
    for (const authority of ['root', 'site-a']) rmSync(at('authorities', authority, 'ledger.jsonl'));
    expect(await outcome()).toEqual([]);
    expect(await outcome({ requireCrl: true })).toEqual(['crl-missing', 'crl-missing']);
    expect(await outcome({ crls: [at('authorities/root/crl.pem'), at('authorities/site-a/crl.pem')] })).toEqual([]);
  });
});

describe('the key', () => {
  it('of a service has to be that of its certificate', async () => {
    writeFileSync(at('one/key.pem'), readFileSync(at('two/key.pem')));
    expect(await outcome()).toEqual(['key-mismatch']);
    expect(await outcome({ targets: [at('one/cert.pem')] })).toEqual([]);
    expect(await outcome({ targets: [at('one/cert.pem')], key: at('one/key.pem') })).toEqual(['key-mismatch']);
    expect(await outcome({ targets: [at('two/cert.pem')], key: at('one/key.pem') })).toEqual([]);
  });

  it.each([
    ['missing', () => undefined, 'not-found'],
    ['damaged', () => 'garbage\n', 'key-malformed'],
  ])('of a service that is %s is no pass', async (_, content, code) => {
    const path = at('one', readlinkSync(at('one/..data')), 'key.pem');
    rmSync(path);
    const text = content();
    if (text !== undefined) writeFileSync(path, text);
    expect(await outcome()).toEqual([code]);
    expect((await run()).status).toBe(3);
  });

  it('that is encrypted is said not to be checked, and is no pass where it is named or under --strict', async () => {
    const { pkcs8 } = await keyFor('another');
    writeFileSync(at('one/key.pem'), await encryptPrivateKeyPem(pkcs8, Buffer.from('secret'), randomness()));
    const [result] = (await run()).results;
    expect(result).toMatchObject({ valid: true, warnings: [{ code: 'key-not-checked' }] });
    expect(await outcome({ strict: true })).toContain('key-not-checked');
    expect(await outcome({ key: at('one/key.pem') })).toEqual(['passphrase-missing']);
  });

  it('does not seem another where the service is renewed at this very moment', async () => {
    const generations = ['first', 'second'].map(name => at('two', name));
    const [old = '', fresh = ''] = generations;
    const current = readlinkSync(at('two/..data'));
    const previous = readdirSync(at('two')).find(name => /^\.\.2/.test(name) && name !== current) ?? '';
    for (const [name, target] of [
      [old, previous],
      [fresh, current],
    ] as const)
      symlinkSync(target, name);
    renameSync(old, at('two/..data'));
    // The swap falls between the reading of the certificate and that of the key.
    faults.before = (operation, path) => {
      if (operation !== 'stat' || path !== at('two/key.pem')) return;
      faults.before = undefined;
      renameSync(fresh, at('two/..data'));
    };
    try {
      expect(await outcome({ targets: ['two'] })).toEqual([]);
      expect(readlinkSync(at('two/..data'))).toBe(current);
    } finally {
      faults.before = undefined;
    }
  });
});

it('refuses what ends too soon, has another name or another purpose', async () => {
  expect(await outcome({ at: now + 91 * day, trust: at('ca.pem') })).toEqual(['expired']);
  expect(await outcome({ minRemaining: 91 * day, trust: at('ca.pem') })).not.toEqual([]);
  expect(await outcome({ names: [{ kind: 'dns', value: 'two.link.internal' }] })).not.toEqual([]);
  expect(await outcome({ names: [{ kind: 'dns', value: 'one.link.internal' }], purpose: 'mutual' })).toEqual([]);
});

it('takes a directory that is no service for a file that can not be read', async () => {
  mkdirSync(at('three'));
  expect(await outcome({ targets: ['three'] })).toEqual(['not-found']);
  expect(await outcome({ targets: [directory()] })).toEqual(['unreadable']);
});

import { spawnSync } from 'node:child_process';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { faults } from '../../src/file-operations.ts';
import { main } from '../../src/main.ts';
import { fakeSystem } from '../fake-system.ts';
import { systemError } from '../faults.ts';
import { requireTool } from '../interop/requirements.ts';
import { temporaryDirectory } from '../temporary.ts';

const directory = temporaryDirectory();
const pki = (): string => join(directory(), 'pki');
const at = (name: string): string => join(pki(), 'lb', name);
const passphrase = (): string => join(directory(), 'pass');
const mode = (name: string): number => statSync(at(name)).mode & 0o777;
const generation = (): string => readlinkSync(at('..data'));
const certificate = (): string => readFileSync(at('cert.pem'), 'utf8');

interface Run {
  readonly status: number;
  readonly errors: string;
  readonly output: string;
}

async function run(...args: readonly string[]): Promise<Run> {
  const system = fakeSystem({ args: [...args, '--dir', pki()] });
  return { status: await main(system), errors: system.errors(), output: system.output() };
}

async function done(...args: readonly string[]): Promise<Run> {
  const result = await run(...args);
  expect(result.status, result.errors).toBe(0);
  return result;
}

/** Puts lines in the place of those of the same keys in service.yaml. */
function settings(...lines: readonly string[]): void {
  const keys = /^(owner|group|keyMode|outputs|pkcs12PassphraseFile):/;
  const kept = readFileSync(at('service.yaml'), 'utf8')
    .split('\n')
    .filter(line => line !== '' && !keys.test(line) && !line.startsWith(' '));
  writeFileSync(at('service.yaml'), [...kept, ...lines, ''].join('\n'));
}

const all = (): readonly string[] => ['outputs: [combined, pkcs12, spiffe]', `pkcs12PassphraseFile: ${passphrase()}`];
const names = ['combined.pem', 'keystore.p12', 'svid.pem', 'svid_key.pem', 'svid_bundle.pem'];

function openPkcs12(): string {
  const args = ['pkcs12', '-in', at('keystore.p12'), '-passin', `file:${passphrase()}`, '-nodes', '-info'];
  const { status, stdout, stderr } = spawnSync(requireTool('openssl'), args, { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return `${stdout}${stderr}`;
}

beforeEach(async () => {
  await done('init-root', '--no-passphrase');
  await done('issue-intermediate', 'site-a', '--no-passphrase');
  await done('enroll', 'lb');
  writeFileSync(passphrase(), 'a pässphrase\n', { mode: 0o600 });
});

describe('further files', () => {
  it.each(['enroll', 'renew'])(
    'are put in place by %s without a new certificate, and again taken away',
    async command => {
      const before = certificate();
      settings(...all());
      await done(command, 'lb');
      expect(certificate()).toBe(before);
      for (const name of names) expect(readlinkSync(at(name))).toBe(`..data/${name}`);
      const present = generation();
      await done(command, 'lb');
      expect(generation()).toBe(present);
      settings();
      await done(command, 'lb');
      expect(certificate()).toBe(before);
      for (const name of names) expect(lstatSync(at(name), { throwIfNoEntry: false })).toBeUndefined();
      for (const name of names) expect(existsSync(join(at(generation()), name))).toBe(false);
    },
  );

  it('hold the pair, the key for its owner alone', async () => {
    settings(...all());
    await done('renew', 'lb');
    const combined = readFileSync(at('combined.pem'), 'utf8');
    expect(combined).toBe(certificate() + readFileSync(at('key.pem'), 'utf8'));
    expect(new X509Certificate(combined).checkPrivateKey(createPrivateKey(combined))).toBe(true);
    expect(readFileSync(at('svid.pem'), 'utf8')).toBe(certificate());
    expect(readFileSync(at('svid_key.pem'), 'utf8')).toBe(readFileSync(at('key.pem'), 'utf8'));
    expect(readFileSync(at('svid_bundle.pem'), 'utf8')).toBe(readFileSync(at('ca.pem'), 'utf8'));
    for (const name of ['combined.pem', 'keystore.p12', 'svid_key.pem']) expect(mode(name)).toBe(0o600);
    for (const name of ['svid.pem', 'svid_bundle.pem']) expect(mode(name)).toBe(0o644);
  });

  it('go with every renewal', async () => {
    settings(...all());
    await done('renew', 'lb', '--force');
    const [before, store] = [certificate(), readFileSync(at('keystore.p12'))];
    await done('renew', 'lb', '--force');
    expect(certificate()).not.toBe(before);
    expect(readFileSync(at('combined.pem'), 'utf8').startsWith(certificate())).toBe(true);
    expect(readFileSync(at('keystore.p12')).equals(store)).toBe(false);
  });

  it('are mended where they were changed', async () => {
    settings('outputs: combined');
    await done('renew', 'lb');
    writeFileSync(join(at(generation()), 'combined.pem'), 'other');
    await done('renew', 'lb');
    expect(readFileSync(at('combined.pem'), 'utf8').startsWith(certificate())).toBe(true);
    rmSync(at('combined.pem'));
    await done('renew', 'lb');
    expect(readlinkSync(at('combined.pem'))).toBe('..data/combined.pem');
  });

  it('overwrite nothing that is not ours', async () => {
    writeFileSync(at('combined.pem'), 'made by hand');
    settings('outputs: [combined]');
    expect((await run('enroll', 'lb')).status).toBe(4);
    expect(readFileSync(at('combined.pem'), 'utf8')).toBe('made by hand');
    expect(existsSync(join(at(generation()), 'combined.pem'))).toBe(false);
  });

  it('can be asked for by flags', async () => {
    await done('enroll', 'java', '--output', 'pkcs12', '--pkcs12-passphrase-file', passphrase(), '--key-mode', '0400');
    expect(readFileSync(join(pki(), 'java', 'service.yaml'), 'utf8')).toContain('outputs:\n  - pkcs12\n');
    expect(statSync(join(pki(), 'java', 'keystore.p12')).mode & 0o777).toBe(0o400);
  });
});

describe('PKCS #12', () => {
  it('is read by OpenSSL, with the attributes that Java looks for', async () => {
    settings(...all());
    await done('renew', 'lb');
    const shown = openPkcs12();
    expect(shown).toContain('MAC: sha256, Iteration 10000');
    expect(shown).toContain('PBES2, PBKDF2, AES-256-CBC, Iteration 10000, PRF hmacWithSHA256');
    expect(shown.match(/friendlyName: lb/g)).toHaveLength(2);
    const ids = [...shown.matchAll(/localKeyID: ([0-9A-F ]+)/g)].map(match => match[1]);
    expect(ids).toHaveLength(2);
    expect(ids[0]).toBe(ids[1]);
    const [leaf] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(shown) ?? [];
    expect(new X509Certificate(leaf ?? '').raw.equals(new X509Certificate(certificate()).raw)).toBe(true);
    expect(shown.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(
      new X509Certificate(certificate()).checkPrivateKey(
        createPrivateKey(shown.slice(shown.indexOf('-----BEGIN PRIVATE'))),
      ),
    ).toBe(true);
  });

  it('is not opened by another passphrase', async () => {
    settings(...all());
    await done('renew', 'lb');
    const args = ['pkcs12', '-in', at('keystore.p12'), '-passin', 'pass:other', '-noout'];
    expect(spawnSync(requireTool('openssl'), args).status).not.toBe(0);
  });

  it('follows its passphrase, and stays where only the time of the file is another', async () => {
    settings(...all());
    await done('renew', 'lb');
    const present = generation();
    const later = new Date(Date.now() + 60_000);
    utimesSync(passphrase(), later, later);
    await done('renew', 'lb');
    expect(generation()).toBe(present);
    writeFileSync(passphrase(), 'next');
    utimesSync(passphrase(), later, later);
    await done('renew', 'lb');
    expect(generation()).not.toBe(present);
    openPkcs12();
  });

  it.each([
    ['empty', '\n', /is empty/],
    ['of two lines', 'a\nb\n', /more than one line/],
    ['not UTF-8', Buffer.from([0xff, 0xfe]), /not text in UTF-8/],
    ['of a NUL', 'a\0b', /not text in UTF-8/],
    ['too long', 'x'.repeat(4097), /larger than 4096/],
  ])('refuses a passphrase file that is %s, before anything is signed', async (_what, content, message) => {
    settings(...all());
    writeFileSync(passphrase(), content);
    const ledger = readFileSync(join(pki(), 'authorities', 'site-a', 'ledger.jsonl'), 'utf8');
    const result = await run('enroll', 'lb', '--force');
    expect([result.status === 0, result.errors]).toEqual([false, expect.stringMatching(message)]);
    expect(result.errors).not.toContain('xxxx');
    expect(readFileSync(join(pki(), 'authorities', 'site-a', 'ledger.jsonl'), 'utf8')).toBe(ledger);
  });

  it.each([
    [['outputs: [pkcs12]'], 3, /wants 'pkcs12PassphraseFile'/],
    [['outputs: [pkcs12]', 'pkcs12PassphraseFile: pass'], 3, /no absolute path/],
    [['outputs: [jks]'], 3, /there is combined, pkcs12, spiffe/],
    [['keyMode: 0644'], 3, /nobody else may read it/],
    [['keyMode: 0660'], 3, /nobody else may read it/],
    [['owner: "a:b"'], 3, /neither the name nor the number/],
  ])('refuses %j', async (lines, status, message) => {
    settings(...lines);
    const result = await run('enroll', 'lb');
    expect([result.status, result.errors]).toEqual([status, expect.stringMatching(message)]);
  });

  it('refuses SPIFFE files for a service without an ID, and a key that is encrypted', async () => {
    const spiffe = await run('enroll', 'web', '--profile', 'server', '--output', 'spiffe');
    expect([spiffe.status, spiffe.errors]).toEqual([3, expect.stringContaining('has no SPIFFE ID')]);
    const flags = ['--output', 'pkcs12', '--pkcs12-passphrase-file', passphrase(), '--passphrase-file', passphrase()];
    const encrypted = await run('enroll', 'web', ...flags);
    expect([encrypted.status, encrypted.errors]).toEqual([3, expect.stringContaining('is encrypted')]);
  });

  it('refuses PKCS #12 of a key that is encrypted before anything is signed', async () => {
    const ledger = (): string => readFileSync(join(pki(), 'authorities', 'site-a', 'ledger.jsonl'), 'utf8');
    writeFileSync(passphrase(), 'secret\n');
    const flags = ['--output', 'pkcs12', '--pkcs12-passphrase-file', passphrase(), '--passphrase-file', passphrase()];
    const before = ledger();
    for (const args of [[], ['--request']]) {
      const result = await run('enroll', 'web', ...flags, ...args);
      expect([result.status, result.errors]).toEqual([3, expect.stringContaining('is encrypted')]);
    }
    expect(ledger()).toBe(before);
    await done('enroll', 'web', '--passphrase-file', passphrase());
    const issued = ledger();
    const web = join(pki(), 'web', 'service.yaml');
    writeFileSync(web, `${readFileSync(web, 'utf8')}outputs: [pkcs12]\npkcs12PassphraseFile: ${passphrase()}\n`);
    const renewed = await run('renew', 'web', '--force', '--passphrase-file', passphrase());
    expect([renewed.status, renewed.errors]).toEqual([3, expect.stringContaining('is encrypted')]);
    expect(ledger()).toBe(issued);
  });

  it('makes them for an earlier certificate that is put back, and leaves no link that leads nowhere', async () => {
    const first = certificate();
    settings('outputs: [combined]');
    await done('renew', 'lb', '--force');
    expect(certificate()).not.toBe(first);
    await done('renew', 'lb', '--rollback');
    expect(certificate()).toBe(first);
    expect(readFileSync(at('combined.pem'), 'utf8')).toBe(first + readFileSync(at('key.pem'), 'utf8'));
    await done('renew', 'lb', '--force');
    settings();
    await done('renew', 'lb', '--force');
    await done('renew', 'lb', '--rollback');
    expect(existsSync(at('combined.pem'))).toBe(false);
    expect(() => lstatSync(at('combined.pem'))).toThrow('ENOENT');
  });

  it('puts the certificate before back where both were made within a second', async () => {
    settings('outputs: [combined]');
    await done('renew', 'lb');
    for (let turn = 0; turn < 3; turn += 1) {
      const [before, older] = [certificate(), generation()];
      await done('renew', 'lb', '--force');
      expect(certificate()).not.toBe(before);
      await done('renew', 'lb', '--rollback');
      expect(certificate()).toBe(before);
      expect(generation() > older).toBe(true);
    }
  });
});

describe('owner, group and mode', () => {
  it('changes the mode of what holds the key, in place and in what is renewed', async () => {
    settings('keyMode: 0640', 'outputs: [combined, spiffe]');
    await done('enroll', 'lb');
    for (const name of ['key.pem', 'combined.pem', 'svid_key.pem']) expect(mode(name)).toBe(0o640);
    expect(mode('cert.pem')).toBe(0o644);
    const present = generation();
    settings('keyMode: "0400"', 'outputs: [combined, spiffe]');
    await done('renew', 'lb');
    expect([mode('key.pem'), mode('svid_key.pem'), generation()]).toEqual([0o400, 0o400, present]);
    await done('renew', 'lb', '--force');
    expect([mode('key.pem'), mode('combined.pem')]).toEqual([0o400, 0o400]);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'gives the key to a user and a group by name and number, and only the key',
    async () => {
      settings('owner: nobody', 'group: 4242', 'keyMode: 0640', 'outputs: combined');
      await done('renew', 'lb');
      const owner = (name: string): readonly number[] => [statSync(at(name)).uid, statSync(at(name)).gid];
      const nobody = Number(/^nobody:[^:]*:(\d+)/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[1]);
      for (let turn = 0; turn < 2; turn += 1) {
        expect([owner('key.pem'), owner('combined.pem'), owner('cert.pem')]).toEqual([
          [nobody, 4242],
          [nobody, 4242],
          [0, 0],
        ]);
        await done('renew', 'lb', '--force');
      }
      // What service.yaml no longer says is kept.
      settings();
      await done('renew', 'lb', '--force');
      expect([owner('key.pem'), mode('key.pem')]).toEqual([[nobody, 4242], 0o640]);
    },
  );

  it('warns where it is refused, keeps the key from other groups, and makes no new generation each time', async () => {
    settings('owner: 4241', 'group: 4242', 'keyMode: 0640');
    const refused = async (...args: readonly string[]): Promise<Run> => {
      faults.before = operation => {
        if (operation === 'chown') throw systemError('EPERM');
      };
      return run(...args).finally(() => {
        faults.before = undefined;
      });
    };
    const before = generation();
    for (const command of ['enroll', 'renew', 'renew']) {
      const { status, errors } = await refused(command, 'lb');
      expect([status, errors]).toEqual([0, expect.stringContaining('operation not permitted')]);
      expect([generation(), mode('key.pem')]).toEqual([before, 0o600]);
    }
    expect((await refused('renew', 'lb', '--force')).status).toBe(0);
    expect([mode('key.pem'), generation() === before]).toEqual([0o600, false]);
  });

  it('warns of a name that the machine does not know, and renews', async () => {
    settings('group: nosuchgroup', 'keyMode: 0640');
    const { errors } = await done('renew', 'lb', '--force');
    expect(errors).toContain("/etc/group has no group 'nosuchgroup'");
    expect(mode('key.pem')).toBe(0o600);
  });

  it('tightens a key that was open', async () => {
    chmodSync(at('key.pem'), 0o644);
    settings('keyMode: 0600');
    await done('renew', 'lb');
    expect(mode('key.pem')).toBe(0o600);
  });
});

/** Renews while the operation with this number in the service's directory fails; false where there is none. */
async function failingAt(number: number, code: string): Promise<boolean> {
  let count = 0;
  faults.before = (_operation, path) => {
    if (!path.startsWith(join(pki(), 'lb'))) return;
    count += 1;
    if (count === number + 1) throw systemError(code);
  };
  await run('renew', 'lb', '--force').finally(() => {
    faults.before = undefined;
  });
  return count > number;
}

describe('a fault at any file operation in the directory', () => {
  it.each(['ENOSPC', 'EACCES'])('%s leaves all old files or all new ones', { timeout: 120_000 }, async code => {
    settings(...all());
    await done('renew', 'lb');
    let number = 0;
    for (; await failingAt(number, code); number += 1) {
      const found = certificate();
      expect(readFileSync(at('combined.pem'), 'utf8')).toBe(found + readFileSync(at('key.pem'), 'utf8'));
      expect(readFileSync(at('svid.pem'), 'utf8')).toBe(found);
      expect(new X509Certificate(found).checkPrivateKey(createPrivateKey(readFileSync(at('key.pem'))))).toBe(true);
      for (const name of ['key.pem', 'combined.pem', 'keystore.p12', 'svid_key.pem']) expect(mode(name)).toBe(0o600);
    }
    expect(number).toBeGreaterThan(40);
    await done('renew', 'lb');
    openPkcs12();
  });
});

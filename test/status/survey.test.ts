import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { emptyJournal, type Journal, writeJournal } from '../../src/deployment/journal.ts';
import { faults } from '../../src/file-operations.ts';
import { main } from '../../src/main.ts';
import { fakeSystem } from '../fake-system.ts';
import { systemError } from '../faults.ts';
import { temporaryDirectory } from '../temporary.ts';

const directory = temporaryDirectory();
const pki = (): string => join(directory(), 'pki');
const start = Date.UTC(2026, 10, 22, 14, 5, 1);
const day = 86_400_000;

interface Answer {
  readonly status: number;
  readonly document: Record<string, unknown> & {
    readonly services: readonly Record<string, unknown>[];
    readonly authorities: readonly Record<string, unknown>[];
    readonly crls: readonly Record<string, unknown>[];
    readonly problems: readonly { readonly message: string }[];
  };
}

async function run(args: readonly string[], now = start): Promise<{ status: number; output: string }> {
  const system = fakeSystem({ args: [...args, '--dir', pki()], now });
  return { status: await main(system), output: system.output() };
}

async function status(now = start, ...args: readonly string[]): Promise<Answer> {
  const { status: exit, output } = await run(['status', '--json', ...args], now);
  return { status: exit, document: JSON.parse(output) as Answer['document'] };
}

const service = ({ document }: Answer, name: string): Record<string, unknown> | undefined =>
  document.services.find(each => each['service'] === name);

beforeEach(async () => {
  await run(['init-root', '--no-passphrase']);
  await run(['issue-intermediate', 'site-a', '--no-passphrase']);
  expect((await run(['enroll', 'api'])).status).toBe(0);
});

describe('status', () => {
  it('is in order for what was just made', async () => {
    const answer = await status();
    expect(answer.status).toBe(0);
    expect(answer.document).toMatchObject({ schema: 'mtlsctl/status/v1', ok: true, severity: 'ok', problems: [] });
    expect(service(answer, 'api')).toMatchObject({
      ...{ authority: 'site-a', state: 'valid', ok: true, daysLeft: 90, problems: [] },
      ...{ notAfter: '2027-02-20T14:05:01Z', renewAt: '2027-01-21T14:04:41Z' },
    });
  });

  it('is 1 with --expires-in where less is left than that, and not where as much is', async () => {
    expect((await status(start, '--expires-in', '90d')).status).toBe(0);
    const answer = await status(start + 1000, '--expires-in', '90d');
    expect([answer.status, service(answer, 'api')?.['nearEnd']]).toEqual([1, true]);
  });

  it('tells from when an authority is too short-lived for a full leaf, by the longest that is asked for', async () => {
    const before = (await status()).document.authorities;
    expect(before[1]).toMatchObject({ authority: 'site-a', fullLeafUntil: '2029-08-23T14:05:01Z' });
    expect(before[0]).toMatchObject({ authority: 'root', fullIntermediateUntil: '2033-11-20T14:05:01Z' });
    await run(['enroll', 'long', '--validity', '365d']);
    expect((await status()).document.authorities[1]).toMatchObject({ fullLeafUntil: '2028-11-21T14:05:01Z' });
    const late = (await status(Date.UTC(2028, 11, 1))).document.authorities[1];
    expect(late).toMatchObject({ severity: 'warning', ok: true });
    expect(JSON.stringify(late)).toContain('too short-lived for a full leaf since 2028-11-21T14:05:01Z');
  });

  it('says what a change of settings makes due, and that it is healthy', async () => {
    await run(['enroll', 'api', '--dns', 'api.example', '--force']);
    writeFileSync(join(pki(), 'api', 'service.yaml'), 'authority: site-a\n');
    const answer = await status();
    expect(answer.status).toBe(0);
    expect(service(answer, 'api')).toMatchObject({ state: 'due', reasons: ['names-changed'], ok: true });
  });

  it('tells a revoked certificate, and one on hold', async () => {
    await run(['revoke', 'api', '--reason', 'certificateHold', '--yes']);
    expect(service(await status(), 'api')).toMatchObject({ state: 'revoked', severity: 'critical' });
    expect(JSON.stringify(await status())).toContain('mtlsctl revoke api --release');
    await run(['revoke', 'api', '--release', '--yes']);
    expect(service(await status(), 'api')).toMatchObject({ state: 'valid' });
    await run(['revoke', 'api', '--reason', 'keyCompromise', '--yes']);
    const answer = await status();
    expect(answer.status).toBe(1);
    expect(service(answer, 'api')).toMatchObject({ state: 'revoked', reasons: ['revoked'] });
  });

  it('says of a service under a revoked authority what no renewal can mend', async () => {
    expect((await run(['revoke', 'site-a', '--authority', 'root', '--reason', 'cACompromise', '--yes'])).status).toBe(
      0,
    );
    const api = service(await status(), 'api');
    expect(api).toMatchObject({ state: 'revoked', reasons: ['issuer-revoked'] });
    expect(JSON.stringify(api)).toContain('mtlsctl enroll api --issuer <name>');
    expect(JSON.stringify(api)).not.toContain('mtlsctl renew');
  });

  it('tells a CRL that nobody known here has signed, and a new crl.pem leaves it out', async () => {
    const other = join(directory(), 'other');
    await main(fakeSystem({ args: ['init-root', '--no-passphrase', '--dir', other], now: start }));
    writeFileSync(
      join(pki(), 'crl.pem'),
      readFileSync(join(pki(), 'crl.pem'), 'utf8') + readFileSync(join(other, 'crl.pem'), 'utf8'),
    );
    const answer = await status();
    expect(answer.status).toBe(1);
    expect(answer.document.crls.map(({ state }) => state)).toEqual(['valid', 'valid', 'bad-signature']);
    await run(['crl']);
    expect((await status()).status).toBe(0);
  });

  it('tells one whose chain leads to none of the trust anchors', async () => {
    const other = join(directory(), 'other');
    await main(fakeSystem({ args: ['init-root', '--no-passphrase', '--dir', other], now: start }));
    copyFileSync(join(other, 'ca.pem'), join(pki(), 'ca.pem'));
    const answer = await status();
    expect([answer.status, service(answer, 'api')?.['state']]).toEqual([1, 'refused']);
  });

  it.each<[string, Partial<Journal>, RegExp]>([
    [
      'a hook that failed',
      { state: 'live', hook: { startedAt: start, exitStatus: 3, output: ['first', 'no such unit'] } },
      /the hook failed at 2026-11-22T14:05:01Z: exit status 3: no such unit/,
    ],
    [
      'a hook that hung',
      { state: 'live', hook: { startedAt: start, timedOut: true, signal: 'SIGKILL', output: [] } },
      /the hook failed at .*: timed out"/,
    ],
    [
      'a hook that was cut short',
      { state: 'live', serial: '5e', hook: { startedAt: start, output: [] } },
      /for 5e \(it/,
    ],
    [
      'a renewal that failed',
      {
        ...{ state: 'due', attempts: 4, retryAt: start + 3_600_000 },
        failure: {
          at: start,
          code: 'passphrase-missing',
          message: 'the key is locked',
          hints: ['--ca-passphrase-file'],
        },
      },
      /failed at 2026-11-22T14:05:01Z: the key is locked \[passphrase-missing\], 4 attempts in a row, next try at 2026-11-22T15/,
    ],
  ])('shows %s, which by itself does not make the status 1', async (_what, journal, message) => {
    await writeJournal(pki(), 'api', { ...emptyJournal, ...journal });
    const answer = await status();
    expect(answer.status).toBe(0);
    expect(service(answer, 'api')).toMatchObject({ ok: true, severity: 'warning' });
    expect(JSON.stringify(service(answer, 'api')?.['problems'])).toMatch(message);
    expect((await run(['status'])).output).toMatch(/^warning: api: /m);
  });
});

describe('status of what is broken', () => {
  const breakages: Readonly<Record<string, () => void>> = {
    'a link that leads outside': () => {
      rmSync(join(pki(), 'api', '..data'));
      symlinkSync('/etc', join(pki(), 'api', '..data'));
    },
    'a link in the place of its directory': () => {
      renameSync(join(pki(), 'api'), join(directory(), 'elsewhere'));
      symlinkSync(join(directory(), 'elsewhere'), join(pki(), 'api'));
    },
    'a certificate that is cut off': () => {
      writeFileSync(
        join(pki(), 'api', readlinkSync(join(pki(), 'api', '..data')), 'cert.pem'),
        '-----BEGIN CERTIFICATE-----\nMII',
      );
    },
    'a directory in the place of the key': () => {
      const key = join(pki(), 'api', readlinkSync(join(pki(), 'api', '..data')), 'key.pem');
      rmSync(key);
      mkdirSync(key);
    },
    'settings that are none': () => {
      writeFileSync(join(pki(), 'api', 'service.yaml'), '\0{');
    },
    'a profile that there is not': () => {
      writeFileSync(join(pki(), 'api', 'service.yaml'), 'profile: nonesuch\n');
    },
  };

  it.each(Object.keys(breakages))('has a row for %s, and the others as they are', async what => {
    await run(['enroll', 'db']);
    breakages[what]?.();
    const answer = await status();
    expect(answer.status).toBe(1);
    expect(service(answer, 'api')).toMatchObject({ ok: false });
    expect(service(answer, 'api')?.['problems']).not.toEqual([]);
    expect(service(answer, 'db')).toMatchObject({ ok: true });
    expect((await run(['status'])).status).toBe(1);
    expect((await run(['status', '--format', 'prometheus'])).output).toContain(
      'mtlsctl_service_healthy{service="api"} 0',
    );
  });

  it.each(['mtlsctl.yaml', 'ca.pem', 'crl.pem'])('says that %s is, and shows the rows', async file => {
    writeFileSync(join(pki(), file), '-----BEGIN nothing');
    const answer = await status();
    expect(answer.status).toBe(1);
    expect(answer.document.problems[0]?.message).toContain(file);
    expect(answer.document.services).toHaveLength(1);
  });

  it('has rows for an authority that can not be read, and for one that waits', async () => {
    await run(['issue-intermediate', 'site-b', '--request', '--no-passphrase']);
    writeFileSync(join(pki(), 'authorities', 'root', 'cert.pem'), 'x');
    const { authorities } = (await status()).document;
    expect(authorities.map(({ authority, state, ok }) => [authority, state, ok])).toEqual([
      ['root', 'unreadable', false],
      ['site-a', 'valid', true],
      ['site-b', 'waiting', true],
    ]);
  });

  it('misses the CRL of an authority, and tells a stale one', async () => {
    const [root, own] = (await status(start + 2 * day)).document.crls;
    expect([root?.['state'], own?.['state']]).toEqual(['valid', 'stale']);
    rmSync(join(pki(), 'crl.pem'));
    const answer = await status();
    expect([answer.status, answer.document.crls.map(({ state }) => state)]).toEqual([1, ['missing', 'missing']]);
  });

  it('is told, and never thrown, whichever file can not be read', async () => {
    let seen = 0;
    for (let number = 0; ; number += 1) {
      let count = 0;
      faults.before = (_operation, path) => {
        count += path.startsWith(join(pki(), 'api')) ? 1 : 0;
        if (count === number + 1 && path.startsWith(join(pki(), 'api'))) throw systemError('EACCES');
      };
      const answer = await status().finally(() => {
        faults.before = undefined;
      });
      if (count <= number) break;
      seen += 1;
      expect(answer.document.services).toHaveLength(1);
    }
    expect(seen).toBeGreaterThan(8);
  });
});

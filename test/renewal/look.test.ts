import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { emptyJournal, readJournal, writeJournal } from '../../src/deployment/journal.ts';
import { servicePaths } from '../../src/deployment/service.ts';
import { withLock } from '../../src/lock.ts';
import { formatIdentity, ownIdentity } from '../../src/process-identity.ts';
import type { RenewalEntry } from '../../src/renewal/entry.ts';
import { statusOfCheck, statusOfRenewals } from '../../src/renewal/exit-status.ts';
import { examineAll, type Look, renewAll } from '../../src/renewal/look.ts';
import type { RenewalOrder } from '../../src/renewal/order.ts';
import { makeAuthorities, now } from '../authority/pki.ts';
import { sharedTemporaryDirectory, temporaryDirectory } from '../temporary.ts';
import { enrollAt, renewalOrder, summary } from './pki.ts';

const shared = sharedTemporaryDirectory();
const temporary = temporaryDirectory();
const directory = (): string => join(temporary(), 'pki');
const at = (...path: readonly string[]): string => join(directory(), ...path);
const day = 86_400_000;
let clock = { now };

beforeAll(async () => {
  await makeAuthorities(join(shared(), 'pki'));
  await enrollAt(join(shared(), 'pki'), { now }, ['one', 'two']);
});
beforeEach(() => {
  cpSync(join(shared(), 'pki'), directory(), { recursive: true, verbatimSymlinks: true });
  clock = { now };
});

const renew = (changes: Partial<RenewalOrder> = {}): Promise<Look> =>
  renewAll(renewalOrder(directory(), clock, changes));
const asksFor = (service: string, text: string): void => {
  writeFileSync(at(service, 'service.yaml'), `profile: service\nauthority: site-a\n${text}\n`);
};

describe('renewAll', () => {
  it('says that another process is at a service, and goes on with the others', async () => {
    const look = await withLock(servicePaths(directory(), 'one').lock, () => renew({ force: true, lockPatience: 20 }));
    expect(summary(look)).toEqual(['one: failed (forced) [lock-held]', 'two: renewed (forced)']);
    expect(statusOfRenewals(look.entries)).toBe(8);
    expect(statusOfRenewals(look.entries.slice(0, 1))).toBe(9);
    expect(await readJournal(directory(), 'one')).toBeUndefined();
  });

  it('lets two runs at once renew what is due once', async () => {
    clock.now = now + 61 * day;
    const looks = await Promise.all([renew(), renew(), renew()]);
    const renewed = looks.flatMap(summary).filter(line => line.includes('renewed'));
    expect(renewed.sort()).toEqual(['one: renewed (renewal-time-reached)', 'two: renewed (renewal-time-reached)']);
  });

  it('begins a journal anew that can not be understood, and runs the hook once, since it may be owed', async () => {
    asksFor('one', `hook: echo x >> ${at('ran')}`);
    await writeJournal(directory(), 'one', emptyJournal);
    writeFileSync(at('.renewal/one.json'), '{');
    expect(summary(await renew({ services: ['one'] }))).toEqual(['one: renewed (hook-owed)']);
    expect(summary(await renew({ services: ['one'] }))).toEqual(['one: not-due']);
    expect(readFileSync(at('ran'), 'utf8')).toBe('x\n');
  });

  it('counts a hook that ended mtlsctl itself as failed, and pauses before the next attempt', async () => {
    asksFor('one', 'hook: "false"');
    await renew({ force: true, services: ['one'] });
    const journal = await readJournal(directory(), 'one');
    const gone = formatIdentity({ ...ownIdentity(), pid: 2 ** 22 - 1, random: '00000000' });
    const cut = { runner: gone, hook: { startedAt: now, output: [] }, attempts: 0 };
    const { failure, retryAt, ...rest } = journal ?? emptyJournal;
    await writeJournal(directory(), 'one', { ...rest, ...cut });
    const { entries } = await renew({ isPatient: true, services: ['one'] });
    expect(entries[0]).toMatchObject({ status: 'hook-failed', retryAt: now + 60_000 });
    expect(entries[0]?.error?.message).toBe("mtlsctl was ended while the hook of 'one' ran");
    expect((await readJournal(directory(), 'one'))?.counters.hookFailures).toBe(2);
  });

  it.each([
    ['leaves alone for a while', 'unwritable', 'failed'],
    ['tries at once, since nobody here knows it,', 'no-code-of-this-version', 'renewed'],
  ])('%s what failed with %s', async (_, code, status) => {
    asksFor('one', 'dns: [new.example]');
    const failure = { at: now, code, message: 'it went wrong', hints: [] };
    await writeJournal(directory(), 'one', {
      ...emptyJournal,
      state: 'due',
      failure,
      attempts: 1,
      retryAt: now + 9000,
    });
    const { entries } = await renew({ isPatient: true, services: ['one'] });
    expect([entries[0]?.status, statusOfRenewals(entries)]).toEqual([status, status === 'failed' ? 3 : 0]);
  });

  it('leaves a hook to the process that runs it', async () => {
    asksFor('one', `hook: echo x >> ${at('ran')}`);
    const elsewhere = formatIdentity({ ...ownIdentity(), pid: 1, namespace: '00000000', random: '00000000' });
    const busy = { state: 'live', runner: elsewhere, hook: { startedAt: now, output: [] } } as const;
    await writeJournal(directory(), 'one', { ...emptyJournal, ...busy });
    const { entries } = await renew({ services: ['one'] });
    expect(entries[0]).toMatchObject({ status: 'not-due', warnings: ['its hook is being run by another process'] });
    expect(existsSync(at('ran'))).toBe(false);
  });

  it('examines without writing', async () => {
    asksFor('one', 'dns: [new.example]');
    const { entries } = await examineAll(renewalOrder(directory(), clock));
    expect(entries.map(({ service, status }) => `${service} ${status}`)).toEqual(['one due', 'two not-due']);
    expect(statusOfCheck(entries)).toBe(0);
    expect(await readJournal(directory(), 'one')).toBeUndefined();
  });
});

describe('the exit status', () => {
  const entry = (status: RenewalEntry['status'], code?: NonNullable<RenewalEntry['error']>['code']): RenewalEntry => ({
    ...{ service: 'x', status, reasons: [], warnings: [] },
    ...(code !== undefined && { error: { code, message: '', hints: [], exitStatus: 0 } }),
  });
  it.each<[number, readonly RenewalEntry[]]>([
    [0, []],
    [0, [entry('renewed'), entry('not-due')]],
    [3, [entry('failed', 'config-invalid')]],
    [8, [entry('failed', 'config-invalid'), entry('not-due')]],
    [5, [entry('failed', 'passphrase-missing'), entry('not-due')]],
    [5, [entry('failed', 'passphrase-missing'), entry('failed', 'passphrase-wrong')]],
    [8, [entry('failed', 'passphrase-missing'), entry('renewed')]],
    [6, [entry('failed', 'ca-unreachable'), entry('not-due')]],
    [8, [entry('failed', 'ca-unreachable'), entry('failed', 'config-invalid')]],
    [7, [entry('hook-failed', 'hook-failed')]],
    [8, [entry('hook-failed', 'hook-failed'), entry('renewed')]],
  ])('is %s for %j', (status, entries) => {
    expect(statusOfRenewals(entries)).toBe(status);
  });

  it('of a check is 1 where nothing is due, and that of what is broken otherwise', () => {
    expect(statusOfCheck([entry('not-due')])).toBe(1);
    expect(statusOfCheck([])).toBe(1);
    expect(statusOfCheck([entry('due'), entry('failed', 'config-invalid')])).toBe(0);
    expect(statusOfCheck([entry('not-due'), entry('failed', 'config-invalid')])).toBe(8);
  });
});

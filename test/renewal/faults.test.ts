import { createPrivateKey, X509Certificate } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readJournal } from '../../src/deployment/journal.ts';
import { exitStatusOf, isMtlsctlError } from '../../src/errors.ts';
import { statusOfRenewals } from '../../src/renewal/exit-status.ts';
import { type Look, renewAll, rollBackAll } from '../../src/renewal/look.ts';
import type { RenewalOrder } from '../../src/renewal/order.ts';
import { serialHex } from '../../src/x509/certificate.ts';
import { ledgerEntries, makeAuthorities, now } from '../authority/pki.ts';
import { type FaultRun, killedAt, withEachFault } from '../faults.ts';
import { sharedTemporaryDirectory, temporaryDirectory } from '../temporary.ts';
import { certificateOf, enrollAt, renewalOrder, summary } from './pki.ts';

const shared = sharedTemporaryDirectory();
const temporary = temporaryDirectory();
const directory = (): string => join(temporary(), 'pki');
const at = (...path: readonly string[]): string => join(directory(), ...path);
const clock = { now };

beforeAll(async () => {
  await makeAuthorities(join(shared(), 'pki'));
  await enrollAt(join(shared(), 'pki'), { now }, ['one'], { hook: 'true', overlap: 60_000 });
});
beforeEach(() => {
  cpSync(join(shared(), 'pki'), directory(), { recursive: true, verbatimSymlinks: true });
  clock.now = now;
});

const renew = (changes: Partial<RenewalOrder> = {}): Promise<Look> =>
  renewAll(renewalOrder(directory(), clock, changes));
const serial = (): string => serialHex(certificateOf(directory(), 'one').serialNumber);

function expectPair(): void {
  const [certificate, key] = [readFileSync(at('one/cert.pem')), readFileSync(at('one/key.pem'))];
  expect(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))).toBe(true);
}

/** What a script sees of a run: its exit status, and whether somebody is told what to do. */
function told({ error, look }: { error: unknown; look: Look | undefined }): {
  status: number;
  hints: readonly string[];
} {
  if (isMtlsctlError(error)) return { status: exitStatusOf(error), hints: error.hints };
  if (look === undefined) throw error;
  return { status: statusOfRenewals(look.entries), hints: look.entries.flatMap(entry => entry.error?.hints ?? []) };
}

describe('a fault at each file operation of a renewal', () => {
  it.each(['ENOSPC', 'EIO', 'EACCES'])(
    '%s: the old pair or the new one, told rightly, and healed by the next run',
    { timeout: 240_000 },
    async code => {
      let before = '';
      let look: Look | undefined;
      const outcomes = new Map<string, number>();
      const judge = async (run: FaultRun): Promise<void> => {
        expectPair();
        const { status, hints } = told({ error: run.error, look });
        const outcome = serial() === before ? 'old' : 'new';
        outcomes.set(`${outcome} ${status}`, (outcomes.get(`${outcome} ${status}`) ?? 0) + 1);
        if (status !== 0) expect(hints, JSON.stringify(run.failed)).not.toEqual([]);
        // What could not be done is not told as done.
        if (outcome === 'old') expect(status, JSON.stringify(run.failed)).not.toBe(0);
        const [line = ''] = summary(await renew());
        expect(line).toMatch(/^one: (not-due|renewed)/);
        expect(summary(await renew())).toEqual(['one: not-due']);
        expectPair();
        expect(existsSync(at('.renewal/one.key.pem'))).toBe(false);
        expect(readdirSync(at('one')).filter(name => name.startsWith('..next') || name === '..back')).toEqual([]);
      };
      const count = await withEachFault(
        code,
        () => {
          before = serial();
          look = undefined;
          clock.now += 120_000;
          return Promise.resolve(async () => {
            look = await renew({ force: true });
          });
        },
        judge,
      );
      expect(count).toBeGreaterThan(100);
      expect(
        [...outcomes.keys()].filter(key => !['new 0', 'new 3', 'old 3', 'new 7', 'old 5', 'old 6'].includes(key)),
      ).toEqual([]);
      expect(outcomes.get('old 3')).toBeGreaterThan(20);
    },
  );

  it('leaves what is in force where a rollback fails', { timeout: 240_000 }, async () => {
    await renew({ force: true });
    const count = await withEachFault(
      'EIO',
      async () => {
        await renew({ force: true });
        clock.now += 120_000;
        return () => rollBackAll(renewalOrder(directory(), clock, { services: ['one'] }));
      },
      () => {
        expectPair();
      },
    );
    expect(count).toBeGreaterThan(20);
  });
});

describe('a renewal that is killed', () => {
  it(
    'is gone on with at each change of files: one certificate is enough from when it is issued',
    { timeout: 240_000 },
    async () => {
      let number = 0;
      for (let isOver = false; !isOver; number += 1) {
        clock.now += 120_000;
        const issuedBefore = (await ledgerEntries(directory(), 'site-a')).length;
        isOver = !(await killedAt(number, () => renew({ force: true })));
        expectPair();
        const [line = ''] = summary(await renew());
        expect(line).toMatch(/^one: (not-due|renewed)/);
        expect(await readJournal(directory(), 'one')).not.toMatchObject({ state: 'issued' });
        expectPair();
        expect(existsSync(at('.renewal/one.key.pem'))).toBe(false);
        expect((await ledgerEntries(directory(), 'site-a')).length - issuedBefore).toBeLessThanOrEqual(1);
        expect(summary(await renew())).toEqual(['one: not-due']);
      }
      expect(number).toBeGreaterThan(30);
    },
  );

  it('has its certificate put in force, and its hook run, by the next run', async () => {
    let resumed = 0;
    const told = (): string => readFileSync(at('told'), 'utf8');
    const hook = `printf %s "$MTLSCTL_SERIAL" > '${at('told')}'`;
    for (let number = 0; number < 60; number += 1) {
      clock.now += 120_000;
      const before = serial();
      if (!(await killedAt(number, () => renew({ force: true, hook })))) break;
      const journal = await readJournal(directory(), 'one');
      const inForce = serial();
      const [line] = summary(await renew());
      if (journal?.state === 'issued' && inForce === before) {
        resumed += 1;
        expect(line).toBe('one: renewed (forced)');
        expect(serial()).toBe(journal.serial);
        // That which was given by --hook, though the next run was given none.
        expect(told()).toBe(journal.serial);
      }
      expect((await readJournal(directory(), 'one'))?.state ?? 'done').toBe('done');
    }
    expect(resumed).toBeGreaterThan(5);
  });
});

import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openAuthorityKey } from '../../src/authority/authority.ts';
import { readConfig } from '../../src/authority/configuration.ts';
import type { LedgerEvent } from '../../src/authority/ledger.ts';
import { readPublishedCrls } from '../../src/authority/trust.ts';
import { findTargets, type RevocationTarget } from '../../src/authority/revocation-targets.ts';
import { changeRevocations, type RevocationChange, type RevocationResult } from '../../src/authority/revoke.ts';
import { enrollService } from '../../src/deployment/enroll.ts';
import { serialFromHex, serialHex } from '../../src/x509/certificate.ts';
import { parseCrl, readCrls } from '../../src/x509/crl.ts';
import { crlNumber, invalidityDate, reasonCode } from '../../src/x509/extensions.ts';
import { enrolmentIn } from '../deployment/leaves.ts';
import { killedAt, withEachFault } from '../faults.ts';
import { sharedTemporaryDirectory, temporaryDirectory } from '../temporary.ts';
import { contentOf, day, ledgerEntries, ledgerOf, makeAuthorities, noPassphrase, now, pathsOf } from './pki.ts';

const shared = sharedTemporaryDirectory();
const temporary = temporaryDirectory();
const directory = (): string => join(temporary(), 'pki');
const services = ['one', 'two', 'three'] as const;
const serials = new Map<string, string>();

beforeAll(async () => {
  const pki = join(shared(), 'pki');
  await makeAuthorities(pki);
  for (const service of services) {
    const { certificate } = await enrollService(await enrolmentIn(pki), service);
    serials.set(service, serialHex(certificate.serialNumber));
  }
});
beforeEach(() => {
  rmSync(directory(), { recursive: true, force: true });
  cpSync(join(shared(), 'pki'), directory(), { recursive: true, verbatimSymlinks: true });
});

const serialOf = (service: string): string => serials.get(service) ?? '';
const keyCompromise: RevocationChange = { kind: 'revoke', reason: 1, isGiven: true, invalidityDate: undefined };
const hold: RevocationChange = { ...keyCompromise, reason: 6 };
const release: RevocationChange = { kind: 'release' };

async function change(
  target: RevocationTarget,
  change: RevocationChange = keyCompromise,
  at = now,
): Promise<RevocationResult> {
  const [targets] = await findTargets({ directory: directory(), target, authority: undefined, now: at });
  if (targets === undefined) throw new Error('nothing was found');
  return changeRevocations({
    ...{ directory: directory(), targets, change, now: at, acceptClock: false },
    config: await readConfig(directory()),
    signer: await openAuthorityKey(targets.authority, noPassphrase),
  });
}

const byService = (service: string): RevocationTarget => ({ kind: 'service', service });
const statuses = ({ outcomes }: RevocationResult): readonly string[] => outcomes.map(({ status }) => status);

/** What relying parties read, once from each place: all three have to be of one mind. */
async function listed(): Promise<readonly string[]> {
  const { crlDer, crlPem } = pathsOf(directory(), 'site-a');
  const name = parseCrl(readFileSync(crlDer)).issuer;
  const published = (await readPublishedCrls(directory())).filter(
    ({ issuer }) => Buffer.compare(issuer.der, name.der) === 0,
  );
  const crls = [parseCrl(readFileSync(crlDer)), ...readCrls(readFileSync(crlPem)), ...published];
  const views = crls.map(crl => [...crl.entries()].map(entry => serialHex(entry.serialNumber)).sort());
  expect(views).toHaveLength(3);
  expect(new Set(views.map(view => view.join())).size).toBe(1);
  return views[0] ?? [];
}

describe('changeRevocations', () => {
  it('is in the ledger, and in all that is published', async () => {
    const at = now - 5 * day;
    const result = await change(byService('one'), { ...keyCompromise, invalidityDate: at });
    expect(statuses(result)).toEqual(['revoked']);
    expect(await listed()).toEqual([serialOf('one')]);
    const entry = result.publication?.crl.find(serialFromHex(serialOf('one')));
    expect(entry && [reasonCode(entry), invalidityDate(entry), entry.revocationDate]).toEqual([1, at, now]);
    const [revoked, published] = (await ledgerEntries(directory(), 'site-a')).slice(-2);
    expect(revoked).toMatchObject({ event: 'revoked', serial: serialOf('one'), reason: 1 });
    expect(published).toMatchObject({ event: 'crl-published', number: 2, entries: 1 });
  });

  it('changes nothing a second time, and the first date stands', async () => {
    await change(byService('one'));
    const before = contentOf(directory());
    const again = await change(byService('one'), keyCompromise, now + day);
    expect([statuses(again), again.publication]).toEqual([['unchanged'], undefined]);
    expect(again.outcomes[0]?.revocation?.date).toBe(now);
    expect(contentOf(directory())).toEqual(before);
  });

  it('makes a hold final, with the date of the hold, and takes back no other', async () => {
    await change(byService('one'), hold);
    const result = await change(byService('one'), keyCompromise, now + day);
    expect(result.outcomes[0]?.revocation).toMatchObject({ date: now, reason: 1 });
    await expect(change(byService('one'), release, now + day)).rejects.toMatchObject({ code: 'policy-refused' });
    // and not back to a hold
    expect(statuses(await change(byService('one'), hold, now + day))).toEqual(['unchanged']);
  });

  it('takes a hold back', async () => {
    await change(byService('one'), hold);
    expect(statuses(await change(byService('one'), release))).toEqual(['released']);
    expect(await listed()).toEqual([]);
    expect(statuses(await change(byService('one'), release))).toEqual(['unchanged']);
  });

  it.each(['authorities/site-a/crl.pem', 'authorities/site-a/crl.der', 'crl.pem'])(
    'publishes what was recorded only, where %s lacks it',
    async file => {
      const old = readFileSync(join(directory(), file));
      await change(byService('one'));
      writeFileSync(join(directory(), file), old);
      const again = await change(byService('one'));
      expect([statuses(again), again.publication?.number]).toEqual([['unchanged'], 3]);
      expect(await listed()).toEqual([serialOf('one')]);
    },
  );

  it.each(['authorities/site-a/crl.pem', 'authorities/site-a/crl.der', 'crl.pem'])(
    'puts a damaged or missing %s right',
    async file => {
      await change(byService('one'));
      writeFileSync(join(directory(), file), 'garbage');
      expect((await change(byService('one'))).publication?.number).toBe(3);
      rmSync(join(directory(), file));
      expect((await change(byService('one'))).publication?.number).toBe(4);
      expect(await listed()).toEqual([serialOf('one')]);
      expect(await readPublishedCrls(directory())).toHaveLength(2);
    },
  );

  it('lists one that had expired when it was revoked, on one CRL', async () => {
    const target: RevocationTarget = { kind: 'serial', serial: serialOf('one') };
    expect(statuses(await change(target, keyCompromise, now + 100 * day))).toEqual(['revoked']);
    expect(await listed()).toEqual([serialOf('one')]);
    expect(statuses(await change({ kind: 'serial', serial: serialOf('one') }, keyCompromise, now + 101 * day))).toEqual(
      ['unchanged'],
    );
  });

  it('does nothing by a clock that is behind', async () => {
    await change(byService('one'), keyCompromise, now + day);
    const before = contentOf(directory());
    await expect(change(byService('two'), keyCompromise, now)).rejects.toMatchObject({ code: 'clock-wrong' });
    expect(contentOf(directory())).toEqual(before);
  });

  it('never publishes less than the last CRL had', async () => {
    const ledger = pathsOf(directory(), 'site-a').ledger;
    const old = readFileSync(ledger);
    await change(byService('one'));
    const before = readFileSync(join(directory(), 'crl.pem'));
    writeFileSync(ledger, old);
    await expect(change(byService('two'))).rejects.toMatchObject({
      code: 'ledger-corrupt',
      details: { serials: [serialOf('one')] },
    });
    expect(readFileSync(join(directory(), 'crl.pem'))).toEqual(before);
  });

  it('counts on from the CRL in force where the ledger is an old copy', async () => {
    const ledger = pathsOf(directory(), 'site-a').ledger;
    await change(byService('one'));
    const old = readFileSync(ledger);
    await change(byService('two'), hold);
    await change(byService('two'), release);
    writeFileSync(ledger, old);
    expect((await change(byService('three'))).publication?.number).toBe(5);
  });

  it('loses none of many at once', async () => {
    const events = Array.from({ length: 32 }, (_, i): LedgerEvent => ({
      event: 'issued',
      serial: (0xa000 + i).toString(16),
      ...{ service: `svc-${i}`, subject: `CN=svc-${i}`, names: [], profile: 'service', certificate: 'MAA=' },
      ...{ notBefore: '2026-11-22T00:00:00Z', notAfter: '2027-02-20T00:00:00Z' },
    }));
    await ledgerOf(directory(), 'site-a').append(events, now);
    const results = await Promise.all(events.map((_, i) => change(byService(`svc-${i}`))));
    expect(results.flatMap(statuses)).toEqual(Array(32).fill('revoked'));
    expect(await listed()).toEqual(events.map(event => 'serial' in event && event.serial));
    const numbers = results.map(({ publication }) => publication?.number ?? 0).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 32 }, (_, i) => i + 2));
  });

  it('is recorded once where it is asked for many times at once', async () => {
    const results = await Promise.all(Array.from({ length: 8 }, () => change(byService('one'))));
    expect(results.flatMap(statuses).sort()).toEqual(['revoked', ...Array<string>(7).fill('unchanged')].sort());
    expect((await ledgerEntries(directory(), 'site-a')).filter(({ event }) => event === 'revoked')).toHaveLength(1);
  });

  it('is what the last of any changes says', async () => {
    const step = fc.record({
      service: fc.constantFrom(...services),
      what: fc.constantFrom(keyCompromise, hold, release),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async steps => {
        rmSync(directory(), { recursive: true, force: true });
        cpSync(join(shared(), 'pki'), directory(), { recursive: true, verbatimSymlinks: true });
        const model = new Map<string, number>();
        for (const { service, what } of steps) {
          const present = model.get(service);
          const isRefused = what.kind === 'release' && present === 1;
          const outcome = change(byService(service), what);
          if (isRefused) await expect(outcome).rejects.toMatchObject({ code: 'policy-refused' });
          else await outcome;
          if (what.kind === 'release' && present === 6) model.delete(service);
          if (what.kind === 'revoke' && present !== 1) model.set(service, what.reason === 1 ? 1 : (present ?? 6));
        }
        expect(await listed()).toEqual([...model.keys()].map(serialOf).sort());
      }),
      { numRuns: 15 },
    );
  });
});

describe('a revocation that is interrupted', () => {
  /** The ledger is whole, every file is a complete CRL, the old or the new, and the next run does the rest. */
  async function expectWhole(): Promise<void> {
    const entries = await ledgerEntries(directory(), 'site-a');
    const isRecorded = entries.some(entry => entry.event === 'revoked');
    const numbers = entries.flatMap(entry => (entry.event === 'crl-published' ? [entry.number] : []));
    const { crlDer, crlPem } = pathsOf(directory(), 'site-a');
    const crls = [
      ...readCrls(readFileSync(crlDer)),
      ...readCrls(readFileSync(crlPem)),
      ...(await readPublishedCrls(directory())),
    ];
    expect(crls).toHaveLength(4);
    for (const crl of crls) {
      expect(numbers).toContain(Number(crlNumber(crl)));
      const isListed = crl.find(serialFromHex(serialOf('one'))) !== undefined;
      if (isListed) expect(isRecorded).toBe(true);
    }
    await change(byService('one'));
    expect(await listed()).toEqual([serialOf('one')]);
  }

  const fresh = (): (() => Promise<RevocationResult>) => {
    rmSync(directory(), { recursive: true, force: true });
    cpSync(join(shared(), 'pki'), directory(), { recursive: true, verbatimSymlinks: true });
    return () => change(byService('one'));
  };

  it('leaves all whole when any operation fails', async () => {
    const count = await withEachFault(
      'ENOSPC',
      () => Promise.resolve(fresh()),
      async ({ error }) => {
        if (error === undefined) expect(await listed()).toEqual([serialOf('one')]);
        await expectWhole();
      },
    );
    expect(count).toBeGreaterThan(50);
  });

  it('leaves all whole wherever it is killed', async () => {
    let seen = 0;
    for (let number = 0; await killedAt(number, fresh()); number += 1) {
      seen = number;
      await expectWhole();
    }
    expect(seen).toBeGreaterThan(20);
  });
});

describe('findTargets', () => {
  const find = (target: RevocationTarget, changes: object = {}) =>
    findTargets({ directory: directory(), target, authority: undefined, now, ...changes });

  it('finds every certificate of a service that has not expired, its files or none', async () => {
    await enrollService(await enrolmentIn(directory(), {}, { force: true }), 'one');
    rmSync(join(directory(), 'one'), { recursive: true });
    const [targets] = await find(byService('one'));
    expect(targets?.certificates.map(({ issued }) => issued.service)).toEqual(['one', 'one']);
    const [later] = await find(byService('one'), { now: now + 100 * day });
    expect(later?.certificates).toEqual([]);
  });

  it.each<[string, RevocationTarget]>([
    ['a serial that nobody issued', { kind: 'serial', serial: '0123' }],
    ['a service that nobody knows', byService('nobody')],
    ['a key that nobody certified', { kind: 'many', issuedBefore: undefined, spki: 'ab'.repeat(32) }],
  ])('refuses %s', async (_, target) => {
    await expect(find(target)).rejects.toMatchObject({ code: 'not-issued' });
  });

  it('refuses a lost ledger, instead of finding nothing in it', async () => {
    rmSync(pathsOf(directory(), 'site-a').ledger);
    await expect(find(byService('one'))).rejects.toMatchObject({ code: 'ledger-corrupt' });
  });
});

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadAuthority, openAuthorityKey } from '../../src/authority/authority.ts';
import { checkCrls } from '../../src/authority/check-crls.ts';
import { readConfig } from '../../src/authority/configuration.ts';
import { type CrlPublication, publishCrl, withCrlLock } from '../../src/authority/crl.ts';
import type { LedgerEvent } from '../../src/authority/ledger.ts';
import { importCrls } from '../../src/authority/import-crls.ts';
import { requestIntermediate } from '../../src/authority/intermediate-request.ts';
import { type CrlRebuild, type RebuiltCrl, rebuildCrls } from '../../src/authority/rebuild-crls.ts';
import { readPublishedCrls } from '../../src/authority/trust.ts';
import { serialHex } from '../../src/x509/certificate.ts';
import { parseCrl, readCrls } from '../../src/x509/crl.ts';
import { authorityKeyIdentifier, crlNumber, reasonCode, subjectKeyIdentifier } from '../../src/x509/extensions.ts';
import { killedAt, withEachFault } from '../faults.ts';
import { temporaryDirectory } from '../temporary.ts';
import { day, intermediateOrder, ledgerEntries, ledgerOf, makeAuthorities, noPassphrase, now, pathsOf } from './pki.ts';

const temporary = temporaryDirectory();
const directory = (): string => join(temporary(), 'pki');
const iso = (milliseconds: number): string => new Date(milliseconds).toISOString().replace('.000Z', 'Z');

beforeEach(() => makeAuthorities(directory()));

const revoked = (serial: string, changes: Partial<Extract<LedgerEvent, { event: 'revoked' }>> = {}): LedgerEvent => ({
  event: 'revoked',
  serial,
  reason: 1,
  date: iso(now),
  notAfter: iso(now + 90 * day),
  ...changes,
});

const record = (...events: readonly LedgerEvent[]) => ledgerOf(directory(), 'site-a').append(events, now);

async function publish(at = now, validity = day): Promise<CrlPublication> {
  const authority = await loadAuthority(directory(), 'site-a');
  const { certificate, paths } = authority;
  const signer = await openAuthorityKey(authority, noPassphrase);
  return publishCrl({ certificate, paths, ledger: ledgerOf(directory(), 'site-a'), signer, now: at, validity });
}

const serialsOf = ({ crl }: CrlPublication): readonly string[] =>
  [...crl.entries()].map(entry => serialHex(entry.serialNumber));

describe('publishCrl', () => {
  it('follows the last number, names the authority’s key, and ends as asked', async () => {
    const { crl, number, nextUpdate } = await publish(now + 1234, 3 * day);
    expect([number, crlNumber(crl)]).toEqual([2, 2n]);
    expect(crl.thisUpdate).toBe(now + 1000);
    expect([crl.nextUpdate, nextUpdate]).toEqual([now + 1000 + 3 * day, now + 1000 + 3 * day]);
    const { certificate } = await loadAuthority(directory(), 'site-a');
    expect(authorityKeyIdentifier(crl)?.keyIdentifier).toEqual(subjectKeyIdentifier(certificate));
  });

  it('ends with its authority at the latest, unless that has ended', async () => {
    const { certificate } = await loadAuthority(directory(), 'site-a');
    const { crl } = await publish(now, 20 * 365 * day);
    expect(crl.nextUpdate).toBe(certificate.notAfter);
    const last = await publish(certificate.notAfter - 3_600_000);
    expect(last.nextUpdate).toBe(certificate.notAfter);
    expect((await publish(certificate.notAfter)).nextUpdate).toBe(certificate.notAfter + day);
  });

  it('is the same in both forms, and in the ledger before', async () => {
    const { crl } = await publish();
    const paths = pathsOf(directory(), 'site-a');
    expect(parseCrl(readFileSync(paths.crlDer)).der).toEqual(crl.der);
    expect(readCrls(readFileSync(paths.crlPem)).map(each => each.der)).toEqual([crl.der]);
    expect((await ledgerEntries(directory(), 'site-a')).at(-1)).toMatchObject({ event: 'crl-published', number: 2 });
  });

  it('lists what is revoked with its reason, and not what was released', async () => {
    await record(revoked('0a'), revoked('0b', { reason: 6 }), revoked('0c'), { event: 'released', serial: '0b' });
    const publication = await publish();
    expect(serialsOf(publication)).toEqual(['0a', '0c']);
    expect([...publication.crl.entries()].map(reasonCode)).toEqual([1, 1]);
  });

  it('keeps an entry until it was on one CRL after its certificate had expired', async () => {
    await record(revoked('0a', { notAfter: iso(now + 10 * day) }), revoked('0b'));
    expect(serialsOf(await publish(now + 9 * day))).toEqual(['0a', '0b']);
    expect(serialsOf(await publish(now + 11 * day))).toEqual(['0a', '0b']);
    expect(serialsOf(await publish(now + 12 * day))).toEqual(['0b']);
    expect(serialsOf(await publish(now + 13 * day))).toEqual(['0b']);
  });

  it('lists what was revoked after it had expired, once', async () => {
    await publish(now + 20 * day);
    await record(revoked('0a', { notAfter: iso(now + 10 * day) }));
    expect(serialsOf(await publish(now + 21 * day))).toEqual(['0a']);
    expect(serialsOf(await publish(now + 22 * day))).toEqual([]);
  });

  it('never loses an entry that has not expired, whatever happens in between', async () => {
    let run = 0;
    const step = fc.record({ serial: fc.integer({ min: 16, max: 40 }), life: fc.integer({ min: 0, max: 20 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async steps => {
        run += 1;
        const authority = await loadAuthority(directory(), 'site-a');
        const before = await publish(now + run * 20 * day);
        const fresh = steps.filter(({ serial }) => !serialsOf(before).includes(serial.toString(16)));
        await record(
          ...fresh.map(({ serial, life }) =>
            revoked(serial.toString(16), { notAfter: iso(now + (run * 20 + life) * day) }),
          ),
        );
        const after = serialsOf(await publish(now + (run * 20 + 10) * day));
        expect(after).toEqual(expect.arrayContaining(fresh.map(({ serial }) => serial.toString(16))));
        expect(authority.name).toBe('site-a');
      }),
      { numRuns: 10 },
    );
  });

  it('numbers one after the other where several publish at once', async () => {
    const publications = await Promise.all(
      Array.from({ length: 5 }, () => withCrlLock(directory(), 'site-a', () => publish())),
    );
    expect(publications.map(each => each.number)).toEqual([2, 3, 4, 5, 6]);
  });

  it('has the old CRL or the new one in force when any operation fails, and never one that the ledger does not know', async () => {
    let count = 0;
    const prepare = () => {
      count += 1;
      return Promise.resolve(() => publish(now + count * 1000));
    };
    await withEachFault('ENOSPC', prepare, async () => {
      const entries = await ledgerEntries(directory(), 'site-a');
      const known = entries.flatMap(entry => (entry.event === 'crl-published' ? [BigInt(entry.number)] : []));
      const crl = parseCrl(readFileSync(pathsOf(directory(), 'site-a').crlDer));
      expect(known).toContain(crlNumber(crl));
    });
  });
});

describe('rebuildCrls', () => {
  const publicationsOf = (rebuilt: readonly RebuiltCrl[]): readonly CrlPublication[] =>
    rebuilt.flatMap(each => (each.status === 'published' ? each.publications : []));
  const nextUpdates = (rebuilt: readonly RebuiltCrl[]): readonly number[] =>
    publicationsOf(rebuilt).map(({ nextUpdate }) => nextUpdate);
  const rebuild = async (changes: Partial<CrlRebuild> = {}): Promise<readonly RebuiltCrl[]> =>
    (await run(changes)).rebuilt;
  const run = async (changes: Partial<CrlRebuild> = {}) =>
    rebuildCrls({
      directory: directory(),
      config: await readConfig(directory()),
      authorities: [],
      kind: { kind: 'complete' },
      validity: undefined,
      acceptClock: false,
      now,
      passphrase: noPassphrase,
      ...changes,
    });

  it('publishes one for every authority whose key is here', async () => {
    await record(revoked('0a'));
    const published = await rebuild({ now: now + day });
    expect(published.map(({ name }) => name)).toEqual(['root', 'site-a']);
    expect(nextUpdates(published)).toEqual([now + 181 * day, now + 2 * day]);
    const crls = await readPublishedCrls(directory());
    expect(crls.map(crl => [crlNumber(crl), crl.revokedCount])).toEqual([
      [2n, 0],
      [2n, 1],
    ]);
  });

  it('publishes only those that are named, as long valid as asked', async () => {
    const published = await rebuild({ authorities: ['site-a'], validity: 3 * day });
    expect(nextUpdates(published)).toEqual([now + 3 * day]);
    expect((await readPublishedCrls(directory())).map(crlNumber)).toEqual([1n, 2n]);
  });

  it('passes over an authority that waits for its certificate', async () => {
    await requestIntermediate(await intermediateOrder(directory(), { name: 'site-b' }), undefined);
    expect((await rebuild()).map(({ name }) => name)).toEqual(['root', 'site-a']);
    await expect(rebuild({ authorities: ['site-b'] })).rejects.toMatchObject({ code: 'authority-missing' });
  });

  it('refuses where there is no key at all', async () => {
    await expect(rebuild({ directory: temporary() })).rejects.toMatchObject({ code: 'authority-missing' });
  });

  it('leaves the newest in force where several rebuild at once', async () => {
    const runs = await Promise.all(Array.from({ length: 4 }, () => rebuild({ authorities: ['site-a'] })));
    const numbers = publicationsOf(runs.flat()).map(({ number }) => number);
    expect([...numbers].sort()).toEqual([2, 3, 4, 5]);
    expect((await readPublishedCrls(directory())).map(crlNumber).sort()).toEqual([1n, 5n]);
  });
});

describe('a run that is interrupted', () => {
  /** Ledger whole, each file a complete CRL that the ledger knows, and the next run puts all right. */
  async function expectWhole(at: number): Promise<void> {
    const entries = await ledgerEntries(directory(), 'site-a');
    const known = entries.flatMap(entry => (entry.event === 'crl-published' ? [BigInt(entry.number)] : []));
    const { crlDer, crlPem } = pathsOf(directory(), 'site-a');
    const own = [...readCrls(readFileSync(crlDer)), ...readCrls(readFileSync(crlPem))];
    for (const crl of own) expect(known).toContain(crlNumber(crl));
    expect(await readPublishedCrls(directory())).toHaveLength(2);
    const order = { directory: directory(), authorities: ['site-a'], minRemaining: 0, now: at };
    await rebuildCrls({ ...(await rebuildOrder()), now: at });
    expect((await checkCrls(order)).flatMap(({ problems }) => problems)).toEqual([]);
  }

  const rebuildOrder = async (): Promise<CrlRebuild> => ({
    ...{ directory: directory(), config: await readConfig(directory()), authorities: ['site-a'] },
    ...{ kind: { kind: 'complete' }, validity: undefined, acceptClock: false, now, passphrase: noPassphrase },
  });

  it.each<CrlRebuild['kind']>([{ kind: 'complete' }, { kind: 'series', count: 3, every: day }])(
    'leaves all whole when any operation of $kind fails',
    async kind => {
      let at = now;
      const count = await withEachFault(
        'ENOSPC',
        async () => {
          at += 1000;
          const order = { ...(await rebuildOrder()), kind, now: at };
          return () => rebuildCrls(order);
        },
        () => expectWhole((at += 1000)),
      );
      expect(count).toBeGreaterThan(30);
    },
  );

  it('leaves all whole wherever it is killed', async () => {
    let seen = 0;
    const at = (number: number): number => now + (2 * number + 1) * 1000;
    const orders = await rebuildOrder();
    for (let number = 0; await killedAt(number, () => rebuildCrls({ ...orders, now: at(number) })); number += 1) {
      seen = number;
      await expectWhole(at(number) + 1000);
    }
    expect(seen).toBeGreaterThan(10);
  });

  it('takes an import back to the CRL before, or has it', async () => {
    const file = join(temporary(), 'next.pem');
    const old = readFileSync(join(directory(), 'crl.pem'));
    const before = readFileSync(pathsOf(directory(), 'site-a').crlPem);
    await rebuildCrls({ ...(await rebuildOrder()), now: now + 1000 });
    writeFileSync(file, readFileSync(pathsOf(directory(), 'site-a').crlPem));
    const order = { directory: directory(), path: file, untrusted: undefined, now: now + 1000 };
    const prepare = () => {
      const { crlDer, crlPem } = pathsOf(directory(), 'site-a');
      writeFileSync(join(directory(), 'crl.pem'), old);
      writeFileSync(crlPem, before);
      writeFileSync(crlDer, readCrls(before)[0]?.der ?? new Uint8Array());
      return Promise.resolve(() => importCrls(order));
    };
    await withEachFault('EIO', prepare, async () => {
      for (const crl of await readPublishedCrls(directory())) expect([1n, 2n]).toContain(crlNumber(crl));
      await importCrls(order);
      expect((await readPublishedCrls(directory())).map(crlNumber).sort()).toEqual([1n, 2n]);
    });
  });
});

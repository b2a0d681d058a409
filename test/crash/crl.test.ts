import { randomInt } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { checkLedgerFile } from '../authority/hash-chain.ts';
import type { LedgerEvent } from '../../src/authority/ledger.ts';
import { readPublishedCrls } from '../../src/authority/trust.ts';
import { serialHex } from '../../src/x509/certificate.ts';
import { type Crl, readCrls } from '../../src/x509/crl.ts';
import { crlNumber } from '../../src/x509/extensions.ts';
import { ledgerEntries, ledgerOf, makeAuthorities, pathsOf } from '../authority/pki.ts';
import { sharedTemporaryDirectory } from '../temporary.ts';
import { buildDriver, doneBy, type Driver, startDriver, times } from './processes.ts';

const shared = sharedTemporaryDirectory();
const services = 400;
let driver = '';
let made = '';

beforeAll(async () => {
  driver = await buildDriver(shared());
  made = join(shared(), 'pki');
  await makeAuthorities(made);
  const events = Array.from({ length: services }, (_, i): LedgerEvent => ({
    ...{ event: 'issued', serial: (0xa000 + i).toString(16), service: `svc-${i}`, subject: `CN=svc-${i}` },
    ...{ names: [], profile: 'service', certificate: 'MAA=' },
    ...{ notBefore: '2026-11-22T00:00:00Z', notAfter: '2036-11-22T00:00:00Z' },
  }));
  await ledgerOf(made, 'site-a').append(events, Date.now());
});

function fresh(): string {
  const directory = mkdtempSync(join(shared(), 'case-'));
  cpSync(made, directory, { recursive: true });
  return directory;
}

/** All that is published, which has to be complete CRLs: reading throws otherwise. */
async function publishedIn(directory: string): Promise<readonly Crl[]> {
  const { crlDer, crlPem } = pathsOf(directory, 'site-a');
  const published = await readPublishedCrls(directory);
  expect(published).toHaveLength(2);
  const [own] = readCrls(readFileSync(crlDer));
  const site = published.filter(({ issuer }) => Buffer.compare(issuer.der, own?.issuer.der ?? Buffer.alloc(0)) === 0);
  return [...readCrls(readFileSync(crlDer)), ...readCrls(readFileSync(crlPem)), ...site];
}

const numbersIn = async (directory: string): Promise<readonly number[]> =>
  (await ledgerEntries(directory, 'site-a')).flatMap(entry => (entry.event === 'crl-published' ? [entry.number] : []));

async function finish(directory: string, work: string, ...args: readonly (number | string)[]): Promise<Driver> {
  const last = startDriver(driver, work, directory, ...args);
  expect(await last.ended).toBe(0);
  return last;
}

it('gives each of a thousand rebuilds a greater number, through 40 kills', async () => {
  const directory = fresh();
  const drivers: Driver[] = [];
  const each = 25;
  await times(40, 2, async () => {
    const child = startDriver(driver, 'rebuild', directory, '', 10_000);
    drivers.push(child);
    // The first line says that it has started.
    await child.lines(1 + each);
    child.process.kill('SIGKILL');
    expect(await child.ended).toBe('SIGKILL');
  });
  drivers.push(await finish(directory, 'rebuild', '', 1));
  const numbers = await numbersIn(directory);
  expect(numbers.length).toBeGreaterThan(1000);
  expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  const told = drivers.map(child => doneBy(child).map(Number));
  expect(told.flat().length).toBeGreaterThanOrEqual(1000);
  expect(new Set(told.flat()).size).toBe(told.flat().length);
  for (const sequence of told) expect(sequence).toEqual([...sequence].sort((a, b) => a - b));
  const last = numbers.at(-1) ?? 0;
  expect((await publishedIn(directory)).map(crl => Number(crlNumber(crl)))).toEqual([last, last, last]);
  expect(leftovers(directory)).toEqual([]);
}, 600_000);

it('keeps every revocation that was told of, and whole files at every kill', async () => {
  const directory = fresh();
  const told: string[] = [];
  let next = 0;
  await times(40, 2, async () => {
    const first = next;
    next += 10;
    const child = startDriver(driver, 'revoke', directory, first, 10);
    await child.lines(1 + randomInt(4));
    for (let turns = randomInt(40); turns > 0; turns -= 1) await new Promise(setImmediate);
    child.process.kill('SIGKILL');
    await child.ended;
    told.push(...doneBy(child));
    // What is published has been in the ledger before.
    const crls = await publishedIn(directory);
    const numbers = await numbersIn(directory).catch(() => undefined);
    for (const crl of crls) {
      const listed = new Set([...crl.entries()].map(entry => serialHex(entry.serialNumber)));
      if (numbers !== undefined) expect(numbers).toContain(Number(crlNumber(crl)));
      expect(listed.size).toBe(crl.revokedCount);
    }
  });
  // What was begun is done by doing it again.
  await finish(directory, 'revoke', 0, services);
  expect(checkLedgerFile(pathsOf(directory, 'site-a').ledger)).toMatchObject({ fault: undefined, torn: undefined });
  const revoked = (await ledgerEntries(directory, 'site-a')).flatMap(entry =>
    entry.event === 'revoked' ? [entry.serial] : [],
  );
  expect(revoked).toHaveLength(services);
  expect(new Set(revoked).size).toBe(services);
  expect(told.filter(serial => !revoked.includes(serial))).toEqual([]);
  for (const crl of await publishedIn(directory)) expect(crl.revokedCount).toBe(services);
  expect(leftovers(directory)).toEqual([]);
}, 600_000);

/** What a killed process began and nobody has tidied up. */
function leftovers(directory: string): readonly string[] {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  return names.filter(name => name.endsWith('.tmp'));
}

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { renewalShare, renewalTime } from '../../src/deployment/decision.ts';
import { readJournal } from '../../src/deployment/journal.ts';
import { type Look, renewAll } from '../../src/renewal/look.ts';
import { ledgerEntries, makeIntermediate, makeRoot, now } from '../authority/pki.ts';
import { temporaryDirectory } from '../temporary.ts';
import { certificateOf, type Clock, enrollAt, renewalOrder, summary } from './pki.ts';

const day = 86_400_000;
const year = 365 * day;
const temporary = temporaryDirectory();

const acted = (look: Look): readonly string[] => summary(look).filter(line => !line.endsWith(': not-due'));

const { fsync } = fs;

/** What is durable is asked elsewhere; thousands of renewals wait for the device tens of thousands of times. */
beforeAll(() => {
  fs.fsync = ((_file: number, done: (error: null) => void) => {
    done(null);
  }) as typeof fsync;
  syncBuiltinESMExports();
});
afterAll(() => {
  fs.fsync = fsync;
  syncBuiltinESMExports();
});

it(
  'renews 200 services through three years, each at its time and alone, and none ever ends',
  { timeout: 600_000 },
  async () => {
    const directory = join(temporary(), 'pki');
    await makeRoot(directory, { validity: 20 * year });
    await makeIntermediate(directory, { validity: 10 * year });
    const clock: Clock = { now };
    const services = Array.from({ length: 200 }, (_, number) => `svc-${number}`);
    await enrollAt(directory, clock, services);
    const timeOf = (service: string): number =>
      renewalTime(certificateOf(directory, service), renewalShare(2 / 3, service, 'node-1'));
    const schedule = new Map(services.map(service => [service, timeOf(service)]));
    const renewals = new Map(services.map(service => [service, 0]));
    const instants: number[] = [];
    for (;;) {
      const [next, at] = [...schedule].reduce((a, b) => (b[1] < a[1] ? b : a));
      if (at > now + 3 * year) break;
      // All are looked at now and then, a moment before: none is due. At the moment it is this one alone.
      const isFull = instants.length % 10 === 0;
      clock.now = at - 1;
      if (isFull) expect(acted(await renewAll(renewalOrder(directory, clock)))).toEqual([]);
      clock.now = at;
      const look = await renewAll(renewalOrder(directory, clock, { services: isFull ? [] : [next] }));
      expect(acted(look)).toEqual([`${next}: renewed (renewal-time-reached)`]);
      expect(look.entries.every(({ notAfter = '' }) => Date.parse(notAfter) > at + 25 * day)).toBe(true);
      instants.push(at);
      renewals.set(next, (renewals.get(next) ?? 0) + 1);
      schedule.set(next, timeOf(next));
    }
    expect(new Set(instants).size).toBe(instants.length);
    // 90 days, renewed after 55.5 to 60 of them.
    expect(Math.min(...renewals.values())).toBeGreaterThanOrEqual(18);
    expect(Math.max(...renewals.values())).toBeLessThanOrEqual(19);
    for (const service of services) {
      expect((await readJournal(directory, service))?.counters).toEqual({
        renewals: renewals.get(service),
        failures: 0,
        hookFailures: 0,
      });
    }
    const issued = (await ledgerEntries(directory, 'site-a')).filter(({ event }) => event === 'issued');
    expect(issued).toHaveLength(services.length + instants.length);
  },
);

import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readJournal, readRunState } from '../../src/deployment/journal.ts';
import { withLock } from '../../src/lock.ts';
import { lockDirectory } from '../../src/lock-directory.ts';
import { type DaemonOrder, lookOnce, stay } from '../../src/renewal/daemon.ts';
import { formatLogLine } from '../../src/renewal/log.ts';
import { noteRun } from '../../src/renewal/run-state.ts';
import { serialHex } from '../../src/x509/certificate.ts';
import { makeAuthorities, now } from '../authority/pki.ts';
import { type FakeSystem, fakeSystem } from '../fake-system.ts';
import { sharedTemporaryDirectory, temporaryDirectory } from '../temporary.ts';
import { certificateOf, type Clock, enrollAt, renewalOrder } from './pki.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const shared = sharedTemporaryDirectory();
const temporary = temporaryDirectory();
const directory = (): string => join(temporary(), 'pki');
const at = (...names: readonly string[]): string => join(directory(), ...names);
let clock: Clock = { now };

beforeAll(async () => {
  await makeAuthorities(join(shared(), 'pki'));
  await enrollAt(join(shared(), 'pki'), { now }, ['one', 'two']);
});
beforeEach(() => {
  cpSync(join(shared(), 'pki'), directory(), { recursive: true, verbatimSymlinks: true });
  clock = { now };
});

interface World {
  readonly order: DaemonOrder;
  readonly system: FakeSystem;
  readonly log: string[];
  readonly sleeps: number[];
}

/** A daemon whose sleeps take no time; `tick` is called with the number of each, and ends the run with SIGTERM when it returns true. */
function daemon(tick: (number: number, world: World) => boolean, changes: Partial<DaemonOrder> = {}): World {
  const [log, sleeps]: [string[], number[]] = [[], []];
  const system = fakeSystem({
    args: [],
    now: () => clock.now,
    sleep: async ms => {
      sleeps.push(ms);
      clock.now += ms;
      if (tick(sleeps.length, world)) system.signal('SIGTERM');
      await new Promise(setImmediate);
    },
  });
  const order: DaemonOrder = {
    ...renewalOrder(directory(), clock, { isPatient: true }),
    now: () => clock.now,
    ...{ system, interval: 15 * minute },
    log: line => log.push(formatLogLine(line).trimEnd()),
    lookedAt: (look, startedAt) => noteRun(directory(), look, { startedAt, finishedAt: clock.now }),
    ...changes,
  };
  const world = { order, system, log, sleeps };
  return world;
}

const serialOf = (service: string): string => serialHex(certificateOf(directory(), service).serialNumber);
const counts = (log: readonly string[], pattern: RegExp): number => log.filter(line => pattern.test(line)).length;

describe('the resident daemon', () => {
  it('looks at once and then every interval, never sleeps longer than a minute, and ends at SIGTERM', async () => {
    const { order, log, sleeps } = daemon(number => number === 100);
    await stay(order);
    expect(log[0]).toBe(`<6>mtlsctl: renews what is due in ${directory()}, looking every 15m`);
    expect(log.at(-1)).toBe('<6>mtlsctl: ends');
    expect(Math.max(...sleeps)).toBe(minute);
    // A hundred minutes, with a look every 13.5 to 16.5 of them.
    expect(counts(log, /2 not-due; the next renewal is from/)).toBeGreaterThanOrEqual(7);
    expect(counts(log, /2 not-due/)).toBeLessThanOrEqual(8);
    expect(log.every(line => /^<[3-6]>mtlsctl: /.test(line))).toBe(true);
    expect(await readRunState(directory())).toMatchObject({ services: { 'not-due': 2 } });
  });

  it('renews each service once its time has come, and says so in one line', async () => {
    const before = serialOf('one');
    clock.now = now + 54 * day;
    const { order, log } = daemon(number => number === 8 * 24 * 60, { interval: 6 * hour });
    await stay(order);
    expect(
      counts(log, /^<5>mtlsctl: one: renewed \(renewal-time-reached\); serial [0-9a-f]+; before [0-9a-f]+; expires/),
    ).toBe(1);
    expect(counts(log, /two: renewed/)).toBe(1);
    expect(serialOf('one')).not.toBe(before);
    expect(await readJournal(directory(), 'one')).toMatchObject({
      state: 'done',
      counters: { renewals: 1, failures: 0 },
    });
  });

  it('looks at SIGHUP', async () => {
    const { order, log } = daemon((number, { system }) => {
      if (number === 3) {
        writeFileSync(at('one/service.yaml'), 'profile: service\nauthority: site-a\ndns: [new.example]\n');
        system.signal('SIGHUP');
      }
      return number === 5;
    });
    await stay(order);
    expect(counts(log, /one: renewed \(names-changed\)/)).toBe(1);
  });

  it('ends at SIGINT too', async () => {
    const { order, log } = daemon((number, { system }) => {
      if (number === 2) system.signal('SIGINT');
      return number > 20;
    });
    await stay(order);
    expect(log.at(-1)).toBe('<6>mtlsctl: ends');
  });

  it('tries each service that failed again on its own, after growing pauses, and the others as ever', async () => {
    const marks = at('attempts');
    writeFileSync(
      at('one/service.yaml'),
      `profile: service\nauthority: site-a\nhook: "echo x >> ${marks}; exit 1"\ndns: [a.example]\n`,
    );
    const { order, log } = daemon(number => number === 240);
    await stay(order);
    // At 0, 1, 3, 7, 15, 31, 63, 123 and 183 minutes: one certificate, and no attempt in between.
    const attempts = readFileSync(marks, 'utf8').split('\n').length - 1;
    expect(attempts).toBeGreaterThanOrEqual(8);
    expect(attempts).toBeLessThanOrEqual(10);
    expect(await readJournal(directory(), 'one')).toMatchObject({
      ...{ state: 'live', attempts, failure: { code: 'hook-failed' } },
      counters: { renewals: 1, hookFailures: attempts },
    });
    expect(counts(log, /two: /)).toBe(0);
    expect(counts(log, /^<3>mtlsctl: one: hook-failed/)).toBeGreaterThanOrEqual(attempts);
  });

  it('is told from a secret: nothing of a key is in the log', async () => {
    writeFileSync(at('one/key.pem'), 'garbage');
    const { order, log } = daemon(number => number === 2);
    await stay(order);
    expect(log.join('\n')).toMatch(/one: renewed \(unreadable\)/);
    expect(log.join('\n')).not.toMatch(/PRIVATE KEY/);
  });

  it('waits for a PKI directory that vanishes, and goes on when it is back', async () => {
    const away = join(temporary(), 'away');
    const { order, log } = daemon(number => {
      if (number === 3) renameSync(directory(), away);
      if (number === 40) renameSync(away, directory());
      return number === 45;
    });
    await stay(order);
    expect(counts(log, /^<3>mtlsctl: error: the PKI directory .* is not there, and is waited for \[not-found\]/)).toBe(
      1,
    );
    const gone = log.findIndex(line => line.includes('waited for'));
    expect(counts(log.slice(gone), /2 not-due/)).toBeGreaterThan(0);
  });

  it('goes on where another directory has taken its place', async () => {
    const { order, log } = daemon(number => {
      if (number === 3) {
        cpSync(directory(), join(temporary(), 'other'), { recursive: true, verbatimSymlinks: true });
        rmSync(directory(), { recursive: true });
        renameSync(join(temporary(), 'other'), directory());
      }
      return number === 8;
    });
    await stay(order);
    expect(counts(log, /2 not-due/)).toBe(2);
  });

  it('says what is wrong with mtlsctl.yaml, tries again, and goes on when that is right', async () => {
    const good = readFileSync(at('mtlsctl.yaml'));
    writeFileSync(at('mtlsctl.yaml'), 'nonsense: 1\n');
    const { order, log } = daemon(number => {
      if (number === 10) writeFileSync(at('mtlsctl.yaml'), good);
      return number === 30;
    });
    await stay(order);
    expect(counts(log, /^<3>mtlsctl: error: .*unknown key 'nonsense'.*the next look is at/)).toBe(4);
    expect(counts(log, /2 not-due/)).toBeGreaterThan(0);
  });

  it('sees a machine that slept, and renews what ended meanwhile at once', async () => {
    const { order, log } = daemon(number => {
      if (number === 3) clock.now += 100 * day;
      return number === 5;
    });
    await stay(order);
    expect(counts(log, /<5>mtlsctl: the clock went forward by 100d, to .*: it was set, or this machine slept/)).toBe(1);
    expect(counts(log, /(one|two): renewed \(expired\)/)).toBe(2);
  });

  it('sees a clock that is set back, issues nothing with it, and keeps what is installed', async () => {
    const before = serialOf('one');
    writeFileSync(at('two/service.yaml'), 'profile: service\nauthority: site-a\ndns: [new.example]\n');
    clock.now = now - 3 * 365 * day;
    const { order, log } = daemon(number => {
      if (number === 240) clock.now = now + hour;
      return number === 242;
    });
    await stay(order);
    expect(
      counts(log, /<4>mtlsctl: warning: the clock says 2023-.* was made 2y364d23h\S+ later, at 2026-/),
    ).toBeGreaterThan(0);
    expect(serialOf('one')).toBe(before);
    // No storm: growing pauses, as for every failure; and all is well once the clock is right.
    expect(counts(log, /one: /)).toBe(0);
    expect(counts(log, /two: renewed/)).toBe(1);
    expect((await readJournal(directory(), 'two'))?.counters.failures).toBeLessThan(15);
  });

  it('does not fall asleep for good where the clock goes back under it', async () => {
    const { order, log } = daemon(number => {
      if (number === 5) clock.now -= 400 * day;
      return number === 60;
    });
    await stay(order);
    expect(counts(log, /the clock was set back by 1y35d/)).toBe(1);
    expect(counts(log, /2 not-due/)).toBeGreaterThanOrEqual(4);
  });

  it('finishes what it is doing when it is told to end', async () => {
    writeFileSync(at('one/service.yaml'), 'profile: service\nauthority: site-a\nhook: sleep 0.3\ndns: [new.example]\n');
    const world = daemon(() => true);
    const running = stay(world.order);
    await expect
      .poll(async () => (await readJournal(directory(), 'one').catch(() => undefined))?.runner, { interval: 5 })
      .toBeDefined();
    world.system.signal('SIGTERM');
    await running;
    expect(await readJournal(directory(), 'one')).toMatchObject({ state: 'done', hook: { exitStatus: 0 } });
  });

  it('lets a second one end, and says why', async () => {
    const second = daemon(() => true);
    await withLock(lockDirectory(directory(), 'renewal'), async () => {
      await stay(second.order);
      expect(await lookOnce(second.order)).toBeUndefined();
    });
    expect(second.log).toEqual([
      `<6>mtlsctl: unattended renewal is locked by process ${process.pid} on ${hostOf(second.log[0])}, which looks after renewal: nothing is done here`,
      second.log[0],
    ]);
  });

  it('keeps its memory through 10,000 ticks', { timeout: 120_000 }, async () => {
    const used: number[] = [];
    const { order, log } = daemon(number => {
      log.length = 0;
      if (number % 1000 === 0) {
        (globalThis as { gc?: () => void }).gc?.();
        used.push(process.memoryUsage().heapUsed);
      }
      return number === 10_000;
    });
    await stay(order);
    expect(used).toHaveLength(10);
    // Garbage is collected when Node likes: what counts is that nothing is added up from look to look.
    expect(Math.min(...used.slice(5))).toBeLessThan(Math.max(...used.slice(0, 5)) + 8_000_000);
  });
});

const hostOf = (line = ''): string => / on ([^,]+),/.exec(line)?.[1] ?? '';

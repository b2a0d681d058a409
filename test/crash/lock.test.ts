import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { checkLedgerFile } from '../authority/hash-chain.ts';
import { Ledger } from '../../src/authority/ledger.ts';
import { withLock } from '../../src/lock.ts';
import { sharedTemporaryDirectory } from '../temporary.ts';
import { buildDriver, complaintsOf, doneBy, type Driver, startDriver, times } from './processes.ts';

const shared = sharedTemporaryDirectory();
let driver = '';
const fresh = (): string => mkdtempSync(join(shared(), 'case-'));

beforeAll(async () => {
  driver = await buildDriver(shared());
});

async function serialsIn(directory: string): Promise<readonly string[]> {
  const ledger = Ledger.open(join(directory, 'ledger.jsonl'), join(directory, 'lock'));
  return (await ledger.read()).entries.flatMap(entry => (entry.event === 'released' ? [entry.serial] : []));
}

it('lets 64 processes append to one ledger without losing or doubling a line', async () => {
  const directory = fresh();
  const drivers = Array.from({ length: 64 }, () => startDriver(driver, 'append', directory, '', 3));
  expect(new Set(await Promise.all(drivers.map(each => each.ended)))).toEqual(new Set([0]));
  expect(checkLedgerFile(join(directory, 'ledger.jsonl'))).toMatchObject({ lines: 192, fault: undefined });
  expect([...(await serialsIn(directory))].sort()).toEqual(drivers.flatMap(doneBy).sort());
  expect(readdirSync(join(directory, 'lock'))).toEqual([]);
});

it('keeps what was told to be durable, and a whole chain, through 60 kills', async () => {
  const directory = fresh();
  const told: string[] = [];
  await times(60, 3, async number => {
    const child = startDriver(driver, 'append', directory, '', 1000);
    await child.lines(1 + (number % 12));
    child.process.kill('SIGKILL');
    expect(await child.ended).toBe('SIGKILL');
    told.push(...doneBy(child));
  });
  await Ledger.open(join(directory, 'ledger.jsonl'), join(directory, 'lock')).append(
    [{ event: 'released', serial: 'ff' }],
    0,
  );
  expect(checkLedgerFile(join(directory, 'ledger.jsonl'))).toMatchObject({ fault: undefined, torn: undefined });
  const kept = await serialsIn(directory);
  expect(told.length).toBeGreaterThan(150);
  expect(new Set(kept).size).toBe(kept.length);
  expect(told.filter(serial => !kept.includes(serial))).toEqual([]);
  expect(readdirSync(join(directory, 'lock'))).toEqual([]);
});

it('never lets two in, while those inside are killed', async () => {
  const directory = fresh();
  const drivers: Driver[] = [];
  await times(30, 4, async number => {
    const child = startDriver(driver, 'contend', directory, '', 100_000);
    drivers.push(child);
    await child.lines(2 + (number % 20));
    child.process.kill('SIGKILL');
    await child.ended;
  });
  expect(complaintsOf(drivers)).toEqual([]);
});

it('is taken over at once from an owner that was killed while it held the lock', async () => {
  const directory = fresh();
  const owner = startDriver(driver, 'hold', directory);
  await owner.lines(2);
  const lock = join(directory, 'lock');
  await expect(withLock(lock, () => Promise.resolve(), { timeoutMs: 30 })).rejects.toMatchObject({
    code: 'lock-held',
    details: { pid: owner.process.pid },
  });
  owner.process.kill('SIGKILL');
  await owner.ended;
  await withLock(lock, () => Promise.resolve(), { timeoutMs: 30 });
  expect(readdirSync(lock)).toEqual([]);
});

it.runIf(existsSync('/proc/self/stat'))('is taken over from an owner that nobody has buried', async () => {
  const directory = fresh();
  // The shell becomes a process that never waits for its child, which therefore stays a zombie.
  const script = '"$0" "$1" hold "$2" <&3 & echo $!; exec sleep 1000';
  const parent = spawn('sh', ['-c', script, process.execPath, driver, directory], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  });
  let text = '';
  await new Promise<void>(resolve => {
    parent.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('held')) resolve();
    });
  });
  const owner = Number(/^\d+$/m.exec(text)?.[0]);
  try {
    process.kill(owner, 'SIGKILL');
    // Dying takes the kernel a moment; the lock is waited for, as it would be.
    await withLock(join(directory, 'lock'), () => Promise.resolve(), { timeoutMs: 5000 });
    expect(readFileSync(`/proc/${owner}/stat`, 'utf8')).toContain(') Z ');
  } finally {
    parent.kill('SIGKILL');
  }
});

import { mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { defaultOverlap, installGeneration, readService } from '../../src/deployment/generation.ts';
import { prune } from '../../src/deployment/generation-prune.ts';
import { sharedTemporaryDirectory } from '../temporary.ts';
import { buildDriver, complaintsOf, type Driver, startDriver, times } from './processes.ts';

const shared = sharedTemporaryDirectory();
let driver = '';
const fresh = (): string => mkdtempSync(join(shared(), 'case-'));

beforeAll(async () => {
  driver = await buildDriver(shared());
});

let counter = 0;
function random(): Uint8Array {
  counter += 1;
  return Buffer.from([counter >> 8, counter]);
}

const files = (mark: string) => ({ cert: mark, key: mark, ca: mark });

async function marksOf(service: string): Promise<readonly string[]> {
  const read = await readService(service);
  return [read?.cert, read?.key, read?.ca].map(
    bytes =>
      Buffer.from(bytes ?? [])
        .toString()
        .split('\n')[0] ?? '',
  );
}

it('shows a reader whole, matching pairs only, through 60 kills', async () => {
  const directory = fresh();
  const service = join(directory, 'service');
  const first = 'first\n'.repeat(500);
  await installGeneration(service, files(first), { now: 0, random });
  const reader = startDriver(driver, 'read', directory);
  await reader.lines(2);
  const writers: Driver[] = [];
  await times(60, 2, async number => {
    const child = startDriver(driver, 'swap', directory, number, 1000);
    writers.push(child);
    await child.lines(1 + (number % 8));
    child.process.kill('SIGKILL');
    await child.ended;
  });
  reader.process.stdin.end();
  // It ends by an exception when a file is missing.
  expect(await reader.ended).toBe(0);
  expect(complaintsOf([reader])).toEqual([]);
  expect(Number(/\d+/.exec(reader.said().at(-1) ?? '')?.[0])).toBeGreaterThan(100);
  expect(writers.flatMap(writer => writer.said()).length).toBeGreaterThan(150);

  await installGeneration(service, files('last'), { now: Date.now() + 1000, random });
  prune(service, Date.now() + 10 ** 9, defaultOverlap);
  expect(await marksOf(service)).toEqual(['last', 'last', 'last']);
  expect(readdirSync(service)).toHaveLength(6);
});

it('has the old or the new pair in force wherever it is killed, and the next installation leaves no trace of it', async () => {
  const seen = new Set<string>();
  const endings = new Set<unknown>();
  for (let first = 0; !endings.has(0); first += 8) {
    await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        const directory = fresh();
        const service = join(directory, 'service');
        const old = await installGeneration(service, files('old\n'), { now: 0, random });
        const child = startDriver(driver, 'swapUntil', directory, 'new', first + i);
        endings.add(await child.ended);
        const [mark = '', ...others] = await marksOf(service);
        expect(others).toEqual([mark, mark]);
        seen.add(mark);
        const { generation } = await installGeneration(service, files('next\n'), { now: Date.now() + 1000, random });
        const names = readdirSync(service);
        expect(names.filter(name => name.startsWith('..next'))).toEqual([]);
        const installed = names.filter(name => name.startsWith('..2') && name !== generation);
        expect(installed).toHaveLength(mark === 'new' ? 1 : 0);
        expect(names.includes(old.generation)).toBe(true);
      }),
    );
  }
  expect([...seen].sort()).toEqual(['new', 'old']);
});

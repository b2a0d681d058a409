import {
  chmodSync,
  cpSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { operationsOf } from '../faults.ts';
import { examineAll, type Look, renewAll } from '../../src/renewal/look.ts';
import type { RenewalOrder } from '../../src/renewal/order.ts';
import { makeAuthorities, now } from '../authority/pki.ts';
import { sharedTemporaryDirectory, temporaryDirectory } from '../temporary.ts';
import { type Clock, enrollAt, renewalOrder } from './pki.ts';

const day = 86_400_000;
const names = Array.from({ length: 52 }, (_, number) => `svc-${number}`);
const shared = sharedTemporaryDirectory();
const temporary = temporaryDirectory();
const directory = (): string => join(temporary(), 'pki');
const at = (...path: readonly string[]): string => join(directory(), ...path);
const memory = (): string => at('.renewal/.remembered.json');
let clock: Clock = { now };

beforeAll(async () => {
  await makeAuthorities(join(shared(), 'pki'));
  await enrollAt(join(shared(), 'pki'), { now }, names);
});
/** The copies are as old as the time that file systems tell apart asks for. */
beforeEach(async () => {
  cpSync(join(shared(), 'pki'), directory(), { recursive: true, verbatimSymlinks: true });
  clock = { now };
  await expect
    .poll(async () => {
      rmSync(memory(), { force: true });
      await look();
      return existsSync(memory())
        ? (JSON.parse(readFileSync(memory(), 'utf8')) as { services: unknown[] }).services.length
        : 0;
    })
    .toBe(names.length);
});

const look = (changes: Partial<RenewalOrder> = {}): Promise<Look> =>
  renewAll(renewalOrder(directory(), clock, changes));
const acted = ({ entries }: Look): readonly string[] =>
  entries.flatMap(({ service, status, reasons }) =>
    status === 'not-due' ? [] : [`${service} ${status} ${reasons.join()}`],
  );
/** How many files were read: none of a certificate or a key where all is remembered. */
const reads = async (): Promise<number> => (await operationsOf(() => look())).filter(each => each === 'read').length;

describe('what is remembered', () => {
  it('tells the same as a look, and reads nothing for it', async () => {
    const remembered = await look();
    expect(await reads()).toBeLessThan(5);
    rmSync(memory());
    expect(remembered.entries).toEqual((await look()).entries);
  });

  it('is written once, not touched when nothing has changed, and read by nobody else', async () => {
    const before = statSync(memory());
    await look();
    expect(statSync(memory()).ino).toBe(before.ino);
    expect(before.mode & 0o777).toBe(0o600);
  });

  it.each<[string, () => void, string]>([
    [
      'a certificate is damaged in place',
      () => {
        writeFileSync(at('svc-3/cert.pem'), 'x');
      },
      'svc-3 renewed unreadable',
    ],
    ['a certificate is damaged in place, its size and time kept', damageKeepingTimes, 'svc-3 renewed unreadable'],
    [
      'a key is another',
      () => {
        writeFileSync(at('svc-3/key.pem'), readFileSync(at('svc-4/key.pem')));
      },
      'svc-3 renewed pair-mismatch',
    ],
    [
      'service.yaml asks for more',
      () => {
        writeFileSync(at('svc-3/service.yaml'), 'profile: service\nauthority: site-a\ndns: [a.example]\n');
      },
      'svc-3 renewed names-changed',
    ],
    [
      'a link is gone',
      () => {
        rmSync(at('svc-3/cert.pem'));
      },
      'svc-3 renewed missing',
    ],
    [
      'the generation is gone',
      () => {
        rmSync(at('svc-3/..data'));
      },
      'svc-3 renewed missing',
    ],
    [
      'a file of the generation is gone',
      () => {
        rmSync(at('svc-3/..data/key.pem'));
      },
      'svc-3 renewed missing',
    ],
    [
      'service.yaml is gone',
      () => {
        rmSync(at('svc-3/service.yaml'));
      },
      'svc-3 failed ',
    ],
  ])('is no more when %s', async (_what, change, outcome) => {
    change();
    expect(acted(await look())).toEqual([outcome]);
    expect(acted(await look())).toEqual(outcome.includes('failed') ? [outcome] : []);
  });

  it('is no more when its time has come', async () => {
    clock.now = now + 61 * day;
    expect(acted(await look())).toHaveLength(names.length);
  });

  it('is nothing by a clock that is behind it, nor with --force', async () => {
    clock.now = now - day;
    expect((await look()).warnings).toEqual([expect.stringContaining('the clock says')]);
    clock.now = now;
    expect(acted(await look({ force: true, services: ['svc-1'] }))).toEqual(['svc-1 renewed forced']);
  });

  it.each(['mtlsctl.yaml', 'crl.pem', 'ca.pem', 'authorities/site-a/cert.pem'])(
    'is nothing once %s is another file',
    async name => {
      const content = readFileSync(at(name));
      rmSync(at(name));
      writeFileSync(at(name), content);
      expect(await reads()).toBeGreaterThan(3 * names.length);
      expect(await reads()).toBeLessThan(5);
    },
  );

  it.each(['', '[]', '{}', '{"head":1,"services":[[1]]}', '\0\0'])('is nothing where it reads %j', async content => {
    writeFileSync(memory(), content);
    expect((await look()).entries).toHaveLength(names.length);
    expect(await reads()).toBeLessThan(5);
  });

  it('forgets services that are gone', async () => {
    renameSync(at('svc-3'), join(temporary(), 'svc-3'));
    expect((await look()).entries).toHaveLength(names.length - 1);
    expect(readFileSync(memory(), 'utf8')).not.toContain('"svc-3"');
  });

  it('is not kept of what was changed just now: its files could be changed again without a trace', async () => {
    writeFileSync(at('svc-3/service.yaml'), 'profile: service\nauthority: site-a\n# a comment\n');
    await look();
    const kept = JSON.parse(readFileSync(memory(), 'utf8')) as { services: [string, string][] };
    const [stat] = [statSync(at('svc-3/service.yaml'))];
    const row = kept.services.find(([service]) => service === 'svc-3');
    // Either forgotten, or written when the change was long enough ago.
    if (row !== undefined) expect(statSync(memory()).mtimeMs - stat.ctimeMs).toBeGreaterThan(50);
    else expect(kept.services).toHaveLength(names.length - 1);
  });

  it('is neither read into nor written by a look that changes nothing', async () => {
    rmSync(join(directory(), '.renewal'), { recursive: true });
    await examineAll(renewalOrder(directory(), clock));
    expect(existsSync(at('.renewal'))).toBe(false);
  });

  it.skipIf(process.getuid?.() === 0)('is done without where it can not be written', async () => {
    rmSync(memory());
    chmodSync(at('.renewal'), 0o500);
    expect((await look()).entries).toHaveLength(names.length);
    chmodSync(at('.renewal'), 0o700);
  });
});

/** The change time is the file system's own, and can't be set back. */
function damageKeepingTimes(): void {
  const path = at('svc-3/cert.pem');
  const { atime, mtime, size } = statSync(path);
  writeFileSync(path, 'x'.repeat(size));
  utimesSync(path, atime, mtime);
}

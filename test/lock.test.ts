import { mkdirSync, readdirSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { MtlsctlError } from '../src/errors.ts';
import { faults } from '../src/file-operations.ts';
import { withLock } from '../src/lock.ts';
import {
  formatIdentity,
  livenessOf,
  ownIdentity,
  parseIdentity,
  type ProcessIdentity,
} from '../src/process-identity.ts';
import { systemError, withEachFault } from './faults.ts';
import { temporaryDirectory } from './temporary.ts';

const directory = temporaryDirectory();
const lock = (): string => join(directory(), 'lock');
const nothing = (): Promise<void> => Promise.resolve();

/** One that is alive, as far as can be told, and not of this copy of the module: another thread, say. */
const neighbour: ProcessIdentity = { ...ownIdentity(), random: '00000000' };
const dead: ProcessIdentity = { ...ownIdentity(), random: '00000001', started: '1' };
const stranger: ProcessIdentity = { ...ownIdentity(), random: '00000002', machine: '00000000', host: 'elsewhere' };

function ticket(owner: ProcessIdentity, number = 1): string {
  return `ticket.${String(number).padStart(12, '0')}.${formatIdentity(owner)}.1`;
}

function choosing(owner: ProcessIdentity): string {
  return `choosing.${formatIdentity(owner)}.1`;
}

function put(name: string): string {
  mkdirSync(lock(), { recursive: true });
  const path = join(lock(), name);
  writeFileSync(path, '');
  return path;
}

/** Calls back before each listing of the lock directory, with its number, from 1. */
function onListing(call: (number: number) => void): void {
  let listings = 0;
  faults.before = (operation, path) => {
    if (operation !== 'list' || path !== lock()) return;
    listings += 1;
    call(listings);
  };
}

afterEach(() => {
  faults.before = undefined;
});

describe('withLock', () => {
  it('runs one action at a time and in the order asked for', async () => {
    const order: number[] = [];
    let running = 0;
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        withLock(lock(), async () => {
          running += 1;
          expect(running).toBe(1);
          await new Promise(setImmediate);
          order.push(i);
          running -= 1;
        }),
      ),
    );
    expect(order).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(readdirSync(lock())).toEqual([]);
  });

  it('excludes a call that knows the directory by another name', async () => {
    mkdirSync(lock());
    symlinkSync(lock(), join(directory(), 'alias'));
    let running = 0;
    const action = async (): Promise<void> => {
      running += 1;
      expect(running).toBe(1);
      await new Promise(setImmediate);
      running -= 1;
    };
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => withLock(i % 2 === 0 ? lock() : join(directory(), 'alias'), action)),
    );
  });

  it('does not hold up calls for another directory', async () => {
    await withLock(lock(), () => withLock(join(directory(), 'other'), nothing));
  });

  it('returns what the action returns and lets go when it throws', async () => {
    expect(await withLock(lock(), () => Promise.resolve(7))).toBe(7);
    await expect(withLock(lock(), () => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    expect(readdirSync(lock())).toEqual([]);
    expect(await withLock(lock(), () => Promise.resolve(8))).toBe(8);
  });

  it('makes the directory and its parent, but not more', async () => {
    await withLock(join(directory(), 'a/b'), nothing);
    await expect(withLock(join(directory(), 'x/y/z'), nothing)).rejects.toMatchObject({ code: 'not-found' });
    expect(readdirSync(directory())).toEqual(['a']);
  });

  it('says who holds the lock when the time is up, and leaves no ticket', async () => {
    put(ticket(neighbour));
    const error = await withLock(lock(), nothing, { timeoutMs: 20, what: 'the ledger' }).catch((e: unknown) => e);
    expect(error).toMatchObject({
      code: 'lock-held',
      message: `the ledger is locked by process ${process.pid} on ${neighbour.host}`,
      hints: [`ps -fp ${process.pid}`],
      details: { pid: process.pid, host: neighbour.host },
    });
    expect(readdirSync(lock())).toEqual([ticket(neighbour)]);
  });

  it('gives up also behind a call of the same process, and lets those behind it in', async () => {
    let finish = (): void => undefined;
    const first = withLock(lock(), () => new Promise<void>(done => (finish = done)));
    const second = withLock(lock(), nothing, { timeoutMs: 10 });
    const third = withLock(lock(), () => Promise.resolve('third'));
    await expect(second).rejects.toMatchObject({ code: 'lock-held', details: { pid: process.pid } });
    finish();
    await first;
    expect(await third).toBe('third');
  });

  it('ignores files that are none of the lock', async () => {
    for (const name of ['README', 'ticket.1.x', 'choosing.', `ticket.000000000001.${'9-'.repeat(20)}.1`]) put(name);
    await withLock(lock(), nothing, { timeoutMs: 20 });
  });
});

describe('the lock of a process that is gone', () => {
  it('is passed over, tickets and choosing alike', async () => {
    put(ticket(dead));
    put(ticket(dead, 7));
    put(choosing(dead));
    await withLock(lock(), nothing, { timeoutMs: 20 });
    expect(readdirSync(lock()).filter(name => name !== ticket(dead, 7))).toEqual([]);
  });

  it('is passed over after a restart of the machine', async () => {
    put(ticket({ ...neighbour, boot: '00000000' }));
    await withLock(lock(), nothing, { timeoutMs: 20 });
  });

  it('counts as held for ten minutes where nobody here can tell', async () => {
    const path = put(ticket(stranger));
    const held = await withLock(lock(), nothing, { timeoutMs: 20 }).catch((e: unknown) => e);
    expect(held).toMatchObject({ code: 'lock-held', details: { host: 'elsewhere' } });
    expect((held as MtlsctlError).hints).toEqual([`once process ${process.pid} on elsewhere is gone, rm ${path}`]);
    utimesSync(path, new Date(), new Date(Date.now() - 9 * 60_000));
    await expect(withLock(lock(), nothing, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'lock-held' });
    utimesSync(path, new Date(), new Date(Date.now() - 11 * 60_000));
    await withLock(lock(), nothing, { timeoutMs: 20 });
  });

  it('includes one of our own that could not be removed', async () => {
    faults.before = operation => {
      if (operation === 'remove') throw systemError('EIO');
    };
    await expect(withLock(lock(), nothing)).rejects.toMatchObject({ code: 'unwritable' });
    faults.before = undefined;
    expect(readdirSync(lock())).not.toEqual([]);
    await withLock(lock(), nothing, { timeoutMs: 20 });
  });
});

describe('the bakery', () => {
  it('waits for a neighbour that is choosing, and then for the lesser ticket it got', async () => {
    const theirChoosing = put(choosing(neighbour));
    const events: string[] = [];
    onListing(number => {
      expect(events).not.toContain('in');
      if (number === 4) {
        put(ticket(neighbour, 1));
        unlinkSync(theirChoosing);
        events.push('chosen');
      }
      if (number === 7) {
        unlinkSync(join(lock(), ticket(neighbour, 1)));
        events.push('left');
      }
    });
    await withLock(lock(), () => {
      events.push('in');
      return nothing();
    });
    expect(events).toEqual(['chosen', 'left', 'in']);
  });

  it('lists once more after the neighbour has chosen, since one listing may miss both its files', async () => {
    const theirChoosing = put(choosing(neighbour));
    const events: string[] = [];
    onListing(number => {
      // What a listing may show when the ticket is created and `choosing` removed in the middle of it: neither.
      if (number === 3) unlinkSync(theirChoosing);
      if (number === 4) put(ticket(neighbour, 1));
      if (number === 6) {
        unlinkSync(join(lock(), ticket(neighbour, 1)));
        events.push('left');
      }
    });
    await withLock(lock(), () => {
      events.push('in');
      return nothing();
    });
    expect(events).toEqual(['left', 'in']);
  });

  it('takes a number above every ticket it sees', async () => {
    put(ticket(neighbour, 41));
    let mine: readonly string[] = [];
    onListing(number => {
      if (number === 3) {
        mine = readdirSync(lock()).filter(name => name.startsWith('ticket.000000000042.'));
        unlinkSync(join(lock(), ticket(neighbour, 41)));
      }
    });
    await withLock(lock(), nothing);
    expect(mine).toHaveLength(1);
  });

  it('does not wait for those that came later', async () => {
    onListing(number => {
      if (number === 2) put(ticket(neighbour, 2));
    });
    await withLock(lock(), nothing, { timeoutMs: 20 });
  });

  it('does not go on without its ticket', async () => {
    onListing(number => {
      if (number === 2) for (const name of readdirSync(lock())) unlinkSync(join(lock(), name));
    });
    await expect(withLock(lock(), nothing)).rejects.toMatchObject({ code: 'unwritable' });
  });
});

describe('a failing file system', () => {
  it.each(['EROFS', 'EACCES', 'ENOSPC'])('gives unwritable for %s', async code => {
    faults.before = operation => {
      if (operation === 'create') throw systemError(code);
    };
    await expect(withLock(lock(), nothing)).rejects.toMatchObject({ code: 'unwritable' });
  });

  it('leaves a lock that can be taken again, whichever operation fails', async () => {
    let ran = 0;
    const action = (): Promise<void> => {
      ran += 1;
      return nothing();
    };
    const prepare = () => Promise.resolve(() => withLock(lock(), action));
    const count = await withEachFault('EIO', prepare, async ({ error, failed }) => {
      if (error !== undefined) expect(error, failed?.operation).toBeInstanceOf(MtlsctlError);
      await withLock(lock(), nothing, { timeoutMs: 50 });
    });
    expect(count).toBeGreaterThan(6);
    // Only the removal of the ticket comes after the action; then it is too late to fail.
    expect(ran).toBe(2);
  });
});

describe('process identity', () => {
  it('comes back from a file name', () => {
    expect(parseIdentity(formatIdentity(ownIdentity()))).toEqual(ownIdentity());
    expect(formatIdentity(ownIdentity()).length).toBeLessThan(120);
    expect(parseIdentity('1-2-3')).toBeUndefined();
  });

  it('judges only what can be known from here', () => {
    const self = ownIdentity();
    expect(livenessOf(self)).toBe('alive');
    expect(livenessOf({ ...self, started: String(Number(self.started) + 1) })).toBe('dead');
    expect(livenessOf({ ...self, started: '0' })).toBe('alive');
    expect(livenessOf({ ...self, pid: 4_194_305 })).toBe('dead');
    expect(livenessOf({ ...self, boot: '00000000' })).toBe('dead');
    expect(livenessOf({ ...self, namespace: '00000000' })).toBe('unknown');
    expect(livenessOf({ ...self, machine: '00000000', boot: '00000000' })).toBe('unknown');
  });
});

import { setImmediate } from 'node:timers/promises';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MtlsctlError } from '../src/errors.ts';
import type { Thread, Threads } from '../src/system.ts';
import { nodeThreads } from '../src/threads.ts';
import { serveWork, type SharedWork, shareOut, type ThreadPort, type Worker } from '../src/thread-work.ts';
import { temporaryDirectory } from './temporary.ts';

const temporary = temporaryDirectory();

type Begin = (ask: (question: string) => Promise<unknown>) => Promise<Worker<number, number>>;
type Listeners = Parameters<Thread['listen']>[0];

/** Threads that are none: what crosses is cloned and comes later, as between real ones. `spoil` may end one in its own way. */
function threadsFor(
  begin: Begin,
  spoil?: (listeners: Listeners) => void,
): Threads & { readonly started: () => number } {
  let started = 0;
  const start = (): Thread => {
    started += 1;
    let listeners: Listeners | undefined;
    let receive: ((message: unknown) => void) | undefined;
    const later = (action: () => void): void => void setImmediate().then(action);
    const port: ThreadPort = {
      post: message => {
        const crossing: unknown = structuredClone(message);
        later(() => listeners?.message(crossing));
      },
      listen: listener => (receive = listener),
      close: () => {
        later(() => listeners?.exit());
      },
    };
    if (spoil === undefined) serveWork(port, begin);
    return {
      post: message => {
        const crossing: unknown = structuredClone(message);
        later(() => receive?.(crossing));
      },
      listen: given => {
        listeners = given;
        if (spoil !== undefined)
          later(() => {
            spoil(given);
          });
      },
    };
  };
  return { available: 2, start, started: () => started };
}

const doubling: Begin = () =>
  Promise.resolve((items, done) => {
    for (const item of items) done(2 * item);
    return Promise.resolve();
  });

const items = Array.from({ length: 100 }, (_, i) => i);
const portions = Array.from({ length: 15 }, (_, n) => items.slice(7 * n, 7 * n + 7));

async function run(
  threads: Threads,
  more: Partial<Pick<SharedWork<number, number>, 'answer' | 'here'>> = {},
): Promise<readonly number[]> {
  const results: number[] = [];
  const done = (result: number): unknown => results.push(result);
  await shareOut({ threads, count: 2, order: undefined, portions, done, ...more });
  return results.sort((a, b) => a - b);
}

describe('work shared out over threads', () => {
  it('has one result for each item', async () => {
    const threads = threadsFor(doubling);
    expect(await run(threads)).toEqual(items.map(item => 2 * item));
    expect(threads.started()).toBe(2);
  });

  it('starts no more threads than there are portions', async () => {
    const threads = threadsFor(doubling);
    await shareOut({ threads, count: 9, order: undefined, portions: [[1, 2], [3]], done: () => undefined });
    expect(threads.started()).toBe(2);
  });

  it('works in the main thread too where it is told to, and with one portion only there', async () => {
    const threads = threadsFor(doubling);
    let worked = 0;
    const here: SharedWork<number, number>['here'] = () =>
      Promise.resolve(async (given, done) => {
        worked += given.length;
        for (const item of given) done(2 * item);
        await setImmediate();
      });
    expect(await run(threads, { here })).toEqual(items.map(item => 2 * item));
    expect(threads.started()).toBe(1);
    expect(worked).toBeGreaterThan(0);
    await shareOut({ threads, count: 9, order: undefined, portions: [[1, 2]], done: () => undefined, here });
    expect(threads.started()).toBe(1);
  });

  it('stops where the work in the main thread fails', async () => {
    const here = () => Promise.reject(new Error('no key'));
    await expect(run(threadsFor(doubling), { here })).rejects.toThrow('no key');
  });

  it('asks the main thread, once for a question that is open', async () => {
    const asked: string[] = [];
    const begin: Begin = async ask => {
      const [a, b] = await Promise.all([ask('factor'), ask('factor')]);
      return (given, done) => {
        for (const item of given) done(item * Number(a) * Number(b));
        return Promise.resolve();
      };
    };
    const answer = (question: string): Promise<number> => Promise.resolve(asked.push(question) && 3);
    expect((await run(threadsFor(begin), { answer })).at(-1)).toBe(99 * 9);
    expect(asked).toEqual(['factor', 'factor']);
  });
});

describe('a thread that fails', () => {
  it.each<[string, Begin]>([
    [
      'at its work',
      () => Promise.resolve(() => Promise.reject(new MtlsctlError('not-found', 'gone', { hints: ['ls'] }))),
    ],
    ['before its work', () => Promise.reject(new MtlsctlError('not-found', 'gone', { hints: ['ls'] }))],
  ])('%s fails the run with its error', async (_, begin) => {
    await expect(run(threadsFor(begin))).rejects.toMatchObject({ code: 'not-found', message: 'gone', hints: ['ls'] });
  });

  it('by a bug keeps the stack of the bug', async () => {
    const begin: Begin = () => Promise.resolve(() => Promise.reject(new TypeError('a bug')));
    await expect(run(threadsFor(begin))).rejects.toMatchObject({
      stack: expect.stringContaining('TypeError: a bug') as string,
    });
  });

  it('at a question that has no answer fails the run', async () => {
    const begin: Begin = async ask => {
      await ask('passphrase');
      return doubling(ask);
    };
    await expect(run(threadsFor(begin))).rejects.toThrow('passphrase');
    await expect(run(threadsFor(begin), { answer: () => Promise.reject(new Error('no terminal')) })).rejects.toThrow(
      'no terminal',
    );
  });
});

describe('a thread that dies', () => {
  it('fails the run', async () => {
    const crashed = threadsFor(doubling, ({ error, exit }) => {
      error(new Error('out of memory'));
      exit();
    });
    await expect(run(crashed)).rejects.toThrow('out of memory');
  });

  it('fails the run even if it does so without a word', async () => {
    const quiet = threadsFor(doubling, ({ exit }) => {
      exit();
    });
    await expect(run(quiet)).rejects.toThrow('a thread ended before its work did');
  });

  it.each([
    ['process.exit(0);', 'a thread ended before its work did'],
    ["throw new Error('broken');", 'broken'],
    ["require('node:worker_threads').parentPort.close();", 'a thread ended before its work did'],
  ])('fails the run, where it is a real one: %s', async (script, message) => {
    const file = join(temporary(), 'thread.cjs');
    writeFileSync(file, script);
    await expect(run(nodeThreads(file))).rejects.toThrow(message);
  });

  it('can not leave items out', async () => {
    const lazy: Begin = () =>
      Promise.resolve((given, done) => {
        for (const item of given.slice(1)) done(item);
        return Promise.resolve();
      });
    await expect(run(threadsFor(lazy))).rejects.toThrow('results for 100 items');
  });
});

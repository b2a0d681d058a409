import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hookSucceeded, runHook } from '../../src/deployment/hook.ts';
import type { HookRun } from '../../src/deployment/journal.ts';
import { temporaryDirectory } from '../temporary.ts';

const temporary = temporaryDirectory();
const run = (command: string, timeout = 20_000): Promise<HookRun> =>
  runHook({ command, timeout, startedAt: 7, env: { PATH: process.env['PATH'], WHAT: 'a b' } });

describe('runHook', () => {
  it('gives the environment, and keeps what both streams say', async () => {
    const result = await run('echo "$WHAT"; echo two >&2');
    expect(result).toMatchObject({ startedAt: 7, exitStatus: 0 });
    expect([...result.output].sort()).toEqual(['a b', 'two']);
    expect(hookSucceeded(result)).toBe(true);
  });

  it('is not split on spaces, and may be a script of several lines', async () => {
    expect((await run('for word in "a b" c\ndo echo "[$word]"\ndone')).output).toEqual(['[a b]', '[c]']);
  });

  it('tells exit statuses and signals', async () => {
    expect(await run('exit 9')).toMatchObject({ exitStatus: 9, output: [] });
    expect(await run('kill -TERM $$')).toMatchObject({ signal: 'SIGTERM' });
    expect(await run('no-such-program')).toMatchObject({ exitStatus: 127 });
  });

  it('ends one that hangs, with all that it started, also what does not listen', async () => {
    const pids = join(temporary(), 'pids');
    const result = await run(
      `trap '' TERM; sh -c 'trap "" TERM; echo $$ >> ${pids}; while :; do sleep 0.05; done' & echo $$ >> ${pids}; wait`,
      300,
    );
    expect(result).toMatchObject({ timedOut: true });
    expect(hookSucceeded(result)).toBe(false);
    const started = readFileSync(pids, 'utf8').trim().split('\n').map(Number);
    expect(started).toHaveLength(2);
    await expect.poll(() => started.filter(isAlive)).toEqual([]);
  });

  it('counts one as failed that ends well only because it was told to', async () => {
    const result = await run("trap 'exit 0' TERM; while :; do sleep 0.02; done", 200);
    expect(result).toMatchObject({ exitStatus: 0, timedOut: true });
    expect(hookSucceeded(result)).toBe(false);
  });

  it('does not wait for what a hook leaves running, nor end it', async () => {
    const file = join(temporary(), 'later');
    const result = await run(
      `(while [ ! -e ${file}.go ]; do sleep 0.02; done; echo done > ${file}) & echo started`,
      20_000,
    );
    expect(result).toMatchObject({ exitStatus: 0, output: ['started'] });
    expect(existsSync(file)).toBe(false);
    await run(`: > ${file}.go`);
    await expect.poll(() => existsSync(file)).toBe(true);
  });

  it('keeps the last lines of a flood, and little memory', async () => {
    const before = process.memoryUsage().rss;
    const result = await run('yes a-line-of-a-flood | head -c 50000000; echo; echo the end');
    expect(result.output).toHaveLength(20);
    expect(result.output.at(-1)).toBe('the end');
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
  });

  it('keeps no more of a line without an end', async () => {
    const { output } = await run("head -c 100000 /dev/zero | tr '\\0' x");
    expect(output.join('').length).toBeLessThanOrEqual(500);
  });

  it('finds nothing on its standard input, and no terminal', async () => {
    expect(await run('cat; echo "read: $?"')).toMatchObject({ output: ['read: 0'] });
    expect((await run('exec 2>&1; : < /dev/tty')).exitStatus).not.toBe(0);
  });

  it('may close its output', async () => {
    expect(await run('exec >&- 2>&-; true')).toMatchObject({ exitStatus: 0, output: [] });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

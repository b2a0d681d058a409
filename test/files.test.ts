import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { MtlsctlError } from '../src/errors.ts';
import { checkSpace, faults, isFull } from '../src/file-operations.ts';
import {
  createPrivateFile,
  ensureDirectory,
  readBounded,
  readGiven,
  readOptional,
  replaceFile,
  syncDirectory,
  writeDurable,
} from '../src/files.ts';
import { formatIdentity, ownIdentity } from '../src/process-identity.ts';
import { operationsOf, systemError, withEachFault, withFaultAt } from './faults.ts';
import { temporaryDirectory } from './temporary.ts';

const directory = temporaryDirectory();
const at = (name: string): string => join(directory(), name);
const modeOf = (path: string): number => statSync(path).mode & 0o777;
const umask = process.umask(0o022);

afterEach(() => {
  faults.before = undefined;
  process.umask(umask);
});

async function codeOf(action: Promise<unknown>): Promise<string> {
  const error = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof MtlsctlError ? error.code : `no MtlsctlError: ${String(error)}`;
}

describe('readBounded', () => {
  it('reads a file of exactly the limit and refuses one octet more', async () => {
    writeFileSync(at('file'), 'x'.repeat(100));
    expect(await readBounded(at('file'), 100)).toHaveLength(100);
    expect(await codeOf(readBounded(at('file'), 99))).toBe('too-large');
  });

  it('reads an empty file', async () => {
    writeFileSync(at('file'), '');
    expect(await readBounded(at('file'))).toHaveLength(0);
  });

  it('says not-found with a command to type', async () => {
    const error = await readBounded(at('none')).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'not-found', hints: [`ls -ld ${directory()}`], details: { path: at('none') } });
    expect(await readOptional(at('none'))).toBeUndefined();
  });

  it('refuses a directory and a device', async () => {
    expect(await codeOf(readBounded(directory()))).toBe('unreadable');
    expect(await codeOf(readBounded('/dev/zero'))).toBe('unreadable');
    expect(await codeOf(readOptional(directory()))).toBe('unreadable');
  });

  it.runIf(existsSync('/proc/self/status'))('reads a file that claims to be empty, as those in /proc do', async () => {
    expect(statSync('/proc/self/status').size).toBe(0);
    expect(Buffer.from(await readBounded('/proc/self/status')).toString()).toContain('Pid:');
  });

  it('refuses a pipe at once, though nobody has opened its other end', async () => {
    execFileSync('mkfifo', [at('pipe')]);
    const error = await readBounded(at('pipe')).catch((reason: unknown) => reason);
    const message = `cannot read ${at('pipe')}: it is a pipe, not a file`;
    expect(error).toMatchObject({ code: 'unreadable', message, hints: [`ls -ld ${at('pipe')}`] });
    expect(await codeOf(readOptional(at('pipe')))).toBe('unreadable');
  });

  it('refuses a socket', async () => {
    const server = createServer().listen(at('socket'));
    await once(server, 'listening');
    expect(await codeOf(readBounded(at('socket')))).toBe('unreadable');
    server.close();
  });

  it.each(['EACCES', 'EIO', 'EMFILE', 'EPERM'])('calls %s unreadable', async code => {
    writeFileSync(at('file'), 'x');
    const { error } = await withFaultAt(1, code, () => readBounded(at('file')));
    expect(error).toMatchObject({ code: 'unreadable', details: { systemCode: code, path: at('file') } });
    expect((error as MtlsctlError).hints).toHaveLength(1);
  });
});

describe('readGiven', () => {
  it('reads a pipe to its end, within the limit', async () => {
    execFileSync('mkfifo', [at('pipe')]);
    const write = (): void => void spawn('sh', ['-c', 'printf hello > "$0"', at('pipe')]);
    write();
    expect(Buffer.from(await readGiven(at('pipe'))).toString()).toBe('hello');
    write();
    expect(await codeOf(readGiven(at('pipe'), 4))).toBe('too-large');
  });

  it('reads a file, and refuses a directory and a device', async () => {
    writeFileSync(at('file'), 'x');
    expect(await readGiven(at('file'))).toHaveLength(1);
    expect(await codeOf(readGiven(directory()))).toBe('unreadable');
    expect(await codeOf(readGiven('/dev/zero'))).toBe('unreadable');
  });
});

describe('replaceFile', () => {
  it('writes with the mode asked for whatever the umask is', async () => {
    process.umask(0o077);
    expect(await replaceFile(at('file'), 'new', { mode: 0o644 })).toBe('written');
    expect(readFileSync(at('file'), 'utf8')).toBe('new');
    expect(modeOf(at('file'))).toBe(0o644);
    expect(readdirSync(directory())).toEqual(['file']);
  });

  it('does not touch a file of the same content', async () => {
    writeFileSync(at('file'), 'same');
    utimesSync(at('file'), 1, 1);
    const before = statSync(at('file'));
    expect(await replaceFile(at('file'), Buffer.from('same'), { mode: 0o644 })).toBe('unchanged');
    expect(statSync(at('file'))).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  });

  it('replaces a file of another content and the same length', async () => {
    writeFileSync(at('file'), 'old');
    expect(await replaceFile(at('file'), 'new', { mode: 0o644 })).toBe('written');
  });

  it('leaves the old file or the new one when any operation fails, and no other file', async () => {
    for (const code of ['ENOSPC', 'EIO', 'EACCES']) {
      const prepare = () => {
        writeFileSync(at('file'), 'old');
        return Promise.resolve(() => replaceFile(at('file'), 'new', { mode: 0o600 }));
      };
      const count = await withEachFault(code, prepare, ({ error, failed }) => {
        expect(error, failed?.operation).toBeInstanceOf(MtlsctlError);
        expect((error as MtlsctlError).code).toMatch(/^unwritable$|^unreadable$/);
        expect(readFileSync(at('file'), 'utf8')).toMatch(/^(old|new)$/);
        expect(readdirSync(directory())).toEqual(['file']);
      });
      expect(count).toBeGreaterThan(6);
    }
  });

  it('syncs the content before the name, and the name before it returns', async () => {
    const operations = await operationsOf(() => replaceFile(at('file'), 'new', { mode: 0o600 }));
    expect(operations.slice(-6)).toEqual(['create', 'write', 'sync', 'rename', 'open', 'sync']);
  });

  it('removes what a killed process left, and nothing of a live one', async () => {
    const own = ownIdentity();
    const dead = `.file.${formatIdentity({ ...own, started: '1' })}.1.tmp`;
    const alive = `.file.${formatIdentity(own)}.999.tmp`;
    const strange = '.file.whatever.1.tmp';
    for (const name of [dead, alive, strange]) writeFileSync(at(name), '');
    await replaceFile(at('file'), 'new', { mode: 0o644 });
    expect(readdirSync(directory()).sort()).toEqual([alive, strange, 'file'].sort());
  });

  it('says not-found for a missing directory', async () => {
    expect(await codeOf(replaceFile(at('none/file'), 'new', { mode: 0o644 }))).toBe('not-found');
  });
});

describe('writeDurable', () => {
  it('refuses a name that is taken', async () => {
    writeFileSync(at('file'), 'old');
    expect(await codeOf(writeDurable(at('file'), 'new', { mode: 0o644 }))).toBe('already-exists');
    expect(readFileSync(at('file'), 'utf8')).toBe('old');
  });

  it.each(['create', 'write', 'sync'])('leaves nothing when %s fails', async operation => {
    faults.before = current => {
      if (current === operation) throw systemError('ENOSPC');
    };
    const error = await writeDurable(at('file'), 'new', { mode: 0o600 }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'unwritable' });
    expect((error as MtlsctlError).hints[0]).toContain('df -h');
    expect(readdirSync(directory())).toEqual([]);
  });
});

describe('createPrivateFile', () => {
  it('has a file of mode 0600 at every step, under any umask', async () => {
    for (const mask of [0, 0o022, 0o277]) {
      process.umask(mask);
      const modes = new Set<number>();
      faults.before = () => {
        for (const name of readdirSync(directory())) modes.add(modeOf(at(name)));
      };
      await createPrivateFile(at(`key-${mask}`), 'secret');
      expect([...modes].filter(mode => (mode & 0o077) !== 0)).toEqual([]);
      expect(modeOf(at(`key-${mask}`))).toBe(0o600);
    }
  });

  it('never overwrites a file, a directory, or a link that leads nowhere', async () => {
    writeFileSync(at('file'), 'old');
    mkdirSync(at('directory'));
    symlinkSync('nowhere', at('link'));
    for (const name of ['file', 'directory', 'link']) {
      expect(await codeOf(createPrivateFile(at(name), 'secret'))).toBe('already-exists');
    }
    expect(readFileSync(at('file'), 'utf8')).toBe('old');
    expect(lstatSync(at('link')).isSymbolicLink()).toBe(true);
    expect(readdirSync(directory()).sort()).toEqual(['directory', 'file', 'link']);
  });

  it('does not overwrite what another process put there at the last moment', async () => {
    faults.before = operation => {
      if (operation === 'link') writeFileSync(at('key'), 'first');
    };
    expect(await codeOf(createPrivateFile(at('key'), 'second'))).toBe('already-exists');
    expect(readFileSync(at('key'), 'utf8')).toBe('first');
    expect(readdirSync(directory())).toEqual(['key']);
  });

  it('lets one of several at once win', async () => {
    const codes = await Promise.all(
      Array.from({ length: 8 }, (_, i) => codeOf(createPrivateFile(at('key'), String(i)))),
    );
    expect(codes.filter(code => code === 'already-exists')).toHaveLength(7);
  });

  it('does without link() where the file system has none', async () => {
    faults.before = operation => {
      if (operation === 'link') throw systemError('EPERM');
    };
    await createPrivateFile(at('key'), 'secret');
    expect(readFileSync(at('key'), 'utf8')).toBe('secret');
    expect(modeOf(at('key'))).toBe(0o600);
    expect(readdirSync(directory())).toEqual(['key']);
  });

  it('leaves the whole key or none when any operation fails', async () => {
    let round = 0;
    const prepare = () => {
      round += 1;
      const path = at(`key-${round}`);
      return Promise.resolve(() => createPrivateFile(path, 'secret'));
    };
    await withEachFault('ENOSPC', prepare, ({ error, failed }) => {
      // Its second name that could not be removed is no failure: the key is there, and whoever writes here next removes it.
      if (failed?.operation === 'remove') {
        expect(error).toBeUndefined();
        unlinkSync(failed.path);
        return;
      }
      expect(error).toMatchObject({ code: expect.stringMatching(/unwritable|unreadable/) as string });
      for (const name of readdirSync(directory())) expect(readFileSync(at(name), 'utf8')).toBe('secret');
      expect(readdirSync(directory()).filter(name => name.endsWith('.tmp'))).toEqual([]);
    });
  });
});

describe('directories', () => {
  it('makes a directory once, with its mode, and leaves one that exists alone', async () => {
    process.umask(0o077);
    await ensureDirectory(at('made'), 0o755);
    expect(modeOf(at('made'))).toBe(0o755);
    await ensureDirectory(at('made'), 0o700);
    expect(modeOf(at('made'))).toBe(0o755);
  });

  it('refuses where a file is in the way or the parent is missing', async () => {
    writeFileSync(at('file'), '');
    expect(await codeOf(ensureDirectory(at('file'), 0o755))).toBe('already-exists');
    expect(await codeOf(ensureDirectory(at('a/b'), 0o755))).toBe('not-found');
  });

  it('takes a file system that can not sync a directory as it is', async () => {
    expect((await withFaultAt(1, 'EINVAL', () => syncDirectory(directory()))).error).toBeUndefined();
    expect((await withFaultAt(1, 'EIO', () => syncDirectory(directory()))).error).toMatchObject({ code: 'unwritable' });
  });

  it('syncs a directory anew for those who come while it is synced, once for all of them', async () => {
    const begun: string[] = [];
    faults.before = (operation, path) => {
      if (operation === 'sync') begun.push(path);
    };
    const first = syncDirectory(directory());
    const others = [syncDirectory(directory()), syncDirectory(directory()), syncDirectory(directory())];
    expect(begun).toHaveLength(1);
    await first;
    await Promise.all(others);
    expect(begun).toHaveLength(2);
    await syncDirectory(directory());
    expect(begun).toHaveLength(3);
  });

  it('tells each of those who share a sync of its failure, and only them', async () => {
    let count = 0;
    faults.before = operation => {
      count += operation === 'sync' ? 1 : 0;
      if (operation === 'sync' && count === 2) throw systemError('EIO');
    };
    const calls = [0, 1, 2].map(() => syncDirectory(directory()));
    expect((await Promise.allSettled(calls)).map(call => call.status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    await syncDirectory(directory());
  });
});

describe('isFull', () => {
  const roomy = { bsize: 4096, blocks: 1000, bfree: 500, files: 1000, ffree: 500 };
  it.each([
    ['room enough', {}, false],
    ['the last blocks', { bfree: 31 }, true],
    ['just enough', { bfree: 32 }, false],
    ['no blocks', { bfree: 0 }, true],
    ['no inodes', { ffree: 3 }, true],
    ['inodes that are not counted', { files: 0, ffree: 0 }, false],
    ['blocks that are not counted', { blocks: 0, bfree: 0 }, false],
  ])('%s', (_, changes, expected) => {
    expect(isFull({ ...roomy, ...changes }, 128 * 1024)).toBe(expected);
  });

  it('is asked of the file system that a directory is on', () => {
    expect(() => {
      checkSpace('new', directory(), 4096);
    }).not.toThrow();
    let error: unknown;
    try {
      checkSpace('new', directory(), Number.MAX_SAFE_INTEGER);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'unwritable', hints: [`df -h ${directory()}; df -i ${directory()}`] });
  });
});

describe('failures', () => {
  it.each([
    ['ENOSPC', /no space left.*/, /^df -h/],
    ['EROFS', /read-only file system/, /^findmnt/],
    ['EACCES', /permission denied/, /^ls -ld/],
    ['EDQUOT', /quota/, /^quota/],
    ['EFBIG', /larger than allowed/, /^ulimit -f/],
    ['EXDEV', /EXDEV/, /^ls -ld/],
  ])('explains %s and what to type', async (code, message, hint) => {
    const { error } = await withFaultAt(1, code, () => writeDurable(at('file'), 'x', { mode: 0o644 }));
    expect(error).toBeInstanceOf(MtlsctlError);
    expect((error as MtlsctlError).code).toBe('unwritable');
    expect((error as MtlsctlError).message).toMatch(message);
    expect((error as MtlsctlError).hints[0]).toMatch(hint);
  });

  it.each(['EACCES', 'ENOENT', 'EXDEV'])('names the nearest directory that is there for %s', async code => {
    const { error } = await withFaultAt(0, code, () =>
      writeDurable(join(directory(), 'no', 'such', 'file'), 'x', { mode: 0o644 }),
    );
    expect((error as MtlsctlError).hints).toEqual([`ls -ld ${directory()}`]);
  });

  it('names the file that was to be written, and no temporary one', async () => {
    for (const write of [replaceFile(at('none/file'), 'x', { mode: 0o644 }), createPrivateFile(at('none/file'), 'x')]) {
      const error: unknown = await write.catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'not-found', details: { path: at('none/file') } });
      expect((error as MtlsctlError).message).toBe(`cannot write ${at('none/file')}: no such file or directory`);
    }
  });

  it('does not take a mistake in the program for a failure of the disk', async () => {
    faults.before = () => {
      throw new TypeError('a bug');
    };
    await expect(readBounded(at('file'))).rejects.toThrow(TypeError);
  });

  it('keeps hard links of a file that is replaced as they were', async () => {
    writeFileSync(at('file'), 'old');
    linkSync(at('file'), at('other'));
    await replaceFile(at('file'), 'new', { mode: 0o644 });
    expect(readFileSync(at('other'), 'utf8')).toBe('old');
  });
});

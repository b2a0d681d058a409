import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MtlsctlError } from '../src/errors.ts';
import { writeDurable } from '../src/files.ts';
import { allOrNothing, stageDirectory, wayBack } from '../src/staging.ts';
import { withEachFault } from './faults.ts';
import { temporaryDirectory } from './temporary.ts';

const directory = temporaryDirectory();
const at = (...names: readonly string[]): string => join(directory(), ...names);

async function fill(staging: string): Promise<string> {
  await writeDurable(join(staging, 'key.pem'), 'key', { mode: 0o600 });
  await writeDurable(join(staging, 'cert.pem'), 'cert', { mode: 0o644 });
  return 'filled';
}

describe('stageDirectory', () => {
  it('makes the whole directory and returns what filling it returned', async () => {
    expect(await stageDirectory(at('site'), fill)).toBe('filled');
    expect(readdirSync(directory())).toEqual(['site']);
    expect(readdirSync(at('site')).sort()).toEqual(['cert.pem', 'key.pem']);
  });

  it.each(['ENOSPC', 'EIO', 'EROFS'])('leaves nothing when any operation fails with %s', async code => {
    const prepare = () => Promise.resolve(() => stageDirectory(at('site'), fill));
    const count = await withEachFault(code, prepare, ({ error, failed }) => {
      expect(error, failed?.operation).toBeInstanceOf(MtlsctlError);
      expect(readdirSync(directory()), failed?.operation).toEqual([]);
    });
    expect(count).toBeGreaterThan(8);
  });

  it('leaves nothing when filling it throws', async () => {
    const failing = stageDirectory(at('site'), async staging => {
      await fill(staging);
      throw new MtlsctlError('policy-refused', 'no');
    });
    await expect(failing).rejects.toMatchObject({ code: 'policy-refused' });
    expect(readdirSync(directory())).toEqual([]);
  });

  it('removes what a killed process left of the same directory, and of no other', async () => {
    const names = ['.site-0123abcd.new', '.site-b-0123abcd.new', '.site-0123abcd.old', '.site-0123abc.new'];
    for (const name of names) {
      mkdirSync(at(name));
      writeFileSync(at(name, 'key.pem'), 'abandoned');
    }
    await stageDirectory(at('site'), fill);
    expect(readdirSync(directory()).sort()).toEqual([...names.slice(1), 'site'].sort());
  });

  it('refuses a directory that has something in it, and leaves it', async () => {
    mkdirSync(at('site'));
    writeFileSync(at('site', 'mine'), 'mine');
    const filled = stageDirectory(at('site'), () => Promise.reject(new Error('filled')));
    await expect(filled).rejects.toMatchObject({ code: 'already-exists' });
    expect(readdirSync(directory())).toEqual(['site']);
    expect(readdirSync(at('site'))).toEqual(['mine']);
  });

  it('refuses a file in its place, and takes that of an empty directory', async () => {
    writeFileSync(at('site'), 'mine');
    await expect(stageDirectory(at('site'), fill)).rejects.toMatchObject({ code: 'already-exists' });
    rmSync(at('site'));
    mkdirSync(at('site'));
    await stageDirectory(at('site'), fill);
    expect(readdirSync(at('site'))).not.toEqual([]);
  });
});

describe('allOrNothing', () => {
  it('takes back what was done, the last first, and goes on where a step back fails', async () => {
    const order: string[] = [];
    const failing = allOrNothing(async undo => {
      undo(() => order.push('first'));
      undo(() => Promise.reject(new MtlsctlError('unwritable', 'a step back that fails')));
      undo(() => order.push('last'));
      await Promise.resolve();
      throw new MtlsctlError('policy-refused', 'the failure');
    });
    await expect(failing).rejects.toMatchObject({ message: 'the failure' });
    expect(order).toEqual(['last', 'first']);
  });

  it('takes nothing back after success', async () => {
    const order: string[] = [];
    const done = await allOrNothing(undo => {
      undo(() => order.push('never'));
      return Promise.resolve('done');
    });
    expect([done, order]).toEqual(['done', []]);
  });
});

describe('wayBack', () => {
  it('removes a file that was not there', async () => {
    const back = await wayBack(at('file'));
    await back();
    writeFileSync(at('file'), 'new');
    await back();
    expect(existsSync(at('file'))).toBe(false);
  });

  it('gives a file its content and mode again', async () => {
    writeFileSync(at('file'), 'old');
    chmodSync(at('file'), 0o640);
    const back = await wayBack(at('file'));
    writeFileSync(at('file'), 'new');
    await back();
    expect(readFileSync(at('file'), 'utf8')).toBe('old');
    expect(statSync(at('file')).mode & 0o777).toBe(0o640);
  });
});

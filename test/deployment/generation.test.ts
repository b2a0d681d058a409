import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  currentGeneration,
  defaultOverlap,
  type GenerationFiles,
  installGeneration,
  type InstallOptions,
  readService,
} from '../../src/deployment/generation.ts';
import { prune } from '../../src/deployment/generation-prune.ts';
import { MtlsctlError } from '../../src/errors.ts';
import { faults } from '../../src/file-operations.ts';
import { operationsOf, withEachFault } from '../faults.ts';
import { temporaryDirectory } from '../temporary.ts';

const directory = temporaryDirectory();
const service = (): string => join(directory(), 'user-svc');
const at = (name: string): string => join(service(), name);
const start = Date.UTC(2026, 10, 22, 14, 5, 1);
const hour = 3_600_000;
const day = 24 * hour;
const umask = process.umask(0o022);

const files = (tag: string): GenerationFiles => ({ cert: `cert ${tag}`, key: `key ${tag}`, ca: `ca ${tag}` });
const names = (): readonly string[] => readdirSync(service()).sort();
const publicTag = (): readonly string[] =>
  (['cert', 'key', 'ca'] as const).map(part =>
    readFileSync(join(service(), `${part}.pem`), 'utf8').replace(`${part} `, ''),
  );

let counter = 0;
function optionsAt(now: number, changes: Partial<InstallOptions> = {}): InstallOptions {
  const random = (count: number): Uint8Array => {
    counter += 1;
    return Buffer.from([counter >> 8, counter]).subarray(0, count);
  };
  return { now, random, ...changes };
}

const install = (tag: string, now = start, changes: Partial<InstallOptions> = {}) =>
  installGeneration(service(), files(tag), optionsAt(now, changes));

afterEach(() => {
  faults.before = undefined;
  process.umask(umask);
});

describe('installGeneration', () => {
  it('names the next one so that it is one, whatever stands there', async () => {
    await install('a');
    mkdirSync(at('..99991231T235959Z-ffff'));
    const { generation } = await install('b', start + hour);
    expect(generation).toMatch(/^\.\.20261122T150501Z-[0-9a-f]{4}$/);
    expect(publicTag()).toEqual(['b', 'b', 'b']);
    expect(await currentGeneration(service())).toBe(generation);
  });

  it('lays a service out as DESIGN.md has it, under any umask', async () => {
    process.umask(0o077);
    const { generation, changed } = await install('a');
    expect(changed).toBe(true);
    expect(generation).toMatch(/^\.\.20261122T140501Z-[0-9a-f]{4}$/);
    expect(names()).toEqual(['..data', generation, 'ca.pem', 'cert.pem', 'key.pem'].sort());
    expect(readlinkSync(at('..data'))).toBe(generation);
    for (const name of ['ca.pem', 'cert.pem', 'key.pem']) expect(readlinkSync(at(name))).toBe(`..data/${name}`);
    expect(publicTag()).toEqual(['a', 'a', 'a']);
    const mode = (name: string): number => statSync(at(name)).mode & 0o777;
    expect([mode('.'), mode('..data/.'), mode('key.pem'), mode('cert.pem'), mode('ca.pem')]).toEqual([
      0o755, 0o755, 0o600, 0o644, 0o644,
    ]);
    expect(await currentGeneration(service())).toBe(generation);
  });

  it('has the key at 0600 at every step and writes it first', async () => {
    const created: string[] = [];
    const modes = new Set<number>();
    faults.before = (operation, path) => {
      if (operation === 'create') created.push(path.slice(path.lastIndexOf('/') + 1));
      for (const name of existsSync(service()) ? readdirSync(service()) : []) {
        const key = join(service(), name, 'key.pem');
        if (existsSync(key)) modes.add(statSync(key).mode & 0o777);
      }
    };
    await install('a');
    expect(created).toEqual(['key.pem', 'cert.pem', 'ca.pem']);
    expect([...modes]).toEqual([0o600]);
  });

  it('makes everything durable before the swap, and the swap before it returns', async () => {
    await install('a');
    const operations = await operationsOf(() => install('b', start + hour));
    const swap = operations.indexOf('rename');
    expect(operations.filter((operation, i) => operation === 'sync' && i < swap)).toHaveLength(5);
    expect(operations.slice(swap, swap + 3)).toEqual(['rename', 'open', 'sync']);
  });

  it('shows the files to verify before anybody else can see them', async () => {
    await install('old');
    let seen = '';
    await install('new', start + hour, {
      verify: generation => {
        seen = readFileSync(join(generation, 'cert.pem'), 'utf8');
        expect(publicTag()).toEqual(['old', 'old', 'old']);
        return Promise.resolve();
      },
    });
    expect(seen).toBe('cert new');
    expect(publicTag()).toEqual(['new', 'new', 'new']);
  });

  it('leaves all as it was when verify refuses', async () => {
    const refuse = { verify: () => Promise.reject(new MtlsctlError('key-mismatch', 'no')) };
    await expect(install('a', start, refuse)).rejects.toMatchObject({ code: 'key-mismatch' });
    expect(existsSync(service())).toBe(false);
    await install('old');
    const before = names();
    await expect(install('new', start + hour, refuse)).rejects.toMatchObject({ code: 'key-mismatch' });
    expect(names()).toEqual(before);
    expect(publicTag()).toEqual(['old', 'old', 'old']);
  });

  it('touches nothing when the files are the same', async () => {
    const { generation } = await install('a');
    const state = () => names().map(name => [name, lstatSync(at(name)).ino, lstatSync(at(name)).ctimeMs]);
    const before = state();
    expect(await install('a', start + day)).toEqual({ generation, changed: false });
    expect(state()).toEqual(before);
  });

  it.each(['cert', 'key', 'ca'] as const)('installs where only the %s is another', async part => {
    await install('a');
    const content = { ...files('a'), [part]: 'other' };
    expect(await installGeneration(service(), content, optionsAt(start + hour))).toMatchObject({ changed: true });
    expect(readFileSync(join(service(), `${part}.pem`), 'utf8')).toBe('other');
  });

  it('keeps what else lies in the directory', async () => {
    mkdirSync(service(), { mode: 0o700 });
    writeFileSync(at('service.yaml'), 'profile: service\n');
    await install('a');
    expect(readFileSync(at('service.yaml'), 'utf8')).toBe('profile: service\n');
    expect(statSync(service()).mode & 0o777).toBe(0o700);
  });

  it.each(['cert.pem', 'key.pem', 'ca.pem'])('refuses a %s that is not its own link, before it writes', async name => {
    mkdirSync(service());
    writeFileSync(at(name), 'mine');
    await expect(install('a')).rejects.toMatchObject({ code: 'already-exists', details: { path: at(name) } });
    expect(names()).toEqual([name]);
    unlinkSync(at(name));
    symlinkSync('/nowhere', at(name));
    await expect(install('a')).rejects.toMatchObject({ code: 'already-exists' });
    expect(names()).toEqual([name]);
  });

  it('puts a missing link back', async () => {
    await install('a');
    unlinkSync(at('ca.pem'));
    expect(await install('a', start + hour)).toMatchObject({ changed: true });
    expect(publicTag()).toEqual(['a', 'a', 'a']);
  });

  it('replaces a generation that lost a file', async () => {
    await install('a');
    unlinkSync(at('..data/cert.pem'));
    expect(await install('a', start + hour)).toMatchObject({ changed: true });
    expect(publicTag()).toEqual(['a', 'a', 'a']);
  });

  it('names each after the one before it, within a second and by a clock that was set back', async () => {
    const random = [Buffer.from([0xab, 0xcd]), Buffer.from([0xab, 0xcd]), Buffer.from([0, 1])];
    const options = { now: start, random: () => random.shift() ?? Buffer.alloc(2) };
    const first = await installGeneration(service(), files('a'), options);
    const second = await installGeneration(service(), files('b'), options);
    const third = await installGeneration(service(), files('c'), { ...options, now: start - hour });
    expect([first.generation, second.generation, third.generation]).toEqual([
      '..20261122T140501Z-abcd',
      '..20261122T140502Z-abcd',
      '..20261122T140503Z-0001',
    ]);
  });

  it('keeps two generations of a clock that was far ahead at the most', async () => {
    await install('a', start + 1000 * day);
    for (const tag of ['b', 'c', 'd', 'e']) await install(tag, start);
    expect(publicTag()).toEqual(['e', 'e', 'e']);
    expect(readdirSync(service()).filter(name => name.startsWith('..2'))).toHaveLength(2);
  });

  it('says not-found where the PKI directory is missing, and makes none', async () => {
    const path = join(directory(), 'none/user-svc');
    await expect(installGeneration(path, files('a'), optionsAt(start))).rejects.toMatchObject({ code: 'not-found' });
    expect(readdirSync(directory())).toEqual([]);
  });

  it.each(['ENOSPC', 'EIO', 'EACCES'])('leaves nothing of a first one that %s stops', async code => {
    const prepare = () => {
      rmSync(service(), { recursive: true, force: true });
      return Promise.resolve(() => install('new'));
    };
    const count = await withEachFault(code, prepare, ({ error, failed }) => {
      if (error !== undefined) expect(error, failed?.operation).toBeInstanceOf(MtlsctlError);
      // After the rename the new one is in force; before, there is nothing.
      if (existsSync(service())) expect(publicTag()).toEqual(['new', 'new', 'new']);
      else expect(error).toBeDefined();
      // Only where the failure is that of tidying up, something is left, and the next one removes it.
      if (!existsSync(service()) && failed?.operation !== 'rmdir') expect(readdirSync(directory())).toEqual([]);
    });
    expect(count).toBeGreaterThan(20);
  });

  it('shows nothing of a first one before it is whole, and removes what a killed one left', async () => {
    const staging = join(directory(), '.user-svc.new');
    mkdirSync(staging);
    writeFileSync(join(staging, 'key.pem'), 'half');
    const together = { name: 'service.yaml', content: 'profile: service\n' };
    const verify = (generation: string): Promise<void> => {
      expect(existsSync(service())).toBe(false);
      expect(readFileSync(join(dirname(generation), 'service.yaml'), 'utf8')).toBe(together.content);
      return Promise.resolve();
    };
    await install('a', start, { together, verify });
    expect(publicTag()).toEqual(['a', 'a', 'a']);
    expect(readFileSync(at('service.yaml'), 'utf8')).toBe(together.content);
    expect(readdirSync(directory())).toEqual(['user-svc']);
  });

  it.each(['ENOSPC', 'EIO', 'EACCES'])('has the old or the new one in force, whatever %s stops', async code => {
    let before: readonly string[] = [];
    const prepare = async () => {
      rmSync(service(), { recursive: true, force: true });
      await install('old');
      before = names();
      return () => install('new', start + hour);
    };
    const seen = new Set<string>();
    await withEachFault(code, prepare, async ({ error, failed }) => {
      if (error !== undefined) expect(error, failed?.operation).toBeInstanceOf(MtlsctlError);
      const [tag = '', ...others] = publicTag();
      expect(others).toEqual([tag, tag]);
      seen.add(tag);
      if (tag === 'old') expect(names()).toEqual(before);
      else expect(names()).toHaveLength(before.length + 1);
      await install('new', start + 2 * hour);
      expect(publicTag()).toEqual(['new', 'new', 'new']);
    });
    expect([...seen].sort()).toEqual(['new', 'old']);
  });
});

describe('prune', () => {
  const generations = (): readonly string[] => names().filter(name => /^\.\.2/.test(name));

  it('keeps the one in force, the one before, and what was replaced within the overlap', async () => {
    for (let i = 0; i < 5; i += 1) await install(String(i), start + i * hour);
    expect(generations()).toHaveLength(5);
    // The third was replaced when the fourth came, 3 h after the start.
    prune(service(), start + 3 * hour + day, defaultOverlap);
    expect(generations()).toHaveLength(3);
    prune(service(), start + 1000 * day, defaultOverlap);
    expect(generations()).toHaveLength(2);
    expect(generations()[1]).toBe(await currentGeneration(service()));
    expect(publicTag()).toEqual(['4', '4', '4']);
  });

  it('keeps a generation for the overlap after it was replaced, however old it is', async () => {
    const { generation: first } = await install('a');
    await install('b', start + 60 * day);
    await install('c', start + 60 * day + hour);
    expect(generations()).toContain(first);
    await install('d', start + 62 * day);
    expect(generations()).not.toContain(first);
  });

  it('takes the overlap it is told', async () => {
    for (let i = 0; i < 4; i += 1) await install(String(i), start + i * hour, { overlap: hour });
    expect(generations()).toHaveLength(3);
    expect(prune(service(), start + 4 * hour, 0)).toHaveLength(1);
  });

  it('keeps the one in force when the clock went back', async () => {
    await install('a', start);
    const { generation } = await install('b', start - 1000 * day);
    await install('b', start + 1000 * day);
    prune(service(), start + 1000 * day, defaultOverlap);
    expect(await currentGeneration(service())).toBe(generation);
    expect(publicTag()).toEqual(['b', 'b', 'b']);
  });

  it('removes at once what a killed installation left, and nothing in force', async () => {
    const { generation } = await install('a');
    const left = '..20261122T150000Z-0bad';
    mkdirSync(at(left));
    writeFileSync(at(`${left}/key.pem`), 'half');
    symlinkSync(left, at('..next-20261122T150000Z-0bad'));
    symlinkSync(generation, at('..next-of-the-present'));
    symlinkSync('../../etc', at('..next-outside'));
    expect(prune(service(), start, defaultOverlap)).toEqual([left]);
    expect(names()).toEqual(['..data', generation, 'ca.pem', 'cert.pem', 'key.pem'].sort());
    expect(publicTag()).toEqual(['a', 'a', 'a']);
  });

  it('is done by the next installation, the first one too', async () => {
    mkdirSync(service());
    mkdirSync(at('..20261122T150000Z-0bad'));
    symlinkSync('..20261122T150000Z-0bad', at('..next-20261122T150000Z-0bad'));
    const { generation } = await install('a');
    expect(names()).toEqual(['..data', generation, 'ca.pem', 'cert.pem', 'key.pem'].sort());
  });

  it('does not take away what an installation is just putting in force', async () => {
    await install('a');
    let raced = false;
    faults.before = (operation, path) => {
      if (operation !== 'remove' || !path.includes('..next-') || raced) return;
      raced = true;
      renameSync(path, at('..data'));
    };
    mkdirSync(at('..20261122T150000Z-beef'));
    for (const part of ['cert', 'key', 'ca']) writeFileSync(at(`..20261122T150000Z-beef/${part}.pem`), `${part} b`);
    symlinkSync('..20261122T150000Z-beef', at('..next-20261122T150000Z-beef'));
    prune(service(), start, defaultOverlap);
    expect(raced).toBe(true);
    expect(publicTag()).toEqual(['b', 'b', 'b']);
  });

  it('has nothing to do where there is no service', () => {
    expect(prune(service(), start, defaultOverlap)).toEqual([]);
  });
});

describe('readService', () => {
  it('reads the files in force', async () => {
    const { generation } = await install('a');
    const read = await readService(service());
    expect(read?.generation).toBe(generation);
    expect([read?.cert, read?.key, read?.ca].map(bytes => Buffer.from(bytes ?? []).toString())).toEqual([
      'cert a',
      'key a',
      'ca a',
    ]);
  });

  it('gives undefined where nothing is installed', async () => {
    expect(await readService(service())).toBeUndefined();
    mkdirSync(service());
    expect(await readService(service())).toBeUndefined();
    expect(await currentGeneration(service())).toBeUndefined();
  });

  it('does not mix two generations when a swap falls between the files', async () => {
    const { generation: old } = await install('old');
    await install('new', start + hour);
    const newest = readlinkSync(at('..data'));
    rmSync(at('..data'));
    symlinkSync(old, at('..data'));
    faults.before = (operation, path) => {
      if (operation !== 'read' || !path.endsWith('key.pem')) return;
      faults.before = undefined;
      rmSync(at('..data'));
      symlinkSync(newest, at('..data'));
    };
    const read = await readService(service());
    expect(read?.generation).toBe(old);
    expect(Buffer.from(read?.cert ?? []).toString()).toBe('cert old');
  });

  it('looks again when the generation was pruned while it was read', async () => {
    const { generation: old } = await install('old');
    await install('new', start + hour);
    const newest = readlinkSync(at('..data'));
    rmSync(at('..data'));
    symlinkSync(old, at('..data'));
    faults.before = (operation, path) => {
      if (operation !== 'open' || !path.endsWith('cert.pem')) return;
      faults.before = undefined;
      rmSync(at('..data'));
      symlinkSync(newest, at('..data'));
      rmSync(at(old), { recursive: true });
    };
    expect((await readService(service()))?.generation).toBe(newest);
  });

  it('says not-found for a generation that lacks a file, and malformed for a link that leads elsewhere', async () => {
    await install('a');
    unlinkSync(at('..data/key.pem'));
    await expect(readService(service())).rejects.toMatchObject({ code: 'not-found' });
    for (const target of ['/etc', '../other-svc', '..', 'cert.pem', '..20261122T140501Z-abcd/../..']) {
      rmSync(at('..data'));
      symlinkSync(target, at('..data'));
      await expect(readService(service())).rejects.toMatchObject({ code: 'malformed' });
      await expect(install('b')).rejects.toMatchObject({ code: 'malformed' });
    }
    rmSync(at('..data'));
    mkdirSync(at('..data'));
    await expect(currentGeneration(service())).rejects.toMatchObject({ code: 'malformed' });
  });
});

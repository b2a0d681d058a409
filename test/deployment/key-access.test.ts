import { chmodSync, linkSync, mkdirSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { settleAccess } from '../../src/deployment/key-access.ts';
import { temporaryDirectory } from '../temporary.ts';

const temporary = temporaryDirectory();
const service = (): string => join(temporary(), 'svc');
const name = '..20261122T140501Z-3f9c';
const generation = (): string => join(service(), name);
const modeOf = (path: string): number => statSync(path).mode & 0o777;

beforeEach(() => {
  mkdirSync(generation(), { recursive: true });
  for (const directory of [service(), generation()]) chmodSync(directory, 0o755);
  writeFileSync(join(generation(), 'key.pem'), 'key', { mode: 0o600 });
  symlinkSync(name, join(service(), '..data'));
});

describe('settleAccess', () => {
  it('gives the key the mode of service.yaml', () => {
    expect(settleAccess(service(), { keyMode: 0o640 })).toEqual([]);
    expect(modeOf(join(generation(), 'key.pem'))).toBe(0o640);
  });

  it.each([
    ['the directory of the service', service],
    ['the generation', generation],
  ])('leaves alone what others could exchange, who can write %s', (_what, open) => {
    chmodSync(open(), 0o777);
    expect(settleAccess(service(), { keyMode: 0o640 })).toEqual([
      expect.stringContaining(`${open()} can be written by others`),
    ]);
    expect(modeOf(join(generation(), 'key.pem'))).toBe(0o600);
  });

  it.runIf(process.geteuid?.() === 0)("leaves alone what lies in another user's directory", async () => {
    const { chownSync } = await import('node:fs');
    chownSync(service(), 65534, 65534);
    expect(settleAccess(service(), { keyMode: 0o640 })).toHaveLength(1);
    expect(modeOf(join(generation(), 'key.pem'))).toBe(0o600);
  });

  it('never goes through a generation that is a link', () => {
    const elsewhere = join(temporary(), 'authority');
    renameSync(generation(), elsewhere);
    symlinkSync(elsewhere, generation());
    settleAccess(service(), { keyMode: 0o640 });
    expect(modeOf(join(elsewhere, 'key.pem'))).toBe(0o600);
  });

  it('leaves a key of two names alone', () => {
    linkSync(join(generation(), 'key.pem'), join(temporary(), 'other-name'));
    settleAccess(service(), { keyMode: 0o640 });
    expect(modeOf(join(generation(), 'key.pem'))).toBe(0o600);
  });
});

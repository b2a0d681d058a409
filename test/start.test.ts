import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const bin = join(import.meta.dirname, '../bin/mtlsctl.js');
const { codeCacheFile, parts } = createRequire(import.meta.url)(bin) as {
  codeCacheFile: (part: string) => string;
  parts: readonly string[];
};
const pki = mkdtempSync(join(tmpdir(), 'mtlsctl-start-'));

beforeAll(() => {
  for (const words of [
    ['init-root', '--no-passphrase'],
    ['issue-intermediate', 'site-a', '--no-passphrase'],
    ['enroll', 'user-svc'],
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [bin, ...words, '--dir', pki], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  }
});

afterAll(() => {
  rmSync(pki, { recursive: true, force: true });
});

/** What a command has loaded when it has ended: parts of the program, and modules of Node. */
function loadedBy(...words: readonly string[]): { readonly scripts: string[]; readonly builtins: string[] } {
  const script = `
    const [node, bin, ...words] = process.argv;
    const { program, scripts } = require(bin);
    process.argv = [node, bin, ...words];
    process.on('exit', () => console.error(JSON.stringify({ scripts: [...scripts.keys()], builtins: process.moduleLoadList })));
    program.run('');`;
  const { status, stderr } = spawnSync(process.execPath, ['-e', script, bin, ...words], { encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  return JSON.parse(stderr) as { scripts: string[]; builtins: string[] };
}

describe('the start of the program', () => {
  it('takes the first part for a look at a certificate, and neither crypto nor streams', () => {
    const { scripts, builtins } = loadedBy('inspect', join(pki, 'user-svc', 'cert.pem'));
    expect(scripts).toEqual([parts[0]]);
    expect(builtins).toContain('NativeModule fs');
    for (const costly of ['crypto', 'stream', 'child_process', 'net'])
      expect(builtins).not.toContain(`NativeModule ${costly}`);
  });

  it('opens the other parts, and crypto, for what needs them', () => {
    const { scripts, builtins } = loadedBy('verify-chain', 'user-svc', '--dir', pki);
    expect(scripts).toEqual(parts.slice(0, 2));
    expect(builtins).toContain('NativeModule crypto');
  });
});

describe('the code cache', () => {
  it.each(parts)('of %s is there for the Node that built it', part => {
    expect(existsSync(codeCacheFile(part))).toBe(true);
  });

  // V8 of 20.17.0 takes what that of 20.20.2 made, and crashes on it.
  it.each(parts)('of %s names the version and the executable, so that no other Node takes it', part => {
    expect(basename(codeCacheFile(part))).toMatch(
      new RegExp(`^${part}-${process.version.replaceAll('.', '\\.')}-${process.arch}-\\d+-\\d+\\.cache$`),
    );
  });
});

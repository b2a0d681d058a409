import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const project = join(import.meta.dirname, '..');
const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { version: string };
const directory = mkdtempSync(join(tmpdir(), 'mtlsctl-pack-'));

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

/** Nothing of the project can be found from where it runs, nor by what the environment names. */
const environment = {
  PATH: process.env['PATH'],
  HOME: directory,
  npm_config_cache: join(directory, 'npm-cache'),
  npm_config_update_notifier: 'false',
};

function run(program: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, env: environment, encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with status ${status}:\n${stderr}${stdout}`);
  return stdout;
}

/** From nothing to a verified service, then a look at it. */
function walkThrough(mtlsctl: (...args: readonly string[]) => string): void {
  expect(mtlsctl('--version')).toBe(`${version}\n`);
  mtlsctl('init-root', '--dir', 'pki', '--no-passphrase');
  mtlsctl('issue-intermediate', 'site-a', '--dir', 'pki', '--no-passphrase');
  expect(mtlsctl('enroll', 'user-svc', '--dir', 'pki')).toContain('user-svc: issued');
  expect(mtlsctl('verify-chain', 'user-svc', '--dir', 'pki')).toContain('user-svc: valid');
  expect(mtlsctl('inspect', 'pki/user-svc/cert.pem')).toContain('CN=user-svc.link.internal');
  expect(mtlsctl('inspect', 'pki')).toContain('user-svc');
}

function built(path: string, command: string): string {
  const file = join(project, path);
  if (!existsSync(file)) throw new Error(`${path} is not built: run '${command}' first`);
  return file;
}

const bundled = ['commander', '@peculiar/x509', '@peculiar/webcrypto', 'inquirer', 'chalk', 'cli-table3', 'yaml'];

function expectNotices(text: string): void {
  for (const name of [...bundled, '@noble/hashes', '@peculiar/asn1-x509']) {
    const file = readFileSync(join(project, 'node_modules', name, 'package.json'), 'utf8');
    expect(text).toContain(`${name} ${(JSON.parse(file) as { version: string }).version}`);
  }
  expect(text).toContain('Copyright (c) 2011 TJ Holowaychuk');
}

describe('the package that npm pack makes', () => {
  const prefix = join(directory, 'installed');

  beforeAll(() => {
    built('dist/mtlsctl.cjs', 'npm run build');
    // prepare would build dist/ anew under the feet of the tests that run it.
    run('npm', ['pack', '--ignore-scripts', '--pack-destination', directory], project);
    mkdirSync(prefix);
    const tarball = join(directory, `mtlsctl-${version}.tgz`);
    run(
      'npm',
      ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', prefix, tarball],
      prefix,
    );
  });

  it('installs offline: all it needs is in it', () => {
    expect(readdirSync(join(prefix, 'node_modules')).filter(name => !name.startsWith('.'))).toEqual(['mtlsctl']);
  });

  it('holds the program and its documents, and neither sources nor tests', () => {
    const names = readdirSync(join(prefix, 'node_modules', 'mtlsctl')).sort();
    expect(names).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'dist', 'package.json', 'templates']);
  });

  it('tells the licences of the packages that are in it', () => {
    expectNotices(readFileSync(join(prefix, 'node_modules', 'mtlsctl', 'dist', 'THIRD-PARTY-NOTICES.txt'), 'utf8'));
  });

  it('has a bin that makes a PKI', () => {
    walkThrough((...args) => run(join(prefix, 'node_modules', '.bin', 'mtlsctl'), args, prefix));
  });
});

describe('mtlsctl.cjs', () => {
  it('runs alone in an empty directory, without npm or node_modules', () => {
    const alone = join(directory, 'alone');
    mkdirSync(alone);
    copyFileSync(built('mtlsctl.cjs', 'npm run build:single'), join(alone, 'mtlsctl.cjs'));
    walkThrough((...args) => run(process.execPath, ['mtlsctl.cjs', ...args], alone));
    expectNotices(readFileSync(join(alone, 'mtlsctl.cjs'), 'utf8'));
  });
});

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../../src/main.ts';
import { fakeSystem } from '../../fake-system.ts';
import { sharedTemporaryDirectory } from '../../temporary.ts';
import { lacksTool, requireTool } from '../requirements.ts';

const base = sharedTemporaryDirectory();
const program = join(import.meta.dirname, '../../../bin/mtlsctl.js');

/** Prints all units, into a directory of their own. Returns their paths. */
async function printUnits(name: string, directory: string, ...args: readonly string[]): Promise<readonly string[]> {
  const flags = ['--json', '--dir', directory, '--program', program, ...args];
  const system = fakeSystem({ args: ['template', name, ...flags] });
  const status = await main(system);
  expect(status, system.output()).toBe(0);
  const { parts } = JSON.parse(system.output()) as { parts: readonly { file: string; text: string }[] };
  mkdirSync(join(base(), name), { recursive: true });
  return parts.map(({ file, text }) => {
    const path = join(base(), name, file.replace('/etc/systemd/system/', ''));
    writeFileSync(path, text);
    return path;
  });
}

/** What systemd has understood, line by line; it says so to whoever debugs. */
function verified(paths: readonly string[]): string {
  const { status, stderr, stdout } = spawnSync(requireTool('systemd-analyze'), ['verify', '--man=no', ...paths], {
    env: { ...process.env, SYSTEMD_LOG_LEVEL: 'debug' },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  expect(status, stderr).toBe(0);
  return stdout + stderr;
}

const passphrase = ['--ca-passphrase-file', '/etc/pass $x 100% "q"'];

describe.skipIf(lacksTool('systemd-analyze'))('systemd with the printed units', () => {
  it.each([
    ['systemd-renew', []],
    ['systemd-renew', [...passphrase, '--metrics-file', '/var/lib/node exporter/mtlsctl.prom']],
    ['systemd-crl', []],
    ['systemd-crl', [...passphrase, '--hook', 'systemctl reload nginx', '--hook', 'kill -HUP "$(cat /run/x.pid)"']],
  ] as const)('accepts %s %j without a word', async (name, args) => {
    const paths = await printUnits(name, '/etc/link-certs', ...args);
    const { status, stderr } = spawnSync(requireTool('systemd-analyze'), ['verify', '--man=no', ...paths], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('understands paths that need quotes as they are meant', async () => {
    const directory = `${base()}/it's 100% $odd "dir" \\x #1 ;é`;
    const written = verified(await printUnits('systemd-renew', directory, ...passphrase));
    expect(written).toContain(`ReadWritePaths: ${directory}\n`);
    // A command line is shown in quotes, and its $ are put in when it is run.
    const shown = directory.replace(/["\\$]/g, '\\$&').replace('\\$', '\\$\\$');
    const tail = '--ca-passphrase-file /run/credentials/mtlsctl-renew.service/ca-passphrase';
    expect(written).toContain(`Command Line: ${program} renew --daemon --once --dir "${shown}" ${tail}\n`);
  });

  it('hands a hook to the shell as it is', async () => {
    const hook = `kill -HUP "$(cat '/run/a b.pid')" && echo 100% \\\\ done`;
    const written = verified(await printUnits('systemd-crl', '/etc/link-certs', '--hook', hook));
    const shown = hook.replace(/["\\$]/g, '\\$&').replace('\\$', '\\$\\$');
    expect(written).toContain(`Command Line: /bin/sh -c "${shown}"\n`);
  });

  it('finds little that a unit could do besides', async () => {
    for (const name of ['systemd-renew', 'systemd-crl']) {
      for (const path of (await printUnits(name, '/etc/link-certs')).filter(each => each.endsWith('.service'))) {
        const args = ['security', '--offline=true', '--threshold=35', path];
        const { status, stdout, stderr } = spawnSync(requireTool('systemd-analyze'), args, { encoding: 'utf8' });
        expect(status, stdout + stderr).toBe(0);
      }
    }
  });

  it('runs at the times meant', () => {
    for (const [calendar, normalized] of [
      ['*:0/15', '*-*-* *:00/15:00'],
      ['hourly', '*-*-* *:00:00'],
    ] as const) {
      const { stdout } = spawnSync(requireTool('systemd-analyze'), ['calendar', calendar], { encoding: 'utf8' });
      expect(stdout).toContain(`Normalized form: ${normalized}\n`);
    }
  });
});

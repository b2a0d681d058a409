import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/main.ts';
import { fakeSystem } from '../fake-system.ts';
import { lacksTool, requireTool } from '../interop/requirements.ts';
import { onTerminal } from '../terminal/pseudo-terminal.ts';

const directory = mkdtempSync(join(tmpdir(), 'mtlsctl-completion-'));
const home = join(directory, 'home');
const here = join(directory, 'here');

/** Prints what it was called with, after the shell has read the line. */
const printer = `mtlsctl() { printf '<<%s>>' "$@"; echo; echo do''ne; }`;

beforeAll(async () => {
  for (const path of [
    ...['pki/user-svc', 'pki/db', 'pki/.hidden', 'pki/authorities/root', 'pki/authorities/site-a'],
    ...[
      'pki/authorities/.site-b.new',
      'pki/Odd $(touch ran)',
      'my pki/lb',
      "it's/web",
      'here/sub dir',
      'home/own/mine',
    ],
    'none',
  ])
    mkdirSync(join(directory, path), { recursive: true });
  for (const name of ['my cert.pem', 'unter.pem', 'u$(touch ran).pem']) writeFileSync(join(here, name), '');
  writeFileSync(join(directory, 'bash.rc'), `PS1='ready> '\n${await script('bash')}\n${printer}\n`);
  const zsh = `PS1='ready> '\nautoload -Uz compinit && compinit -u -D\n${await script('zsh')}\n${printer}
zstyle ':completion:all-matches::::' completer _all_matches _complete
zstyle ':completion:all-matches:*' insert true
zle -C all-matches complete-word _generic
bindkey '^X' all-matches\n`;
  writeFileSync(join(home, '.zshrc'), zsh);
  writeFileSync(join(directory, 'mtlsctl.fish'), await script('fish'));
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function script(shell: string): Promise<string> {
  const system = fakeSystem({ args: ['completion', shell] });
  expect(await main(system)).toBe(0);
  return system.output();
}

type Complete = (line: string) => readonly string[];

function environment(pki: string): Record<string, string> {
  return {
    HOME: home,
    ZDOTDIR: home,
    XDG_CONFIG_HOME: home,
    MTLSCTL_DIR: pki,
    INPUTRC: '/dev/null',
    HISTFILE: '/dev/null',
  };
}

/** What a word of the line became, once all that fits was put in its place and the shell has read the line. */
function atShell(command: readonly string[], keys: string, line: string): readonly string[] {
  const { shown } = onTerminal(
    command,
    [
      ['ready> ', `${line}${keys}\r`],
      ['done', 'exit\r'],
    ],
    { directory: here, env: environment(join(directory, 'pki')) },
  );
  return [...shown.matchAll(/<<(.*?)>>/g)].map(match => match[1] ?? '');
}

const inBash: Complete = line => atShell(['bash', '--rcfile', join(directory, 'bash.rc'), '-i'], '\u001b*', line);
const inZsh: Complete = line => atShell(['zsh', '-i'], '\u0018', line);

const inFish: Complete = line => {
  const asked = `source ${join(directory, 'mtlsctl.fish')}; complete -C $argv[1]`;
  const { stdout, stderr } = spawnSync(requireTool('fish'), ['--no-config', '-c', asked, line], {
    cwd: here,
    encoding: 'utf8',
    env: { ...process.env, ...environment(join(directory, 'pki')) },
  });
  expect(stderr).toBe('');
  return stdout
    .trimEnd()
    .split('\n')
    .map(each => each.split('\t')[0] ?? '');
};

const shells: readonly (readonly [name: string, complete: Complete])[] = [
  ['bash', inBash],
  ['zsh', inZsh],
  ['fish', inFish],
];

const keyTypes = ['ec-p256', 'ec-p384', 'ed25519', 'rsa-2048', 'rsa-3072', 'rsa-4096'];

describe.each(shells)('completion in %s', (shell, complete) => {
  const skip = lacksTool(shell) || lacksTool('python3');

  it.skipIf(skip).each([
    ['mtlsctl cr', ['crl']],
    ['mtlsctl --dir none cr', ['crl']],
    ['mtlsctl --json en', ['enroll']],
    ['mtlsctl enroll --key-type ', keyTypes],
    ['mtlsctl init-root --key-type rsa-3', ['rsa-3072']],
    ['mtlsctl verify-chain --purpose s', ['server']],
    ['mtlsctl revoke db --reason key', ['keyCompromise']],
    ['mtlsctl status --format ', ['json', 'prometheus', 'text']],
    ['mtlsctl template prom', ['prometheus-rules']],
    ['mtlsctl completion ', ['bash', 'fish', 'zsh']],
    ['mtlsctl enroll --jso', ['--json']],
    ['mtlsctl enroll ', ['db', 'user-svc']],
    ['mtlsctl enroll --force db us', ['user-svc']],
    ['mtlsctl enroll --issuer ', ['root', 'site-a']],
    ['mtlsctl crl ', ['root', 'site-a']],
    ['mtlsctl template nginx --service d', ['db']],
    ["mtlsctl enroll --dir '../my pki' ", ['lb']],
    ['mtlsctl --dir ../my\\ pki enroll ', ['lb']],
    ['mtlsctl --dir ~/own enroll ', ['mine']],
    ['mtlsctl --dir ../m', ['../my pki']],
    ['mtlsctl inspect my', ['my cert.pem']],
    ['mtlsctl inspect su', ['sub dir']],
    ['mtlsctl enroll --from un', ['unter.pem']],
    ['mtlsctl verify-chain un', ['unter.pem']],
  ])('of %s is %j', (line, expected) => {
    const words = complete(line);
    const offered = shell === 'fish' ? words.map(word => word.replace(/\\ /g, ' ')) : words.slice(-expected.length);
    expect(offered.map(word => word.replace(/\/$/, '')).sort(), words.join('|')).toEqual(expected);
    if (shell !== 'fish') expect(words).toHaveLength(before(line) + expected.length);
  });

  it
    .skipIf(skip)
    .each([
      'mtlsctl enroll --validity ',
      'mtlsctl --dir ../none enroll ',
      'mtlsctl --dir ../missing enroll ',
      'mtlsctl renew --dir=../none ',
    ])('offers nothing for %s', line => {
    const words = complete(line);
    expect(words).toHaveLength(shell === 'fish' ? 1 : before(line));
  });

  it.skipIf(skip)('takes a service and a file for what they are, and runs nothing in their names', () => {
    const words = complete('mtlsctl verify-chain u').map(word => word.replaceAll('\\', ''));
    expect(words.filter(word => word.startsWith('u')).sort()).toEqual(['u$(touch ran).pem', 'unter.pem', 'user-svc']);
    expect(complete('mtlsctl inspect u').filter(word => word === 'user-svc')).toEqual([]);
    expect(spawnSync('ls', [here], { encoding: 'utf8' }).stdout).not.toMatch(/^ran$/m);
  });

  it.skipIf(skip)('reads --dir=<path>', () => {
    expect(complete("mtlsctl renew --dir=../it\\'s ").at(-1)).toBe('web');
  });
});

/** How many words stand behind the command's name on a line before the one that is completed. */
function before(line: string): number {
  const words = line.replace(/'[^']*'|\\ /g, 'x').split(' ');
  return words.length - 2;
}

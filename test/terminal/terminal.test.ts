import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { lacksTool, requireTool } from '../interop/requirements.ts';

const bin = join(import.meta.dirname, '../../bin/mtlsctl.js');
const directory = mkdtempSync(join(tmpdir(), 'mtlsctl-terminal-'));

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

/**
 * Runs a command on a pseudo-terminal of its own and types each answer once what it answers has appeared; then writes what was shown and the exit
 * status. Node has no pseudo-terminals, Python does.
 */
const onTerminal = `
import json, os, pty, signal, sys
command, answers = json.loads(sys.argv[1])
signal.alarm(60)
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
shown, seen = b"", 0
while True:
    if answers:
        found = shown.find(answers[0][0].encode(), seen)
        if found >= 0:
            seen = len(shown)
            os.write(terminal, answers.pop(0)[1].encode())
            continue
    try:
        chunk = os.read(terminal, 65536)
    except OSError:
        break
    if not chunk:
        break
    shown += chunk
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps({"shown": shown.decode(), "status": status, "left": answers}))
`;

function type(
  words: readonly string[],
  answers: readonly (readonly [after: string, keys: string])[],
): { shown: string; status: number } {
  const command = [process.execPath, bin, ...words, '--dir', join(directory, 'pki')];
  const args = ['-c', onTerminal, JSON.stringify([command, answers])];
  const { stdout, stderr } = spawnSync(requireTool('python3'), args, {
    cwd: directory,
    encoding: 'utf8',
    env: { ...process.env, TERM: 'xterm', CI: '' },
  });
  expect(stderr).toBe('');
  const { shown, status, left } = JSON.parse(stdout) as { shown: string; status: number; left: unknown };
  expect(left, shown).toEqual([]);
  return { shown, status };
}

const controlC = '\u0003';
const down = '\u001b[B';

describe.skipIf(lacksTool('python3'))('at a real terminal', () => {
  it('asks for a name until it is one', () => {
    expect(type(['init-root', '--no-passphrase'], []).status).toBe(0);
    const { shown, status } = type(
      ['issue-intermediate', '--no-passphrase'],
      [
        ['name of the intermediate', 'Site\r'],
        ['expected lower-case letters', '\u0015site-a\r'],
      ],
    );
    expect(status, shown).toBe(0);
    expect(readdirSync(join(directory, 'pki/authorities'))).toEqual(['root', 'site-a']);
  });

  it('lets the authority be chosen from a list', () => {
    expect(type(['issue-intermediate', 'site-b', '--no-passphrase'], []).status).toBe(0);
    const { shown, status } = type(['enroll', 'db'], [['which one?', `${down}\r`]]);
    expect(status, shown).toBe(0);
    expect(shown).toContain('site-b');
    const list = spawnSync(process.execPath, [bin, 'audit', 'site-b', '--list', '--dir', join(directory, 'pki')]);
    expect(list.stdout.toString()).toContain('db');
  });

  it.each([
    ['a question', ['enroll'], 'name of the service'],
    ['a list', ['enroll', 'lb'], 'which one?'],
    ['the choice of a template', ['template'], 'which configuration?'],
  ])('ends with 130 at ^C in %s, and changes nothing', (_what, words, question) => {
    const before = readdirSync(join(directory, 'pki'));
    const { shown, status } = type(words, [[question, controlC]]);
    expect(status, shown).toBe(130);
    expect(shown).toContain('[interrupted]');
    expect(readdirSync(join(directory, 'pki'))).toEqual(before);
  });
});

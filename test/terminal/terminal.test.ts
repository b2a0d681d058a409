import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { lacksTool } from '../interop/requirements.ts';
import { onTerminal } from './pseudo-terminal.ts';

const bin = join(import.meta.dirname, '../../bin/mtlsctl.js');
const directory = mkdtempSync(join(tmpdir(), 'mtlsctl-terminal-'));

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

function type(
  words: readonly string[],
  answers: readonly (readonly [after: string, keys: string])[],
): { shown: string; status: number } {
  const command = [process.execPath, bin, ...words, '--dir', join(directory, 'pki')];
  return onTerminal(command, answers, { directory });
}

const controlC = '\u0003';
const controlD = '\u0004';
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

  it('takes a passphrase that is typed twice alike', () => {
    const { shown, status } = type(
      ['issue-intermediate', 'site-c'],
      [
        ['a passphrase for the key', 'one\r'],
        ['again', 'one\r'],
      ],
    );
    expect(status, shown).toBe(0);
    expect(shown).not.toContain('interrupted');
    expect(readFileSync(join(directory, 'pki/authorities/site-c/key.pem'), 'utf8')).toContain('ENCRYPTED');
  });

  describe.each([
    ['^C', controlC],
    ['^D', controlD],
  ])('at %s', (_name, keys) => {
    it.each([
      ['a question', ['enroll'], 'name of the service'],
      ['a list', ['enroll', 'lb'], 'which one?'],
      ['a passphrase', ['issue-intermediate', 'site-d'], 'a passphrase for the key'],
      ['a yes', ['revoke', '--authority', 'site-b', '--issued-before', '2100-01-01T00:00:00Z'], '(y/N)'],
      ['the choice of a template', ['template'], 'which configuration?'],
    ])('ends with 130 in %s, and changes nothing', (_what, words, question) => {
      const before = readdirSync(join(directory, 'pki'), { recursive: true });
      const { shown, status } = type(words, [[question, keys]]);
      expect(status, shown).toBe(130);
      expect(shown).toContain('[interrupted]');
      expect(readdirSync(join(directory, 'pki'), { recursive: true })).toEqual(before);
    });
  });
});

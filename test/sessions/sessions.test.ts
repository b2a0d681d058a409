import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseSession, splitWords } from './format.ts';
import { matchLine, matchLines } from './match.ts';
import { runSession } from './runner.ts';

const directory = import.meta.dirname;
const update = process.env['UPDATE_SESSIONS'] === 'true';

describe('sessions', () => {
  const files = readdirSync(directory).filter(name => name.endsWith('.txt'));
  it.each(files.map(name => [name.replace(/\.txt$/, '')]))('%s', async name => {
    await runSession(join(directory, `${name}.txt`), { update });
  });
});

describe('the session format', () => {
  it('gathers what is expected of a command', () => {
    const [setting, step] = parseSession(
      '@now 2026-11-22T14:05:01Z\n# why\n$ mtlsctl x\n< in\n: sure? => yes\n> out\n! err\n? 4\n',
    );
    expect(setting).toEqual({ line: 1, setting: 'now', value: '2026-11-22T14:05:01Z' });
    expect(step).toMatchObject({ command: 'mtlsctl x', stdin: ['in'], answers: [['sure?', 'yes']] });
    expect(step).toMatchObject({ stdout: ['out'], stderr: ['err'], status: 4, line: 3, lastLine: 8 });
  });

  it.each(['> nothing typed', 'prose'])('refuses %s', text => {
    expect(() => parseSession(text)).toThrow('line 1');
  });

  it('splits words as a shell does', () => {
    const variables = new Map([['name', 'a b']]);
    const command = String.raw`one 'two ${'${name}'}' "three ${'${name}'}" four${'${name}'} $'\e[31m\x00' ${'${a*3}'} ''`;
    expect(splitWords(command, variables)).toEqual([
      ...['one', 'two ${name}', 'three a b', 'foura b', '\u001b[31m\0', 'aaa', ''],
    ]);
  });

  it.each([
    [['a', '…', 'z'], ['a', 'b', 'c', 'z'], true],
    [['a', '…', 'z'], ['a', 'z'], true],
    [['a', '…'], ['b'], false],
    [['a'], ['a', 'b'], false],
    [['a…c'], ['abbc'], true],
    [['(a) [b]'], ['(a) [b]'], true],
    [['{date}'], ['2026-11-22T14:05:01Z'], true],
    [['{sha256}'], ['beef'], false],
    [['<dir>/x'], ['<dir>/x'], true],
    [[], ['a'], false],
  ])('compares %j with %j: %j', (expected, actual, verdict) => {
    expect(matchLines(expected, actual, new Map()) !== undefined).toBe(verdict);
  });

  it('keeps what a named placeholder has caught, and puts it in again', () => {
    const caught = matchLines(['is {hex:it}', '${it}.'], ['is beef', 'beef.'], new Map());
    expect(caught?.get('it')).toBe('beef');
    expect(matchLine('${it}', 'dead', caught ?? new Map())).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { main } from '../src/main.ts';
import { fakeSystem } from './fake-system.ts';

async function help(...command: readonly string[]): Promise<readonly string[]> {
  const system = fakeSystem({ args: [...command, '--help'] });
  expect(await main(system)).toBe(0);
  return system.output().split('\n');
}

const section = (lines: readonly string[], title: string): readonly string[] => {
  const begin = lines.indexOf(title) + 1;
  const end = lines.indexOf('', begin);
  return begin === 0 ? [] : lines.slice(begin, end === -1 ? undefined : end);
};

const commands = section(await help(), 'Commands:').flatMap(line => /^ {2}([a-z-]+)/.exec(line)?.[1] ?? []);

/** What commander breaks lines at where there is no terminal. */
const width = 80;

describe('--help', () => {
  it('lists the commands', () => {
    expect(commands).toEqual(expect.arrayContaining(['init-root', 'issue-intermediate', 'enroll', 'renew', 'revoke']));
    expect(commands).toEqual(expect.arrayContaining(['crl', 'inspect', 'verify-chain']));
  });

  it.each(commands)('of %s has examples and exit statuses', async command => {
    const lines = await help(command);
    expect(section(lines, 'Examples:')).not.toEqual([]);
    expect(section(lines, 'Exit status:').map(line => Number.parseInt(line.trim()))).toEqual(
      expect.arrayContaining([0, 2]),
    );
  });

  it.each(commands)('of %s describes in lines that are filled', async command => {
    const lines = await help(command);
    const begin = lines.indexOf('') + 1;
    const description = lines.slice(
      begin,
      lines.findIndex((line, i) => i > begin && /^[A-Z][a-z]+:$/.test(line)),
    );
    expect(description.length).toBeGreaterThan(1);
    let isList = false;
    for (const [i, line] of description.entries()) {
      isList = line !== '' && (isList || line.startsWith(' '));
      expect(line.length, line).toBeLessThanOrEqual(width);
      const next = description[i + 1] ?? '';
      if (isList || line === '' || next === '' || next.startsWith(' ')) continue;
      const [word = ''] = next.split(' ');
      expect(`${line} ${word}`.length, line).toBeGreaterThan(width);
    }
  });
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../src/config.ts';
import { parseFleetFile } from '../src/config/fleet-file.ts';
import { parseServiceFile } from '../src/config/service-file.ts';
import { generalise } from './sessions/match.ts';
import { runSessionText } from './sessions/runner.ts';

/** What README.md shows is what mtlsctl prints: its console blocks are typed, in order, at the sessions' clock. */
const readme = readFileSync(join(import.meta.dirname, '..', 'README.md'), 'utf8');

describe('README.md', () => {
  it('shows sessions that go as it says', async () => {
    const session = consoleBlocks(readme).flatMap(block => block.map(toSessionLine));
    expect(session.length).toBeGreaterThan(50);
    await runSessionText(['$ mkdir stick', '@on pki', ...session].join('\n'), 'README.md');
  });

  it.each([
    ['mtlsctl.yaml', parseConfig],
    ['service.yaml', parseServiceFile],
    ['Fleet files', parseFleetFile],
  ])('shows a file under "%s" that can be read', (heading, parse) => {
    const section = readme.slice(readme.indexOf(`### ${heading}`));
    const example = /^```yaml\n(.*?)^```$/ms.exec(section)?.[1] ?? '';
    expect(example).not.toBe('');
    expect(() => parse(example, heading)).not.toThrow();
  });

  it('names every exit status and command that there is', async () => {
    const { commands } = await import('../src/main.ts');
    for (const name of Object.keys(commands)) expect(readme).toContain(`\`${name}`);
    const { exitStatusMeanings } = await import('../src/commands/command.ts');
    for (const status of Object.keys(exitStatusMeanings)) expect(readme).toContain(`| ${status} | `);
  });
});

/** The lines of each ```console block, without the indentation of the list that it stands in. */
function consoleBlocks(markdown: string): readonly (readonly string[])[] {
  const blocks = [...markdown.matchAll(/^( *)```console\n(.*?)^ *```$/gms)];
  return blocks.map(([, indentation = '', body = '']) =>
    body
      .trimEnd()
      .split('\n')
      .map(line => line.slice(line.startsWith(indentation) ? indentation.length : 0)),
  );
}

/** `$` is typed here, `offline$` on that machine; `? question [hidden]` is answered; `mtlsctl: …` is on stderr, the rest on stdout. */
function toSessionLine(line: string): string {
  const typed = /^(\w*)\$ (.*)$/.exec(line);
  if (typed !== null) return typedLine(typed[1] ?? '', typed[2] ?? '');
  if (line.startsWith('? '))
    return `: ${line.slice(2).replace(/ (\[hidden\]|yes)$/, (_, answer) => ` => ${answer === 'yes' ? 'yes' : 'a secret'}`)}`;
  const general = generalise(line).replaceAll('/home/you', '<dir>');
  return line.startsWith('mtlsctl: ')
    ? `! ${general}`
    : `> ${general.replace('fingerprint:  {sha256}', 'fingerprint:  {sha256:fingerprint}')}`;
}

function typedLine(machine: string, command: string): string {
  const withFingerprint = command.replace(/[0-9a-f]{64}/, '$${fingerprint}');
  if (command.startsWith('export ')) return `@env ${command.slice('export '.length)}`;
  return `${machine === '' ? '' : `@on ${machine}\n`}$ ${withFingerprint}`;
}

import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { readJournal } from '../../src/deployment/journal.ts';
import { sharedTemporaryDirectory } from '../temporary.ts';
import { times } from '../crash/processes.ts';
import { auditLedger, checkService } from './audit.ts';
import { buildProgram, runProgram, startProgram } from './program.ts';

const shared = sharedTemporaryDirectory();
const pki = (): string => join(shared(), 'pki');
let program = '';

beforeAll(async () => {
  const directory = join(shared(), 'program');
  mkdirSync(directory);
  program = buildProgram(directory);
  await runProgram(program, '--dir', pki(), 'init-root', '--no-passphrase');
  await runProgram(program, '--dir', pki(), 'issue-intermediate', 'site-a', '--no-passphrase');
  await runProgram(program, '--dir', pki(), 'enroll', 'one', '--hook', 'echo "$MTLSCTL_SERIAL" > "$MTLSCTL_DIR/told"');
  writeFileSync(
    join(pki(), 'one/service.yaml'),
    `${(await import('node:fs')).readFileSync(join(pki(), 'one/service.yaml'), 'utf8')}overlap: 1s\n`,
  );
});

/** A process of its own that reads all the while. */
function startReader(): {
  readonly said: () => string;
  readonly started: Promise<void>;
  readonly end: () => Promise<void>;
} {
  const reader = spawn(process.execPath, [join(import.meta.dirname, 'pair-reader.mjs'), join(pki(), 'one')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let said = '';
  const closed = new Promise<void>(resolve =>
    reader.on('close', () => {
      resolve();
    }),
  );
  const started = new Promise<void>(resolve => {
    reader.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      resolve();
    });
  });
  return {
    said: () => said,
    started,
    end: () => {
      reader.stdin.end();
      return closed;
    },
  };
}

it(
  'shows a reader whole, matching pairs only, through 300 kills, and goes on where they fell',
  { timeout: 600_000 },
  async () => {
    const reader = startReader();
    await reader.started;
    const began = performance.now();
    await runProgram(program, '--dir', pki(), 'renew', '--force');
    const length = performance.now() - began;
    let killed = 0;
    await times(300, 2, async () => {
      const renewal = startProgram(program, '--dir', pki(), 'renew', '--force');
      // Anywhere from its first instruction to a little after its end, as long as that takes two at once.
      const kill = setTimeout(() => renewal.process.kill('SIGKILL'), Math.random() * 2.2 * length);
      if ((await renewal.ended) === 'SIGKILL') killed += 1;
      clearTimeout(kill);
    });
    await reader.end();
    expect(reader.said()).toMatch(/^reading\nreads \d+, \d+ of them twice\n$/);
    expect(Number(/reads (\d+)/.exec(reader.said())?.[1])).toBeGreaterThan(1000);
    expect(killed).toBeGreaterThan(100);

    const [outcome] = await runProgram(program, '--dir', pki(), 'renew', 'one');
    expect(outcome).toMatch(/^one: (not-due|renewed)/);
    expect(await runProgram(program, '--dir', pki(), 'renew', '--json').then(lines => lines.join(''))).toContain(
      '"not-due"',
    );
    const { serial, problems } = await checkService(pki(), 'one', Date.now());
    expect(problems).toEqual([]);
    const journal = await readJournal(pki(), 'one');
    expect(journal).toMatchObject({ state: 'done', serial, attempts: 0 });
    expect(readdirSync(join(pki(), '.renewal'))).toEqual(['one.json']);
    expect(readdirSync(join(pki(), 'one')).filter(name => name.startsWith('..next'))).toEqual([]);
    const { problems: ledgerProblems, serials } = await auditLedger(pki(), 'site-a', Date.now());
    expect(ledgerProblems).toEqual([]);
    expect(serials).toContain(serial);
    rmSync(join(pki(), '.renewal'), { recursive: true });
  },
);

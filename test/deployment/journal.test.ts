import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  emptyJournal,
  type Journal,
  readJournal,
  readRunState,
  writeJournal,
  writeRunState,
} from '../../src/deployment/journal.ts';
import { withEachFault } from '../faults.ts';
import { temporaryDirectory } from '../temporary.ts';

const directory = temporaryDirectory();
const now = Date.UTC(2026, 10, 22, 14, 5, 1);

const full: Journal = {
  state: 'live',
  since: now,
  reasons: ['renewal-time-reached'],
  serial: '5fe1',
  previousSerial: '4a',
  chain: '-----BEGIN CERTIFICATE-----\n',
  hook: { startedAt: now, duration: 30_000, signal: 'SIGKILL', timedOut: true, output: ['one', 'two\u001b[0m'] },
  failure: { at: now, code: 'hook-failed', message: 'the hook failed', hints: ['a command'] },
  attempts: 2,
  retryAt: now + 120_000,
  lastSuccess: now - 1,
  counters: { renewals: 3, failures: 1, hookFailures: 2 },
};

it('reads back what it wrote, and shows people instants they can read', async () => {
  expect(await readJournal(directory(), 'user-svc')).toBeUndefined();
  await writeJournal(directory(), 'user-svc', full);
  expect(await readJournal(directory(), 'user-svc')).toEqual(full);
  await writeJournal(directory(), 'user-svc', emptyJournal);
  expect(await readJournal(directory(), 'user-svc')).toEqual(emptyJournal);
  await writeJournal(directory(), 'user-svc', full);
  expect(readFileSync(join(directory(), '.renewal/user-svc.json'), 'utf8')).toContain(
    '"since": "2026-11-22T14:05:01.000Z"',
  );
});

it("is its owner's alone", async () => {
  await writeJournal(directory(), 'user-svc', full);
  expect(statSync(join(directory(), '.renewal')).mode & 0o777).toBe(0o700);
  expect(statSync(join(directory(), '.renewal/user-svc.json')).mode & 0o777).toBe(0o600);
});

it.each([
  ['', 'it is not a JSON object'],
  ['[]', 'it is not a JSON object'],
  ['\0\0\0', 'it is not a JSON object'],
  ['{}', "its 'state' is missing or wrong"],
  [JSON.stringify({ ...emptyJournal, state: 'dead' }), "its 'state' is missing or wrong"],
  [JSON.stringify({ ...emptyJournal, since: 'soon' }), "its 'since' is missing or wrong"],
  [JSON.stringify({ ...emptyJournal, since: Number.MAX_SAFE_INTEGER }), "its 'since' is missing or wrong"],
  [JSON.stringify({ ...emptyJournal, attempts: -1 }), "its 'attempts' is missing or wrong"],
  [JSON.stringify({ ...emptyJournal, hook: {} }), "its 'hook' is missing or wrong"],
  [JSON.stringify({ ...emptyJournal, counters: { renewals: 1 } }), "its 'counters' is missing or wrong"],
])('refuses the journal %j', async (content, message) => {
  mkdirSync(join(directory(), '.renewal'));
  const path = join(directory(), '.renewal/user-svc.json');
  writeFileSync(path, content);
  await expect(readJournal(directory(), 'user-svc')).rejects.toMatchObject({
    code: 'malformed',
    message: `${path}: ${message}`,
  });
});

it('is the old one or the new one, whatever fails', async () => {
  await writeJournal(directory(), 'user-svc', emptyJournal);
  const count = await withEachFault(
    'ENOSPC',
    async () => {
      await writeJournal(directory(), 'user-svc', emptyJournal);
      return () => writeJournal(directory(), 'user-svc', full);
    },
    async run => {
      expect(run.error).toMatchObject({ details: { systemCode: 'ENOSPC' } });
      const found = await readJournal(directory(), 'user-svc');
      expect([emptyJournal, full]).toContainEqual(found);
    },
  );
  expect(count).toBeGreaterThan(5);
});

it("keeps what the last look found, and begins anew where that can't be read", async () => {
  const run = {
    startedAt: now,
    finishedAt: now + 5,
    lastSuccess: now,
    runs: 7,
    services: { 'not-due': 3, renewed: 1 },
  };
  expect(await readRunState(directory())).toBeUndefined();
  await writeRunState(directory(), run);
  expect(await readRunState(directory())).toEqual(run);
  writeFileSync(join(directory(), '.renewal/.run.json'), '{');
  expect(await readRunState(directory())).toBeUndefined();
});

it('makes no PKI directory only to keep a state in it', async () => {
  await writeRunState(join(directory(), 'gone'), { startedAt: now, finishedAt: now, runs: 1, services: {} });
  expect(() => statSync(join(directory(), 'gone'))).toThrow('ENOENT');
});

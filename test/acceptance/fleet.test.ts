import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { sharedTemporaryDirectory } from '../temporary.ts';
import { auditLedger, checkService, leftovers, opensslRefusal, snapshot } from './audit.ts';
import { buildProgram, runProgram, startProgram } from './program.ts';

const patience = 300_000;
const shared = sharedTemporaryDirectory();
let program = '';

beforeAll(() => {
  const directory = join(shared(), 'program');
  mkdirSync(directory);
  program = buildProgram(directory);
});

interface Line {
  readonly service: string;
  readonly status: string;
  readonly serial: string;
}

const parse = (line: string): Line => JSON.parse(line) as Line;

async function authorities(): Promise<string> {
  const directory = join(mkdtempSync(join(shared(), 'case-')), 'pki');
  await runProgram(program, '--dir', directory, 'init-root', '--no-passphrase');
  await runProgram(program, '--dir', directory, 'issue-intermediate', 'site-a', '--no-passphrase');
  return directory;
}

/** All that must hold of a directory in which nothing is going on: every pair, the ledger, and nothing else lying about. */
async function expectWhole(directory: string, services: readonly string[]): Promise<readonly string[]> {
  const checks = [];
  for (const service of services) checks.push(await checkService(directory, service, Date.now()));
  expect(checks.flatMap(check => check.problems)).toEqual([]);
  const serials = checks.map(check => check.serial);
  expect(new Set(serials).size).toBe(services.length);

  const { problems, serials: issued } = await auditLedger(directory, 'site-a', Date.now());
  expect(problems).toEqual([]);
  const recorded = new Set(issued);
  expect(serials.filter(serial => !recorded.has(serial))).toEqual([]);
  expect((await auditLedger(directory, 'root', Date.now())).problems).toEqual([]);

  expect(services.flatMap(service => leftovers(directory, service))).toEqual([]);
  const own = ['.locks', 'authorities', 'ca.pem', 'crl.pem', 'mtlsctl.yaml'];
  expect(readdirSync(directory).sort()).toEqual([...own, ...services].sort());
  expect(readdirSync(join(directory, 'authorities')).sort()).toEqual(['root', 'site-a']);
  // What a kill left of a line in the ledger is set aside, and no other file is.
  const files = readdirSync(join(directory, 'authorities', 'site-a')).filter(name => !name.startsWith('ledger.torn-'));
  expect(files.sort()).toEqual(['cert.pem', 'chain.pem', 'crl.der', 'crl.pem', 'key.pem', 'ledger.jsonl']);
  return issued;
}

it(
  'enrols 1,000 services through kills at any moment, and then changes nothing any more',
  async () => {
    const directory = await authorities();
    const services = Array.from({ length: 1000 }, (_, i) => `svc-${i}`);
    const fleet = join(directory, '../fleet.yaml');
    writeFileSync(fleet, `services:\n${services.map(name => `  - ${name}\n`).join('')}`);
    const args = ['--dir', directory, '--json', 'enroll', '--from', fleet, '--jobs', '2'];

    const told = new Map<string, string>();
    const hear = (lines: readonly string[]): void => {
      for (const { service, status, serial } of lines.map(parse)) {
        expect(status).toBe(told.has(service) ? 'unchanged' : status);
        expect(serial).toBe(told.get(service) ?? serial);
        told.set(service, serial);
      }
    };
    // Each run is killed somewhere in the next part of the work: before its first line is printed, and further on by chance.
    let kills = 0;
    for (const part of [1, 30, 60, 90, 120, 150]) {
      const running = startProgram(program, ...args);
      await running.lines(told.size + Math.ceil(Math.random() * part));
      running.process.kill('SIGKILL');
      if ((await running.ended) === 'SIGKILL') kills += 1;
      hear(running.printed());
      // On a busy machine it may have come far ahead of what was read of it.
      if (told.size > 600) break;
    }
    expect(kills).toBeGreaterThan(2);

    const second = await runProgram(program, ...args);
    hear(second);
    expect(second.map(line => parse(line).service).sort()).toEqual([...services].sort());
    expect(second.filter(line => !['issued', 'unchanged'].includes(parse(line).status))).toEqual([]);
    await expectWhole(directory, services);
    for (const service of services.filter((_, i) => i % 100 === 0))
      expect(opensslRefusal(directory, service)).toBeUndefined();

    const before = snapshot(directory);
    const third = (await runProgram(program, ...args)).map(parse);
    expect(third.map(({ status }) => status)).toEqual(services.map(() => 'unchanged'));
    expect(new Set(third.map(({ service }) => service)).size).toBe(1000);
    expect(snapshot(directory)).toEqual(before);
  },
  patience,
);

it(
  'lets 64 processes enrol 64 services at once',
  async () => {
    const directory = await authorities();
    const services = Array.from({ length: 64 }, (_, i) => `svc-${i}`);
    const runs = services.map(service => startProgram(program, '--dir', directory, 'enroll', service));
    const statuses = await Promise.all(runs.map(run => run.ended));
    expect(runs.map(run => run.complaints()).join('')).toBe('');
    expect(statuses).toEqual(services.map(() => 0));
    expect(await expectWhole(directory, services)).toHaveLength(64);
    for (const service of services.slice(0, 4)) expect(opensslRefusal(directory, service)).toBeUndefined();
  },
  patience,
);

it(
  'issues once where 16 processes enrol the same service at once',
  async () => {
    const directory = await authorities();
    const runs = Array.from({ length: 16 }, () => startProgram(program, '--dir', directory, '--json', 'enroll', 'one'));
    expect(await Promise.all(runs.map(run => run.ended))).toEqual(runs.map(() => 0));
    const results = runs.map(run => {
      const [first] = (JSON.parse(run.printed().join('\n')) as { services: readonly Line[] }).services;
      return first;
    });
    expect(results.map(result => result?.status).sort()).toEqual(['issued', ...Array<string>(15).fill('unchanged')]);
    expect(new Set(results.map(result => result?.serial)).size).toBe(1);
    expect(await expectWhole(directory, ['one'])).toEqual([results[0]?.serial]);
  },
  patience,
);

it(
  'makes one root and one intermediate where several processes begin at once',
  async () => {
    const directory = join(mkdtempSync(join(shared(), 'case-')), 'pki');
    const roots = Array.from({ length: 6 }, () =>
      startProgram(program, '--dir', directory, 'init-root', '--no-passphrase'),
    );
    expect((await Promise.all(roots.map(run => run.ended))).sort()).toEqual([0, 4, 4, 4, 4, 4]);
    const args = ['--dir', directory, '--json', 'issue-intermediate', 'site-a', '--no-passphrase'];
    const sites = Array.from({ length: 6 }, () => startProgram(program, ...args));
    expect(await Promise.all(sites.map(run => run.ended))).toEqual(sites.map(() => 0));
    const statuses = sites.map(run => (JSON.parse(run.printed().join('\n')) as Line).status);
    expect(statuses.sort()).toEqual(['issued', ...Array<string>(5).fill('unchanged')]);
    expect((await auditLedger(directory, 'root', Date.now())).serials).toHaveLength(1);
    await runProgram(program, '--dir', directory, 'enroll', 'one');
    await expectWhole(directory, ['one']);
  },
  patience,
);

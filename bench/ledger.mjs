// What is typed every day, with a ledger of a million issued certificates of a hundred thousand services: in bounded time and memory.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { growLedger, serviceName } from './large-ledger.mjs';
import { environment } from './measure.mjs';
import { makeAuthorities, program } from './pki.mjs';

const count = 1_000_000;
const goal = { seconds: 10, megabytes: 500 };

let made;

/** All work on the same ledger, since to make it takes longer than all the rest. */
function largeLedger() {
  if (made === undefined) {
    const directory = mkdtempSync(join(tmpdir(), 'mtlsctl-bench-'));
    process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
    makeAuthorities(directory);
    const options = { count, services: count / 10, revoke: count / 1000, signed: false };
    made = { directory, serialOf: growLedger(directory, options) };
  }
  return made;
}

/** Tells on its standard error how much memory the process has had at most. */
const telling = `data:text/javascript,${encodeURIComponent(
  "process.on('exit', () => process._rawDebug('peak', process.resourceUsage().maxRSS));",
)}`;

function measured(args) {
  const begin = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', telling, program, ...args], {
    env: environment,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const ours = performance.now() - begin;
  if (status !== 0) throw new Error(`mtlsctl ${args.join(' ')} ended with ${status}:\n${stderr}`);
  return { ours, megabytes: Number(/^peak (\d+)$/m.exec(stderr)?.[1]) / 1024, stdout };
}

function benchmark(command, argsFor, expected) {
  return {
    work: `${command}, ledger of ${count}`,
    peer: '',
    goal,
    measure() {
      const { directory, serialOf } = largeLedger();
      const result = measured([...argsFor(serialOf), '--dir', directory]);
      if (!expected.test(result.stdout)) throw new Error(`mtlsctl ${command} printed:\n${result.stdout}`);
      return result;
    },
  };
}

const service = serviceName(77_777);

export default [
  benchmark('crl', () => ['crl', 'site'], /^site: CRL 2, 1000 revoked/),
  benchmark('revoke --serial', serialOf => ['revoke', '--serial', serialOf(777_777)], /revoked, serial/),
  benchmark('revoke service', () => ['revoke', service, '--yes'], /revoked, serial/),
  benchmark('audit --list --service', () => ['audit', 'site', '--list', '--service', service], /revoked/),
];

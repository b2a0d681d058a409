import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadAuthority } from '../../src/authority/authority.ts';
import { beginning, placeBehind, readLines } from '../../src/authority/ledger-lines.ts';
import type { Finding } from '../../src/audit/findings.ts';
import { type AuditThreadOrder, checkStretches, serveAudit, type Stretch } from '../../src/audit/threads.ts';
import type { Threads } from '../../src/system.ts';
import { makeAuthorities } from '../authority/pki.ts';
import { temporaryDirectory } from '../temporary.ts';
import { forge, issueTo, ledgerPath } from './ledgers.ts';

const temporary = temporaryDirectory();
const directory = (): string => join(temporary(), 'pki');

type Receive = (message: unknown) => void;

/** The thread's side in this thread; what crosses is copied, as between real ones. */
function threadsHere(): Threads & { readonly started: () => number } {
  let started = 0;
  const start: Threads['start'] = data => {
    started += 1;
    let toMain: Receive = () => undefined;
    let toThread: Receive = () => undefined;
    let exit = (): void => undefined;
    const later = (receive: () => Receive) => (message: unknown) => {
      const copy: unknown = structuredClone(message);
      setImmediate(() => {
        receive()(copy);
      });
    };
    serveAudit(structuredClone(data) as AuditThreadOrder, {
      post: later(() => toMain),
      listen: receive => (toThread = receive),
      close: () => {
        exit();
      },
    });
    return {
      post: later(() => toThread),
      listen: listeners => {
        toMain = listeners.message;
        exit = listeners.exit;
      },
    };
  };
  return { available: 2, start, started: () => started };
}

it('finds in threads what is found without', async () => {
  await makeAuthorities(directory());
  await issueTo(
    directory(),
    Array.from({ length: 12 }, (_, i) => `svc-${i}`),
  );
  forge(directory(), entries =>
    entries.map((entry, index) => (index % 5 === 4 ? { ...entry, subject: 'CN=x' } : entry)),
  );
  const path = ledgerPath(directory());
  const stretches: Stretch[] = [];
  let from = beginning;
  for (const line of readLines(path)) {
    if (line.number % 3 !== 0 && !line.isLast) continue;
    stretches.push({ from, count: line.number - from.lines });
    from = placeBehind(line);
  }
  const { certificate } = await loadAuthority(directory(), 'site-a');
  const threads = threadsHere();
  const found = async (available: Threads | undefined): Promise<readonly Finding[]> => {
    const findings: Finding[] = [];
    await checkStretches(
      path,
      certificate,
      stretches,
      () => Promise.resolve(available),
      each => findings.push(...each),
    );
    return findings.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
  };
  const here = await found(undefined);
  expect(here.map(finding => finding.code)).toEqual(Array<string>(2).fill('certificate-mismatch'));
  expect(await found(threads)).toEqual(here);
  expect(threads.started()).toBe(2);
});

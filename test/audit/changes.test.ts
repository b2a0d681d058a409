import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import type { LedgerEvent } from '../../src/authority/ledger.ts';
import { isWarning, lineOf } from '../../src/audit/findings.ts';
import { serialHex } from '../../src/x509/certificate.ts';
import { makeAuthorities } from '../authority/pki.ts';
import { sharedTemporaryDirectory } from '../temporary.ts';
import { append, auditOf, issueTo, ledgerPath, readLedger, revocationOf } from './ledgers.ts';

const shared = sharedTemporaryDirectory();
const directory = (): string => join(shared(), 'pki');
let whole = Buffer.alloc(0);

/** 1,000 lines: a quarter of them certificates, the others put some on hold and take them back. */
beforeAll(async () => {
  await makeAuthorities(directory());
  const certificates = await issueTo(
    directory(),
    Array.from({ length: 250 }, (_, i) => `svc-${i}`),
  );
  const events = certificates.flatMap((certificate): readonly LedgerEvent[] => [
    revocationOf(certificate, { reason: 6 }),
    { event: 'released', serial: serialHex(certificate.serialNumber) },
    revocationOf(certificate, { reason: 6 }),
    { event: 'released', serial: serialHex(certificate.serialNumber) },
  ]);
  await append(directory(), events.slice(0, 1000 - readLedger(directory()).length));
  whole = readFileSync(ledgerPath(directory()));
}, 60_000);

it('finds each of 200 changes of one octet in 1,000 lines, and the line', { timeout: 300_000 }, async () => {
  expect(readLedger(directory())).toHaveLength(1000);
  expect(await auditOf(directory())).toMatchObject({ sound: true, findings: [] });
  // The last line too, which no other stands for, has its share.
  const offsets = fc.oneof(
    { weight: 9, arbitrary: fc.integer({ min: 0, max: whole.length - 1 }) },
    { weight: 1, arbitrary: fc.integer({ min: whole.lastIndexOf(10, whole.length - 2) + 1, max: whole.length - 1 }) },
  );
  await fc.assert(
    fc.asyncProperty(offsets, fc.integer({ min: 1, max: 255 }), async (offset, change) => {
      const changed = Buffer.from(whole);
      changed[offset] = (changed[offset] ?? 0) ^ change;
      writeFileSync(ledgerPath(directory()), changed);
      const line = 1 + whole.subarray(0, offset).filter(octet => octet === 10).length;
      const [first] = (await auditOf(directory())).findings.filter(finding => !isWarning(finding));
      expect(first && lineOf(first)).toBe(line);
    }),
    { numRuns: 200, seed: 20261122 },
  );
});

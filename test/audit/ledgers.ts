import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ledger, type LedgerEvent } from '../../src/authority/ledger.ts';
import { encodeLine, firstPrev, lineHash } from '../../src/authority/ledger-format.ts';
import { issueUnder } from '../../src/authority/issue.ts';
import { openAuthority } from '../../src/authority/open-issuer.ts';
import { loadProfile } from '../../src/config/profiles.ts';
import { auditAuthority } from '../../src/audit/run.ts';
import { type Finding, isWarning } from '../../src/audit/findings.ts';
import { planNames, subjectFor } from '../../src/issuance/names.ts';
import { type Certificate, serialHex } from '../../src/x509/certificate.ts';
import { noPassphrase, now, pathsOf } from '../authority/pki.ts';
import { config, keyFor, randomness } from '../issuance/authorities.ts';

export const ledgerPath = (directory: string): string => pathsOf(directory, 'site-a').ledger;

/** Issues a certificate to each service under `site-a`; the same seed gives the same serial number again. */
export async function issueTo(
  directory: string,
  services: readonly string[],
  seed = (service: string): string => service,
): Promise<readonly Certificate[]> {
  const issuer = await openAuthority(directory, 'site-a', noPassphrase);
  const profile = loadProfile('service', config);
  const issued: Certificate[] = [];
  for (const service of services) {
    const values = { service, trustDomain: 'link.internal' };
    const { certificate } = await issueUnder(issuer, {
      ...{ profile, service, now },
      subject: subjectFor(profile, values),
      names: planNames(profile, { ...values, issuers: [] }).names,
      publicKey: (await keyFor('leaf')).publicKey,
      random: randomness(seed(service)),
    });
    issued.push(certificate);
  }
  return issued;
}

export async function append(directory: string, events: readonly LedgerEvent[], at = now): Promise<void> {
  await Ledger.open(ledgerPath(directory), join(directory, '.locks', 'authority.site-a')).append(events, at);
}

export function revocationOf(certificate: Certificate, changes: object = {}): LedgerEvent {
  return {
    event: 'revoked',
    serial: serialHex(certificate.serialNumber),
    reason: 1,
    date: '2026-11-22T14:05:01Z',
    notAfter: `${new Date(certificate.notAfter).toISOString().slice(0, 19)}Z`,
    ...changes,
  };
}

export function readLedger(directory: string): readonly string[] {
  return readFileSync(ledgerPath(directory), 'utf8').trimEnd().split('\n');
}

export function writeLedger(directory: string, lines: readonly string[]): void {
  writeFileSync(ledgerPath(directory), lines.map(line => `${line}\n`).join(''));
}

export type Members = Record<string, unknown>;

/** Changes what the lines say and makes all sums and hashes anew, as one who knows the format would. */
export function forge(directory: string, change: (entries: Members[]) => readonly Members[]): void {
  let prev = firstPrev;
  const entries = change(readLedger(directory).map(line => JSON.parse(line) as Members));
  const lines = entries.map((entry, index) => {
    const { seq: _seq, prev: _prev, sum: _sum, ...members } = entry;
    const line = encodeLine(index + 1, JSON.stringify(members).slice(1, -1), prev);
    prev = lineHash(line);
    return line;
  });
  writeLedger(directory, lines);
}

export interface Found {
  readonly findings: readonly Finding[];
  /** The codes, each once, those of warnings too. */
  readonly codes: readonly string[];
  readonly sound: boolean;
}

export async function auditOf(directory: string, at = now, name = 'site-a'): Promise<Found> {
  const threads = (): Promise<undefined> => Promise.resolve(undefined);
  const { findings } = await auditAuthority({ directory, now: at, threads }, name);
  const sorted = findings.sorted();
  if (sorted.filter(finding => !isWarning(finding)).length !== findings.count) throw new Error('miscounted');
  return { findings: sorted, codes: [...new Set(sorted.map(({ code }) => code))], sound: findings.count === 0 };
}

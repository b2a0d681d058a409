import { parseLine } from '../authority/ledger-format.ts';
import { type Place, readLines } from '../authority/ledger-lines.ts';
import type { Threads } from '../system.ts';
import { serveWork, shareOut, type ThreadPort } from '../thread-work.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { checkCertificate, recordedCertificate } from './certificates.ts';
import type { Finding } from './findings.ts';

/*
 * To check a certificate takes ten times as long as to read its line, and each can be checked on its own: threads share the ledger out
 * by stretches of lines, which they read themselves.
 */

/** Lines that follow each other. */
export interface Stretch {
  readonly from: Place;
  readonly count: number;
}

export const stretchLength = 1000;

/** What a thread of `audit` is started with. */
export interface AuditThreadOrder {
  readonly kind: 'audit';
  readonly ledger: string;
  /** DER of the authority's certificate. */
  readonly issuer: Uint8Array;
}

/** Below this it takes longer to start threads than to do without. */
const worthThreads = 3;

/** Checks every certificate issued in these stretches. */
export async function checkStretches(
  ledger: string,
  issuer: Certificate,
  stretches: readonly Stretch[],
  threads: () => Promise<Threads | undefined>,
  found: (findings: readonly Finding[]) => void,
): Promise<void> {
  const available = stretches.length < worthThreads ? undefined : await threads();
  if (available === undefined || available.available < 2) {
    for (const stretch of stretches) found(checkStretch(ledger, issuer, stretch));
    return;
  }
  const order: AuditThreadOrder = { kind: 'audit', ledger, issuer: Uint8Array.from(issuer.der) };
  const portions = stretches.map(stretch => [stretch]);
  const work = { threads: available, count: available.available, order, portions };
  await shareOut<Stretch, readonly Finding[]>({ ...work, done: found });
}

/** The thread's side. */
export function serveAudit({ ledger, issuer }: AuditThreadOrder, port: ThreadPort): void {
  serveWork<Stretch, readonly Finding[]>(port, () => {
    const certificate = parseCertificate(issuer);
    return Promise.resolve((stretches, done) => {
      for (const stretch of stretches) done(checkStretch(ledger, certificate, stretch));
      return Promise.resolve();
    });
  });
}

/** What is wrong with a line as such was found when the ledger was read. */
function checkStretch(ledger: string, issuer: Certificate, { from, count }: Stretch): readonly Finding[] {
  const findings: Finding[] = [];
  for (const line of readLines(ledger, from)) {
    const entry = parseLine(line.bytes);
    if (typeof entry !== 'string' && entry.event === 'issued')
      findings.push(...checkCertificate(recordedCertificate(entry, line.number), issuer));
    if (line.number === from.lines + count) break;
  }
  return findings;
}

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { enrollService } from '../../src/deployment/enroll.ts';
import type { Look } from '../../src/renewal/look.ts';
import type { RenewalOrder } from '../../src/renewal/order.ts';
import { type Certificate, readCertificates } from '../../src/x509/certificate.ts';
import { noPassphrase } from '../authority/pki.ts';
import { enrolmentIn } from '../deployment/leaves.ts';

/** A clock that a test sets. */
export interface Clock {
  now: number;
}

export function renewalOrder(directory: string, clock: Clock, changes: Partial<RenewalOrder> = {}): RenewalOrder {
  return {
    ...{ directory, host: 'node-1', services: [], force: false, reuseKey: false, hook: undefined, isPatient: false },
    env: { PATH: process.env['PATH'] },
    leafPassphrase: () => Promise.resolve(undefined),
    caPassphrase: noPassphrase,
    now: () => clock.now,
    random: count => randomBytes(count),
    ...changes,
  };
}

export async function enrollAt(
  directory: string,
  clock: Clock,
  services: readonly string[],
  settings: Parameters<typeof enrolmentIn>[1] = {},
): Promise<void> {
  const enrolment = await enrolmentIn(directory, settings, { now: () => clock.now, host: 'node-1' });
  for (const service of services) await enrollService(enrolment, service);
}

export function certificateOf(directory: string, service: string): Certificate {
  const [certificate] = readCertificates(readFileSync(join(directory, service, 'cert.pem')));
  if (certificate === undefined) throw new Error(`${service} has no certificate`);
  return certificate;
}

/** `one: renewed (forced)` for each. */
export function summary({ entries }: Look): readonly string[] {
  return entries.map(({ service, status, reasons, error }) =>
    [
      `${service}: ${status}`,
      ...(reasons.length === 0 ? [] : [`(${reasons.join(', ')})`]),
      ...(error === undefined ? [] : [`[${error.code}]`]),
    ].join(' '),
  );
}

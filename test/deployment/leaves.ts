import { randomBytes } from 'node:crypto';
import type { Enrolment } from '../../src/deployment/enroll.ts';
import { type AskedSettings } from '../../src/enrolment/settings.ts';
import { setUpEnrolment } from '../../src/enrolment/set-up.ts';
import { noPassphrase, now } from '../authority/pki.ts';

/** An enrolment as the command makes it, with what is asked for each service. */
export async function enrolmentIn(
  directory: string,
  settings: AskedSettings = {},
  changes: Partial<Enrolment> = {},
): Promise<Enrolment> {
  const order = {
    directory,
    host: undefined,
    force: false,
    leafPassphrase: undefined,
    caPassphrase: noPassphrase,
    now: () => now,
    random: (count: number) => randomBytes(count),
  };
  return { ...(await setUpEnrolment(order, () => ({ settings, isWhole: false }))), ...changes };
}

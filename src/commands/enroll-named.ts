import { enrollService } from '../deployment/enroll.ts';
import { isMtlsctlError, type MtlsctlError } from '../errors.ts';
import { chooseAuthority } from './ask.ts';
import type { CommandContext, OptionValues, Outcome } from './command.ts';
import { enrolledEntry, enrollSchema, failedEntry, type ServiceEntry } from '../enrolment/entry.ts';
import { concernsWholeRun } from '../enrolment/fleet.ts';
import { setUpEnrolment } from '../enrolment/set-up.ts';
import { entryText, reportFailures } from './enroll-report.ts';
import { enrolmentOrder, settingsFromFlags } from './enrolment-options.ts';

/** Enrols the services named on the command line, one after the other. */
export async function enrollNamed(
  context: CommandContext,
  services: readonly string[],
  options: OptionValues,
): Promise<Outcome> {
  const settings = settingsFromFlags(options);
  const order = {
    ...(await enrolmentOrder(context, options)),
    chooseAuthority: (ambiguity: MtlsctlError) => chooseAuthority(context, ambiguity),
  };
  const enrolment = { ...(await setUpEnrolment(order, () => ({ settings, isWhole: false }))), triesPassphrase: true };
  const entries: ServiceEntry[] = [];
  for (const service of services) {
    try {
      const result = await enrollService(enrolment, service);
      for (const warning of result.warnings) context.warn(`${service}: ${warning}`);
      entries.push(enrolledEntry(context.directory, result));
    } catch (error) {
      // What fails for the only service is the failure of the command.
      if (services.length === 1 || !isMtlsctlError(error) || concernsWholeRun(error)) throw error;
      entries.push(failedEntry(service, error));
    }
  }
  return {
    document: { schema: enrollSchema, services: entries },
    status: reportFailures(context, entries),
    text: paint => entries.map(entry => entryText(entry, paint)).join(''),
  };
}

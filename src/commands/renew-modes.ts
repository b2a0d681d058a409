import { type RenewalEntry, renewSchema } from '../renewal/entry.ts';
import { statusOfCheck, statusOfRenewals } from '../renewal/exit-status.ts';
import { examineAll, type Look, renewAll, rollBackAll } from '../renewal/look.ts';
import type { RenewalOrder } from '../renewal/order.ts';
import type { CommandContext, OptionValues, Outcome } from './command.ts';
import { oneCaPassphrase } from './enrolment-options.ts';
import { existingPassphrase } from './passphrase.ts';
import type { ModeRunner, RenewalMode } from './renew.ts';
import { renewalText, sayWhatFailed } from './renew-report.ts';

export const renewalModes: Readonly<Record<RenewalMode, ModeRunner>> = {
  async check(context, services, options) {
    const look = await examineAll(renewalOrder(context, services, options));
    return outcome(context, look, services, statusOfCheck);
  },
  async dryRun(context, services, options) {
    const look = await examineAll(renewalOrder(context, services, options));
    return outcome(context, look, services, statusOfRenewals);
  },
  async renew(context, services, options) {
    const look = await renewAll(renewalOrder(context, services, options));
    return outcome(context, look, services, statusOfRenewals);
  },
  daemon: () => Promise.reject(new Error('not yet')),
  async rollback(context, services, options) {
    const look = await rollBackAll(renewalOrder(context, services, options));
    return outcome(context, look, services, statusOfRenewals);
  },
};

function outcome(
  context: CommandContext,
  { entries, warnings }: Look,
  services: readonly string[],
  statusOf: (entries: readonly RenewalEntry[]) => number,
): Outcome {
  sayWhatFailed(context, entries, warnings);
  return {
    document: { schema: renewSchema, services: entries.map(withoutOwn) },
    status: statusOf(entries),
    text: paint => renewalText(entries, services.length > 0, paint),
  };
}

/** As JSON has it. */
function withoutOwn({ error, ...entry }: RenewalEntry): object {
  if (error === undefined) return entry;
  const { code, message, hints } = error;
  return { ...entry, error: { code, message, hints } };
}

function renewalOrder(context: CommandContext, services: readonly string[], options: OptionValues): RenewalOrder {
  const { directory, system } = context;
  return {
    ...{ directory, host: system.host, services, env: system.env },
    force: options['force'] === true,
    reuseKey: options['reuseKey'] === true,
    hook: options['hook'] as string | undefined,
    isPatient: false,
    leafPassphrase: () => leafPassphrase(context, options),
    caPassphrase: oneCaPassphrase(context, options),
    now: () => system.now(),
    random: count => system.randomBytes(count),
  };
}

async function leafPassphrase(context: CommandContext, options: OptionValues): Promise<Uint8Array | undefined> {
  const file = options['passphraseFile'] as string | undefined;
  if (file === undefined) return undefined;
  return existingPassphrase(context, { file, flag: '--passphrase-file', question: 'the passphrase of the keys' });
}

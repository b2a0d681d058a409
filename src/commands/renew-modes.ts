import { entryAsJson, type RenewalEntry, renewSchema } from '../renewal/entry.ts';
import { statusOfCheck, statusOfRenewals } from '../renewal/exit-status.ts';
import { examineAll, type Look, renewAll, rollBackAll } from '../renewal/look.ts';
import type { CommandContext, Outcome } from './command.ts';
import type { ModeRunner, RenewalMode } from './renew.ts';
import { renewalText, sayWhatFailed } from './renew-report.ts';
import { runUnattended } from './renew-unattended.ts';
import { writeMetrics } from './renewal-metrics.ts';
import { renewalOrder } from './renewal-options.ts';

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
    await writeMetrics(context, options, text => {
      context.warn(text);
    });
    return outcome(context, look, services, statusOfRenewals);
  },
  daemon: runUnattended,
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
    document: { schema: renewSchema, services: entries.map(entryAsJson) },
    status: statusOf(entries),
    text: paint => renewalText(entries, services.length > 0, paint),
  };
}

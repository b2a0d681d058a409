import { type DaemonOrder, lookOnce, stay } from '../renewal/daemon.ts';
import { entryAsJson, renewSchema } from '../renewal/entry.ts';
import { statusOfRenewals } from '../renewal/exit-status.ts';
import { formatLogLine, type LogLine } from '../renewal/log.ts';
import { noteRun } from '../renewal/run-state.ts';
import { printable } from '../printable.ts';
import type { System } from '../system.ts';
import type { CommandContext, OptionValues, Outcome } from './command.ts';
import { writeMetrics } from './renewal-metrics.ts';
import { renewalOrder } from './renewal-options.ts';

const defaultInterval = 15 * 60_000;

/** `renew --daemon`: nobody is asked anything, and what is said goes to the journal. */
export async function runUnattended(
  context: CommandContext,
  services: readonly string[],
  options: OptionValues,
): Promise<Outcome | undefined> {
  const alone = { ...context, system: withoutPerson(context.system) };
  const order = daemonOrder(alone, services, options);
  if (options['once'] !== true) {
    await stay(order);
    return undefined;
  }
  const look = await lookOnce(order);
  const entries = look?.entries ?? [];
  return {
    document: { schema: renewSchema, services: entries.map(entryAsJson) },
    status: statusOfRenewals(entries),
    text: () => '',
  };
}

function withoutPerson(system: System): System {
  return Object.create(system, { prompter: { value: undefined } }) as System;
}

function daemonOrder(context: CommandContext, services: readonly string[], options: OptionValues): DaemonOrder {
  const { system, directory } = context;
  const log = (line: LogLine): void => {
    system.stderr.write(formatLogLine({ ...line, text: printable(line.text) }));
  };
  return {
    ...renewalOrder(context, services, options),
    system,
    interval: (options['interval'] as number | undefined) ?? defaultInterval,
    log,
    async lookedAt(look, startedAt) {
      await noteRun(directory, look, { startedAt, finishedAt: system.now() });
      await writeMetrics(context, options, text => {
        log({ priority: 4, text: `warning: ${text}` });
      });
    },
  };
}

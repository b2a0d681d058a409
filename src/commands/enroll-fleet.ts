import { type FleetService, parseFleetFile } from '../config/fleet-file.ts';
import { utf8Text } from '../config/yaml.ts';
import { enrollSchema, type ServiceEntry } from '../enrolment/entry.ts';
import { enrollFleet } from '../enrolment/fleet.ts';
import { readGiven } from '../files.ts';
import type { CommandContext, OptionValues, Outcome } from './command.ts';
import { entryText, reportFailures, summaryText } from './enroll-report.ts';
import { enrolmentOrder } from './enrolment-options.ts';

const fleetLimit = 8 << 20;
const defaultJobs = 4;

/** `enroll --from`. With `--json` one line each, as they come. */
export async function enrollFromFile(context: CommandContext, options: OptionValues): Promise<Outcome> {
  const services = await readFleet(context, String(options['from']));
  const threads = await context.system.threads?.();
  const progress = context.quiet || context.json ? undefined : context.system.progress(services.length, 'enrolling');
  const entries: ServiceEntry[] = [];
  let failed = 0;
  const order = {
    ...(await enrolmentOrder(context, options)),
    services,
    issuer: options['issuer'] as string | undefined,
    jobs: (options['jobs'] as number | undefined) ?? threads?.available ?? defaultJobs,
    threads,
  };
  try {
    await enrollFleet(order, entry => {
      if (entry.status === 'failed') failed += 1;
      if (context.json) context.emit({ schema: enrollSchema, ...entry });
      entries.push(entry);
      progress?.update(entries.length, failed);
    });
  } finally {
    progress?.finish();
  }
  return fleetOutcome(context, inFileOrder(services, entries));
}

async function readFleet(context: CommandContext, path: string): Promise<readonly FleetService[]> {
  const source = path === '-' ? 'standard input' : path;
  const content = path === '-' ? await context.readStdin(fleetLimit) : await readGiven(path, fleetLimit);
  return parseFleetFile(utf8Text(content, source), source);
}

function inFileOrder(services: readonly FleetService[], entries: readonly ServiceEntry[]): readonly ServiceEntry[] {
  const place = new Map(services.map(({ name }, index) => [name, index]));
  return [...entries].sort((a, b) => (place.get(a.service) ?? 0) - (place.get(b.service) ?? 0));
}

/** What was issued or failed has a line of its own; the rest is a count. */
function fleetOutcome(context: CommandContext, entries: readonly ServiceEntry[]): Outcome {
  for (const entry of entries) for (const warning of entry.warnings ?? []) context.warn(`${entry.service}: ${warning}`);
  const changed = entries.filter(entry => entry.status !== 'unchanged');
  return {
    document: { schema: enrollSchema, services: entries },
    isEmitted: context.json,
    status: reportFailures(context, entries),
    text: paint => changed.map(entry => entryText(entry, paint)).join('') + summaryText(entries),
  };
}

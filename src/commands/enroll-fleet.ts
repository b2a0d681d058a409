import { type FleetService, parseFleetFile } from '../config/fleet-file.ts';
import { type EnrolledService, enrollService } from '../deployment/enroll.ts';
import { isMtlsctlError, type MtlsctlError } from '../errors.ts';
import { readBounded } from '../files.ts';
import type { CommandContext, OptionValues, Outcome } from './command.ts';
import { forEachAtOnce } from './concurrency.ts';
import {
  enrolledEntry,
  enrollSchema,
  entryText,
  failedEntry,
  type ServiceEntry,
  summaryText,
} from './enroll-report.ts';
import { setUpEnrolment } from './enrolment.ts';

const fleetLimit = 8 << 20;
/** Enough to keep the disk busy with one service's fsyncs while another's certificate is made. */
const defaultJobs = 8;

/** What concerns the whole run and not one service: it would fail every one of them the same way. */
const concernsAll: ReadonlySet<MtlsctlError['code']> = new Set<MtlsctlError['code']>([
  'ambiguous-authority',
  'key-malformed',
  'key-mismatch',
  'passphrase-missing',
  'passphrase-wrong',
]);

/**
 * Enrols all services of a fleet file, several at once. With `--json` one line each, as they come; a failure does not stop the others.
 * A second run does only what is missing.
 */
export async function enrollFleet(context: CommandContext, options: OptionValues): Promise<Outcome | undefined> {
  const fleet = await readFleet(context, String(options['from']));
  const byName = new Map(fleet.map(service => [service.name, service]));
  const issuer = options['issuer'] as string | undefined;
  const { enrolment } = await setUpEnrolment(context, options, name => ({
    settings: wanted(byName.get(name), issuer),
    isWhole: true,
  }));
  const progress = context.quiet || context.json ? undefined : context.system.progress(fleet.length, 'enrolling');
  const entries: ServiceEntry[] = [];
  let failed = 0;
  const add = (entry: ServiceEntry): void => {
    if (entry.status === 'failed') failed += 1;
    if (context.json) context.emit({ schema: enrollSchema, ...entry });
    entries.push(entry);
    progress?.update(entries.length, failed);
  };
  try {
    await forEachAtOnce(fleet, (options['jobs'] as number | undefined) ?? defaultJobs, async ({ name }) => {
      const result = await attempt(() => enrollService(enrolment, name));
      add('code' in result ? failedEntry(name, result) : enrolledEntry(context.directory, result));
    });
  } finally {
    progress?.finish();
  }
  return fleetOutcome(context, fleet, entries, failed);
}

async function readFleet(context: CommandContext, path: string): Promise<readonly FleetService[]> {
  const content = path === '-' ? await context.readStdin(fleetLimit) : await readBounded(path, fleetLimit);
  return parseFleetFile(new TextDecoder().decode(content), path === '-' ? 'standard input' : path);
}

function wanted(
  service: FleetService | undefined,
  issuer: string | undefined,
): Omit<FleetService, 'line' | 'name'> | object {
  if (service === undefined) return {};
  const { name, line, ...settings } = service;
  return { ...settings, authority: settings.authority ?? issuer };
}

async function attempt(enroll: () => Promise<EnrolledService>): Promise<EnrolledService | MtlsctlError> {
  try {
    return await enroll();
  } catch (error) {
    if (isMtlsctlError(error) && !concernsAll.has(error.code)) return error;
    throw error;
  }
}

/** What was issued with warnings or failed is listed in the file's order; the rest is a count. */
function fleetOutcome(
  context: CommandContext,
  fleet: readonly FleetService[],
  entries: readonly ServiceEntry[],
  failed: number,
): Outcome | undefined {
  const status = failed > 0 ? 8 : 0;
  const order = new Map(fleet.map(({ name }, index) => [name, index]));
  const sorted = [...entries].sort((a, b) => (order.get(a.service) ?? 0) - (order.get(b.service) ?? 0));
  for (const entry of sorted) for (const warning of entry.warnings ?? []) context.warn(`${entry.service}: ${warning}`);
  return {
    document: { schema: enrollSchema, services: sorted },
    isEmitted: context.json,
    status,
    text: paint =>
      sorted.map(entry => (entry.status === 'unchanged' ? '' : entryText(entry, paint))).join('') + summaryText(sorted),
  };
}

import type { FleetService } from '../config/fleet-file.ts';
import { enrollService } from '../deployment/enroll.ts';
import { isMtlsctlError, type MtlsctlError } from '../errors.ts';
import type { Threads } from '../system.ts';
import { forEachAtOnce } from './concurrency.ts';
import { enrolledEntry, failedEntry, type ServiceEntry } from './entry.ts';
import { type EnrolmentOrder, setUpEnrolment } from './set-up.ts';
import { enrollInThreads } from './threads.ts';

export interface FleetOrder extends EnrolmentOrder {
  readonly services: readonly FleetService[];
  /** The authority of those that name none. */
  readonly issuer: string | undefined;
  /** How many at once. */
  readonly jobs: number;
  /** Undefined to stay in this thread. */
  readonly threads: Threads | undefined;
}

/** Below this many services, starting threads takes longer than they save. */
const worthThreads = 100;

/** What concerns the whole run and not one service: it would fail every one of them the same way. */
const concernsAll: ReadonlySet<MtlsctlError['code']> = new Set<MtlsctlError['code']>([
  'ambiguous-authority',
  'key-malformed',
  'key-mismatch',
  'passphrase-missing',
  'passphrase-wrong',
]);

/** Whether a failure is that of the run (its authority, its passphrase) and not of one service. */
export function concernsWholeRun(error: MtlsctlError): boolean {
  return concernsAll.has(error.code);
}

/**
 * Enrols many services, several at once, telling of each as it is done. One that fails is an entry, and the others go on.
 * Throws what would fail all of them: no trust anchor, configuration, the authority's key.
 */
export async function enrollFleet(order: FleetOrder, done: (entry: ServiceEntry) => void): Promise<void> {
  const { threads } = order;
  if (threads !== undefined && order.jobs > 1 && order.services.length >= worthThreads) {
    await enrollInThreads(order, threads, done);
    return;
  }
  const enroll = await fleetEnroller(order, order.issuer);
  await forEachAtOnce(order.services, order.jobs, async service => {
    done(await enroll(service));
  });
}

/** The enrolment of one service after the other of a fleet, in this thread. */
export async function fleetEnroller(
  order: EnrolmentOrder,
  issuer: string | undefined,
): Promise<(service: FleetService) => Promise<ServiceEntry>> {
  const services = new Map<string, FleetService>();
  const enrolment = await setUpEnrolment(order, name => ({
    settings: wanted(services.get(name), issuer),
    isWhole: true,
  }));
  return async service => {
    services.set(service.name, service);
    try {
      return enrolledEntry(order.directory, await enrollService(enrolment, service.name));
    } catch (error) {
      if (!isMtlsctlError(error) || concernsWholeRun(error)) throw error;
      return failedEntry(service.name, error);
    } finally {
      services.delete(service.name);
    }
  };
}

function wanted(service: FleetService | undefined, issuer: string | undefined): object {
  if (service === undefined) return {};
  const { name, line, ...settings } = service;
  return { ...settings, authority: settings.authority ?? issuer };
}

import type { FleetService } from '../config/fleet-file.ts';
import { forEachAtOnce } from '../concurrency.ts';
import { type EnrolledService, enrollTogether } from '../deployment/enroll.ts';
import { servicePaths } from '../deployment/service.ts';
import { isMtlsctlError, type MtlsctlError } from '../errors.ts';
import type { Threads } from '../system.ts';
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

/** Whether a failure is that of the run (its authority, its passphrase) and not of one service, which it would name. */
export function concernsWholeRun(error: MtlsctlError): boolean {
  return concernsAll.has(error.code) && error.details['service'] === undefined;
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
  const enroll = await fleetEnroller(order, fleetDefaults(order));
  await forEachAtOnce(order.services, order.jobs, service => enroll([service], 1, done));
}

/** What concerns all services of a fleet. Plain data: it crosses threads. */
export interface FleetDefaults {
  /** The authority of those that name none. */
  readonly issuer: string | undefined;
  /** Whether some name their authority: that others name none is then no failure of the whole run. */
  readonly isMixed: boolean;
}

export function fleetDefaults({ issuer, services }: FleetOrder): FleetDefaults {
  return { issuer, isMixed: services.some(({ authority }) => authority !== undefined) };
}

/** Services handed out together, however many share a lock: others who want one of them wait no longer than these take. */
const largestGroup = 16;

/** The services in groups of which each has one lock. */
export function groupsByLock({ directory, services }: Pick<FleetOrder, 'directory' | 'services'>): FleetService[][] {
  const byLock = new Map<string, FleetService[]>();
  for (const service of services) {
    const { lock } = servicePaths(directory, service.name);
    const sharing = byLock.get(lock);
    if (sharing === undefined) byLock.set(lock, [service]);
    else sharing.push(service);
  }
  return [...byLock.values()].flatMap(sharing => {
    const count = Math.ceil(sharing.length / largestGroup);
    return Array.from({ length: count }, (_, n) => sharing.slice(n * largestGroup, (n + 1) * largestGroup));
  });
}

/** Enrols services of one lock, `atOnce` at a time, telling of each as it is done. */
export type GroupEnroller = (
  services: readonly FleetService[],
  atOnce: number,
  done: (entry: ServiceEntry) => void,
) => Promise<void>;

/** The enrolment of one group after the other of a fleet, in this thread. */
export async function fleetEnroller(order: EnrolmentOrder, defaults: FleetDefaults): Promise<GroupEnroller> {
  const wantedByName = new Map<string, FleetService>();
  const enrolment = await setUpEnrolment(order, name => ({
    settings: wanted(wantedByName.get(name), defaults.issuer),
    isWhole: true,
  }));
  return async (services, atOnce, done) => {
    for (const service of services) wantedByName.set(service.name, service);
    const names = services.map(({ name }) => name);
    await enrollTogether(enrolment, names, atOnce, (name, outcome) => {
      wantedByName.delete(name);
      done(entryOf(order.directory, name, outcome, defaults));
    });
  };
}

function entryOf(
  directory: string,
  name: string,
  outcome: PromiseSettledResult<EnrolledService>,
  { isMixed }: FleetDefaults,
): ServiceEntry {
  if (outcome.status === 'fulfilled') return enrolledEntry(directory, outcome.value);
  const error: unknown = outcome.reason;
  if (!isMtlsctlError(error)) throw error;
  const isOfOne = isMixed && error.code === 'ambiguous-authority';
  if (concernsWholeRun(error) && !isOfOne) throw error;
  return failedEntry(name, error);
}

function wanted(service: FleetService | undefined, issuer: string | undefined): object {
  if (service === undefined) return {};
  const { name, line, ...settings } = service;
  return { ...settings, authority: settings.authority ?? issuer };
}

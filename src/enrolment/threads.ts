import type { FleetService } from '../config/fleet-file.ts';
import type { Threads } from '../system.ts';
import { serveWork, shareOut, type ThreadPort, type Worker } from '../thread-work.ts';
import type { ServiceEntry } from './entry.ts';
import { type FleetDefaults, fleetDefaults, type FleetOrder, fleetEnroller, groupsByLock } from './fleet.ts';
import type { EnrolmentOrder } from './set-up.ts';

/*
 * Making a certificate is some milliseconds of JavaScript, so a fleet is shared out over threads. To each other they are what other processes
 * are: the locks and the ledger keep them apart.
 */

/** What a thread of `enroll --from` is started with. */
export interface EnrolmentThreadOrder {
  readonly kind: 'enrolment';
  readonly directory: string;
  readonly host: string | undefined;
  readonly force: boolean;
  readonly leafPassphrase: Uint8Array | undefined;
  readonly noLeafPassphrase: boolean;
  readonly defaults: FleetDefaults;
}

/** While the files of one service are on their way to the disk, the thread makes the certificate of another. */
const atOnceInThread = 8;

export async function enrollInThreads(
  fleet: FleetOrder,
  threads: Threads,
  done: (entry: ServiceEntry) => void,
): Promise<void> {
  const { directory, host, force, leafPassphrase, noLeafPassphrase = false, jobs } = fleet;
  const defaults = fleetDefaults(fleet);
  const key = { leafPassphrase, noLeafPassphrase };
  const order: EnrolmentThreadOrder = { kind: 'enrolment', directory, host, force, ...key, defaults };
  await shareOut({
    threads,
    count: jobs,
    order,
    portions: groupsByLock(fleet),
    done,
    here: () => worker(fleet, defaults),
    answer: authority => fleet.caPassphrase(authority),
  });
}

/** The thread's side. The one thing that it asks is the passphrase of an authority. */
export function serveEnrolments(
  order: EnrolmentThreadOrder,
  port: ThreadPort,
  world: Pick<EnrolmentOrder, 'now' | 'random'>,
): void {
  serveWork<FleetService, ServiceEntry>(port, async ask => {
    const caPassphrase = async (authority: string): Promise<Uint8Array> => (await ask(authority)) as Uint8Array;
    const given = { ...order, caPassphrase, now: () => world.now(), random: (count: number) => world.random(count) };
    return worker(given, order.defaults);
  });
}

async function worker(order: EnrolmentOrder, defaults: FleetDefaults): Promise<Worker<FleetService, ServiceEntry>> {
  const enroll = await fleetEnroller(order, defaults);
  return (services, done) => enroll(services, atOnceInThread, done);
}

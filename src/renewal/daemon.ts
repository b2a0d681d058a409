import { explainClockStep } from '../deployment/clock.ts';
import { pauseAfter } from '../deployment/journal-steps.ts';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { directoryIdentity } from '../file-operations.ts';
import { withLock } from '../lock.ts';
import { lockDirectory } from '../lock-directory.ts';
import { formatDuration, formatInstant } from '../options.ts';
import type { System } from '../system.ts';
import { describeEntry, describeFailure, describeLook, type LogLine } from './log.ts';
import type { RenewalEntry } from './entry.ts';
import { type Look, renewAll } from './look.ts';
import type { RenewalOrder } from './order.ts';

export interface DaemonOrder extends RenewalOrder {
  /** From one look to the next, in milliseconds. */
  readonly interval: number;
  log(line: LogLine): void;
  /** Told of each look that came to its end, with when it began. */
  lookedAt(look: Look, startedAt: number): Promise<void>;
  readonly system: Pick<System, 'now' | 'onSignal' | 'randomBytes' | 'sleep'>;
}

/** No sleep is longer: what the wall clock does in the meantime is seen within a minute. */
const longestTick = 60_000;
/** A sleep that took so much longer than asked for was no sleep of ours. */
const jump = 5 * 60_000;
/** Two that are started at the same moment sort out between them who is first. */
const lockPatience = 1000;

/** One look under the lock that all unattended runs share; undefined where another one has it, and nothing was done. */
export async function lookOnce(order: DaemonOrder): Promise<Look | undefined> {
  try {
    return await withLock(unattendedLock(order.directory), () => lookAndTell(order), lockOptions);
  } catch (error) {
    if (!isOwnLock(error, order.directory)) throw error;
    order.log({ priority: 6, text: `${error.message}, which looks after renewal: nothing is done here` });
    return undefined;
  }
}

const lockOptions = { timeoutMs: lockPatience, what: 'unattended renewal' };

function unattendedLock(directory: string): string {
  return lockDirectory(directory, 'renewal');
}

function isOwnLock(error: unknown, directory: string): error is MtlsctlError {
  return isMtlsctlError(error, 'lock-held') && error.details['directory'] === unattendedLock(directory);
}

/** Stays until SIGTERM or SIGINT. A PKI directory that is gone, or can't be used, is waited for. */
export async function stay(order: DaemonOrder): Promise<void> {
  const daemon = startDaemon(order);
  try {
    await serve(daemon);
  } finally {
    daemon.end();
  }
}

interface Daemon {
  readonly order: DaemonOrder;
  /** When a signal said what; a look that was asked for is taken back once it is begun. */
  readonly asked: { stop: boolean; look: boolean };
  /** Sleeps at most a tick; a signal ends it. */
  sleep(ms: number): Promise<void>;
  end(): void;
}

function startDaemon(order: DaemonOrder): Daemon {
  const asked = { stop: false, look: false };
  let wake = new AbortController();
  const on = (what: keyof typeof asked) => (): void => {
    asked[what] = true;
    wake.abort();
  };
  const { system } = order;
  const ends = [
    system.onSignal('SIGTERM', on('stop')),
    system.onSignal('SIGINT', on('stop')),
    system.onSignal('SIGHUP', on('look')),
  ];
  return {
    order: { ...order, isStopped: () => asked.stop },
    asked,
    async sleep(ms) {
      if (asked.stop || asked.look) return;
      wake = new AbortController();
      await system.sleep(Math.max(1, Math.min(ms, longestTick)), wake.signal);
    },
    end() {
      for (const stop of ends) stop();
    },
  };
}

async function serve(daemon: Daemon): Promise<void> {
  const { order, asked } = daemon;
  let complaint = '';
  while (!asked.stop) {
    try {
      if (directoryIdentity(order.directory) === undefined) throw gone(order.directory);
      await withLock(unattendedLock(order.directory), () => watch(daemon), lockOptions);
      complaint = '';
    } catch (error) {
      if (!isMtlsctlError(error)) throw error;
      if (isOwnLock(error, order.directory) && complaint === '') {
        order.log({ priority: 6, text: `${error.message}, which looks after renewal: nothing is done here` });
        return;
      }
      // Said once, and again when it is something else.
      if (error.message !== complaint) order.log(describeFailure(error));
      complaint = error.message;
    }
    asked.look = false;
    await daemon.sleep(longestTick);
  }
  order.log({ priority: 6, text: 'ends' });
}

function gone(directory: string): MtlsctlError {
  return new MtlsctlError('not-found', `the PKI directory ${directory} is not there, and is waited for`, {
    hints: [`ls -ld ${directory}`],
    details: { path: directory },
  });
}

/** What is to be done when. Instants are those of the wall clock. */
interface Schedule {
  nextLook: number;
  /** Looks in a row that came to nothing. */
  failures: number;
  /** When a service that failed is tried again on its own. */
  readonly retries: Map<string, number>;
  /** When the last tick was to end. */
  expected: number;
}

/** Ticks while the PKI directory is the one that it was. */
async function watch(daemon: Daemon): Promise<void> {
  const { order, asked } = daemon;
  order.log({
    priority: 6,
    text: `renews what is due in ${order.directory}, looking every ${formatDuration(order.interval)}`,
  });
  const identity = directoryIdentity(order.directory);
  const now = order.now();
  const schedule: Schedule = { nextLook: now, failures: 0, retries: new Map(), expected: now };
  while (!asked.stop) {
    if (directoryIdentity(order.directory) !== identity) return;
    minding(order, schedule);
    await lookIfDue(daemon, schedule);
    const at = order.now();
    const next = Math.min(schedule.nextLook, ...schedule.retries.values());
    const pause = Math.max(1, Math.min(next - at, longestTick));
    schedule.expected = at + pause;
    await daemon.sleep(pause);
  }
}

/** A clock that was set, either way, or a machine that slept: said, and looked after at once. */
function minding(order: DaemonOrder, schedule: Schedule): void {
  const now = order.now();
  const step = now - schedule.expected;
  if (Math.abs(step) < jump) return;
  order.log({ priority: 5, text: explainClockStep(step, now) });
  schedule.nextLook = now;
}

async function lookIfDue(daemon: Daemon, schedule: Schedule): Promise<void> {
  const { order, asked } = daemon;
  const now = order.now();
  const isAsked = asked.look;
  asked.look = false;
  if (isAsked || now >= schedule.nextLook) {
    await fullLook(isAsked ? { ...order, isPatient: false } : order, schedule);
    return;
  }
  const services = [...schedule.retries].flatMap(([service, at]) => (at <= now ? [service] : []));
  if (services.length > 0) await retry({ ...order, services }, schedule);
}

async function fullLook(order: DaemonOrder, schedule: Schedule): Promise<void> {
  try {
    const look = await lookAndTell(order);
    schedule.failures = 0;
    schedule.retries.clear();
    noteRetries(look.entries, schedule);
    schedule.nextLook = order.now() + spread(order);
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    schedule.failures += 1;
    const pause = Math.min(pauseAfter(schedule.failures), order.interval);
    schedule.nextLook = order.now() + pause;
    const { priority, text } = describeFailure(error);
    order.log({ priority, text: `${text}; the next look is at ${formatInstant(schedule.nextLook)}` });
  }
}

/** Nodes that were started together do not look together. */
function spread({ interval, system }: DaemonOrder): number {
  const fraction = Buffer.from(system.randomBytes(4)).readUInt32BE() / 2 ** 32;
  return Math.round(interval * (0.9 + 0.2 * fraction));
}

function noteRetries(entries: readonly RenewalEntry[], { retries }: Schedule): void {
  for (const { service, retryAt } of entries) {
    if (retryAt === undefined) retries.delete(service);
    else retries.set(service, retryAt);
  }
}

async function retry(order: DaemonOrder, schedule: Schedule): Promise<void> {
  for (const service of order.services) schedule.retries.delete(service);
  try {
    noteRetries((await lookAndTell(order)).entries, schedule);
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    order.log(describeFailure(error));
  }
}

/** Looks, says a line for each decision, and tells whoever keeps count. */
async function lookAndTell(order: DaemonOrder): Promise<Look> {
  const startedAt = order.now();
  const look = await renewAll(order, entry => {
    for (const line of describeEntry(entry)) order.log(line);
  });
  for (const warning of look.warnings) order.log({ priority: 4, text: `warning: ${warning}` });
  order.log(describeLook(look));
  await order.lookedAt(look, startedAt);
  return look;
}

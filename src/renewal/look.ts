import { join } from 'node:path';
import { crlsPath, readPublishedCrls } from '../authority/trust.ts';
import { examineForRenewal, knownJournal } from '../deployment/renewal-examination.ts';
import type { Journal } from '../deployment/journal.ts';
import { type Renewal, type RenewedService, renewService } from '../deployment/renew.ts';
import { type RolledBackService, rollBackService } from '../deployment/rollback.ts';
import { serviceDirectories } from '../deployment/services.ts';
import { linkedElsewhere, servicePaths } from '../deployment/service.ts';
import { explainClock } from '../deployment/clock.ts';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { serialHex } from '../x509/certificate.ts';
import { renewalTime } from '../deployment/decision.ts';
import { forEachAtOnce } from '../concurrency.ts';
import { rememberedEntry, type RenewalEntry, renewedEntry } from './entry.ts';
import type { RenewalOrder } from './order.ts';
import { type Memory, openMemory, type Remembered, worthRemembering } from './remembered.ts';
import { setUpRenewal } from './set-up.ts';

/** What one look at some services came to. */
export interface Look {
  /** In the order of their names. */
  readonly entries: readonly RenewalEntry[];
  /** What concerns no service alone, for a person. */
  readonly warnings: readonly string[];
  /** What is wrong with the clock. */
  readonly clock: string | undefined;
}

/** How many at once: while the files of one are on their way to the disk, or its hook runs, another is worked on. */
const atOnce = 4;

/** Renews what is due among the services asked for, telling of each as it is done. Throws what concerns the run as a whole. */
export async function renewAll(
  order: RenewalOrder,
  done: (entry: RenewalEntry) => void = () => undefined,
): Promise<Look> {
  return lookAt(order, renewService, done);
}

/** The same without doing anything: what is due has the status `due`. */
export async function examineAll(order: RenewalOrder): Promise<Look> {
  return lookAt({ ...order, isReadOnly: true }, examineOnly, () => undefined);
}

/** Puts the certificates before the last ones back in force. Throws `malformed` where what is revoked can't be read. */
export async function rollBackAll(order: RenewalOrder): Promise<Look> {
  const { length } = await readPublishedCrls(order.directory);
  const look = await lookAt({ ...order, mustLook: true }, rollBackOne, () => undefined);
  if (length > 0) return look;
  const warning = `there is no CRL in ${crlsPath(order.directory)}: whether what is put back was revoked is not known`;
  return { ...look, warnings: [...look.warnings, warning] };
}

async function rollBackOne(renewal: Renewal, service: string): ReturnType<Action> {
  try {
    return await rollBackService(renewal, service);
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    return { service, status: 'failed', reasons: [], warnings: [], error };
  }
}

type Action = (
  renewal: Renewal,
  service: string,
) => Promise<(RenewedService | RolledBackService) & { readonly isDue?: boolean }>;

async function lookAt(order: RenewalOrder, action: Action, done: (entry: RenewalEntry) => void): Promise<Look> {
  const memory = await openMemory(order.directory, [order.host ?? '']);
  const present = serviceDirectories(order.directory, name => memory.has(name));
  const all = new Set(present.map(({ name }) => name));
  refuseUnknown(order, all);
  const links = new Set(present.filter(({ isLink }) => isLink).map(({ name }) => name));
  const names = order.services.length > 0 ? order.services : [...all];
  const { known, others } = recall(order, memory, names);
  const look = others.length === 0 ? nothing : await lookAfresh({ order, action, done, memory, links, all }, others);
  if (order.isReadOnly !== true) memory.save(all);
  return { ...look, entries: [...known, ...look.entries].sort((a, b) => (a.service < b.service ? -1 : 1)) };
}

const nothing: Look = { entries: [], warnings: [], clock: undefined };

/** What need not be looked at, if the clock is nowhere behind what is remembered. */
function recall(
  order: RenewalOrder,
  memory: Memory,
  names: readonly string[],
): { known: readonly RenewalEntry[]; others: readonly string[] } {
  const now = order.now();
  const isOdd =
    order.force || order.mustLook === true || [...memory.all().values()].some(({ notBefore }) => now < notBefore);
  const known: RenewalEntry[] = [];
  const others: string[] = [];
  for (const service of names) {
    const found = isOdd ? undefined : memory.recall(service, now);
    if (found === undefined) others.push(service);
    else known.push(rememberedEntry(service, found));
  }
  return { known, others };
}

interface Fresh {
  readonly order: RenewalOrder;
  readonly action: Action;
  readonly done: (entry: RenewalEntry) => void;
  readonly memory: Memory;
  readonly links: ReadonlySet<string>;
  readonly all: ReadonlySet<string>;
}

async function lookAfresh(fresh: Fresh, names: readonly string[]): Promise<Look> {
  const { order, action, done, memory, links, all } = fresh;
  const { renewal, warnings } = await setUpRenewal(order, [...all], memory.all());
  const isWorthIt = order.isReadOnly !== true && all.size >= worthRemembering;
  const entries: RenewalEntry[] = [];
  await forEachAtOnce(names, atOnce, async service => {
    if (order.isStopped?.() === true) return;
    const watched = isWorthIt ? memory.watch(service) : undefined;
    const result = links.has(service) ? foreign(order, service) : await action(renewal, service);
    const found = rememberable(result, renewal);
    if (found === undefined) memory.forget(service);
    else watched?.keep(found);
    const entry = result.isDue === true ? { ...renewedEntry(result), status: 'due' as const } : renewedEntry(result);
    entries.push(entry);
    done(entry);
  });
  const clock = renewal.clock && explainClock(renewal.clock, renewal.now());
  return { entries, warnings: clock === undefined ? warnings : [...warnings, clock], clock };
}

/** Only what is wholly as it should be. */
function rememberable(result: Awaited<ReturnType<Action>>, { clock, trustAnchors }: Renewal): Remembered | undefined {
  const { status, isDue, reasons, warnings, examination, certificate } = result;
  const isPlain = status === 'not-due' && isDue !== true && reasons.length === 0 && warnings.length === 0;
  if (!isPlain || clock !== undefined || certificate === undefined || examination?.installed.state !== 'readable')
    return undefined;
  // Further files, and the passphrase of one, are not among those whose stat() is remembered.
  if (examination.heldUntil !== undefined || (examination.plan.settings.outputs ?? []).length > 0) return undefined;
  const { serialNumber, notBefore, notAfter } = certificate;
  const renewAt = renewalTime(certificate, examination.plan.wanted.renewAt);
  const ends = [...examination.installed.chain, ...trustAnchors].map(each => each.notAfter);
  return { serial: serialHex(serialNumber), notBefore, notAfter, renewAt, until: Math.min(renewAt, ...ends) };
}

function refuseUnknown({ directory, services }: RenewalOrder, present: ReadonlySet<string>): void {
  const unknown = services.find(service => !present.has(service));
  if (unknown === undefined) return;
  throw new MtlsctlError('not-found', `there is no service '${unknown}' in ${directory}`, {
    hints: [`mtlsctl enroll ${unknown}`, `mtlsctl inspect ${directory}`],
    details: { service: unknown },
  });
}

function foreign({ directory }: RenewalOrder, service: string): RenewedService & { isDue?: boolean } {
  const error = linkedElsewhere(join(directory, service));
  return { service, status: 'failed', reasons: [], warnings: [], error };
}

async function examineOnly(renewal: Renewal, service: string): ReturnType<Action> {
  try {
    const paths = servicePaths(renewal.directory, service);
    const journal = await knownJournal(renewal.directory, service);
    const examination = await examineForRenewal(renewal, service, { paths, journal });
    const { installed, warnings } = examination;
    const reasons = [...examination.reasons, ...examination.repairs].map(({ code }) => code);
    const owed = owedOf(journal);
    return {
      ...{ service, status: 'not-due', examination, warnings },
      reasons: reasons.length > 0 ? reasons : owed,
      isDue: reasons.length + owed.length > 0,
      ...(installed.state === 'readable' && { certificate: installed.certificate }),
    };
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    return { service, status: 'failed', reasons: [], warnings: [], error };
  }
}

/** What a run before this one has left to be done. */
function owedOf({ state, reasons }: Journal): readonly string[] {
  if (state === 'live') return ['hook-owed'];
  return state === 'issued' ? reasons : [];
}

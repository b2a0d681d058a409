import type { Config } from '../config.ts';
import type { ServiceFile } from '../config/service-file.ts';
import { MtlsctlError } from '../errors.ts';
import { withLock } from '../lock.ts';
import { formatDuration } from '../options.ts';
import { printable } from '../printable.ts';
import { formatIdentity, livenessOf, ownIdentity, parseIdentity } from '../process-identity.ts';
import { defaultHookTimeout, hookSucceeded, runHook } from './hook.ts';
import { type HookRun, type Journal, readJournal, writeJournal } from './journal.ts';
import { hookEnded, hookStarted, isWaiting } from './journal-steps.ts';
import type { ServicePlan } from './plan.ts';
import { type ServicePaths, servicePaths } from './service.ts';

/** What running hooks takes. */
export interface HookWorld {
  readonly directory: string;
  readonly config: Config;
  readonly hook: string | undefined;
  readonly isPatient: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  now(): number;
}

export type HookOutcome =
  | { readonly status: 'none' }
  | { readonly status: 'busy'; readonly note: string }
  | { readonly status: 'done'; readonly run?: HookRun }
  | { readonly status: 'failed'; readonly run: HookRun; readonly error: MtlsctlError; readonly retryAt: number };

export interface OwedHook {
  readonly service: string;
  readonly plan: ServicePlan;
  /** Of the certificate in force. */
  readonly serial: string;
}

/** What was given by --hook: to this run, or to the one whose hook is still owed. */
export function givenHook({ hook }: Pick<HookWorld, 'hook'>, { hookCommand }: Journal): string | undefined {
  return hook ?? hookCommand;
}

/** What makes a service read its new files; undefined where nothing need be done. */
export function hookOf(
  world: Pick<HookWorld, 'config' | 'hook'>,
  settings: ServiceFile,
  journal: Journal,
): string | undefined {
  return givenHook(world, journal) ?? settings.hook ?? world.config.defaults.hook;
}

/**
 * Runs the hook of a service whose journal says that it is owed. The service's lock is not held meanwhile: a hook may call mtlsctl. Who runs it is
 * in the journal, so that nobody else does; one whose runner was ended counts as failed.
 */
export async function runOwedHook(world: HookWorld, owed: OwedHook): Promise<HookOutcome> {
  const paths = servicePaths(world.directory, owed.service);
  const claim = await withLock(paths.lock, () => claimHook(world, owed), { what: `service '${owed.service}'` });
  if (claim.status !== 'claimed') return claim;
  const timeout = owed.plan.settings.hookTimeout ?? world.config.defaults.hookTimeout ?? defaultHookTimeout;
  const startedAt = world.now();
  const run = await runHook({ command: claim.command, timeout, startedAt, env: hookEnvironment(world, owed, paths) });
  const error = hookSucceeded(run) ? undefined : hookError(owed.service, run, timeout);
  const retryAt = await withLock(paths.lock, () => settle(world, owed, run, error), {
    what: `service '${owed.service}'`,
  });
  return error === undefined ? { status: 'done', run } : { status: 'failed', run, error, retryAt };
}

/** `claimed` where the hook is ours to run. */
async function claimHook(
  world: HookWorld,
  { service, plan }: OwedHook,
): Promise<HookOutcome | { readonly status: 'claimed'; readonly command: string }> {
  const now = world.now();
  const journal = await readJournal(world.directory, service);
  if (journal?.state !== 'live') return { status: 'none' };
  if (isBusy(journal)) return { status: 'busy', note: 'its hook is being run by another process' };
  const found = ended(journal, service, now);
  const command = hookOf(world, plan.settings, found);
  if (command === undefined) {
    // Whoever took the hook out of service.yaml wants none.
    const { hook, ...rest } = found;
    await writeJournal(world.directory, service, hookEnded(rest, { startedAt: now, output: [] }, undefined, now));
    return { status: 'done' };
  }
  if (found !== journal && world.isPatient && isWaiting(found, now)) {
    await writeJournal(world.directory, service, found);
    const run = found.hook ?? { startedAt: now, output: [] };
    return { status: 'failed', run, error: cutShort(service), retryAt: found.retryAt ?? now };
  }
  await writeJournal(
    world.directory,
    service,
    hookStarted(found, { runner: formatIdentity(ownIdentity()), hookCommand: world.hook }, now),
  );
  return { status: 'claimed', command };
}

/** A runner that can't be asked after (in another container) is taken to be at it. */
function isBusy({ runner }: Journal): boolean {
  const identity = runner === undefined ? undefined : parseIdentity(runner);
  if (identity === undefined || identity.random === ownIdentity().random) return false;
  return livenessOf(identity) !== 'dead';
}

/** The journal with a run that has no end counted as failed. */
function ended(journal: Journal, service: string, now: number): Journal {
  if (journal.runner === undefined || journal.hook === undefined) return journal;
  return hookEnded(journal, journal.hook, cutShort(service), now);
}

function cutShort(service: string): MtlsctlError {
  return new MtlsctlError('hook-failed', `mtlsctl was ended while the hook of '${service}' ran`, {
    hints: [`see whether the hook itself does that, then run 'mtlsctl renew ${service}'`],
  });
}

function hookEnvironment(
  { env, directory }: HookWorld,
  { service, serial }: OwedHook,
  paths: ServicePaths,
): Readonly<Record<string, string | undefined>> {
  return {
    ...env,
    MTLSCTL_DIR: directory,
    MTLSCTL_SERVICE: service,
    MTLSCTL_CERT: paths.certificate,
    MTLSCTL_KEY: paths.key,
    MTLSCTL_CA: paths.ca,
    MTLSCTL_SERIAL: serial,
  };
}

function hookError(service: string, run: HookRun, timeout: number): MtlsctlError {
  const last = run.output.at(-1);
  return new MtlsctlError(
    'hook-failed',
    `the hook of '${service}' ${endOf(run, timeout)}${last === undefined ? '' : `: ${printable(last)}`}`,
    {
      hints: [
        `its new files are in force; put the hook right, or give another with --hook, and run 'mtlsctl renew ${service}'`,
      ],
      details: { ...(run.exitStatus !== undefined && { exitStatus: run.exitStatus }), output: run.output },
    },
  );
}

function endOf({ timedOut, exitStatus, signal }: HookRun, timeout: number): string {
  if (timedOut === true) return `was ended after ${formatDuration(timeout)}`;
  return exitStatus === undefined ? `was ended by ${signal ?? 'a signal'}` : `failed with exit status ${exitStatus}`;
}

/** A journal that has gone on to another certificate meanwhile owes its hook anew. Returns when an unattended run tries again. */
async function settle(
  world: HookWorld,
  owed: OwedHook,
  run: HookRun,
  error: MtlsctlError | undefined,
): Promise<number> {
  const now = world.now();
  const journal = await readJournal(world.directory, owed.service);
  if (journal?.state !== 'live' || journal.runner !== formatIdentity(ownIdentity())) return now;
  const next = hookEnded(journal, run, error, now);
  await writeJournal(world.directory, owed.service, next);
  return next.retryAt ?? now;
}

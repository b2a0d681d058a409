import type { MtlsctlError } from '../errors.ts';
import { emptyJournal } from './journal.ts';
import type { HookRun, Journal, JournalFailure } from './journal-format.ts';

/* The steps of a renewal as its journal has them. Pure; instants and lengths of time in milliseconds. */

const minute = 60_000;
const longestPause = 60 * minute;

/** How long an unattended run leaves a service alone after so many failures in a row. */
export function pauseAfter(attempts: number): number {
  return Math.min(minute * 2 ** Math.min(attempts - 1, 10), longestPause);
}

/**
 * Whether an unattended run has to wait before it tries again. An instant further away than any pause is the work of a clock that was wrong.
 */
export function isWaiting({ retryAt }: Journal, now: number): boolean {
  return retryAt !== undefined && now < retryAt && retryAt - now <= longestPause;
}

/** A hook that is owed stays so until the next certificate is in force: who reads an old file is to be told of the present one. */
export function begun(
  journal: Journal,
  reasons: readonly string[],
  previousSerial: string | undefined,
  now: number,
): Journal {
  if (journal.state === 'live') return journal;
  const { serial, previousSerial: before, chain, hook, failure, heldUntil, ...rest } = journal;
  return { ...rest, state: 'due', since: now, reasons, ...(previousSerial !== undefined && { previousSerial }) };
}

export interface IssuedStep {
  readonly serial: string;
  readonly previousSerial: string | undefined;
  readonly reasons: readonly string[];
  /** PEM. */
  readonly chain: string;
  /** As in InForceStep: whoever puts it in force runs this. */
  readonly hookCommand: string | undefined;
}

export function issued(journal: Journal, step: IssuedStep, now: number): Journal {
  const { serial, previousSerial, reasons, chain, hookCommand } = step;
  const { previousSerial: before, heldUntil, ...rest } = journal;
  return {
    ...rest,
    ...{ state: 'issued', since: now, reasons, serial, chain },
    ...(hookCommand !== undefined && { hookCommand }),
    ...(previousSerial !== undefined && { previousSerial }),
  };
}

export interface InForceStep {
  readonly serial: string;
  readonly previousSerial: string | undefined;
  readonly reasons: readonly string[];
  readonly hasHook: boolean;
  /** The one given by --hook, now or by a run whose hook is still owed. */
  readonly hookCommand: string | undefined;
}

/** Where there is no hook the renewal is over with that. */
export function inForce(journal: Journal, step: InForceStep, now: number): Journal {
  const { counters, lastSuccess, putAway } = journal;
  return {
    ...{ state: step.hasHook ? 'live' : 'done', since: now, reasons: step.reasons, serial: step.serial },
    ...(putAway !== undefined && { putAway }),
    ...(step.hookCommand !== undefined && { hookCommand: step.hookCommand }),
    ...(step.previousSerial !== undefined && { previousSerial: step.previousSerial }),
    ...(step.hasHook ? lastSuccess !== undefined && { lastSuccess } : { lastSuccess: now }),
    attempts: 0,
    counters: { ...counters, renewals: counters.renewals + 1 },
  };
}

export interface RolledBackStep {
  readonly serial: string;
  readonly previousSerial: string | undefined;
  readonly heldUntil: number;
  readonly putAway: readonly string[];
  readonly hasHook: boolean;
  /** As in InForceStep. */
  readonly hookCommand: string | undefined;
}

export function rolledBack(journal: Journal, step: RolledBackStep, now: number): Journal {
  const { counters, lastSuccess } = journal;
  return {
    ...{ state: step.hasHook ? 'live' : 'done', since: now, reasons: ['rolled-back'], serial: step.serial },
    ...(step.previousSerial !== undefined && { previousSerial: step.previousSerial }),
    ...(lastSuccess !== undefined && { lastSuccess }),
    ...(step.hookCommand !== undefined && { hookCommand: step.hookCommand }),
    ...{ heldUntil: step.heldUntil, putAway: step.putAway, attempts: 0, counters },
  };
}

/** What was begun has become needless; `serial` is what is in force instead. */
export function dropped(journal: Journal, serial: string | undefined, now: number): Journal {
  const { chain, failure, retryAt, hook, hookCommand, serial: abandoned, previousSerial, ...rest } = journal;
  return { ...rest, state: 'done', since: now, attempts: 0, ...(serial !== undefined && { serial }) };
}

export function failed(journal: Journal, error: MtlsctlError, now: number): Journal {
  const { counters } = journal;
  return {
    ...afterFailure(journal, failureOf(error, now), now),
    // What is `done` and can't be looked at any more is not known to be so.
    ...(journal.state === 'done' && { state: 'due', since: now }),
    counters: { ...counters, failures: counters.failures + 1 },
  };
}

function failureOf({ code, message, hints }: MtlsctlError, at: number): JournalFailure {
  return { at, code, message, hints };
}

function afterFailure(journal: Journal, failure: JournalFailure, now: number): Journal {
  const attempts = journal.attempts + 1;
  return { ...journal, failure, attempts, retryAt: now + pauseAfter(attempts) };
}

/** `hookCommand` is the one given by --hook: it is owed until it has run with success, or another. */
export function hookStarted(
  journal: Journal,
  { runner, hookCommand }: { readonly runner: string; readonly hookCommand: string | undefined },
  now: number,
): Journal {
  const hook = { startedAt: now, output: [] };
  return { ...journal, ...(hookCommand !== undefined && { hookCommand }), runner, hook };
}

/** `error` is what is said of a run without success. */
export function hookEnded(journal: Journal, run: HookRun, error: MtlsctlError | undefined, now: number): Journal {
  const { runner, ...rest } = journal;
  if (error === undefined) {
    const { failure, retryAt, hookCommand, ...clean } = rest;
    return { ...clean, hook: run, state: 'done', since: now, attempts: 0, lastSuccess: now };
  }
  const { counters } = rest;
  const counted = { ...rest, hook: run, counters: { ...counters, hookFailures: counters.hookFailures + 1 } };
  return afterFailure(counted, failureOf(error, now), now);
}

/** Of a journal that can't be understood: it is not known what is owed, and a hook that is run once too often does no harm. */
export const lostJournal: Journal = { ...emptyJournal, state: 'live' };

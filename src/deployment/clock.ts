import { formatDuration, formatInstant } from '../options.ts';

/** Something in the PKI directory that was made at a known time. */
export interface Evidence {
  /** For a person: `the certificate of 'user-svc'`. */
  readonly what: string;
  /** Milliseconds. */
  readonly at: number;
  /** When it ends. */
  readonly until: number;
  /** It may have been made by another machine, whose clock is another. */
  readonly isForeign: boolean;
}

export interface ClockTrouble {
  /** Behind: something here is from the future. Ahead: so far from everything here that either the machine was off, or the clock is wrong. */
  readonly kind: 'ahead' | 'behind';
  readonly newest: number;
  readonly what: string;
}

/** Machines that share a PKI directory differ by this much without anything being wrong; certificates are backdated by a minute. */
const tolerance = 5 * 60_000;

/** In so long a time something should have been made here, if all that there is has ended. */
const longestSilence = 365 * 86_400_000;

/** Judges the clock by what was made with it before. Undefined where nothing is wrong with it, or nothing is known. `now` in milliseconds. Pure. */
export function judgeClock(evidence: readonly Evidence[], now: number): ClockTrouble | undefined {
  const own = newestOf(evidence.filter(({ isForeign }) => !isForeign));
  if (own !== undefined && now < own.at - tolerance) return { kind: 'behind', newest: own.at, what: own.what };
  const newest = newestOf(evidence);
  if (newest === undefined || now <= newest.at + longestSilence) return undefined;
  return evidence.every(({ until }) => until < now)
    ? { kind: 'ahead', newest: newest.at, what: newest.what }
    : undefined;
}

function newestOf(evidence: readonly Evidence[]): Evidence | undefined {
  return evidence.reduce<Evidence | undefined>((a, b) => (a === undefined || b.at > a.at ? b : a), undefined);
}

/** One line, no full stop. */
export function explainClock({ kind, newest, what }: ClockTrouble, now: number): string {
  const difference = formatDuration(Math.abs(now - newest));
  return kind === 'behind'
    ? `the clock says ${formatInstant(now)}, and ${what} was made ${difference} later, at ${formatInstant(newest)}`
    : `the clock says ${formatInstant(now)}, ${difference} after the newest thing here (${what}): either this machine was off so long, or its clock is wrong`;
}

/** Of a clock that is not where it should be after a sleep; `step` in milliseconds, forward where it is positive. */
export function explainClockStep(step: number, now: number): string {
  const length = formatDuration(Math.abs(step));
  return step < 0
    ? `the clock was set back by ${length}, to ${formatInstant(now)}`
    : `the clock went forward by ${length}, to ${formatInstant(now)}: it was set, or this machine slept`;
}

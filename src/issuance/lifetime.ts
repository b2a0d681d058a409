import { MtlsctlError } from '../errors.ts';
import { formatDuration } from '../options.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { Profile } from './profile.ts';

export interface Lifetime {
  /** Milliseconds since the epoch, whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Whether the issuer's end came before the one asked for. */
  readonly shortened: boolean;
}

export interface LifetimeOrder {
  readonly profile: Pick<Profile, 'backdate' | 'kind'>;
  /** Milliseconds, counted from now. */
  readonly validity: number;
  readonly now: number;
  /** The issuer and those above it; none for a root. */
  readonly issuers: readonly Pick<Certificate, 'notBefore' | 'notAfter'>[];
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
/** RFC 5280, 4.1.2.5: GeneralizedTime has four digits for the year. */
const lastInstant = Date.UTC(9999, 11, 31, 23, 59, 59);
/** Less than this share of what was asked for is no use to anybody: the issuer wants renewing first. */
const leastShare = 1 / 10;

/**
 * Begins a little before now, against slow clocks, and ends with the issuer at the latest: never outside of the life of any certificate above.
 * A leaf is shortened for that; a CA is not, since whoever plans by its end would plan wrong.
 * Throws `expired` for an issuer that has ended, `lifetime-refused` for one that has not begun, that ends before a CA would, or that has less
 * than a tenth of a leaf's asked life left.
 */
export function planLifetime(order: LifetimeOrder): Lifetime {
  const { now, validity, issuers } = order;
  const earliest = Math.max(...issuers.map(issuer => issuer.notBefore), Number.NEGATIVE_INFINITY);
  const latest = Math.min(...issuers.map(issuer => issuer.notAfter), lastInstant);
  if (earliest > now) throw notYet(earliest);
  if (latest < now) throw ended(latest, order);
  const notAfter = wholeSeconds(now + validity);
  if (order.profile.kind === 'leaf') {
    if (latest - now < validity * leastShare) throw tooShort(latest, order);
  } else if (issuers.length > 0 && outlives(notAfter, latest, order)) throw wouldOutlive(latest, order);
  return {
    notBefore: Math.max(wholeSeconds(now - order.profile.backdate), earliest),
    notAfter: Math.min(notAfter, latest),
    shortened: notAfter > latest,
  };
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / second) * second;
}

/**
 * The backdating counts as life: a CA asked for at once after its issuer, and for as long, ends with it and has the length that was asked for.
 */
function outlives(notAfter: number, latest: number, { profile }: LifetimeOrder): boolean {
  return notAfter - latest > profile.backdate;
}

const replaceAuthority = "put another authority in its place first: 'mtlsctl issue-intermediate <another name>'";

function notYet(earliest: number): MtlsctlError {
  return new MtlsctlError('lifetime-refused', `the issuer is not valid before ${instant(earliest)}`, {
    hints: ["look at this machine's clock: 'date -u'"],
    details: { issuerNotBefore: instant(earliest) },
  });
}

function ended(latest: number, { profile }: LifetimeOrder): MtlsctlError {
  return new MtlsctlError('expired', `the issuer's certificate expired on ${instant(latest)}`, {
    hints: [profile.kind === 'leaf' ? replaceAuthority : 'make a new issuer first'],
    details: { issuerNotAfter: instant(latest) },
  });
}

function tooShort(latest: number, { now, validity }: LifetimeOrder): MtlsctlError {
  const days = (ms: number): string => `${(ms / 86_400_000).toFixed(1)} days`;
  return new MtlsctlError(
    'lifetime-refused',
    `the issuer ends on ${instant(latest)}, in ${days(latest - now)}: less than a tenth of the ${days(validity)} asked for`,
    {
      hints: [replaceAuthority, 'or ask for less with --validity'],
      details: { issuerNotAfter: instant(latest) },
    },
  );
}

function wouldOutlive(latest: number, { now, validity }: LifetimeOrder): MtlsctlError {
  const longest = wholeUnits(latest - now);
  return new MtlsctlError(
    'lifetime-refused',
    `the issuer ends on ${instant(latest)}, before the ${formatDuration(validity)} of a CA below it would: a CA is not shortened`,
    {
      hints: [
        ...(longest === undefined ? [] : [`ask for less: --validity ${longest} is the longest that fits`]),
        'for a longer life, make a new issuer first',
      ],
      details: { issuerNotAfter: instant(latest), ...(longest !== undefined && { longestValidity: longest }) },
    },
  );
}

/** Rounded down to the largest unit of which there are two or more, so that it still fits when it has been typed. */
function wholeUnits(ms: number): string | undefined {
  const unit = [day, hour, minute].find(each => ms >= 2 * each);
  return unit === undefined ? undefined : formatDuration(Math.floor(ms / unit) * unit);
}

function instant(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

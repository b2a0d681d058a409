import { MtlsctlError } from '../errors.ts';
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
/** RFC 5280, 4.1.2.5: GeneralizedTime has four digits for the year. */
const lastInstant = Date.UTC(9999, 11, 31, 23, 59, 59);
/** Less than this share of what was asked for is no use to anybody: the issuer wants renewing first. */
const leastShare = 1 / 10;

/**
 * Begins a little before now, against slow clocks, and ends with the issuer at the latest: never outside of the life of any certificate above.
 * Throws `expired` for an issuer that has ended, `lifetime-refused` for one that has not begun or has less than a tenth of the asked life left.
 */
export function planLifetime(order: LifetimeOrder): Lifetime {
  const { now, validity, issuers } = order;
  const earliest = Math.max(...issuers.map(issuer => issuer.notBefore), Number.NEGATIVE_INFINITY);
  const latest = Math.min(...issuers.map(issuer => issuer.notAfter), lastInstant);
  if (earliest > now) throw notYet(earliest);
  if (latest < now) throw ended(latest);
  if (latest - now < validity * leastShare) throw tooShort(latest, order);
  const notAfter = wholeSeconds(now + validity);
  return {
    notBefore: Math.max(wholeSeconds(now - order.profile.backdate), earliest),
    notAfter: Math.min(notAfter, latest),
    shortened: notAfter > latest,
  };
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / second) * second;
}

function notYet(earliest: number): MtlsctlError {
  return new MtlsctlError('lifetime-refused', `the issuer is not valid before ${instant(earliest)}`, {
    hints: ["look at this machine's clock: 'date -u'"],
    details: { issuerNotBefore: instant(earliest) },
  });
}

function ended(latest: number): MtlsctlError {
  return new MtlsctlError('expired', `the issuer's certificate expired on ${instant(latest)}`, {
    hints: ['renew the issuing authority first'],
    details: { issuerNotAfter: instant(latest) },
  });
}

function tooShort(latest: number, { now, validity }: LifetimeOrder): MtlsctlError {
  const days = (ms: number): string => `${(ms / 86_400_000).toFixed(1)} days`;
  return new MtlsctlError(
    'lifetime-refused',
    `the issuer ends on ${instant(latest)}, in ${days(latest - now)}: less than a tenth of the ${days(validity)} asked for`,
    {
      hints: ['renew the issuing authority first, or ask for less with --validity'],
      details: { issuerNotAfter: instant(latest) },
    },
  );
}

function instant(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

import type { Facts } from '../x509/describe.ts';

/** Whether a certificate or a CRL counts at an instant. Both ends are inside (RFC 5280, 4.1.2.5). Milliseconds. */
export function describeValidity(from: number, until: number | undefined, now: number): Facts {
  const remainingSeconds = until === undefined ? undefined : Math.floor((until - now) / 1000);
  return { state: stateAt(from, until, now), remainingSeconds };
}

export type ValidityState = 'valid' | 'expired' | 'not yet valid';

export function stateAt(from: number, until: number | undefined, now: number): ValidityState {
  if (from > now) return 'not yet valid';
  return until !== undefined && until < now ? 'expired' : 'valid';
}

const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** For people: `89 d`, `3 d 4 h`, `12 min`. Two units at most, and days alone from ten on. */
export function span(seconds: number): string {
  let rest = Math.abs(seconds);
  const parts: string[] = [];
  for (const [unit, length] of units) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2 || (unit === 'd' && count >= 10)) break;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}

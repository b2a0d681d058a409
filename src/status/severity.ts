/** How pressing something is, the least first. */
const severities = ['ok', 'notice', 'warning', 'error', 'critical'] as const;

export type Severity = (typeof severities)[number];

const day = 86_400_000;

/** The most pressing first. */
const alarms = [
  { severity: 'critical', days: 1 },
  { severity: 'error', days: 7 },
  { severity: 'warning', days: 15 },
  { severity: 'notice', days: 30 },
] as const satisfies readonly { severity: Severity; days: number }[];

/** That of a leaf, which is renewed when 30 days of it are left. */
const ordinaryLife = 90 * day;

/**
 * How pressing the end of something is: 30, 15, 7 and 1 day before it. Of what lives for less than 90 days the thresholds are the same parts of
 * its life, or a certificate of a day and a CRL would be alarming from their first second. Milliseconds.
 */
export function alarmOf(from: number, until: number, now: number): Severity {
  const scale = Math.min(1, Math.max(until - from, 0) / ordinaryLife);
  return alarms.find(({ days }) => until - now <= days * day * scale)?.severity ?? 'ok';
}

export function worst(found: readonly Severity[]): Severity {
  return severities.findLast(severity => found.includes(severity)) ?? 'ok';
}

import type { MtlsctlError } from '../errors.ts';
import { formatInstant } from '../options.ts';
import type { RenewalEntry } from './entry.ts';
import type { Look } from './look.ts';

/** One line for the journal. */
export interface LogLine {
  /** syslog(3): 3 error, 4 warning, 5 notice, 6 information. */
  readonly priority: 3 | 4 | 5 | 6;
  readonly text: string;
}

/** sd-daemon(3): what journald takes a priority from. */
export function formatLogLine({ priority, text }: LogLine): string {
  return `<${priority}>mtlsctl: ${text}\n`;
}

/** A line for each decision about a service. That nothing is due is no decision: it is counted for all together. */
export function describeEntry(entry: RenewalEntry): readonly LogLine[] {
  const warnings = entry.warnings.map(text => ({ priority: 4, text: `warning: ${entry.service}: ${text}` }) as const);
  if (entry.status === 'not-due') return warnings;
  return [...warnings, { priority: entry.error === undefined ? 5 : 3, text: decision(entry) }];
}

function decision({
  service,
  status,
  reasons,
  serial,
  previousSerial,
  notAfter,
  error,
  retryAt,
}: RenewalEntry): string {
  const why = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`;
  const facts = [
    ...(serial === undefined ? [] : [`serial ${serial}`]),
    ...(previousSerial === undefined ? [] : [`before ${previousSerial}`]),
    ...(notAfter === undefined ? [] : [`expires ${notAfter}`]),
    ...(error === undefined
      ? []
      : [`error: ${error.message} [${error.code}]`, ...error.hints.map(hint => `hint: ${hint}`)]),
    ...(retryAt === undefined ? [] : [`the next attempt is at ${formatInstant(retryAt)}`]),
  ];
  return [`${service}: ${status}${why}`, ...facts].join('; ');
}

export function describeFailure({ message, code, hints }: MtlsctlError): LogLine {
  return { priority: 3, text: [`error: ${message} [${code}]`, ...hints.map(hint => `hint: ${hint}`)].join('; ') };
}

/** What a look came to, in one line. */
export function describeLook({ entries }: Look): LogLine {
  const counts = new Map<string, number>();
  for (const { status } of entries) counts.set(status, (counts.get(status) ?? 0) + 1);
  const parts = [...counts].sort().map(([status, count]) => `${count} ${status}`);
  const times = entries.flatMap(({ status, renewAt, service }) =>
    status === 'not-due' && renewAt !== undefined ? [`${renewAt} (${service})`] : [],
  );
  const [next] = times.sort();
  const text = parts.length === 0 ? 'there are no services' : parts.join(', ');
  return { priority: 6, text: next === undefined ? text : `${text}; the next renewal is from ${next}` };
}

import type { RenewalEntry } from '../renewal/entry.ts';
import type { Colour, Paint } from '../system.ts';
import type { CommandContext } from './command.ts';
import { type Failure, sayFailures } from './failures.ts';

const colours: Readonly<Record<RenewalEntry['status'], Colour>> = {
  due: 'yellow',
  failed: 'red',
  'hook-failed': 'red',
  'not-due': 'dim',
  renewed: 'green',
  'rolled-back': 'yellow',
};

/** What is not due has a line of its own only where services were named; else it is counted. */
export function renewalText(entries: readonly RenewalEntry[], isNamed: boolean, paint: Paint): string {
  const shown = isNamed ? entries : entries.filter(({ status }) => status !== 'not-due');
  return shown.map(entry => entryLine(entry, paint)).join('') + (isNamed ? '' : restLine(entries));
}

function entryLine(entry: RenewalEntry, paint: Paint): string {
  const status = paint(entry.status, colours[entry.status]);
  const why = entry.reasons.length === 0 ? '' : ` (${entry.reasons.join(', ')})`;
  const facts = [
    ...(entry.serial === undefined ? [] : [`serial ${entry.serial}`]),
    ...(entry.notAfter === undefined ? [] : [`expires ${entry.notAfter}`]),
    ...(entry.renewAt === undefined ? [] : [`renewal from ${entry.renewAt}`]),
  ];
  return `${[`${entry.service}: ${status}${why}`, ...facts].join(', ')}\n`;
}

function restLine(entries: readonly RenewalEntry[]): string {
  const rest = entries.filter(({ status }) => status === 'not-due');
  if (entries.length === 0) return 'there are no services\n';
  if (rest.length === 0) return '';
  const times = rest
    .flatMap(({ renewAt, service }) => (renewAt === undefined ? [] : [`${renewAt} (${service})`]))
    .sort();
  const [next] = times;
  return `${rest.length} not due${next === undefined ? '' : `, the next from ${next}`}\n`;
}

/** Warnings, and of what failed the error with its hints and what the hook had to say. */
export function sayWhatFailed(
  context: CommandContext,
  entries: readonly RenewalEntry[],
  warnings: readonly string[],
): void {
  for (const warning of warnings) context.warn(warning);
  for (const { service, warnings: own } of entries) for (const warning of own) context.warn(`${service}: ${warning}`);
  const failures = entries.flatMap(({ service, error, hook }): readonly Failure[] =>
    error === undefined
      ? []
      : [{ name: service, error, details: error.code === 'hook-failed' ? (hook?.output.slice(0, -1) ?? []) : [] }],
  );
  sayFailures(context, failures);
}

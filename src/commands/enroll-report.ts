import type { ServiceEntry } from '../enrolment/entry.ts';
import { printable } from '../printable.ts';
import type { Paint } from '../system.ts';
import type { CommandContext } from './command.ts';
import { sayFailures, statusOfFailures } from './failures.ts';

const colours: Readonly<Record<string, 'green' | 'dim' | 'red'>> = {
  failed: 'red',
  issued: 'green',
  installed: 'green',
  unchanged: 'dim',
};

/** One line a service. */
export function entryText(entry: ServiceEntry, paint: Paint): string {
  const status = paint(entry.status, colours[entry.status] ?? 'green');
  if (entry.request !== undefined) return `${entry.service}: ${status}, request ${printable(entry.request)}\n`;
  if (entry.error !== undefined) return `${entry.service}: ${status}\n`;
  return `${entry.service}: ${status}, serial ${entry.serial ?? ''}, expires ${entry.notAfter ?? ''}, renewal from ${entry.renewAt ?? ''}\n`;
}

export function summaryText(entries: readonly ServiceEntry[]): string {
  const count = (status: string): number => entries.filter(entry => entry.status === status).length;
  return `${count('issued')} issued, ${count('unchanged')} unchanged, ${count('failed')} failed\n`;
}

/** Says what failed on stderr, and returns the exit status: 8 unless nothing was done. */
export function reportFailures(context: CommandContext, entries: readonly ServiceEntry[]): number {
  const failures = entries.flatMap(({ service, error }) => (error === undefined ? [] : [{ name: service, error }]));
  sayFailures(context, failures);
  return statusOfFailures(failures.length < entries.length, failures);
}

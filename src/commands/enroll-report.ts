import { exitStatusOfCode } from '../errors.ts';
import type { ServiceEntry } from '../enrolment/entry.ts';
import { printable } from '../printable.ts';
import type { Paint } from '../system.ts';

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
  if (entry.error !== undefined) {
    return `${entry.service}: ${status}: ${printable(entry.error.message)} [${entry.error.code}]\n`;
  }
  return `${entry.service}: ${status}, serial ${entry.serial ?? ''}, expires ${entry.notAfter ?? ''}, renewal from ${entry.renewAt ?? ''}\n`;
}

export function summaryText(entries: readonly ServiceEntry[]): string {
  const count = (status: string): number => entries.filter(entry => entry.status === status).length;
  return `${count('issued')} issued, ${count('unchanged')} unchanged, ${count('failed')} failed\n`;
}

/** 0 where none failed; 8 where some did; where all failed for the same reason, the exit status of that. */
export function statusOfEntries(entries: readonly ServiceEntry[]): number {
  const codes = entries.flatMap(entry => (entry.error === undefined ? [] : [entry.error.code]));
  const [first] = codes;
  if (first === undefined) return 0;
  const isOne = codes.length === entries.length && codes.every(code => code === first);
  return isOne ? exitStatusOfCode(first) : 8;
}

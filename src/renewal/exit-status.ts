import { exitStatusOfCode } from '../errors.ts';
import type { RenewalEntry } from './entry.ts';

/** A locked key, or an authority elsewhere, is one failure of the run, however many services it concerns. */
const ofTheRun: ReadonlySet<string> = new Set([
  'authority-revoked',
  'ca-unreachable',
  'clock-wrong',
  'key-malformed',
  'key-mismatch',
  'key-missing',
  'passphrase-missing',
  'passphrase-wrong',
]);

/**
 * 0 where nothing failed. Where all targets failed for the same reason, or all that failed did so for one reason that concerns the whole run and
 * nothing was done, the exit status of that; else 8 (CLI.md).
 */
export function statusOfRenewals(entries: readonly RenewalEntry[]): number {
  const failed = entries.flatMap(({ error }) => (error === undefined ? [] : [error.code]));
  if (failed.length === 0) return 0;
  const [status = 0, ...others] = new Set(failed.map(code => exitStatusOfCode(code)));
  if (others.length > 0) return 8;
  const isAll = failed.length === entries.length;
  const isOfTheRun =
    failed.every(code => ofTheRun.has(code)) &&
    entries.every(({ status }) => status === 'failed' || status === 'not-due');
  return isAll || isOfTheRun ? status : 8;
}

/** `renew --check`: 0 where something is due, 1 where nothing is. */
export function statusOfCheck(entries: readonly RenewalEntry[]): number {
  if (entries.some(({ status }) => status === 'due')) return 0;
  return statusOfRenewals(entries) || 1;
}

import { type ErrorCode, exitStatusOfCode } from '../errors.ts';
import { printable } from '../printable.ts';
import type { CommandContext } from './command.ts';

/** What failed among several: a service, an authority. */
export interface Failure {
  readonly name: string;
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly hints: readonly string[] };
  /** What else is to be said of it: the last words of its hook. */
  readonly details?: readonly string[];
}

/**
 * Says each failure on stderr. Those with the same hints come together with the hints behind them, since a fleet may fail for one reason; no hint
 * is said twice. With --json all of it is in the document.
 */
export function sayFailures({ json, system }: CommandContext, failures: readonly Failure[]): void {
  if (json) return;
  const lines: string[] = [];
  const said = new Set<string>();
  for (const group of groupedByHints(failures)) {
    for (const { name, error, details = [] } of group) {
      lines.push(`error: ${name}: ${error.message} [${error.code}]`, ...details.map(line => `${name}: | ${line}`));
    }
    const hints = new Set((group[0]?.error.hints ?? []).filter(hint => !said.has(hint)));
    for (const hint of hints) {
      said.add(hint);
      lines.push(`hint: ${hint}`);
    }
  }
  if (lines.length > 0) system.stderr.write(lines.map(line => `mtlsctl: ${printable(line)}\n`).join(''));
}

function groupedByHints(failures: readonly Failure[]): Iterable<readonly Failure[]> {
  const groups = new Map<string, Failure[]>();
  for (const failure of failures) {
    const key = failure.error.hints.join('\n');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [failure]);
    else group.push(failure);
  }
  return groups.values();
}

/** 0 where none failed; 8 where something was done besides (CLI.md); else the exit status of the first failure. */
export function statusOfFailures(isAnyDone: boolean, [first]: readonly Pick<Failure, 'error'>[]): number {
  if (first === undefined) return 0;
  return isAnyDone ? 8 : exitStatusOfCode(first.error.code);
}

import type { MtlsctlError } from '../errors.ts';
import type { Severity } from './severity.ts';

/** What is wrong with something, and what to do about it. */
export interface Problem {
  readonly severity: Severity;
  /** For a person; print through printable(). */
  readonly message: string;
  /** Commands to type. */
  readonly hints: readonly string[];
}

export function problem(severity: Severity, message: string, ...hints: readonly string[]): Problem {
  return { severity, message, hints };
}

/** An error that made its row, and not the command, fail. */
export function problemOf(error: MtlsctlError, severity: Severity = 'critical'): Problem {
  return problem(severity, error.message, ...error.hints);
}

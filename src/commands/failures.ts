import type { MtlsctlError } from '../errors.ts';
import { printable } from '../printable.ts';
import type { CommandContext } from './command.ts';

/** The hints of what failed among several, each once. With --json they are in the document. */
export function sayHints({ json, system }: CommandContext, errors: readonly MtlsctlError[]): void {
  if (json) return;
  for (const hint of new Set(errors.flatMap(({ hints }) => hints)))
    system.stderr.write(`mtlsctl: hint: ${printable(hint)}\n`);
}

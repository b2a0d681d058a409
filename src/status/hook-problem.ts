import type { HookRun, Journal } from '../deployment/journal.ts';
import { formatInstant } from '../options.ts';
import { type Problem, problem } from './problem.ts';

/** How a run of a hook ended, in few words; undefined where it has no end. */
export function hookOutcome({ exitStatus, signal, timedOut }: HookRun): string | undefined {
  if (timedOut === true) return 'timed out';
  if (signal !== undefined) return `ended by ${signal}`;
  if (exitStatus === undefined) return undefined;
  return exitStatus === 0 ? 'ok' : `exit status ${exitStatus}`;
}

/** A hook that is owed: its service may still use the certificate before. */
export function hookProblems(service: string, { state, hook, serial, failure }: Journal): readonly Problem[] {
  if (state !== 'live') return [];
  const outcome = hook === undefined ? undefined : hookOutcome(hook);
  const hint = `mtlsctl renew ${service}`;
  if (hook === undefined || outcome === undefined) {
    const began = hook === undefined ? '' : ` (it began at ${formatInstant(hook.startedAt)})`;
    return [problem('warning', `the hook has not run to its end for ${serial ?? 'the new certificate'}${began}`, hint)];
  }
  if (outcome === 'ok') return [];
  const said = hook.output.at(-1);
  const hints = failure?.code === 'hook-failed' && failure.hints.length > 0 ? failure.hints : [hint];
  return [
    problem(
      'warning',
      `the hook failed at ${formatInstant(hook.startedAt)}: ${outcome}${said === undefined ? '' : `: ${said}`}`,
      ...hints,
    ),
  ];
}

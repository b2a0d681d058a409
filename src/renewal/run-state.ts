import { readRunState, type RunState, writeRunState } from '../deployment/journal.ts';
import { isMtlsctlError } from '../errors.ts';
import type { Look } from './look.ts';

/** Keeps what an unattended look came to, for `status`. What can't be written is no failure of renewal. */
export async function noteRun(
  directory: string,
  { entries, clock }: Look,
  times: Pick<RunState, 'finishedAt' | 'startedAt'>,
): Promise<void> {
  const services: Record<string, number> = {};
  for (const { status } of entries) services[status] = (services[status] ?? 0) + 1;
  try {
    const before = await readRunState(directory);
    const isGood = entries.every(({ error }) => error === undefined);
    const lastSuccess = isGood ? times.finishedAt : before?.lastSuccess;
    await writeRunState(directory, {
      ...times,
      ...(lastSuccess !== undefined && { lastSuccess }),
      ...{ runs: (before?.runs ?? 0) + 1, services },
      ...(clock !== undefined && { clock }),
    });
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
  }
}

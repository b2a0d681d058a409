import { resolve } from 'node:path';
import { isMtlsctlError } from '../errors.ts';
import type { CommandContext, OptionValues } from './command.ts';

/**
 * Writes the file of `--metrics-file`, if one is asked for. Renewal has been done by then: what can't be written is said through `complain`, and shows
 * in Prometheus as a file that grows old.
 */
export async function writeMetrics(
  { system, directory }: CommandContext,
  options: OptionValues,
  complain: (text: string) => void,
): Promise<void> {
  const path = options['metricsFile'] as string | undefined;
  if (path === undefined) return;
  try {
    const { writeMetricsFile } = await import('../status/metrics-file.ts');
    await writeMetricsFile(resolve(system.workingDirectory, path), { directory, now: system.now(), host: system.host });
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    complain(`the metrics are not written: ${error.message} [${error.code}]`);
  }
}

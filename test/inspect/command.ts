import { main } from '../../src/main.ts';
import { fakeSystem } from '../fake-system.ts';
import { now } from '../path/certificates.ts';

export interface Ran {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

/** Runs `mtlsctl inspect …` at the instant of the test certificates. */
export async function inspect(
  args: readonly string[],
  options: { readonly workingDirectory?: string; readonly stdin?: string | Uint8Array; readonly now?: number } = {},
): Promise<Ran> {
  const system = fakeSystem({ now, ...options, args: ['inspect', ...args] });
  const status = await main(system);
  return { status, output: system.output(), errors: system.errors() };
}

/** The objects that `inspect --format json` prints. */
export async function inspectJson(
  args: readonly string[],
  options: Parameters<typeof inspect>[1] = {},
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { output } = await inspect(['--format', 'json', ...args], options);
  return JSON.parse(output) as readonly Readonly<Record<string, unknown>>[];
}

import { join } from 'node:path';
import { type Config, loadConfig } from '../config.ts';
import { readOptional } from '../files.ts';

export function configPath(directory: string): string {
  return join(directory, 'mtlsctl.yaml');
}

/** What `mtlsctl.yaml` of a PKI directory says, or the defaults where there is none. Throws `config-invalid`, `unreadable`. */
export async function readConfig(directory: string): Promise<Config> {
  const path = configPath(directory);
  const file = await readOptional(path, 1 << 20);
  return loadConfig(file === undefined ? undefined : new TextDecoder().decode(file), path);
}

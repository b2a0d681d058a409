import { join } from 'node:path';
import { type Config, type ConfigSettings, encodeConfig, loadConfig } from '../config.ts';
import { utf8Text } from '../config/yaml.ts';
import { readOptional, replaceFile } from '../files.ts';

export function configPath(directory: string): string {
  return join(directory, 'mtlsctl.yaml');
}

/** What `mtlsctl.yaml` of a PKI directory says, or the defaults where there is none. Throws `config-invalid`, `unreadable`. */
export async function readConfig(directory: string): Promise<Config> {
  const path = configPath(directory);
  const file = await readOptional(path, 1 << 20);
  return loadConfig(file === undefined ? undefined : utf8Text(file, path), path);
}

/** The first command on a new machine decides what mtlsctl.yaml says; one that is there stays. Callers hold the lock of the PKI directory. */
export async function writeFirstConfig(directory: string, settings: ConfigSettings): Promise<void> {
  const path = configPath(directory);
  if ((await readOptional(path)) === undefined) await replaceFile(path, encodeConfig(settings), { mode: 0o644 });
}

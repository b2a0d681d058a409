// What the benchmarks work on: a root, an intermediate and services, made by mtlsctl in a temporary directory.
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { run } from './measure.mjs';

export const program = fileURLToPath(new URL('../bin/mtlsctl.js', import.meta.url));

/** Runs mtlsctl as a process of its own. */
export function mtlsctl(args, options) {
  return run(process.execPath, [program, ...args], options);
}

/** A root and an intermediate `site` whose keys are not encrypted: deriving a key from a passphrase is slow on purpose. */
export function makeAuthorities(directory) {
  mtlsctl(['init-root', '--dir', directory, '--no-passphrase']);
  mtlsctl(['issue-intermediate', 'site', '--dir', directory, '--no-passphrase']);
  return {
    certificate: join(directory, 'authorities', 'site', 'cert.pem'),
    key: join(directory, 'authorities', 'site', 'key.pem'),
  };
}

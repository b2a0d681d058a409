import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { dirname, join } from 'node:path';
import { main } from '../../../src/main.ts';
import { fakeSystem } from '../../fake-system.ts';

const day = 86_400_000;

/** Certificate and key of who calls, as files. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** Whoever might call `user-svc`; its allow-list names all of them but `intruder`, so that each is refused for its own reason only. */
export interface Callers {
  readonly allowed: Identity;
  readonly revokedLater: Identity;
  readonly stranger: Identity;
  readonly expired: Identity;
  readonly serverOnly: Identity;
  readonly leftOut: Identity;
}

export interface ServerPki {
  readonly directory: string;
  readonly trust: string;
  readonly callers: Callers;
  /** The environment of mtlsctl, and so of hooks. */
  readonly env: NodeJS.ProcessEnv;
  /** Runs mtlsctl on it at the present time. Throws where the exit status is not 0. Returns what was printed. */
  mtlsctl(...args: readonly string[]): Promise<string>;
  /** What 'mtlsctl template' prints: each part by its name, and the command that reloads. */
  template(name: string, ...args: readonly string[]): Promise<PrintedTemplate>;
  /** The same, with another path to the PKI directory. */
  templateFor(directory: string, name: string, ...args: readonly string[]): Promise<PrintedTemplate>;
  /** The serial number of the leaf that is installed for a service, in lower case. */
  serial(service: string): string;
}

export interface PrintedTemplate {
  readonly parts: Readonly<Record<string, string>>;
  readonly reload: string;
}

export const server = 'user-svc';
export const serverName = 'user-svc.link.internal';
export const allowed = ['api-gateway', 'search-svc', 'old-svc', 'web'];

/**
 * Makes a PKI that real servers can use: with the real clock, its authorities four days old, and a certificate that has expired because its
 * three days are over.
 */
export async function makeServerPki(base: string): Promise<ServerPki> {
  mkdirSync(base, { recursive: true, mode: 0o755 });
  const directory = join(base, 'pki');
  const elsewhere = join(base, 'elsewhere');
  const then = Date.now() - 4 * day;
  for (const each of [directory, elsewhere]) {
    await run(each, then, ['init-root', '--no-passphrase', '--crl-validity', '30d']);
    await run(each, then, ['issue-intermediate', 'site-a', '--no-passphrase']);
  }
  await run(elsewhere, Date.now(), ['enroll', 'api-gateway']);
  await run(directory, then, ['enroll', 'old-svc', '--validity', '1d']);
  const env = { ...process.env };
  const mtlsctl = (...args: readonly string[]): Promise<string> => run(directory, Date.now(), args, env);
  await mtlsctl('enroll', server, 'api-gateway', 'search-svc', 'intruder');
  await mtlsctl('enroll', 'web', '--profile', 'server');
  await mtlsctl('crl');
  setAllowed(directory, allowed);
  const at = (service: string, pki = directory): Identity => identityOf(pki, service);
  return {
    directory,
    trust: join(directory, server, 'ca.pem'),
    callers: {
      allowed: at('api-gateway'),
      revokedLater: at('search-svc'),
      stranger: at('api-gateway', elsewhere),
      expired: at('old-svc'),
      serverOnly: at('web'),
      leftOut: at('intruder'),
    },
    env,
    mtlsctl,
    template: (...args) => print(directory, args),
    templateFor: (other, ...args) => print(other, args),
    serial: service => serialOf(readFileSync(join(directory, service, 'cert.pem'))),
  };
}

async function print(directory: string, args: readonly string[]): Promise<PrintedTemplate> {
  const printed = JSON.parse(await run(directory, Date.now(), ['template', '--json', ...args])) as {
    readonly parts: readonly { readonly name: string; readonly text: string }[];
    readonly reload?: string;
  };
  const parts = Object.fromEntries(printed.parts.map(part => [part.name, part.text]));
  return { parts, reload: printed.reload ?? '' };
}

/** Another path to the PKI directory, with such a name. */
export function oddDirectory(pki: ServerPki, name: string): string {
  const path = join(dirname(pki.directory), name);
  symlinkSync(pki.directory, path);
  return path;
}

/** Writes who may call `user-svc`. */
export function setAllowed(directory: string, callers: readonly string[]): void {
  const path = join(directory, 'mtlsctl.yaml');
  const rest = readFileSync(path, 'utf8').replace(/^allow:\n(?: .*\n)*/m, '');
  writeFileSync(path, `${rest}allow:\n  ${server}: [${callers.join(', ')}]\n`);
}

export function identityOf(directory: string, service: string): Identity {
  return { certificate: join(directory, service, 'cert.pem'), key: join(directory, service, 'key.pem') };
}

export function serialOf(certificate: string | Uint8Array): string {
  return new X509Certificate(certificate).serialNumber.toLowerCase();
}

async function run(
  directory: string,
  now: number,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const system = fakeSystem({ args: ['--dir', directory, ...args], now, env });
  const status = await main(system);
  if (status !== 0)
    throw new Error(`mtlsctl ${args.join(' ')} ended with ${status}:\n${system.errors()}${system.output()}`);
  return system.output();
}

import { hash } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { utf8Text } from '../config/yaml.ts';
import { encodeServiceFile, parseServiceFile, type ServiceFile } from '../config/service-file.ts';
import { inFile, isMtlsctlError, MtlsctlError, namingFile } from '../errors.ts';
import { statPath } from '../file-operations.ts';
import { readOptional, replaceFile } from '../files.ts';
import { openingKey, publicKeyOf, readPrivateKey } from '../keys/private-key.ts';
import { lockDirectory } from '../lock-directory.ts';
import { type Certificate, readCertificates } from '../x509/certificate.ts';
import { sameOctets } from '../der/octets.ts';
import type { Installed } from './decision.ts';
import { readService } from './generation.ts';

/** One service on disk (DESIGN.md, "What lies on disk"). */
export interface ServicePaths {
  readonly directory: string;
  readonly settings: string;
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
  /** The key and request that wait for a certificate (`enroll --request`). */
  readonly requestDirectory: string;
  readonly waitingKey: string;
  readonly request: string;
  /** The lock that whoever changes the service holds. */
  readonly lock: string;
}

export function servicePaths(directory: string, service: string): ServicePaths {
  const at = (...parts: string[]): string => join(directory, service, ...parts);
  return {
    directory: at(),
    settings: at('service.yaml'),
    certificate: at('cert.pem'),
    key: at('key.pem'),
    ca: at('ca.pem'),
    requestDirectory: at('..request'),
    waitingKey: at('..request', 'key.pem'),
    request: at('..request', 'csr.pem'),
    lock: lockDirectory(directory, `services.${stripeOf(service)}`),
  };
}

/** A lock for each of thousands of services would be as many directories; these few are enough that two services seldom wait for each other. */
const stripes = 64;

function stripeOf(service: string): string {
  const first = hash('sha256', service, 'buffer')[0] ?? 0;
  return String(first % stripes).padStart(2, '0');
}

/** What service.yaml says; undefined where there is none. Throws `config-invalid`, `unreadable`. */
export async function readServiceSettings(paths: ServicePaths): Promise<ServiceFile | undefined> {
  const file = await readOptional(paths.settings);
  return file === undefined ? undefined : parseServiceFile(utf8Text(file, paths.settings), paths.settings);
}

export async function writeServiceSettings(paths: ServicePaths, settings: ServiceFile): Promise<void> {
  await replaceFile(paths.settings, encodeServiceFile(settings), { mode: 0o644 });
}

/** A service's settings with nothing asked for. */
export const noSettings: ServiceFile = { dns: [], ip: [], uri: [], email: [] };

/** The name of the profile that a service has: its own, else that of mtlsctl.yaml. */
export function profileOf(settings: ServiceFile, config: Config): string {
  return settings.profile ?? config.defaults.profile;
}

/**
 * What is installed for a service. A damaged file is an answer, not an error: it is what makes a service due. Certificates that are `known`
 * already stand for those of the same octets, so that what was found out about them is not found out for each service again.
 */
export async function readInstalled(paths: ServicePaths, known: readonly Certificate[] = []): Promise<Installed> {
  const intern = (certificate: Certificate): Certificate =>
    known.find(each => sameOctets(each.der, certificate.der)) ?? certificate;
  try {
    const files = await readService(paths.directory);
    if (files === undefined) return { state: 'missing', missing: ['cert.pem', 'key.pem'] };
    const chain = inFile('cert.pem', () => readCertificates(files.cert)).map(intern);
    const [certificate] = chain;
    if (certificate === undefined) return { state: 'unreadable', problem: 'cert.pem holds no certificate' };
    const keyMatches = await isKeyOf(files.key, certificate);
    return {
      state: 'readable',
      certificate,
      chain,
      anchors: inFile('ca.pem', () => readCertificates(files.ca)).map(intern),
      keyMatches,
    };
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    if (error.code === 'not-found') return { state: 'missing', missing: [fileOf(error)] };
    return { state: 'unreadable', problem: error.message };
  }
}

function fileOf({ details }: MtlsctlError): string {
  return typeof details['path'] === 'string' ? details['path'] : 'a file';
}

/** A key that is encrypted can't be compared and is taken for the right one: it was when it was installed. */
async function isKeyOf(file: Uint8Array, certificate: Certificate): Promise<boolean> {
  try {
    const key = await readPrivateKey(file, undefined);
    return sameOctets(publicKeyOf(key).der, certificate.subjectPublicKeyInfo.der);
  } catch (error) {
    if (isMtlsctlError(error, 'passphrase-missing')) return true;
    throw namingFile('key.pem', error);
  }
}

/** Nothing is written into a directory that lies elsewhere: others may own it, and renewal would leave it alone. Throws `malformed`. */
export function refuseLink(directory: string): void {
  if (statPath(directory)?.isSymbolicLink() === true) throw linkedElsewhere(directory);
}

export function linkedElsewhere(directory: string): MtlsctlError {
  return new MtlsctlError('malformed', `${directory} is a symbolic link, and not a directory of its own`, {
    hints: [`ls -ld ${directory}`],
    details: { path: directory },
  });
}

/** Runs what opens the key of a service, in `path`, and tells a failure with the flag that every command takes for the keys of services. */
export function openingServiceKey<T>(path: string, open: () => Promise<T>): Promise<T> {
  return openingKey({ path, flag: '--passphrase-file' }, open);
}

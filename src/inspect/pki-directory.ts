import { join } from 'node:path';
import { authorityNames, type Authority, keyState, loadAuthority } from '../authority/authority.ts';
import { readConfig } from '../authority/configuration.ts';
import type { Config } from '../config.ts';
import { loadProfile } from '../config/profiles.ts';
import type { ServiceFile } from '../config/service-file.ts';
import { firstSecond, type Installed, renewalShare, renewalTime } from '../deployment/decision.ts';
import { currentGeneration } from '../deployment/generation.ts';
import { generationPattern } from '../deployment/generation-layout.ts';
import { noSettings, profileOf, readInstalled, readServiceSettings, servicePaths } from '../deployment/service.ts';
import { isMtlsctlError, type MtlsctlError } from '../errors.ts';
import { listNames, statPath } from '../file-operations.ts';
import { type Certificate, fingerprint, serialHex } from '../x509/certificate.ts';
import type { Facts } from '../x509/describe.ts';
import { instant } from '../x509/describe-extensions.ts';
import { authorityKeyIdentifier, subjectAltName, subjectKeyIdentifier } from '../x509/extensions.ts';
import { formatGeneralName } from '../x509/general-name.ts';
import { formatName } from '../x509/name.ts';
import { sameOctets } from '../der/octets.ts';
import type { Item, View } from './contents.ts';
import type { Found } from './target.ts';
import { describeValidity, stateAt } from './validity.ts';

/**
 * One item an authority and one a service, each in the order of their names. What is damaged is told by its `state` and `problem`;
 * an `mtlsctl.yaml` that can't be understood is an item of its own. Throws `unreadable`.
 */
export async function inspectPkiDirectory(path: string, names: readonly string[], view: View): Promise<Found> {
  const items: Item[] = [];
  const authorities: Authority[] = [];
  for (const name of await authorityNames(path)) {
    const { authority, facts } = await inspectAuthority(path, name, view);
    if (authority !== undefined) authorities.push(authority);
    items.push(item(facts));
  }
  const { value: config, error } = await attempt(() => readConfig(path));
  if (error !== undefined) items.push(item({ kind: 'configuration', file: join(path, 'mtlsctl.yaml') }, error));
  for (const service of names.filter(name => isService(path, name)).sort()) {
    items.push(item(await inspectService(path, service, { config, authorities, now: view.now, host: view.host })));
  }
  return { kind: 'PKI directory', items };
}

function item(facts: Facts, error?: MtlsctlError): Item {
  return { facts, error, pem: undefined };
}

async function inspectAuthority(
  path: string,
  name: string,
  view: View,
): Promise<{ authority?: Authority; facts: Facts }> {
  const head = { kind: 'authority', authority: name };
  try {
    const authority = await loadAuthority(path, name);
    const { certificate } = authority;
    const facts = {
      ...head,
      root: authority.isRoot,
      subject: formatName(certificate.subject),
      ...certificateFacts(certificate),
      ...describeValidity(certificate.notBefore, certificate.notAfter, view.now),
      key: await keyState(authority.paths),
    };
    return { authority, facts };
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    const state = error.code === 'authority-missing' ? 'waiting' : 'unreadable';
    return { facts: { ...head, state, problem: error.message } };
  }
}

function certificateFacts(certificate: Certificate): Facts {
  return {
    serial: serialHex(certificate.serialNumber),
    notBefore: instant(certificate.notBefore),
    notAfter: instant(certificate.notAfter),
    sha256: fingerprint(certificate.der),
  };
}

/** A directory that enrolment made, or that looks as if it had. */
function isService(path: string, name: string): boolean {
  if (name.startsWith('.') || name === 'authorities' || statPath(join(path, name))?.isDirectory() !== true)
    return false;
  const files = listNames(join(path, name)) ?? [];
  return ['service.yaml', '..data', 'cert.pem'].some(file => files.includes(file));
}

interface Surroundings {
  readonly config: Config | undefined;
  readonly authorities: readonly Authority[];
  readonly now: number;
  readonly host: string | undefined;
}

async function inspectService(path: string, service: string, around: Surroundings): Promise<Facts> {
  const paths = servicePaths(path, service);
  const settings = await attempt(async () => (await readServiceSettings(paths)) ?? noSettings);
  const installed = await readInstalled(paths);
  const profile = await attempt(() => profileShare(settings.value ?? noSettings, around.config));
  const renewAt = renewalShare(profile.value ?? defaultRenewAt, service, around.host);
  const current = await attempt(() => currentGeneration(paths.directory));
  const generations = (listNames(paths.directory) ?? []).filter(name => generationPattern.test(name));
  return {
    kind: 'service',
    service,
    ...installedFacts(installed, renewAt, around, settings.value),
    state: serviceState(installed, renewAt, around.now),
    problem: problemOf(installed) ?? settings.error?.message ?? profile.error?.message,
    generation: current.value,
    generations: generations.length,
  };
}

/** What the design says (DESIGN.md, "What it is for"). */
const defaultRenewAt = 2 / 3;

function profileShare(settings: ServiceFile, config: Config | undefined): number {
  return config === undefined ? defaultRenewAt : loadProfile(profileOf(settings, config), config).renewAt;
}

function installedFacts(
  installed: Installed,
  renewAt: number,
  around: Surroundings,
  settings: ServiceFile | undefined,
): Facts {
  if (installed.state !== 'readable') return { authority: settings?.authority };
  const { certificate } = installed;
  return {
    subject: formatName(certificate.subject),
    names: (subjectAltName(certificate) ?? []).map(formatGeneralName),
    authority: issuerOf(certificate, around.authorities) ?? settings?.authority,
    issuer: formatName(certificate.issuer),
    ...certificateFacts(certificate),
    renewAt: instant(firstSecond(renewalTime(certificate, renewAt))),
    remainingSeconds: Math.floor((certificate.notAfter - around.now) / 1000),
  };
}

/** The authority here whose key the certificate names as its issuer's. */
function issuerOf(certificate: Certificate, authorities: readonly Authority[]): string | undefined {
  const wanted = authorityKeyIdentifier(certificate)?.keyIdentifier;
  return authorities.find(authority => {
    const own = subjectKeyIdentifier(authority.certificate);
    return wanted !== undefined && own !== undefined && sameOctets(wanted, own);
  })?.name;
}

export type ServiceState = 'valid' | 'expired' | 'not yet valid' | 'due' | 'mismatch' | 'missing' | 'unreadable';

/** The one word for a service at an instant; what matters most wins. `renewAt` is the share of its life after which it is due. */
export function serviceState(installed: Installed, renewAt: number, now: number): ServiceState {
  if (installed.state !== 'readable') return installed.state;
  if (!installed.keyMatches) return 'mismatch';
  const { certificate } = installed;
  const state = stateAt(certificate.notBefore, certificate.notAfter, now);
  return state === 'valid' && renewalTime(certificate, renewAt) <= now ? 'due' : state;
}

function problemOf(installed: Installed): string | undefined {
  if (installed.state === 'missing') return `missing: ${installed.missing.join(', ')}`;
  return installed.state === 'unreadable' ? installed.problem : undefined;
}

async function attempt<T>(read: () => T | Promise<T>): Promise<{ value?: T; error?: MtlsctlError }> {
  try {
    return { value: await read() };
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    return { error };
  }
}

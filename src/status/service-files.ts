import { join } from 'node:path';
import type { Authority } from '../authority/authority.ts';
import type { Config } from '../config.ts';
import { loadProfile } from '../config/profiles.ts';
import type { ServiceFile } from '../config/service-file.ts';
import { firstSecond, type Installed, renewalShare, renewalTime } from '../deployment/decision.ts';
import { currentGeneration } from '../deployment/generation.ts';
import { generationPattern } from '../deployment/generation-layout.ts';
import {
  noSettings,
  profileOf,
  readInstalled,
  readServiceSettings,
  type ServicePaths,
  servicePaths,
} from '../deployment/service.ts';
import { sameOctets } from '../der/octets.ts';
import { isMtlsctlError, type MtlsctlError } from '../errors.ts';
import { listNames, statPath } from '../file-operations.ts';
import type { Certificate } from '../x509/certificate.ts';
import { authorityKeyIdentifier, subjectKeyIdentifier } from '../x509/extensions.ts';

/** The directories that enrolment made, or that look as if it had, by name. `names` are those in the PKI directory. */
export function servicesAmong(directory: string, names: readonly string[]): readonly string[] {
  return names.filter(name => isService(directory, name)).sort();
}

function isService(directory: string, name: string): boolean {
  if (name.startsWith('.') || name === 'authorities') return false;
  try {
    const stat = statPath(join(directory, name));
    if (stat?.isDirectory() !== true && stat?.isSymbolicLink() !== true) return false;
    const files = listNames(join(directory, name)) ?? [];
    return ['service.yaml', '..data', 'cert.pem'].some(file => files.includes(file));
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    // What may not be looked into is shown with its problem; a link to a file is nothing of ours.
    return error.details['systemCode'] !== 'ENOTDIR';
  }
}

/** What the files of one service say. What could not be read is undefined, and its error is there. */
export interface ServiceFiles {
  readonly service: string;
  readonly paths: ServicePaths;
  readonly settings: ServiceFile | undefined;
  /** Whether there is a service.yaml at all. */
  readonly hasSettings: boolean;
  readonly installed: Installed;
  /** The authority that issued the certificate, or else the one that is to. */
  readonly authority: string | undefined;
  /** The part of its life after which its certificate is due on this host. */
  readonly renewalShare: number;
  /** When it is due: the first whole second, in milliseconds. */
  readonly renewAt: number | undefined;
  readonly generation: string | undefined;
  readonly generations: number;
  /** Of service.yaml, of the profile that it names, or of the directory. */
  readonly error: MtlsctlError | undefined;
}

export interface Surroundings {
  readonly config: Config | undefined;
  readonly authorities: readonly Authority[];
  readonly host: string | undefined;
  /** Certificates that stand for those of the same octets. */
  readonly known?: readonly Certificate[];
}

/** What the design says (DESIGN.md, "What it is for"). */
const defaultRenewAt = 2 / 3;

/** Throws nothing that is the service's own fault. */
export async function readServiceFiles(
  directory: string,
  service: string,
  around: Surroundings,
): Promise<ServiceFiles> {
  const paths = servicePaths(directory, service);
  const stored = await attempted(() => readServiceSettings(paths));
  const settings = stored.value ?? noSettings;
  const installed = await readInstalled(paths, around.known);
  const profile = await attempted(() => profileShare(settings, around.config));
  const share = renewalShare(profile.value ?? defaultRenewAt, service, around.host);
  const current = await attempted(() => currentGeneration(paths.directory));
  const names = await attempted(() => listNames(paths.directory) ?? []);
  const certificate = installed.state === 'readable' ? installed.certificate : undefined;
  return {
    ...{ service, paths, installed },
    settings: stored.value,
    hasSettings: stored.value !== undefined || stored.error !== undefined,
    authority: (certificate && issuerOf(certificate, around.authorities)) ?? settings.authority,
    renewalShare: share,
    renewAt: certificate && firstSecond(renewalTime(certificate, share)),
    generation: current.value,
    generations: (names.value ?? []).filter(name => generationPattern.test(name)).length,
    error: stored.error ?? profile.error ?? current.error ?? names.error,
  };
}

function profileShare(settings: ServiceFile, config: Config | undefined): number {
  return config === undefined ? defaultRenewAt : loadProfile(profileOf(settings, config), config).renewAt;
}

/** The authority here whose key the certificate names as its issuer's. */
function issuerOf(certificate: Certificate, authorities: readonly Authority[]): string | undefined {
  const wanted = authorityKeyIdentifier(certificate)?.keyIdentifier;
  return authorities.find(authority => {
    const own = subjectKeyIdentifier(authority.certificate);
    return wanted !== undefined && own !== undefined && sameOctets(wanted, own);
  })?.name;
}

/** Reads something whose failure is an answer too. */
export async function attempted<T>(read: () => T | Promise<T>): Promise<{ value?: T; error?: MtlsctlError }> {
  try {
    return { value: await read() };
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    return { error };
  }
}

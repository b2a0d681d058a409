import { join } from 'node:path';
import { authorityNames, type Authority, keyState, loadAuthority } from '../authority/authority.ts';
import { readConfig } from '../authority/configuration.ts';
import type { Installed } from '../deployment/decision.ts';
import { isMtlsctlError, type MtlsctlError } from '../errors.ts';
import {
  attempted,
  readServiceFiles,
  type ServiceFiles,
  servicesAmong,
  type Surroundings,
} from '../status/service-files.ts';
import { type Certificate, fingerprint, serialHex } from '../x509/certificate.ts';
import type { Facts } from '../x509/describe.ts';
import { instant } from '../x509/describe-extensions.ts';
import { subjectAltName } from '../x509/extensions.ts';
import { formatGeneralName } from '../x509/general-name.ts';
import { formatName } from '../x509/name.ts';
import type { Item, View } from './contents.ts';
import type { Found } from './target.ts';
import { serviceState } from '../status/service-state.ts';
import { describeValidity } from '../status/validity.ts';

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
  const { value: config, error } = await attempted(() => readConfig(path));
  if (error !== undefined) items.push(item({ kind: 'configuration', file: join(path, 'mtlsctl.yaml') }, error));
  for (const service of servicesAmong(path, names)) {
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

async function inspectService(path: string, service: string, around: Around): Promise<Facts> {
  const files = await readServiceFiles(path, service, around);
  return {
    kind: 'service',
    service,
    ...installedFacts(files, around.now),
    state: serviceState(files.installed, files.renewalShare, around.now),
    problem: problemOf(files.installed) ?? files.error?.message,
    generation: files.generation,
    generations: files.generations,
  };
}

interface Around extends Surroundings {
  readonly now: number;
}

function installedFacts({ installed, authority, renewAt }: ServiceFiles, now: number): Facts {
  if (installed.state !== 'readable') return { authority };
  const { certificate } = installed;
  return {
    subject: formatName(certificate.subject),
    names: (subjectAltName(certificate) ?? []).map(formatGeneralName),
    authority,
    issuer: formatName(certificate.issuer),
    ...certificateFacts(certificate),
    renewAt: renewAt === undefined ? undefined : instant(renewAt),
    remainingSeconds: Math.floor((certificate.notAfter - now) / 1000),
  };
}

function problemOf(installed: Installed): string | undefined {
  if (installed.state === 'missing') return `missing: ${installed.missing.join(', ')}`;
  return installed.state === 'unreadable' ? installed.problem : undefined;
}

import { join } from 'node:path';
import { formatHostPort, type HostPort } from '../peer/host-port.ts';
import { type Facts, serviceFiles } from './facts.ts';
import type { Values } from './render.ts';
import type { Template } from './template.ts';

/** For TLS 1.2, in OpenSSL's names: ephemeral keys and authenticated encryption (RFC 9325, 4.2). TLS 1.3 has no others. */
const suites = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
] as const;

/** What every template can have put in. */
export function valuesOf(template: Template, facts: Facts): Values {
  const { caPassphraseFile, callers, directory, hooks, peer, program, service, trustDomain } = facts;
  const own = serviceFiles(directory, service);
  const other = serviceFiles(directory, peer);
  const reload = template.reload?.(facts);
  return {
    directory,
    crl: join(directory, 'crl.pem'),
    trustDomain,
    service,
    name: `${service}.${trustDomain}`,
    spiffeId: spiffeId(service, trustDomain),
    serviceDirectory: join(directory, service),
    ...own,
    peer,
    peerName: `${peer}.${trustDomain}`,
    peerSpiffeId: spiffeId(peer, trustDomain),
    peerCert: other.cert,
    peerKey: other.key,
    peerCa: other.ca,
    ...endpoint('listen', facts.listen),
    ...endpoint('upstream', facts.upstream),
    ...endpoint('connect', facts.connect),
    suites: suites.join(':'),
    allow: callers !== undefined,
    caller: (callers ?? []).map(caller => ({
      service: caller,
      name: `${caller}.${trustDomain}`,
      spiffeId: spiffeId(caller, trustDomain),
    })),
    program,
    passphrase: caPassphraseFile !== undefined,
    passphraseFile: caPassphraseFile ?? '',
    hooks: hooks.length > 0,
    hook: hooks.map(command => ({ command })),
    ...(reload !== undefined && { reload }),
    ...template.values?.(facts),
  };
}

function spiffeId(service: string, trustDomain: string): string {
  return `spiffe://${trustDomain}/service/${service}`;
}

function endpoint(name: string, at: HostPort): Values {
  return { [name]: formatHostPort(at), [`${name}Host`]: at.host, [`${name}Port`]: String(at.port) };
}

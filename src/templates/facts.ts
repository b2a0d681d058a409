import { join } from 'node:path';
import { authoritiesDirectory, authorityNames, authorityPaths, keyState } from '../authority/authority.ts';
import { readConfig } from '../authority/configuration.ts';
import type { Config } from '../config.ts';
import { statPath } from '../file-operations.ts';
import { badValue } from '../options.ts';
import { type HostPort, parseHostPort } from '../peer/host-port.ts';
import type { Template } from './template.ts';

/** What the command line says. */
export interface TemplateOrder {
  /** The PKI directory, absolute. */
  readonly directory: string;
  readonly service: string | undefined;
  readonly peer: string | undefined;
  readonly listen: HostPort | undefined;
  readonly upstream: HostPort | undefined;
  readonly connect: HostPort | undefined;
  readonly program: string | undefined;
  readonly caPassphraseFile: string | undefined;
  readonly metricsFile: string | undefined;
  readonly hooks: readonly string[];
}

/** All that a template is made from. */
export interface Facts {
  readonly directory: string;
  readonly trustDomain: string;
  /** Empty where a template is about no service. */
  readonly service: string;
  /** The service at the other end. */
  readonly peer: string;
  /** Who may call the service; undefined where mtlsctl.yaml leaves it open. */
  readonly callers: readonly string[] | undefined;
  readonly listen: HostPort;
  readonly upstream: HostPort;
  /** Where the service is reached. */
  readonly connect: HostPort;
  readonly program: string;
  readonly caPassphraseFile: string | undefined;
  readonly metricsFile: string | undefined;
  readonly hooks: readonly string[];
  /** The authorities that can sign CRLs; empty for all whose key is here. */
  readonly authorities: readonly string[];
}

/** Throws `config-invalid` and what else reading mtlsctl.yaml does. */
export async function gatherFacts(template: Template, order: TemplateOrder): Promise<Facts> {
  const { allow, trustDomain } = await readConfig(order.directory);
  const { directory, service = '' } = order;
  const callers = allow[service];
  const peer = order.peer ?? (template.calls === true ? calledBy(service, allow) : callers?.[0]) ?? service;
  const listen = order.listen ?? parseEndpoint(template.listen ?? '0.0.0.0:8443', '--listen');
  const server = template.calls === true ? peer : service;
  return {
    directory,
    trustDomain,
    service,
    peer,
    callers,
    listen,
    upstream: order.upstream ?? parseEndpoint(template.upstream ?? '127.0.0.1:8080', '--upstream'),
    connect: order.connect ?? { host: `${server}.${trustDomain}`, port: listen.port },
    program: order.program ?? 'mtlsctl',
    caPassphraseFile: order.caPassphraseFile,
    metricsFile: order.metricsFile,
    hooks: order.hooks,
    authorities: order.caPassphraseFile === undefined ? await unlockedAuthorities(directory) : [],
  };
}

/** The first service that is open to this caller by name. */
function calledBy(caller: string, allow: Config['allow']): string | undefined {
  return Object.keys(allow).find(service => allow[service]?.includes(caller));
}

/** Where some keys are encrypted, as a root's should be, and nothing opens them: those that are not. */
async function unlockedAuthorities(directory: string): Promise<readonly string[]> {
  const names = await authorityNames(directory);
  const states = await Promise.all(
    names.map(name => keyState(authorityPaths(join(authoritiesDirectory(directory), name)))),
  );
  return states.includes('encrypted') ? names.filter((_, index) => states[index] === 'unencrypted') : [];
}

/** Reads the value of `--listen` and its like. Throws `bad-value`. */
export function parseEndpoint(text: string, option: string): HostPort {
  const endpoint = parseHostPort(text);
  if (endpoint === undefined)
    throw badValue(text, option, 'expected <host>:<port>, such as 0.0.0.0:8443 or [::1]:8443');
  return endpoint;
}

/** Where the files of a service are. */
export function serviceFiles(
  directory: string,
  service: string,
): { readonly [file in 'cert' | 'key' | 'ca' | 'combined']: string } {
  const at = (name: string): string => join(directory, service, name);
  return { cert: at('cert.pem'), key: at('key.pem'), ca: at('ca.pem'), combined: at('combined.pem') };
}

/** The file of a service that a server would read, where there is none: its certificate, then the further file that the template wants. */
export function missingFile(directory: string, service: string, output: Template['output']): string | undefined {
  const files = serviceFiles(directory, service);
  const wanted = [files.cert, ...(output === undefined ? [] : [files[output]])];
  return wanted.find(path => statPath(path) === undefined);
}

import { type KeyType, parseKeyType } from '../keys/key-types.ts';
import {
  formatDuration,
  formatKeyMode,
  type OutputKind,
  outputKinds,
  parseAbsolutePath,
  parseAccount,
  parseAuthorityName,
  parseDnsName,
  parseDuration,
  parseTimeout,
  parseEmail,
  parseHook,
  parseIpAddress,
  parseKeyMode,
  parseName,
  parseOutputKind,
  parseUri,
} from '../options.ts';
import { encodeYaml } from './emit.ts';
import { list, record, scalar } from './fields.ts';
import { parseYaml } from './yaml.ts';

/** How an authority is named to a command, as a hint says it. */
export type AuthorityNaming = (authority: string) => string;

export const namedByFlag: AuthorityNaming = authority => `add --issuer ${authority}`;
/** For a command that issues what service.yaml says and has no --issuer. */
export const namedInFile: AuthorityNaming = authority => `write 'authority: ${authority}' into service.yaml`;

/** service.yaml: what was asked for. What is absent is decided by profile and mtlsctl.yaml, anew at each renewal. */
export interface ServiceFile {
  readonly profile?: string;
  /** The authority that issues. */
  readonly authority?: string;
  /** Names besides those of the profile. */
  readonly dns: readonly string[];
  readonly ip: readonly string[];
  /** A SPIFFE ID here takes the place of the profile's. */
  readonly uri: readonly string[];
  readonly email: readonly string[];
  /** Milliseconds. */
  readonly validity?: number;
  readonly keyType?: KeyType;
  readonly hook?: string;
  /** After which a hook is ended; milliseconds. */
  readonly hookTimeout?: number;
  /** Whose the files with the key are: names, or numbers as text. */
  readonly owner?: string;
  readonly group?: string;
  /** Their permission bits: 0400, 0440, 0600 or 0640. */
  readonly keyMode?: number;
  /** Files besides the three. */
  readonly outputs?: readonly OutputKind[];
  /** An absolute path: what `pkcs12` is encrypted with. */
  readonly pkcs12PassphraseFile?: string;
  /** How long the files of the last certificate stay after a renewal; milliseconds. */
  readonly overlap?: number;
}

const maxNames = 100;

/** The readers of the keys that a service has, here and in a fleet file. */
export const serviceReaders = {
  profile: scalar(parseName),
  authority: scalar(parseAuthorityName),
  dns: list(scalar(parseDnsName), maxNames),
  ip: list(scalar(parseIpAddress), maxNames),
  uri: list(scalar(parseUri), maxNames),
  email: list(scalar(parseEmail), maxNames),
  validity: scalar(parseDuration),
  keyType: scalar(parseKeyType),
  hook: scalar(parseHook),
  hookTimeout: scalar(parseTimeout),
  owner: scalar(parseAccount),
  group: scalar(parseAccount),
  keyMode: scalar(parseKeyMode),
  outputs: list(scalar(parseOutputKind), outputKinds.length),
  pkcs12PassphraseFile: scalar(parseAbsolutePath),
  overlap: scalar(parseDuration),
} as const;

const readServiceFile = record(serviceReaders);

/** Throws `config-invalid` naming file, line and key. */
export function parseServiceFile(text: string, source: string): ServiceFile {
  const read = readServiceFile(parseYaml(text, source), { source, key: '' });
  return { ...noNames, ...read };
}

export const noNames = { dns: [], ip: [], uri: [], email: [] } as const;

/** Always the same text for the same service; what is absent or empty is left out. */
export function encodeServiceFile(service: ServiceFile): string {
  return encodeYaml({
    profile: service.profile,
    authority: service.authority,
    dns: service.dns,
    ip: service.ip,
    uri: service.uri,
    email: service.email,
    validity: duration(service.validity),
    keyType: service.keyType,
    hook: service.hook,
    hookTimeout: duration(service.hookTimeout),
    owner: service.owner,
    group: service.group,
    keyMode: service.keyMode === undefined ? undefined : formatKeyMode(service.keyMode),
    outputs: service.outputs,
    pkcs12PassphraseFile: service.pkcs12PassphraseFile,
    overlap: duration(service.overlap),
  });
}

function duration(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : formatDuration(ms);
}

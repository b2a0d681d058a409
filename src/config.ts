import { encodeYaml } from './config/emit.ts';
import { dictionary, list, located, record, scalar } from './config/fields.ts';
import { checkProfiles, readProfileOverride } from './config/profiles.ts';
import { parseYaml } from './config/yaml.ts';
import type { ProfileFields } from './issuance/profile.ts';
import { type KeyType, parseKeyType } from './keys/key-types.ts';
import {
  badValue,
  formatDuration,
  parseAuthorityName,
  parseDuration,
  parseTimeout,
  parseHook,
  parseHttpUrl,
  parseName,
  parseServiceName,
  parseTrustDomain,
} from './options.ts';

/** What mtlsctl.yaml says, with the defaults where it is silent. */
export interface Config {
  /** The file, for messages. */
  readonly source: string;
  readonly trustDomain: string;
  readonly defaults: ConfigDefaults;
  readonly crl: CrlConfig;
  /** Settings of single authorities, by name. */
  readonly authorities: Readonly<Record<string, AuthorityConfig>>;
  /** Changes to profiles, and new profiles, by name. */
  readonly profiles: Readonly<Record<string, ProfileOverride>>;
  /** Who may call whom: the callers of each service named here. A service that is not named may be called by all of this PKI. */
  readonly allow: Readonly<Record<string, readonly string[]>>;
}

/** What services get that neither a flag nor their service.yaml decides; before it comes what the profile's override says. */
export interface ConfigDefaults {
  readonly issuer?: string;
  readonly profile: string;
  /** Milliseconds; leaves only. */
  readonly validity?: number;
  /** Leaves only. */
  readonly keyType?: KeyType;
  readonly hook?: string;
  /** After which a hook is ended; milliseconds. */
  readonly hookTimeout?: number;
  /** How long the files of the last certificate stay after a renewal; milliseconds. */
  readonly overlap?: number;
}

export interface CrlConfig {
  /** How long a CRL of an intermediate is valid; milliseconds. */
  readonly validity: number;
  /** The same for a root, which is offline and signs rarely. */
  readonly rootValidity: number;
}

export interface AuthorityConfig {
  /** Where its CRL can be fetched: written into what it issues. */
  readonly crlUrls: readonly string[];
  /** Milliseconds; instead of those of `crl`. */
  readonly crlValidity?: number;
  /** Where its delta CRLs can be fetched: written into its complete ones. */
  readonly deltaCrlUrls?: readonly string[];
  /** Whether its CRLs say by their issuingDistributionPoint that they are those of `crlUrls`. */
  readonly issuingDistributionPoint?: boolean;
}

export interface ProfileOverride {
  /** Where it begins in mtlsctl.yaml, and each of its keys. */
  readonly line: number;
  readonly lines: Readonly<Record<string, number>>;
  readonly extends?: string;
  readonly fields: ProfileFields;
}

/** The settings that a new mtlsctl.yaml is made from. */
export type ConfigSettings = Partial<Pick<Config, 'trustDomain' | 'authorities'>> & {
  readonly defaults?: Partial<ConfigDefaults>;
  readonly crl?: Partial<CrlConfig>;
};

const defaultTrustDomain = 'link.internal';
const day = 86_400_000;
/** Rebuilt hourly, valid for a day: a CRL that expires because nobody revoked anything is the commonest outage (TRAPS.md). */
const defaultCrl: CrlConfig = { validity: day, rootValidity: 180 * day };
const maxUrls = 8;
const maxCallers = 10_000;

const readConfig = record({
  trustDomain: scalar(parseTrustDomain),
  defaults: record({
    issuer: scalar(parseAuthorityName),
    profile: located(scalar(parseName)),
    validity: scalar(parseDuration),
    keyType: scalar(parseKeyType),
    hook: scalar(parseHook),
    hookTimeout: scalar(parseTimeout),
    overlap: scalar(parseDuration),
  }),
  crl: record({ validity: scalar(parseDuration), rootValidity: scalar(parseDuration) }),
  authorities: dictionary(
    parseAuthorityName,
    record({
      crlUrls: list(scalar(parseHttpUrl), maxUrls),
      crlValidity: scalar(parseDuration),
      deltaCrlUrls: list(scalar(parseHttpUrl), maxUrls),
      issuingDistributionPoint: scalar(parseBoolean),
    }),
  ),
  profiles: dictionary(parseName, readProfileOverride),
  allow: dictionary(parseServiceName, list(scalar(parseServiceName), maxCallers)),
});

/** Reads mtlsctl.yaml. Throws `config-invalid` naming file, line and key, for an unknown key the nearest known one too. */
export function parseConfig(text: string, source: string): Config {
  const read = readConfig(parseYaml(text, source), { source, key: '' });
  const { profile, ...defaults } = read.defaults ?? {};
  const config: Config = {
    source,
    trustDomain: read.trustDomain ?? defaultTrustDomain,
    defaults: { profile: profile?.value ?? 'service', ...defaults },
    crl: { ...defaultCrl, ...read.crl },
    authorities: mapValues(read.authorities ?? {}, ({ crlUrls = [], ...rest }) => ({ crlUrls, ...rest })),
    profiles: mapValues(read.profiles ?? {}, override => override),
    allow: mapValues(read.allow ?? {}, callers => [...callers].sort()),
  };
  checkProfiles(config, profile?.line);
  return config;
}

/** Reads mtlsctl.yaml, or takes the defaults where there is no such file. */
export function loadConfig(text: string | undefined, source = 'mtlsctl.yaml'): Config {
  return parseConfig(text ?? '', source);
}

/** A new mtlsctl.yaml: always the same text for the same settings. Only what differs from the defaults need be given. */
export function encodeConfig(settings: ConfigSettings): string {
  const { defaults = {}, crl = {}, authorities = {} } = settings;
  const body = encodeYaml({
    trustDomain: settings.trustDomain ?? defaultTrustDomain,
    defaults: {
      issuer: defaults.issuer,
      profile: defaults.profile,
      validity: duration(defaults.validity),
      keyType: defaults.keyType,
      hook: defaults.hook,
      hookTimeout: duration(defaults.hookTimeout),
      overlap: duration(defaults.overlap),
    },
    crl: {
      validity: formatDuration(crl.validity ?? defaultCrl.validity),
      rootValidity: formatDuration(crl.rootValidity ?? defaultCrl.rootValidity),
    },
    authorities: mapValues(authorities, each => ({ crlUrls: each.crlUrls, crlValidity: duration(each.crlValidity) })),
  });
  return `# The settings of this PKI directory. Unknown keys are errors.\n${body}`;
}

function parseBoolean(text: string, option: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw badValue(text, option, 'expected true or false');
}

function duration(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : formatDuration(ms);
}

function mapValues<A, B>(map: Readonly<Record<string, A>>, change: (value: A) => B): Readonly<Record<string, B>> {
  const entries = Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.assign(
    Object.create(null) as Record<string, B>,
    Object.fromEntries(entries.map(([key, value]) => [key, change(value)])),
  );
}

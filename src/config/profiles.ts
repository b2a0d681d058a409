import clientProfile from '../../templates/profiles/client.yaml';
import intermediateProfile from '../../templates/profiles/intermediate.yaml';
import nodeProfile from '../../templates/profiles/node.yaml';
import rootProfile from '../../templates/profiles/root.yaml';
import serverProfile from '../../templates/profiles/server.yaml';
import serviceProfile from '../../templates/profiles/service.yaml';
import type { Config, ProfileOverride } from '../config.ts';
import { oids } from '../der/object-identifiers.ts';
import type { MtlsctlError } from '../errors.ts';
import { isProfileProblem, parseProfile, type Profile, type ProfileFields } from '../issuance/profile.ts';
import { parseKeyType } from '../keys/key-types.ts';
import { badValue, parseCount, parseDuration, parseName } from '../options.ts';
import { printable, quoted } from '../printable.ts';
import { KeyUsage } from '../x509/extensions.ts';
import { list, nearestName, type Reader, record, scalar } from './fields.ts';
import { invalid, parseYaml } from './yaml.ts';

const bundled: Readonly<Record<string, string>> = {
  root: rootProfile,
  intermediate: intermediateProfile,
  service: serviceProfile,
  server: serverProfile,
  client: clientProfile,
  node: nodeProfile,
};

/** The names of all profiles there are: those that come with mtlsctl, then those of mtlsctl.yaml. */
export function profileNames(config: Config): readonly string[] {
  return [...new Set([...Object.keys(bundled), ...Object.keys(config.profiles)])];
}

const loaded = new WeakMap<Config, Map<string, Profile>>();

/**
 * The profile of that name as mtlsctl.yaml overrides it. Throws `bad-value` where there is none, `config-invalid` where
 * the overrides make it contradict itself.
 */
export function loadProfile(name: string, config: Config): Profile {
  const known = loaded.get(config) ?? new Map<string, Profile>();
  loaded.set(config, known);
  const profile = known.get(name) ?? composeProfile(name, config);
  known.set(name, profile);
  return profile;
}

function composeProfile(name: string, config: Config): Profile {
  const layers = layersOf(name, config);
  const fields = layers.reduce<ProfileFields>((below, layer) => ({ ...below, ...layer.fields }), {});
  const profile = parseProfile(name, fields);
  if (!isProfileProblem(profile)) return profile;
  const blamed = layers.findLast(layer => layer.fields[profile.field] !== undefined) ?? layers.at(-1);
  const message = `${profile.field} of profile '${printable(name)}' ${profile.message}`;
  const line = blamed?.lines?.[profile.field] ?? blamed?.line ?? 1;
  throw invalid(blamed?.source ?? name, line, message, { key: `profiles.${name}.${profile.field}` });
}

interface Layer {
  readonly source: string;
  readonly line: number;
  readonly lines?: ProfileOverride['lines'];
  readonly fields: ProfileFields;
}

/** The profile's own fields over those of the one that it extends, and so on; the lowest first. */
function layersOf(name: string, config: Config): readonly Layer[] {
  const layers: Layer[] = [];
  const seen = new Set<string>();
  for (let next: string | undefined = name; next !== undefined;) {
    const override: ProfileOverride | undefined = config.profiles[next];
    const base: string | undefined = Object.hasOwn(bundled, next) ? bundled[next] : undefined;
    if (override === undefined && base === undefined) throw noSuchProfile(next, config);
    if (override !== undefined && base !== undefined && override.extends !== undefined)
      throw extendsInVain(next, override, config);
    if (seen.has(next))
      throw invalid(config.source, override?.line ?? 1, `profile '${printable(next)}' extends itself`);
    seen.add(next);
    if (override !== undefined) layers.unshift({ source: config.source, ...override });
    if (base !== undefined) layers.unshift(bundledLayer(next, base, config));
    next = base === undefined ? override?.extends : undefined;
  }
  return layers;
}

function bundledLayer(name: string, text: string, config: Config): Layer {
  const source = `profiles/${name}.yaml`;
  const fields = readProfileFields(parseYaml(text, source), { source, key: '' });
  const { validity, keyType } = config.defaults;
  if (fields.kind !== 'leaf') return { source, line: 1, fields };
  return { source, line: 1, fields: { ...fields, ...(validity && { validity }), ...(keyType && { keyType }) } };
}

/** What stands there changes the profile of that name, whatever it is said to extend. */
function extendsInVain(name: string, { lines, line }: ProfileOverride, config: Config): MtlsctlError {
  return invalid(
    config.source,
    lines['extends'] ?? line,
    `profile '${printable(name)}' comes with mtlsctl and can't extend another`,
    { key: `profiles.${name}.extends`, hints: ['leave extends out, or give the profile a name of its own'] },
  );
}

function noSuchProfile(name: string, config: Config): MtlsctlError {
  return badValue(name, 'a profile', 'there is no such profile', [nearestProfile(name, config)]);
}

function nearestProfile(name: string, config: Config): string {
  const known = profileNames(config);
  const nearest = nearestName(name, known);
  return nearest === undefined ? `the profiles are: ${known.join(', ')}` : `did you mean '${nearest}'?`;
}

/**
 * Looks at all that mtlsctl.yaml says of profiles, so that a mistake shows at once and not when it is used. `defaultLine` is where it names the
 * default, undefined where it does not. Throws `config-invalid`.
 */
export function checkProfiles(config: Config, defaultLine: number | undefined): void {
  for (const [name, { extends: base, lines, line }] of Object.entries(config.profiles)) {
    if (base !== undefined && !isProfile(base, config))
      throw unknownProfile(base, `profiles.${name}.extends`, lines['extends'] ?? line, config);
  }
  for (const name of Object.keys(config.profiles)) loadProfile(name, config);
  if (defaultLine === undefined) return;
  const { profile: name } = config.defaults;
  const key = 'defaults.profile';
  if (!isProfile(name, config)) throw unknownProfile(name, key, defaultLine, config);
  const { kind } = loadProfile(name, config);
  if (kind === 'leaf') return;
  const message = `${key} has the bad value ${quoted(name)}: it is of the kind '${kind}', and not for services`;
  throw invalid(config.source, defaultLine, message, { key });
}

function isProfile(name: string, config: Config): boolean {
  return Object.hasOwn(bundled, name) || config.profiles[name] !== undefined;
}

function unknownProfile(name: string, key: string, line: number, config: Config): MtlsctlError {
  const message = `${printable(key)} has the bad value ${quoted(name)}: there is no such profile`;
  return invalid(config.source, line, message, { key, hints: [nearestProfile(name, config)] });
}

const keyUsages = Object.keys(KeyUsage) as (keyof typeof KeyUsage)[];
const purposes = {
  serverAuth: oids.serverAuth,
  clientAuth: oids.clientAuth,
  codeSigning: oids.codeSigning,
  emailProtection: oids.emailProtection,
  timeStamping: oids.timeStamping,
  OCSPSigning: oids.ocspSigning,
} as const;
const maxNames = 100;

const readers = {
  kind: scalar(oneOf(['root', 'intermediate', 'leaf'] as const)),
  subject: scalar(parseTemplate),
  keyType: scalar(parseKeyType),
  validity: scalar(parseDuration),
  backdate: scalar((text, option) => parseDuration(text, option, { zero: true })),
  keyUsage: mapped(list(scalar(oneOf(keyUsages)), keyUsages.length), names =>
    names.reduce((mask, name) => mask | KeyUsage[name], 0),
  ),
  extendedKeyUsage: mapped(list(scalar(parsePurpose), maxNames), names => names),
  pathLength: scalar((text, option) => parseCount(text, option, { minimum: 0, maximum: 32 })),
  renewAt: scalar(parseShare),
  dns: list(scalar(parseTemplate), maxNames),
  aliases: list(scalar(parseTemplate), maxNames),
  uri: list(scalar(parseTemplate), maxNames),
} as const;

/** The fields of a profile, in a file of its own or under `profiles:` of mtlsctl.yaml. */
const readProfileFields: Reader<ProfileFields> = record(readers);

/** One entry under `profiles:`; `extends` names the profile that a new one begins from. */
export const readProfileOverride: Reader<ProfileOverride> = (value, place) => {
  const { extends: base, ...fields } = record({ ...readers, extends: scalar(parseName) })(value, place);
  const entries = value.kind === 'map' ? [...value.entries] : [];
  const lines = Object.fromEntries(entries.map(([key, entry]) => [key, entry.line]));
  return { line: value.line, lines, fields, ...(base !== undefined && { extends: base }) };
};

function mapped<A, B>(reader: Reader<A>, change: (value: A) => B): Reader<B> {
  return (value, place) => change(reader(value, place));
}

function oneOf<const T extends string>(names: readonly T[]): (text: string, option: string) => T {
  return (text, option) => {
    const found = names.find(name => name === text);
    if (found === undefined) throw badValue(text, option, `expected one of ${names.join(', ')}`);
    return found;
  };
}

/** A purpose by its name in RFC 5280, 4.2.1.12, or any other by its object identifier. */
function parsePurpose(text: string, option: string): string {
  if (Object.hasOwn(purposes, text)) return purposes[text as keyof typeof purposes];
  if (/^[0-2](?:\.(?:0|[1-9]\d{0,8})){2,20}$/.test(text)) return text;
  throw badValue(text, option, `expected one of ${Object.keys(purposes).join(', ')}, or an object identifier`);
}

/** `2/3` or `0.66`: more than none of a life and less than all of it. */
function parseShare(text: string, option: string): number {
  const match = /^(\d{1,4})\/(\d{1,4})$/.exec(text);
  const share =
    match === null ? Number(/^0?\.\d{1,6}$/.test(text) ? text : Number.NaN) : Number(match[1]) / Number(match[2]);
  if (share > 0 && share < 1) return share;
  throw badValue(text, option, 'expected a fraction such as 2/3, over 0 and under 1');
}

const placeholders = ['{service}', '{trust-domain}', '{authority}'];

function parseTemplate(text: string, option: string): string {
  if (text.length > 500) throw badValue(text, option, 'it is longer than 500 characters');
  const unknown = text.match(/\{[^{}]*\}?/g)?.find(found => !placeholders.includes(found));
  if (unknown !== undefined) throw badValue(text, option, `the placeholders are ${placeholders.join(', ')}`);
  if (printable(text) !== text) throw badValue(text, option, 'it has control characters');
  return text;
}

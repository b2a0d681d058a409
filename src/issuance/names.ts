import { oids } from '../der/object-identifiers.ts';
import { MtlsctlError } from '../errors.ts';
import { printable } from '../printable.ts';
import type { Certificate } from '../x509/certificate.ts';
import { dnsNameProblem } from '../x509/name-syntax.ts';
import { parseDistinguishedName } from '../x509/name.ts';
import { admits } from './constraints.ts';
import type { Profile } from './profile.ts';

/** The names of a certificate as text, parsed and in their canonical form (options.ts). */
export interface SubjectNames {
  readonly dns: readonly string[];
  readonly ip: readonly string[];
  readonly uri: readonly string[];
  readonly email: readonly string[];
}

export const noSubjectNames: SubjectNames = { dns: [], ip: [], uri: [], email: [] };

export interface NamesOrder {
  readonly service: string;
  readonly trustDomain: string;
  /** Names asked for besides those of the profile. */
  readonly extra?: Partial<SubjectNames>;
  /** The issuer and those above it: their name constraints decide about aliases. */
  readonly issuers: readonly Certificate[];
}

export interface PlannedNames {
  readonly names: SubjectNames;
  /** Aliases of the profile that an issuer's name constraints exclude. */
  readonly dropped: readonly string[];
}

/**
 * The names that a service gets: those of the profile, then those asked for, none twice. A SPIFFE ID asked for takes the place of the profile's.
 * Always the same for the same order, so that an installed certificate can be compared with it. Throws `policy-refused` for a second URI beside a
 * SPIFFE ID (SPIFFE X509-SVID, 2), or a SPIFFE ID under a profile that does not serve both purposes.
 */
export function planNames(profile: Profile, order: NamesOrder): PlannedNames {
  const fill = (template: string): string => fillTemplate(template, order);
  const extra = { ...noSubjectNames, ...order.extra };
  const [aliases, dropped] = partition(profile.aliases.map(fill), alias => isUsableAlias(alias, order.issuers));
  const names: SubjectNames = {
    dns: unique([...profile.dns.map(fill), ...aliases, ...extra.dns]),
    ip: unique(extra.ip),
    uri: planUris(profile, fill, extra.uri),
    email: unique(extra.email),
  };
  const wanted = new Set(names.dns);
  return { names, dropped: dropped.filter(alias => !wanted.has(alias)) };
}

function isUsableAlias(alias: string, issuers: readonly Certificate[]): boolean {
  // A service called `123` has no short name: a last label of digits reads as an IPv4 address.
  if (dnsNameProblem(alias) !== undefined) return false;
  return issuers.every(issuer => admits(issuer, { kind: 'dns', value: alias }));
}

function planUris(profile: Profile, fill: (template: string) => string, asked: readonly string[]): readonly string[] {
  const replaced = asked.some(isSpiffeId);
  const own = profile.uri.map(fill).filter(uri => !(replaced && isSpiffeId(uri)));
  const uris = unique([...own, ...asked]);
  if (!uris.some(isSpiffeId)) return uris;
  checkSpiffePurposes(profile);
  if (uris.length === 1) return uris;
  throw new MtlsctlError(
    'policy-refused',
    `a certificate with a SPIFFE ID has no other URI, but these are asked for: ${uris.map(printable).join(', ')}`,
    {
      hints: ["profiles without a SPIFFE ID take any URI: '--profile server' or '--profile client'"],
      details: { uris },
    },
  );
}

/** SPIFFE X509-SVID, 4.4. */
function checkSpiffePurposes({ name, extendedKeyUsage }: Profile): void {
  if ([oids.serverAuth, oids.clientAuth].every(purpose => extendedKeyUsage.includes(purpose))) return;
  throw new MtlsctlError(
    'policy-refused',
    `a SPIFFE ID goes with serverAuth and clientAuth, and the profile '${name}' lacks one`,
    {
      hints: ["'--profile service' has both"],
    },
  );
}

function isSpiffeId(uri: string): boolean {
  return uri.toLowerCase().startsWith('spiffe:');
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

function partition<T>(values: readonly T[], belongs: (value: T) => boolean): readonly [T[], T[]] {
  const yes: T[] = [];
  const no: T[] = [];
  for (const value of values) (belongs(value) ? yes : no).push(value);
  return [yes, no];
}

/** The values of a profile's placeholders. */
export interface SubjectValues {
  readonly service?: string;
  readonly authority?: string;
  readonly trustDomain: string;
}

/** RFC 5280, appendix A.1: ub-common-name. */
const longestCommonName = 64;

/**
 * The subject that the profile gives, as DER. Where a service's full name is too long for a common name, its short one stands there: the DNS
 * names say who it is, the common name is for people.
 */
export function subjectFor(profile: Profile, values: SubjectValues): Uint8Array {
  const subject = fillTemplate(profile.subject, values);
  const { service } = values;
  const full = /^CN=([^,+\\]+)/.exec(subject)?.[1] ?? '';
  if (service === undefined || full.length <= longestCommonName) return parseDistinguishedName(subject);
  return parseDistinguishedName(`CN=${service}${subject.slice(3 + full.length)}`);
}

/** What replaces a placeholder is a DNS name or label and needs no escaping, neither in a distinguished name nor in a URI. */
function fillTemplate(template: string, values: SubjectValues): string {
  const known: Readonly<Record<string, string | undefined>> = {
    '{service}': values.service,
    '{authority}': values.authority,
    '{trust-domain}': values.trustDomain,
  };
  return template.replace(/\{[a-z-]+\}/g, placeholder => {
    const value = known[placeholder];
    if (value !== undefined) return value;
    throw new MtlsctlError('policy-refused', `the profile uses ${placeholder}, which has no value here`);
  });
}

import { oids } from '../der/object-identifiers.ts';
import type { KeyType } from '../keys/key-types.ts';
import { KeyUsage } from '../x509/extensions.ts';

/** What a certificate of one kind looks like. Made by parseProfile only, so that no field contradicts another. */
export interface Profile {
  readonly name: string;
  readonly kind: 'root' | 'intermediate' | 'leaf';
  /** RFC 4514 text with placeholders. */
  readonly subject: string;
  readonly keyType: KeyType;
  /** Milliseconds. */
  readonly validity: number;
  /** How far before now notBefore lies, against clocks that are slow; milliseconds. */
  readonly backdate: number;
  /** A mask of KeyUsage. keyEncipherment comes and goes with the key: see keyUsageFor. */
  readonly keyUsage: number;
  /** Object identifiers; empty for no extension. */
  readonly extendedKeyUsage: readonly string[];
  /** CAs only; undefined for no limit. */
  readonly pathLength: number | undefined;
  /** The share of its life after which a certificate is due, over 0 and under 1. */
  readonly renewAt: number;
  /** DNS names with placeholders that the certificate must have. */
  readonly dns: readonly string[];
  /** DNS names with placeholders that are left out where the issuer's name constraints exclude them. */
  readonly aliases: readonly string[];
  readonly uri: readonly string[];
}

/** The fields of a profile as they stand in a file, each right by itself. */
export type ProfileFields = { readonly [K in keyof Omit<Profile, 'name'>]?: Profile[K] | undefined };

/** What is wrong with a profile: the field to name, and why. */
export interface ProfileProblem {
  readonly field: keyof ProfileFields;
  readonly message: string;
}

const minute = 60_000;
const defaultBackdate = minute;
const defaultRenewAt = 2 / 3;
const caUsages = KeyUsage.keyCertSign | KeyUsage.cRLSign;

/** Puts the fields together and checks them against each other; the first problem found, or the profile. */
export function parseProfile(name: string, fields: ProfileFields): Profile | ProfileProblem {
  for (const field of ['kind', 'subject', 'keyType', 'validity', 'keyUsage'] as const) {
    if (fields[field] === undefined) return { field, message: 'is missing' };
  }
  const profile: Profile = {
    backdate: defaultBackdate,
    extendedKeyUsage: [],
    pathLength: undefined,
    renewAt: defaultRenewAt,
    dns: [],
    aliases: [],
    uri: [],
    ...(fields as Pick<Profile, 'kind' | 'subject' | 'keyType' | 'validity' | 'keyUsage'>),
    name,
  };
  return rules.find(rule => rule.broken(profile)) ?? profile;
}

export function isProfileProblem(result: Profile | ProfileProblem): result is ProfileProblem {
  return 'message' in result;
}

type Rule = ProfileProblem & { broken(profile: Profile): boolean };

const isCa = (profile: Profile): boolean => profile.kind !== 'leaf';
const has = (profile: Profile, usage: number): boolean => (profile.keyUsage & usage) !== 0;

/** What no profile may be, each with the field to blame. */
const rules: readonly Rule[] = [
  // RFC 5280, 4.2.1.9: meaningful only with cA and keyCertSign.
  { field: 'pathLength', message: 'is for CAs only', broken: p => !isCa(p) && p.pathLength !== undefined },
  // RFC 5280, 4.2.1.3.
  { field: 'keyUsage', message: 'of a CA needs keyCertSign', broken: p => isCa(p) && !has(p, KeyUsage.keyCertSign) },
  { field: 'keyUsage', message: 'of a CA needs cRLSign', broken: p => isCa(p) && !has(p, KeyUsage.cRLSign) },
  {
    field: 'keyUsage',
    message: 'of a leaf must not have keyCertSign or cRLSign',
    broken: p => !isCa(p) && has(p, caUsages),
  },
  // TLS 1.3 signs with the leaf's key; SPIFFE X509-SVID, 4.3 says the same.
  {
    field: 'keyUsage',
    message: 'of a leaf needs digitalSignature',
    broken: p => !isCa(p) && !has(p, KeyUsage.digitalSignature),
  },
  {
    field: 'extendedKeyUsage',
    message: 'of a leaf must not be empty',
    broken: p => !isCa(p) && p.extendedKeyUsage.length === 0,
  },
  { field: 'dns', message: 'is for leaves only', broken: p => isCa(p) && p.dns.length > 0 },
  { field: 'aliases', message: 'is for leaves only', broken: p => isCa(p) && p.aliases.length > 0 },
  { field: 'uri', message: 'is for leaves only', broken: p => isCa(p) && p.uri.length > 0 },
  // SPIFFE X509-SVID, 2: exactly one URI.
  {
    field: 'uri',
    message: 'must hold no other URI beside a SPIFFE ID',
    broken: p => p.uri.length > 1 && p.uri.some(isSpiffe),
  },
  { field: 'backdate', message: 'must be shorter than the validity', broken: p => p.backdate >= p.validity },
];

function isSpiffe(uri: string): boolean {
  return uri.startsWith('spiffe:');
}

/** RSA alone can carry a key to the peer (TRAPS.md: zlint refuses keyEncipherment on EC keys, NSS an RSA server without it). */
export function keyUsageFor(profile: Profile, isRsa: boolean): number {
  if (profile.kind !== 'leaf') return profile.keyUsage;
  return isRsa ? profile.keyUsage | KeyUsage.keyEncipherment : profile.keyUsage & ~KeyUsage.keyEncipherment;
}

/** What a certificate of the profile is for, as a relying party asks; `any` for a CA and for purposes outside of TLS. */
export function purposeOf({ kind, extendedKeyUsage }: Profile): 'any' | 'client' | 'mutual' | 'server' {
  const server = extendedKeyUsage.includes(oids.serverAuth);
  const client = extendedKeyUsage.includes(oids.clientAuth);
  if (kind !== 'leaf') return 'any';
  if (server && client) return 'mutual';
  return server ? 'server' : client ? 'client' : 'any';
}

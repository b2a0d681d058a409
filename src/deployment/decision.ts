import { hash } from 'node:crypto';
import type { Certificate } from '../x509/certificate.ts';
import { authorityKeyIdentifier, extendedKeyUsage, keyUsage, subjectAltName } from '../x509/extensions.ts';
import { formatGeneralName } from '../x509/general-name.ts';
import { formatName } from '../x509/name.ts';
import { sameOctets } from '../der/octets.ts';

/** What is found in a service's directory. */
export type Installed =
  | { readonly state: 'missing'; readonly missing: readonly string[] }
  | { readonly state: 'unreadable'; readonly problem: string }
  | {
      readonly state: 'readable';
      readonly certificate: Certificate;
      readonly chain: readonly Certificate[];
      readonly anchors: readonly Certificate[];
      readonly keyMatches: boolean;
    };

/** What the certificate of a service has to be like, from `service.yaml`, its profile and its authority. */
export interface Wanted {
  /** RFC 4514. */
  readonly subject: string;
  /** As formatGeneralName() writes them, in any order. */
  readonly names: readonly string[];
  readonly keyType: string;
  /** The mask of RFC 5280, 4.2.1.3. */
  readonly keyUsage: number;
  /** Object identifiers, in any order. */
  readonly extendedKeyUsage: readonly string[];
  /** The part of its life after which a certificate is renewed, between 0 and 1, as renewalShare() gives it. */
  readonly renewAt: number;
  /** Milliseconds. */
  readonly validity: number;
  /** How far before its making a certificate begins, in milliseconds. */
  readonly backdate: number;
  /** The authority, with the end of its chain; undefined where it is not known here. */
  readonly issuer: { readonly keyIdentifier: Uint8Array | undefined; readonly notAfter: number } | undefined;
}

/**
 * Why a certificate is due. The codes are part of the interface (CLI.md, `renew`); they stand in alphabetical order.
 * `anchors-changed` and `outputs-changed` alone ask for other files only, and no new certificate.
 */
export type DueReason =
  | { readonly code: 'anchors-changed' }
  | { readonly code: 'expired'; readonly notAfter: number }
  | { readonly code: 'forced' }
  | { readonly code: 'issuer-changed' }
  | {
      readonly code: 'issuer-revoked';
      readonly subject: string;
      readonly reason: string;
      readonly revocationDate: number;
    }
  | {
      readonly code: 'key-encryption-changed';
      readonly found: 'encrypted' | 'unencrypted';
      readonly wanted: 'encrypted' | 'unencrypted';
    }
  | { readonly code: 'key-type-changed'; readonly found: string; readonly wanted: string }
  | { readonly code: 'missing'; readonly files: readonly string[] }
  | { readonly code: 'names-changed'; readonly missing: readonly string[]; readonly unwanted: readonly string[] }
  | { readonly code: 'outputs-changed' }
  | { readonly code: 'pair-mismatch' }
  | { readonly code: 'profile-changed' }
  | { readonly code: 'renewal-time-reached'; readonly renewAt: number }
  | { readonly code: 'revoked'; readonly reason: string; readonly revocationDate: number }
  | { readonly code: 'unreadable'; readonly problem: string };

/** The first certificate of a chain that a CRL lists. */
export interface Revocation {
  /** The service's own certificate, or one above it. */
  readonly place: 'leaf' | 'issuer';
  readonly subject: string;
  /** CRLReason, by its name in RFC 5280, 5.3.1. */
  readonly reason: string;
  /** Milliseconds. */
  readonly revocationDate: number;
}

/** Says why a service needs a new certificate; an empty list where it does not. `now` in milliseconds. Pure. */
export function decide(
  installed: Installed,
  wanted: Wanted,
  keyType: string | undefined,
  now: number,
  revocation?: Revocation,
): readonly DueReason[] {
  if (installed.state === 'missing') return [{ code: 'missing', files: installed.missing }];
  if (installed.state === 'unreadable') return [{ code: 'unreadable', problem: installed.problem }];
  const { certificate } = installed;
  if (isOnHold(revocation)) return [];
  const isSameIssuer = sameIssuer(certificate, wanted.issuer);
  // What another issuer has cut short is no matter of the profile.
  const isAsProfile = sameUsage(certificate, wanted) && (!isSameIssuer || sameLife(certificate, wanted));
  return [
    ...(revocation === undefined ? [] : [revocationReason(revocation)]),
    ...dueInTime(certificate, wanted.renewAt, now),
    ...(installed.keyMatches ? [] : [{ code: 'pair-mismatch' } as const]),
    ...(keyType === wanted.keyType
      ? []
      : [{ code: 'key-type-changed', found: keyType ?? 'unknown', wanted: wanted.keyType } as const]),
    ...changedNames(certificate, wanted),
    ...(isAsProfile ? [] : [{ code: 'profile-changed' } as const]),
    ...(isSameIssuer ? [] : [{ code: 'issuer-changed' } as const]),
  ];
}

/**
 * The instant, in milliseconds, from which a certificate is renewed; `renewAt` is a renewalShare(). To print it, as the first whole second at
 * which the certificate is due, round it up: firstSecond().
 */
export function renewalTime(certificate: Certificate, renewAt: number): number {
  const life = certificate.notAfter - certificate.notBefore;
  // The fraction is known to some 15 digits: what is a hair below a whole millisecond is meant to be it.
  return certificate.notBefore + Math.floor(life * renewAt + 1e-3);
}

export function firstSecond(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000) * 1000;
}

/** How much earlier than its profile says a certificate may be renewed, as a part of its life. */
const longestJitter = 1 / 20;

/**
 * The part of its life after which the certificate of a service is renewed on this host: `renewAt` of its profile, less what is always the same
 * for the two, so that a fleet does not renew at once, and everybody knows beforehand when. Where the host has no name, `renewAt` itself.
 */
export function renewalShare(renewAt: number, service: string, host: string | undefined): number {
  if (host === undefined) return renewAt;
  const fraction = hash('sha256', `${host}\0${service}`, 'buffer').readUIntBE(0, 6) / 2 ** 48;
  return renewAt - Math.min(longestJitter, renewAt / 2) * fraction;
}

function revocationReason({ place, subject, reason, revocationDate }: Revocation): DueReason {
  return place === 'leaf'
    ? { code: 'revoked', reason, revocationDate }
    : { code: 'issuer-revoked', subject, reason, revocationDate };
}

/** Whoever puts a certificate on hold does not want the service to have another in the meantime. */
export function isOnHold(revocation: Revocation | undefined): boolean {
  return revocation?.place === 'leaf' && revocation.reason === 'certificateHold';
}

function dueInTime(certificate: Certificate, renewAt: number, now: number): readonly DueReason[] {
  if (certificate.notAfter < now) return [{ code: 'expired', notAfter: certificate.notAfter }];
  const at = renewalTime(certificate, renewAt);
  return at <= now ? [{ code: 'renewal-time-reached', renewAt: at }] : [];
}

function changedNames(certificate: Certificate, wanted: Wanted): readonly DueReason[] {
  const found = new Set([
    formatName(certificate.subject),
    ...(subjectAltName(certificate) ?? []).map(formatGeneralName),
  ]);
  const expected = new Set([wanted.subject, ...wanted.names]);
  const missing = [...expected].filter(name => !found.has(name));
  const unwanted = [...found].filter(name => !expected.has(name));
  return missing.length + unwanted.length === 0 ? [] : [{ code: 'names-changed', missing, unwanted }];
}

function sameUsage(certificate: Certificate, wanted: Wanted): boolean {
  const found = [...(extendedKeyUsage(certificate) ?? [])].sort().join();
  return keyUsage(certificate) === wanted.keyUsage && found === [...wanted.extendedKeyUsage].sort().join();
}

/** A certificate ends when its life is over or with its issuer's; its beginning is known to the backdating only. */
function sameLife(certificate: Certificate, { validity, backdate, issuer }: Wanted): boolean {
  if (issuer === undefined) return true;
  const end = Math.min(certificate.notBefore + validity, issuer.notAfter);
  return Math.abs(certificate.notAfter - end) <= backdate + 1000;
}

function sameIssuer(certificate: Certificate, issuer: Wanted['issuer']): boolean {
  if (issuer?.keyIdentifier === undefined) return true;
  const { keyIdentifier } = authorityKeyIdentifier(certificate) ?? {};
  return keyIdentifier !== undefined && sameOctets(keyIdentifier, issuer.keyIdentifier);
}

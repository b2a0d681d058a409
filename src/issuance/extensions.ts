import { oids } from '../der/object-identifiers.ts';
import {
  boolean,
  encode,
  explicit,
  implicit,
  implicitConstructed,
  integer,
  namedBits,
  octetString,
  oid,
  sequence,
} from '../der/writer.ts';
import { Tag } from '../der/reader.ts';
import { parseCidr, parseIp } from '../x509/general-name.ts';
import type { SubjectNames } from './names.ts';

/** An extension about to be written: `der` is the whole Extension of RFC 5280, 4.1. */
export interface EncodedExtension {
  readonly oid: string;
  readonly critical: boolean;
  /** What stands in extnValue. */
  readonly value: Uint8Array;
  readonly der: Uint8Array;
}

/** The texts of GeneralSubtrees by kind: DNS names, URI hosts, CIDR ranges, e-mail domains. */
export type Subtrees = Readonly<Record<'dns' | 'ip' | 'uri' | 'email', readonly string[]>>;

export interface NameConstraintsOrder {
  readonly permitted: Subtrees;
  readonly excluded: Subtrees;
}

/** RFC 5280, 4.2.1.9: critical in a CA. */
export function basicConstraintsOfCa(pathLength: number | undefined): EncodedExtension {
  const limit = pathLength === undefined ? [] : [integer(pathLength)];
  return extension(oids.basicConstraints, true, sequence(boolean(true), ...limit));
}

/** RFC 5280, 4.2.1.3. */
export function keyUsageExtension(mask: number): EncodedExtension {
  return extension(oids.keyUsage, true, namedBits(mask));
}

/** RFC 5280, 4.2.1.12. */
export function extendedKeyUsageExtension(purposes: readonly string[]): EncodedExtension {
  return extension(oids.extendedKeyUsage, false, sequence(...purposes.map(oid)));
}

/** RFC 5280, 4.2.1.6: critical where the subject is empty. */
export function subjectAltNameExtension(names: SubjectNames, critical: boolean): EncodedExtension {
  return extension(oids.subjectAltName, critical, sequence(...encodeNames(names)));
}

/** RFC 5280, 4.2.1.10: critical, in CAs only. */
export function nameConstraintsExtension({ permitted, excluded }: NameConstraintsOrder): EncodedExtension {
  const lists = [permitted, excluded].map(encodeSubtrees);
  const members = lists.flatMap((subtrees, n) => (subtrees.length === 0 ? [] : [implicitConstructed(n, ...subtrees)]));
  return extension(oids.nameConstraints, true, sequence(...members));
}

/** RFC 5280, 4.2.1.13: one distribution point of several URLs for the same CRL. */
export function crlDistributionPointsExtension(urls: readonly string[]): EncodedExtension {
  const fullName = implicitConstructed(0, ...urls.map(url => implicit(generalNameTags.uri, ascii(url))));
  return extension(oids.cRLDistributionPoints, false, sequence(sequence(explicit(0, fullName))));
}

/** RFC 5280, 4.2.1.2. */
export function subjectKeyIdentifierExtension(identifier: Uint8Array): EncodedExtension {
  return extension(oids.subjectKeyIdentifier, false, octetString(identifier));
}

/** RFC 5280, 4.2.1.1; the key alone, since issuer and serial would tie it to one certificate of the issuer (TRAPS.md). */
export function authorityKeyIdentifierExtension(identifier: Uint8Array): EncodedExtension {
  return extension(oids.authorityKeyIdentifier, false, sequence(implicit(0, identifier)));
}

export function hasNames(names: SubjectNames): boolean {
  return names.dns.length + names.ip.length + names.uri.length + names.email.length > 0;
}

export function hasSubtrees({ permitted, excluded }: NameConstraintsOrder): boolean {
  return hasNames(permitted) || hasNames(excluded);
}

function extension(type: string, critical: boolean, value: Uint8Array): EncodedExtension {
  // DEFAULT FALSE is left out in DER (X.690, 11.5).
  const flag = critical ? [boolean(true)] : [];
  return { oid: type, critical, value, der: sequence(oid(type), ...flag, octetString(value)) };
}

/** RFC 5280, 4.2.1.6: GeneralName. */
const generalNameTags = { email: 1, dns: 2, uri: 6, ip: 7 } as const;

function encodeNames(names: SubjectNames): Uint8Array[] {
  return [
    ...names.dns.map(name => implicit(generalNameTags.dns, ascii(name))),
    ...names.ip.map(address => implicit(generalNameTags.ip, required(parseIp(address), address))),
    ...names.uri.map(uri => implicit(generalNameTags.uri, ascii(uri))),
    ...names.email.map(address => implicit(generalNameTags.email, ascii(address))),
  ];
}

function encodeSubtrees(subtrees: Subtrees): Uint8Array[] {
  const bases = [
    ...subtrees.dns.map(name => implicit(generalNameTags.dns, ascii(name))),
    ...subtrees.ip.map(range => implicit(generalNameTags.ip, required(parseCidr(range), range))),
    ...subtrees.uri.map(host => implicit(generalNameTags.uri, ascii(host))),
    ...subtrees.email.map(domain => implicit(generalNameTags.email, ascii(domain))),
  ];
  return bases.map(base => encode(Tag.sequence, base));
}

/** IA5String content; what comes here has been parsed, so that anything else is a bug. */
function ascii(text: string): Uint8Array {
  if (/[^\x20-\x7e]/.test(text)) throw new RangeError('a name with a character outside ASCII');
  return new TextEncoder().encode(text);
}

function required(bytes: Uint8Array | undefined, text: string): Uint8Array {
  if (bytes === undefined) throw new RangeError(`no IP address: ${text}`);
  return bytes;
}

import type { Certificate } from '../x509/certificate.ts';
import { subjectAltName } from '../x509/extensions.ts';
import { formatGeneralName, parseIp, type GeneralName } from '../x509/general-name.ts';
import { sameOctets } from '../der/octets.ts';
import { isDnsName, presentedNameMatches } from './dns-name.ts';
import { parseMailbox, sameMailbox } from './mailbox.ts';
import { label, type Reason } from './reasons.ts';
import type { VerifyInput } from './verify.ts';

/** A name that the leaf is expected to carry. */
export interface ReferenceName {
  readonly kind: 'dns' | 'ip' | 'email' | 'uri';
  readonly value: string;
}

type Matcher = (name: GeneralName) => boolean;

/**
 * How each kind of reference name is compared; undefined for one that is malformed. Only names of the same kind are looked at, and never the
 * common name: RFC 9525, 6.3 to 6.5.
 */
const matchers: Readonly<Record<ReferenceName['kind'], (value: string) => Matcher | undefined>> = {
  dns: dnsMatcher, // RFC 9525, 6.3
  email: emailMatcher, // RFC 5280, 7.5
  ip: ipMatcher, // RFC 9525, 6.4
  uri: value => name => name.kind === 'uri' && name.value === value, // SPIFFE X.509-SVID, section 2: exactly
};

/** The reference names that the leaf does not carry, and those that are none. */
export function referenceNameReasons({ leaf, names }: VerifyInput, chain: readonly Certificate[]): readonly Reason[] {
  if (names === undefined || names.length === 0 || chain.length === 0) return [];
  const presented = subjectAltName(leaf) ?? [];
  return names.flatMap((reference): readonly Reason[] => {
    const matches = matchers[reference.kind](reference.value);
    const expected = `${prefixes[reference.kind]}:${reference.value}`;
    if (matches === undefined) return [{ code: 'reference-name-malformed', name: expected }];
    if (presented.some(matches)) return spiffeReasons(leaf, reference, presented);
    return [{ code: 'name-mismatch', subject: label(leaf), expected, found: listed(presented) }];
  });
}

const prefixes: Readonly<Record<ReferenceName['kind'], string>> = { dns: 'DNS', email: 'email', ip: 'IP', uri: 'URI' };

/** An SVID has one identity: with a second URI it is to be refused. SPIFFE X.509-SVID, section 2. */
function spiffeReasons(
  leaf: Certificate,
  { kind, value }: ReferenceName,
  presented: readonly GeneralName[],
): readonly Reason[] {
  const uris = presented.filter(name => name.kind === 'uri').length;
  if (kind !== 'uri' || !value.startsWith('spiffe://') || uris === 1) return [];
  return [{ code: 'spiffe-id-not-single', subject: label(leaf), uris }];
}

/** A person reads the first few; a certificate may have thousands. */
const listedNames = 10;

function listed(names: readonly GeneralName[]): string {
  const shown = names.slice(0, listedNames).map(formatGeneralName).join(', ');
  return names.length > listedNames ? `${shown} and ${names.length - listedNames} more` : shown || 'no names';
}

/** A final period says that the name is absolute and is no part of it. */
function dnsMatcher(value: string): Matcher | undefined {
  const reference = value.endsWith('.') ? value.slice(0, -1) : value;
  if (!isDnsName(reference)) return undefined;
  return name => name.kind === 'dns' && presentedNameMatches(name.value, reference);
}

function ipMatcher(value: string): Matcher | undefined {
  const address = parseIp(value);
  return address && (name => name.kind === 'ip' && sameOctets(name.bytes, address));
}

function emailMatcher(value: string): Matcher | undefined {
  const wanted = parseMailbox(value);
  if (wanted === undefined) return undefined;
  return name => {
    const mailbox = name.kind === 'email' ? parseMailbox(name.value) : undefined;
    return mailbox !== undefined && sameMailbox(mailbox, wanted);
  };
}

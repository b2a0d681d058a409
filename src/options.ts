import { MtlsctlError } from './errors.ts';
import { quoted } from './printable.ts';
import { formatIp, parseCidr, parseIp } from './x509/general-name.ts';
import { dnsNameProblem, dnsPatternProblem, emailProblem, uriProblem } from './x509/name-syntax.ts';

/*
 * Every parser takes the text and the name of the flag (or key) that it came by, for the message, and throws `bad-value`
 * whose details hold `reason` without the value, so that a configuration file's reader can put file and line before it.
 */

/** The failure of a value that can't be understood. `reason` says what was expected; it never repeats the value. */
export function badValue(text: string, option: string, reason: string, hints: readonly string[] = []): MtlsctlError {
  return new MtlsctlError('bad-value', `bad value ${quoted(text)} for ${option}: ${reason}`, {
    hints,
    details: { option, reason },
  });
}

const second = 1000;
/** A year is 365 days: what is meant is a length of time, not a date on a calendar. */
const unitLengths = {
  y: 365 * 86_400 * second,
  w: 7 * 86_400 * second,
  d: 86_400 * second,
  h: 3_600 * second,
  m: 60 * second,
  s: second,
} as const;
type Unit = keyof typeof unitLengths;

const durationForm = /^(?:(\d{1,9})y)?(?:(\d{1,9})w)?(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$/;
const maxDuration = 1000 * unitLengths.y;
const durationExpected = 'expected a duration such as 90d, 12h, 30m, 2y, 1w or 1d12h';

/** `90d`, `12h`, `1d12h` in milliseconds: units y (365 days), w, d, h, m, s, the longest first, each at most once; at most 1000 years. */
export function parseDuration(text: string, option = 'a duration', allow: { readonly zero?: boolean } = {}): number {
  const match = durationForm.exec(text);
  if (match === null || text === '') throw badValue(text, option, durationExpected);
  const units = Object.keys(unitLengths) as Unit[];
  const total = units.reduce((sum, unit, index) => sum + Number(match[index + 1] ?? 0) * unitLengths[unit], 0);
  if (total === 0 && allow.zero !== true) throw badValue(text, option, 'it must be longer than zero');
  if (total > maxDuration) throw badValue(text, option, 'it is longer than 1000 years');
  return total;
}

/** Node's timers take no more milliseconds than 31 bits hold, and fire at once for more: whole days below that. */
const longestTimeout = 24 * unitLengths.d;

/** How long something may take, in milliseconds. */
export function parseTimeout(text: string, option = 'a timeout'): number {
  const timeout = parseDuration(text, option);
  if (timeout <= longestTimeout) return timeout;
  throw badValue(text, option, `it is longer than ${formatDuration(longestTimeout)}`);
}

/** The shortest text that parseDuration reads back as `ms`, whole seconds; weeks are written as days (`90d`, not `12w6d`). */
export function formatDuration(ms: number): string {
  let rest = Math.floor(Math.abs(ms) / second) * second;
  let text = '';
  for (const unit of ['y', 'd', 'h', 'm', 's'] as const) {
    const count = Math.floor(rest / unitLengths[unit]);
    rest -= count * unitLengths[unit];
    if (count > 0) text += `${count}${unit}`;
  }
  return `${ms < 0 && text !== '' ? '-' : ''}${text || '0s'}`;
}

const instantForm = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

const firstInstant = Date.parse('0000-01-01T00:00:00Z');
const lastInstant = Date.parse('9999-12-31T23:59:59Z');

/** RFC 3339, 5.6, in milliseconds since the epoch, cut to whole seconds. An offset from UTC is taken into account. */
export function parseInstant(text: string, option = 'an instant'): number {
  const match = instantForm.exec(text);
  if (match === null)
    throw badValue(text, option, 'expected an instant in RFC 3339 form, such as 2026-11-22T14:05:01Z');
  const [year, month, day, hour, minute, seconds] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, seconds);
  const offset = (Number(match[8] ?? 0) * 60 + Number(match[9] ?? 0)) * unitLengths.m * (match[7] === '-' ? -1 : 1);
  const instant = date.getTime() - offset;
  const exists = date.toISOString().slice(0, 19) === text.slice(0, 19).toUpperCase();
  if (!exists || Number(match[8] ?? 0) > 23 || Number(match[9] ?? 0) > 59) {
    throw badValue(text, option, 'there is no such date or time of day');
  }
  if (instant < firstInstant || instant > lastInstant)
    throw badValue(text, option, 'it is not in the years 0000 to 9999 of UTC');
  return instant;
}

/** `2026-11-22T14:05:01Z`; parts of a second are dropped. */
export function formatInstant(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** A whole number from `minimum` to `maximum`. */
export function parseCount(
  text: string,
  option: string,
  range: { readonly minimum: number; readonly maximum: number },
): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= range.minimum && value <= range.maximum) return value;
  throw badValue(text, option, `expected a whole number from ${range.minimum} to ${range.maximum}`);
}

/** RFC 5280, 4.1.2.2: at most 20 octets. */
const maxSerialDigits = 40;

/** `0A:1B…`, `0x0a1b…`, `0a1b…` or `dec:…` as lower-case hex of whole octets without leading zero octets. */
export function parseSerial(text: string, option = 'a serial number'): string {
  const hex = serialDigits(text);
  if (hex === undefined)
    throw badValue(text, option, 'expected hex digits, with or without colons and 0x, or a decimal as dec:<digits>');
  const even = hex.length % 2 === 0 ? hex : `0${hex}`;
  const minimal = even.replace(/^(?:00)+(?=..)/, '');
  if (minimal.length > maxSerialDigits) throw badValue(text, option, 'a serial number has at most 20 octets');
  return minimal;
}

function serialDigits(text: string): string | undefined {
  const lower = text.toLowerCase();
  const decimal = /^dec:(\d{1,60})$/.exec(lower)?.[1];
  if (decimal !== undefined) return BigInt(decimal).toString(16);
  const digits = lower.startsWith('0x') ? lower.slice(2) : lower;
  if (/^[0-9a-f]{1,80}$/.test(digits)) return digits;
  return /^[0-9a-f]{1,2}(?::[0-9a-f]{2}){1,40}$/.test(digits) ? digits.replaceAll(':', '') : undefined;
}

/** A SHA-256 fingerprint as 64 lower-case hex digits; colons and upper case are accepted, as other tools print them. */
export function parseFingerprint(text: string, option = 'a fingerprint'): string {
  const lower = text.toLowerCase().replace(/^sha-?256[:=]/, '');
  const digits = /^[0-9a-f]{2}(?::[0-9a-f]{2}){31}$/.test(lower) ? lower.replaceAll(':', '') : lower;
  if (!/^[0-9a-f]{64}$/.test(digits)) throw badValue(text, option, 'expected a SHA-256 fingerprint: 64 hex digits');
  return digits;
}

/** RFC 5280, 5.3.1: what a person may give as the reason of a revocation; removeFromCRL is what a release writes. */
export const revocationReasons = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;
export type RevocationReason = keyof typeof revocationReasons;

/** A reason by name, in any case, or by number. */
export function parseReason(text: string, option = '--reason'): RevocationReason {
  const reasons = Object.keys(revocationReasons) as RevocationReason[];
  const found = reasons.find(
    name => name.toLowerCase() === text.toLowerCase() || String(revocationReasons[name]) === text,
  );
  if (found === undefined) throw badValue(text, option, `expected one of ${reasons.join(', ')}, or its number`);
  return found;
}

const nameLabel = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const labelExpected =
  'expected lower-case letters, digits and hyphens, 1 to 63 of them, with a letter or digit at both ends';
/** Directories of the PKI directory that are no services. */
const reservedServiceNames: ReadonlySet<string> = new Set(['authorities']);

/** A DNS label in lower case: it names a directory, and stands in the names of the certificate. */
export function parseServiceName(text: string, option = 'a service name'): string {
  if (!nameLabel.test(text)) throw badValue(text, option, labelExpected);
  if (reservedServiceNames.has(text)) throw badValue(text, option, 'this name is reserved');
  return text;
}

/** The name of a profile. */
export function parseName(text: string, option = '--profile'): string {
  if (!nameLabel.test(text)) throw badValue(text, option, labelExpected);
  return text;
}

/** The same syntax as for services: it names a directory under `authorities/`. */
export function parseAuthorityName(text: string, option = 'an authority name'): string {
  if (!nameLabel.test(text)) throw badValue(text, option, labelExpected);
  return text;
}

/** Room for the longest service name and a dot before it (RFC 1035, 2.3.4). */
const maxTrustDomain = 253 - 64;

/** A DNS name in lower case, since it ends the DNS names of services as well as naming the SPIFFE trust domain. */
export function parseTrustDomain(text: string, option = '--trust-domain'): string {
  const problem = dnsNameProblem(text);
  if (problem !== undefined) throw badValue(text, option, `expected a DNS name, but ${problem}`);
  if (text !== text.toLowerCase())
    throw badValue(text, option, 'a trust domain is written in lower case (SPIFFE-ID, 2.1)');
  if (text.length > maxTrustDomain) throw badValue(text, option, `it is longer than ${maxTrustDomain} characters`);
  return text;
}

/** A DNS name, its leftmost label perhaps `*`, in lower case. */
export function parseDnsName(text: string, option = '--dns'): string {
  const problem = dnsPatternProblem(text);
  if (problem === undefined) return text.toLowerCase();
  const hints = problem === 'it is an IP address' ? ['give an address with --ip'] : [];
  throw badValue(text, option, `expected a DNS name, but ${problem}`, hints);
}

/** An IPv4 or IPv6 address in its canonical form; no zone, no mask. */
export function parseIpAddress(text: string, option = '--ip'): string {
  const bytes = parseIp(text);
  if (bytes === undefined) throw badValue(text, option, 'expected an IPv4 or IPv6 address');
  return formatIp(bytes);
}

/** An absolute URI; one of the scheme `spiffe` must be a SPIFFE ID. */
export function parseUri(text: string, option = '--uri'): string {
  const problem = uriProblem(text);
  if (problem !== undefined)
    throw badValue(text, option, `expected a URI such as spiffe://link.internal/service/a, but ${problem}`);
  if (/^spiffe:\/\/[^/]*$/.test(text))
    throw badValue(text, option, 'the SPIFFE ID of a service has a path (SPIFFE X.509-SVID, 5.1)');
  return text;
}

export function parseEmail(text: string, option = '--email'): string {
  const problem = emailProblem(text);
  if (problem !== undefined) throw badValue(text, option, `expected an e-mail address, but ${problem}`);
  return text;
}

/** An http or https URL, as distribution points have it. */
export function parseHttpUrl(text: string, option = '--crl-url'): string {
  const problem = /^https?:\/\//i.test(text) ? uriProblem(text) : 'it does not begin with http:// or https://';
  if (problem !== undefined) throw badValue(text, option, `expected an http URL, but ${problem}`);
  return text;
}

/** RFC 5280, 4.2.1.10: a DNS name that stands for itself and all below it, in lower case. */
export function parseDnsConstraint(text: string, option = '--permit-dns'): string {
  const problem = text.startsWith('.')
    ? 'it begins with a dot; without it, the name and all below it are meant'
    : text.includes('*')
      ? 'a constraint takes no wildcard; without it, the name and all below it are meant'
      : dnsNameProblem(text);
  if (problem !== undefined) throw badValue(text, option, `expected a DNS name, but ${problem}`);
  return text.toLowerCase();
}

/** RFC 5280, 4.2.1.10: a host, or a domain with a dot before it that stands for all hosts below it. */
export function parseUriConstraint(text: string, option = '--permit-uri'): string {
  const problem = text.includes('/')
    ? 'only the host of a URI can be constrained'
    : dnsNameProblem(text.replace(/^\./, ''));
  if (problem !== undefined)
    throw badValue(text, option, `expected a host, or a domain with a dot before it, but ${problem}`);
  return text.toLowerCase();
}

/** RFC 5280, 4.2.1.10: an address range in CIDR form; an address alone is a range of one. */
export function parseIpConstraint(text: string, option = '--permit-ip'): string {
  const range = text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`;
  if (parseCidr(range) === undefined)
    throw badValue(
      text,
      option,
      'expected an address range such as 10.0.0.0/8 or fd00::/8, without bits set after the prefix',
    );
  return range.toLowerCase();
}

/** RFC 5280, 4.2.1.10: a mailbox, a host, or a domain with a dot before it. */
export function parseEmailConstraint(text: string, option = '--permit-email'): string {
  const problem = text.includes('@') ? emailProblem(text) : dnsNameProblem(text.replace(/^\./, ''));
  if (problem !== undefined) throw badValue(text, option, `expected a mailbox, a host or a domain, but ${problem}`);
  return text;
}

const maxHook = 4096;

/** A command line for `sh -c`, taken as it is. */
export function parseHook(text: string, option = '--hook'): string {
  if (text.trim() === '') throw badValue(text, option, 'the command is empty');
  if (text.length > maxHook) throw badValue(text, option, `the command is longer than ${maxHook} characters`);
  if (text.includes('\0')) throw badValue(text, option, 'the command has a NUL character');
  return text;
}

/** A user or a group: a name as useradd(8) takes it, or a number. */
export function parseAccount(text: string, option = '--owner'): string {
  const isNumber = /^\d+$/.test(text);
  if (isNumber ? Number(text) < 2 ** 32 - 1 : /^[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?$/.test(text)) return text;
  throw badValue(text, option, 'it is neither the name nor the number of a user or a group');
}

/** Never group-writable, never open to others: a key is its owner's, and perhaps its group's to read. */
const keyModes: Readonly<Record<string, number>> = { '0400': 0o400, '0440': 0o440, '0600': 0o600, '0640': 0o640 };

export const keyModeNames = Object.keys(keyModes);

export function parseKeyMode(text: string, option = '--key-mode'): number {
  const digits = text.replace(/^(0o|0)?(?=[0-7]{3}$)/, '0');
  const mode = Object.hasOwn(keyModes, digits) ? keyModes[digits] : undefined;
  if (mode !== undefined) return mode;
  throw badValue(text, option, 'the file with a key may be 0400, 0440, 0600 or 0640: nobody else may read it', [
    'to let a service read it, give it a group and the mode 0640',
  ]);
}

export function formatKeyMode(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

/** The files that a service may have besides the three. */
export const outputKinds = ['combined', 'pkcs12', 'spiffe'] as const;

export type OutputKind = (typeof outputKinds)[number];

export function parseOutputKind(text: string, option = '--output'): OutputKind {
  const kind = outputKinds.find(each => each === text);
  if (kind !== undefined) return kind;
  throw badValue(text, option, `there is ${outputKinds.join(', ')}`);
}

/** Renewal comes by from another directory than the one where this was typed. */
export function parseAbsolutePath(text: string, option = 'a path'): string {
  if (text.startsWith('/') && !text.includes('\0') && text.length <= 4096) return text;
  throw badValue(text, option, 'it is no absolute path');
}

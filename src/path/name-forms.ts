import { contentBytes, readElement, Cursor } from '../der/reader.ts';
import { sequence } from '../der/writer.ts';
import type { GeneralName } from '../x509/general-name.ts';
import { nameKey, parseName, type Name } from '../x509/name.ts';
import { isDnsName, isWithinDomain } from './dns-name.ts';
import { parseMailbox } from './mailbox.ts';

export type NameKind = GeneralName['kind'];

/** A constraint, ready to be held against names of its form. */
export interface Subtree<Prepared> {
  /** Every name that the prepared one stands for lies within. */
  readonly permits: (name: Prepared) => boolean;
  /** Some name that the prepared one stands for lies within. */
  readonly excludes: (name: Prepared) => boolean;
}

/** One form of names: how a name and a constraint are read. Both give undefined for what is malformed. */
export interface NameForm<Prepared> {
  readonly prepare: (name: GeneralName) => Prepared | undefined;
  readonly subtree: (base: GeneralName) => Subtree<Prepared> | undefined;
}

const plain = <Prepared>(matches: (name: Prepared) => boolean): Subtree<Prepared> => ({
  permits: matches,
  excludes: matches,
});

interface Domain {
  readonly domain: string;
  /** Written with a period in front: the domain itself is left out. */
  readonly belowOnly: boolean;
}

/** A constraint on hosts: `example.com`, `.example.com`, or empty for all. A period alone is none of them. */
function parseDomain(text: string): Domain | undefined {
  const belowOnly = text.startsWith('.');
  const domain = (belowOnly ? text.slice(1) : text).toLowerCase();
  return text === '' || isDnsName(domain) ? { domain, belowOnly } : undefined;
}

/** `host` is within, counting everything below; as DNS constraints are read. */
function holdsBelow({ domain, belowOnly }: Domain, host: string): boolean {
  return isWithinDomain(host, domain) && !(belowOnly && host === domain);
}

/** A period in front means everything below, none means this host alone; as e-mail and URI constraints are read. */
function holdsHost({ domain, belowOnly }: Domain, host: string): boolean {
  if (domain === '') return true;
  return belowOnly ? host !== domain && isWithinDomain(host, domain) : host === domain;
}

interface DnsName {
  readonly wildcard: boolean;
  /** Of a wildcard, what stands behind it. */
  readonly host: string;
}

/** RFC 5280, 4.2.1.10. The leading period, which it does not know, is read as others do: OpenSSL, Go, rustls-webpki. */
const dns: NameForm<DnsName> = {
  prepare: name => {
    if (name.kind !== 'dns') return undefined;
    const wildcard = name.value.startsWith('*.');
    const host = (wildcard ? name.value.slice(2) : name.value).toLowerCase();
    return isDnsName(host) ? { wildcard, host } : undefined;
  },
  subtree: base => {
    const domain = base.kind === 'dns' ? parseDomain(base.value) : undefined;
    if (domain === undefined) return undefined;
    const permits = ({ wildcard, host }: DnsName): boolean =>
      wildcard ? isWithinDomain(host, domain.domain) : holdsBelow(domain, host);
    return { permits, excludes: name => permits(name) || wildcardReaches(name, domain) };
  },
};

/** `*.example.com` stands for `foo.example.com` among others, so a constraint on the latter reaches it: CVE-2025-61727. */
function wildcardReaches({ wildcard, host }: DnsName, { domain, belowOnly }: Domain): boolean {
  if (!wildcard || belowOnly || !domain.endsWith(`.${host}`)) return false;
  return !domain.slice(0, -host.length - 1).includes('.');
}

/** RFC 5280, 4.2.1.10: a mailbox, a host, or with a period in front the hosts below. */
const email: NameForm<{ readonly local: string; readonly host: string }> = {
  prepare: name => (name.kind === 'email' ? parseMailbox(name.value) : undefined),
  subtree: base => {
    if (base.kind !== 'email') return undefined;
    if (base.value.includes('@')) {
      const wanted = parseMailbox(base.value);
      return wanted && plain(({ local, host }) => local === wanted.local && host === wanted.host);
    }
    const domain = parseDomain(base.value);
    return domain && plain(({ host }) => holdsHost(domain, host));
  },
};

/** Scheme, authority with optional user and port; RFC 3986, section 3. */
const uriHost = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#@:]+)(?::\d*)?(?:[/?#]|$)/i;

/** RFC 5280, 4.2.1.10: the host part only. A URI without one, or with an address in its place, is refused under a constraint. */
const uri: NameForm<string> = {
  prepare: name => {
    const host = name.kind === 'uri' ? uriHost.exec(name.value)?.[1] : undefined;
    return host !== undefined && isDnsName(host) ? host.toLowerCase() : undefined;
  },
  subtree: base => {
    const domain = base.kind === 'uri' ? parseDomain(base.value) : undefined;
    return domain && plain(host => holdsHost(domain, host));
  },
};

/** RFC 5280, 4.2.1.10: address and mask in 8 or 32 octets, the mask as in CIDR. */
const ip: NameForm<Uint8Array> = {
  prepare: name => (name.kind === 'ip' && isAddress(name.bytes) ? name.bytes : undefined),
  subtree: base => {
    if (base.kind !== 'ip' || (base.bytes.length !== 8 && base.bytes.length !== 32)) return undefined;
    const half = base.bytes.length / 2;
    const network = base.bytes.subarray(0, half);
    const mask = base.bytes.subarray(half);
    if (!isPrefixMask(mask)) return undefined;
    return plain(
      address =>
        address.length === half && mask.every((octet, i) => (((address[i] ?? 0) ^ (network[i] ?? 0)) & octet) === 0),
    );
  },
};

const isAddress = (bytes: Uint8Array): boolean => bytes.length === 4 || bytes.length === 16;

function isPrefixMask(mask: Uint8Array): boolean {
  const bits = Array.from(mask, octet => octet.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits);
}

/** Gives the normal form of a name's first `count` relative distinguished names; undefined where it has fewer. */
type Prefixes = (count: number) => string | undefined;

/** RFC 5280, 4.2.1.10 and 7.1: the constraint is where the name begins. */
const directory: NameForm<Prefixes> = {
  prepare: name => (name.kind === 'directory' ? prefixesOf(name.name) : undefined),
  subtree: base => {
    if (base.kind !== 'directory') return undefined;
    const count = base.name.rdns.length;
    const key = nameKey(base.name);
    return plain(prefixes => prefixes(count) === key);
  },
};

function prefixesOf(name: Name): Prefixes {
  const keys = new Map<number, string | undefined>();
  return count => {
    if (!keys.has(count)) keys.set(count, prefixKey(name, count));
    return keys.get(count);
  };
}

function prefixKey(name: Name, count: number): string | undefined {
  if (count >= name.rdns.length) return count === name.rdns.length ? nameKey(name) : undefined;
  const whole = readElement(name.der, 'Name');
  const cursor = new Cursor(whole);
  let end = whole.contentStart;
  for (let i = 0; i < count; i++) end = cursor.next('RelativeDistinguishedName').end;
  return nameKey(parseName(sequence(contentBytes(whole).subarray(0, end - whole.contentStart))));
}

/** The forms whose constraints are understood. A constraint of another form refuses every chain that has a name of that form. */
export const nameForms = { directory, dns, email, ip, uri } as const;

export function isNameForm(kind: NameKind): kind is keyof typeof nameForms {
  return Object.hasOwn(nameForms, kind);
}

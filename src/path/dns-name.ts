/** Letters, digits, hyphens and (outside the preferred syntax, yet met in private networks) underscores. RFC 5890, 2.3.1. */
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;

const ldhLabel = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/** RFC 1034, 3.1: 255 octets on the wire are 253 characters of text. */
const longestName = 253;

/** A DNS name without wildcard and without the final period: labels of up to 63 characters; the last is no number (else it is an IPv4 address). */
export function isDnsName(name: string): boolean {
  return hasLabels(name, label);
}

/** A DNS name in the preferred name syntax: letters, digits and hyphens. RFC 1034, 3.5, as amended by RFC 1123, 2.1. */
export function isLdhName(name: string): boolean {
  return hasLabels(name, ldhLabel);
}

function hasLabels(name: string, pattern: RegExp): boolean {
  if (name.length > longestName) return false;
  const labels = name.split('.');
  return labels.every(part => pattern.test(part)) && !/^\d+$/.test(labels.at(-1) ?? '');
}

/**
 * Whether a name in a certificate stands for the name that was asked for. A wildcard is the whole left-most label and stands for exactly one
 * label; case does not matter. RFC 9525, 6.3.
 */
export function presentedNameMatches(presented: string, reference: string): boolean {
  const name = presented.toLowerCase();
  const wanted = reference.toLowerCase();
  if (!name.startsWith('*.')) return name === wanted && isDnsName(name);
  const firstPeriod = wanted.indexOf('.');
  return firstPeriod > 0 && wanted.slice(firstPeriod) === name.slice(1) && isDnsName(name.slice(2));
}

/** `host` is `domain` or lies under it; both in lower case. The empty domain holds every host. RFC 5280, 4.2.1.10. */
export function isWithinDomain(host: string, domain: string): boolean {
  return domain === '' || host === domain || host.endsWith(`.${domain}`);
}

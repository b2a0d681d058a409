/**
 * The syntax of names in certificates. Each function returns what is wrong with a text, in a few words, or undefined.
 * The words never contain the text itself, which may hold control characters.
 */

/** RFC 1035, 2.3.4, less the trailing dot and the length octets. */
const maxDnsName = 253;
const maxLabel = 63;
/** SPIFFE-ID, 2.3. */
const maxSpiffeId = 2048;
const maxUri = 2048;

const label = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/;
const labelWithUnderscore = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?$/;

/** The preferred name syntax of RFC 5280, 4.2.1.6 (RFC 1034, 3.5, as RFC 1123, 2.1 relaxes it); no wildcard. */
export function dnsNameProblem(name: string, allow: { readonly underscore?: boolean } = {}): string | undefined {
  if (name === '') return 'it is empty';
  if (name.length > maxDnsName) return `it is longer than ${maxDnsName} characters`;
  const labels = name.split('.');
  for (const each of labels) {
    const problem = labelProblem(each, allow.underscore === true);
    if (problem !== undefined) return problem;
  }
  const numbers = labels.filter(each => /^\d+$/.test(each)).length;
  if (numbers === 4 && labels.length === 4) return 'it is an IP address';
  // What ends in a number reads as an IPv4 address to browsers and resolvers alike (WHATWG URL, 3.5).
  return /^\d+$/.test(labels.at(-1) ?? '') ? 'its last label is a number' : undefined;
}

/** A DNS name whose leftmost label may be `*` (RFC 9525, 6.3), with at least one label after it. */
export function dnsPatternProblem(name: string, allow: { readonly underscore?: boolean } = {}): string | undefined {
  const isWildcard = name.startsWith('*.');
  if (name.includes('*', isWildcard ? 1 : 0)) return 'a wildcard may only be the whole leftmost label';
  if (!isWildcard) return dnsNameProblem(name, allow);
  if (name.length > maxDnsName) return `it is longer than ${maxDnsName} characters`;
  return dnsNameProblem(name.slice(2), allow);
}

function labelProblem(text: string, underscore: boolean): string | undefined {
  if (text === '') return 'it has an empty label';
  if (text.length > maxLabel) return `it has a label longer than ${maxLabel} characters`;
  if ((underscore ? labelWithUnderscore : label).test(text)) return undefined;
  if (text.includes('*')) return 'it has a wildcard, which is not allowed here';
  if (text.includes('_')) return 'it has an underscore';
  // eslint-disable-next-line no-control-regex -- these are what is looked for
  if (/[\x00-\x1f\x7f]/.test(text)) return 'it has a control character';
  if (/[^\x20-\x7e]/.test(text)) return 'it has a character outside ASCII; write such a name in its xn-- form';
  if (text.startsWith('-') || text.endsWith('-')) return 'a label begins or ends with a hyphen';
  return 'only letters, digits, hyphens and dots are allowed';
}

const uriCharacters = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/;
const uriForm = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/;

/** RFC 5280, 4.2.1.6: an absolute URI of RFC 3986; its host, if it has an authority, a fully qualified name or an IP address. */
export function uriProblem(uri: string): string | undefined {
  if (uri.length > maxUri) return `it is longer than ${maxUri} characters`;
  if (!uriCharacters.test(uri)) return 'it has a character that a URI may not have';
  const parts = uriForm.exec(uri);
  if (parts === null) return 'it has no scheme';
  const [, scheme = '', authority, path = ''] = parts;
  if (scheme.toLowerCase() === 'spiffe') return spiffeIdProblem(uri);
  if (authority === undefined) return path === '' ? 'nothing follows the scheme' : undefined;
  const host = hostOf(authority);
  if (host === '') return 'its host is empty';
  if (/^\[[0-9A-Fa-f:.]+\]$/.test(host) || /^\d+\.\d+\.\d+\.\d+$/.test(host)) return undefined;
  const problem = dnsNameProblem(host);
  return problem === undefined ? undefined : `its host is no DNS name: ${problem}`;
}

function hostOf(authority: string): string {
  const afterUser = authority.slice(authority.lastIndexOf('@') + 1);
  return afterUser.replace(/:\d*$/, '');
}

/** The parts of a SPIFFE ID, or what is wrong with it (SPIFFE-ID, 2). */
export function parseSpiffeId(uri: string): { trustDomain: string; path: string } | string {
  if (uri.length > maxSpiffeId) return `it is longer than ${maxSpiffeId} characters`;
  // The scheme is compared without regard to case, as for any URI; the rest is exact (SPIFFE-ID, 2.3).
  if (!/^spiffe:\/\//i.test(uri)) return 'it does not begin with spiffe://';
  if (/[?#]/.test(uri)) return 'a SPIFFE ID has no query and no fragment';
  const rest = uri.slice('spiffe://'.length);
  const slash = rest.indexOf('/');
  const trustDomain = slash < 0 ? rest : rest.slice(0, slash);
  const path = slash < 0 ? '' : rest.slice(slash);
  const problem = trustDomainProblem(trustDomain) ?? spiffePathProblem(path);
  return problem ?? { trustDomain, path };
}

/** What is wrong with a SPIFFE ID, or undefined. */
export function spiffeIdProblem(uri: string): string | undefined {
  const parsed = parseSpiffeId(uri);
  return typeof parsed === 'string' ? parsed : undefined;
}

/** SPIFFE-ID, 2.1: lower-case letters, digits, dots, hyphens, underscores; no port, no user. */
function trustDomainProblem(name: string): string | undefined {
  if (name === '') return 'its trust domain is empty';
  if (name.length > 255) return 'its trust domain is longer than 255 characters';
  return /^[a-z0-9._-]+$/.test(name)
    ? undefined
    : 'its trust domain has a character other than a-z, 0-9, dot, hyphen, underscore';
}

/** SPIFFE-ID, 2.2: segments of letters, digits, dots, hyphens, underscores; none empty, none `.` or `..`. */
function spiffePathProblem(path: string): string | undefined {
  if (path === '') return undefined;
  for (const segment of path.slice(1).split('/')) {
    if (segment === '') return 'its path has an empty segment';
    if (segment === '.' || segment === '..') return 'its path has a relative segment';
    if (!/^[A-Za-z0-9._-]+$/.test(segment))
      return 'its path has a character other than letters, digits, dot, hyphen, underscore';
  }
  return undefined;
}

/** RFC 5280, 4.2.1.6: a Mailbox of RFC 5321, 4.1.2 in its dot-string form. */
export function emailProblem(address: string): string | undefined {
  const at = address.lastIndexOf('@');
  if (at < 1) return 'it is not of the form local-part@host';
  const local = address.slice(0, at);
  if (local.length > 64) return 'its local part is longer than 64 characters';
  if (!/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/.test(local)) {
    return 'its local part has a character that may not stand there unquoted';
  }
  return dnsNameProblem(address.slice(at + 1));
}

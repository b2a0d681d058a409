import { badValue } from '../options.ts';
import type { ReferenceName } from '../path/reference-names.ts';
import { dnsNameProblem, emailProblem, uriProblem } from '../x509/name-syntax.ts';
import { parseIp } from '../x509/general-name.ts';

/** Reads the value of `--name`: an IP address, a URI (`spiffe://…`), a mailbox, else a DNS name. Throws `bad-value`. */
export function parseReferenceName(text: string): ReferenceName {
  if (parseIp(text) !== undefined) return { kind: 'ip', value: text };
  if (text.includes('://')) return checked({ kind: 'uri', value: text }, uriProblem(text));
  if (text.includes('@')) return checked({ kind: 'email', value: text }, emailProblem(text));
  return checked({ kind: 'dns', value: text }, hostProblem(text.replace(/\.$/, '')));
}

/** RFC 9525, 6.1: a name that is asked for is that of one host. */
function hostProblem(name: string): string | undefined {
  if (name.startsWith('*.')) return 'a wildcard stands for no host; name one that it covers';
  if (/^\d+(?:\.\d+){3}$/.test(name)) return 'no IP address is written so';
  if (/^[^:]+:\d+$/.test(name)) return 'a port is no part of a name';
  return dnsNameProblem(name, { underscore: true });
}

function checked(name: ReferenceName, problem: string | undefined): ReferenceName {
  if (problem === undefined) return name;
  throw badValue(name.value, '--name', `expected a DNS name, an IP address or a URI, but ${problem}`);
}

import type { Command } from 'commander';
import type { NameConstraintsOrder } from '../issuance/extensions.ts';
import {
  badValue,
  parseDnsConstraint,
  parseEmailConstraint,
  parseIpConstraint,
  parseUriConstraint,
} from '../options.ts';
import { parseDistinguishedName } from '../x509/name.ts';
import { gather, type OptionValues } from './command.ts';

const kinds = [
  { kind: 'dns', value: '<name>', what: 'this DNS name and all below it', parse: parseDnsConstraint },
  {
    kind: 'uri',
    value: '<host>',
    what: 'URIs with this host (a leading dot: all hosts below)',
    parse: parseUriConstraint,
  },
  { kind: 'ip', value: '<cidr>', what: 'this address range', parse: parseIpConstraint },
  { kind: 'email', value: '<domain>', what: 'this mailbox, host or (leading dot) domain', parse: parseEmailConstraint },
] as const;

/** Adds `--permit-dns`, `--exclude-ip` … to a command that makes a CA. RFC 5280, 4.2.1.10. */
export function addConstraintOptions(command: Command): void {
  for (const [verb, means] of [
    ['permit', 'allow'],
    ['exclude', 'forbid'],
  ] as const) {
    for (const { kind, value, what, parse } of kinds) {
      const flag = `--${verb}-${kind}`;
      command.option(
        `${flag} ${value}`,
        `${means} ${what}; may be repeated`,
        gather(text => parse(text, flag)),
      );
    }
  }
}

export function constraintsFrom(options: OptionValues): NameConstraintsOrder {
  const read = (verb: string, kind: string): readonly string[] =>
    (options[`${verb}${kind}`] ?? []) as readonly string[];
  const subtrees = (verb: string): NameConstraintsOrder['permitted'] => ({
    dns: read(verb, 'Dns'),
    uri: read(verb, 'Uri'),
    ip: read(verb, 'Ip'),
    email: read(verb, 'Email'),
  });
  return { permitted: subtrees('permit'), excluded: subtrees('exclude') };
}

/** Reads the value of `--subject`: a CA's is never empty. RFC 5280, 4.1.2.6. Throws `bad-value`. */
export function parseCaSubject(text: string): Uint8Array {
  if (text.trim() === '')
    throw badValue(text, '--subject', 'a CA has a subject', ["write it like 'CN=Link Root CA,O=Link'"]);
  return parseDistinguishedName(text);
}

import { badValue } from '../options.ts';
import { hasUnprintable } from '../printable.ts';

/**
 * How each format writes a text so that its reader gets back just that text. One returns undefined, or a reason, where the format has no way to.
 * None is asked about control characters, line separators and the like: those are refused everywhere (quote()).
 */
type Quoter = (text: string) => string | Unquotable;

interface Unquotable {
  readonly reason: string;
}

/** One for each format, and for each place in it that reads text differently. */
const quoters = {
  /** The words of libpq's connection strings. */
  conninfo: text => (isPlain(text) ? text : `'${text.replace(/['\\]/g, '\\$&')}'`),
  /** docker compose puts variables in the place of `$`. */
  compose: text => JSON.stringify(text.replaceAll('$', '$$$$')),
  /** curl's configuration files. */
  curl: doubleQuoted,
  /** As curl, and a colon would begin the key's passphrase. */
  curlCert: text => doubleQuoted(text.replace(/[:\\]/g, '\\$&')),
  go: text => JSON.stringify(text),
  /** Strong quotes; there is no quote inside them. */
  haproxy: text => text.split("'").map(strong).join("\\'"),
  /** A command as it is typed, in a comment. */
  line: text => text,
  js: text => JSON.stringify(text),
  /** What needs no quotes anywhere: names of services and hosts, ports, DNS names, SPIFFE IDs. */
  name: text => (/^[A-Za-z0-9._:/[\]-]*$/.test(text) ? text : { reason: 'it would need quotes' }),
  nats: doubleQuoted,
  /** A `$` begins a variable, also in quotes, and there is no escape for it. */
  nginx: text => (text.includes('$') ? { reason: "nginx can't write '$' in a path" } : doubleQuoted(text)),
  /** In a regular expression of the same. */
  pattern: text => text.replace(/[.[\]\\^$*+?(){}|]/g, '\\$&'),
  /** Settings of postgresql.conf. */
  postgresql: text => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`,
  /** Words of pg_hba.conf and pg_ident.conf, in quotes so that none is a keyword. */
  postgresqlWord: text => `"${text.replaceAll('"', '""')}"`,
  python: text => JSON.stringify(text),
  redis: doubleQuoted,
  /** One word for a shell, as short as it may be. */
  sh: text => (isPlain(text) ? text : `'${text.replaceAll("'", "'\\''")}'`),
  /** The rest of the line, without the spaces around it. */
  rest: text => (text.trim() === text ? text : { reason: 'spaces at the ends of a value would be lost' }),
  /** Words of settings: `%` begins a specifier. */
  systemd: text => doubleQuoted(text.replaceAll('%', '%%')),
  /** Words of a command line: `$` begins a variable. */
  systemdCommand: text => doubleQuoted(text.replaceAll('%', '%%').replaceAll('$', '$$$$')),
  /** The rest of the line. */
  systemdRest: text =>
    /^\s|[\s\\]$/.test(text) ? { reason: 'systemd would not keep its ends' } : text.replaceAll('%', '%%'),
  yaml: text => JSON.stringify(text),
} as const satisfies Readonly<Record<string, Quoter>>;

export type QuoterName = keyof typeof quoters;

export function isQuoterName(name: string): name is QuoterName {
  return Object.hasOwn(quoters, name);
}

/** Writes a text in a format. `source` names the flag that it came by, for the error. Throws `bad-value` where the format can't hold it. */
export function quote(text: string, format: QuoterName, source: string): string {
  const outcome = isText(text) ? quoters[format](text) : { reason: 'it has control or invisible characters' };
  if (typeof outcome === 'string') return outcome;
  throw badValue(text, source, outcome.reason, ['choose a path of letters, digits, hyphens, dots and slashes']);
}

/** U+FFFD stands where an argument was not UTF-8: the path meant is another. */
function isText(text: string): boolean {
  return !hasUnprintable(text) && !text.includes('\ufffd');
}

function isPlain(text: string): boolean {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(text);
}

function doubleQuoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function strong(text: string): string {
  return text === '' ? '' : `'${text}'`;
}

import { isQuoterName, quote, type QuoterName } from './quoting.ts';

/** What stands for a name in a template: a text to be quoted, a condition, or rows of texts. */
export type Value = string | boolean | readonly Row[];
export type Row = Readonly<Record<string, string>>;
export type Values = Readonly<Record<string, Value>>;

const condition = /^@([?!])([a-zA-Z]+)@/;
const placeholder = /@([a-zA-Z]+)(?:\.([a-zA-Z]+))?(?:\|([a-zA-Z]+))?@/g;

/**
 * Fills in a template:
 * `@cert@` is the value `cert` quoted for the part's format, `@cert|sh@` quoted for a shell; a line that begins with `@?allow@` or `@!allow@` is
 * there where the condition holds or does not; a line with `@caller.name@` is there once for each row of `caller`.
 * Throws `bad-value` where a value can't be written in the format; a template that is wrong in itself is a bug.
 */
export function render(template: string, format: QuoterName, values: Values): string {
  const source = new Map(Object.entries(sources));
  const quoted = (name: string, text: string, asked: string | undefined): string => {
    if (asked !== undefined && !isQuoterName(asked)) throw new Error(`no template can quote for '${asked}'`);
    return quote(text, asked ?? format, source.get(name) ?? '--dir');
  };
  return template
    .split('\n')
    .flatMap(line => linesOf(line, values, quoted))
    .join('\n');
}

/** The flags by which values come that are not made from the PKI directory. */
const sources: Readonly<Record<string, string>> = {
  command: '--hook',
  metricsDirectory: '--metrics-file',
  passphraseFile: '--ca-passphrase-file',
  program: '--program',
};

type Quote = (name: string, text: string, asked: string | undefined) => string;

function linesOf(line: string, values: Values, quoted: Quote): readonly string[] {
  const when = condition.exec(line);
  if (when !== null) {
    const [marker, sign, name = ''] = when;
    const holds = values[name];
    if (typeof holds !== 'boolean') throw new Error(`a template asks for the condition '${name}', which is none`);
    return holds === (sign === '?') ? linesOf(line.slice(marker.length), values, quoted) : [];
  }
  const list = [...line.matchAll(placeholder)].find(match => match[2] !== undefined)?.[1];
  if (list === undefined) return [filled(line, values, {}, quoted)];
  const rows = values[list];
  if (!Array.isArray(rows)) throw new Error(`a template asks for the rows of '${list}', which has none`);
  return (rows as readonly Row[]).map(row => filled(line, values, { [list]: row }, quoted));
}

function filled(line: string, values: Values, rows: Readonly<Record<string, Row>>, quoted: Quote): string {
  return line.replace(placeholder, (_, name: string, member: string | undefined, asked: string | undefined) => {
    const value = member === undefined ? values[name] : rows[name]?.[member];
    if (typeof value !== 'string')
      throw new Error(`a template asks for '${[name, member].filter(Boolean).join('.')}', which is no text`);
    return quoted(name, value, asked);
  });
}

import { printable } from '../printable.ts';
import type { System } from '../system.ts';
import type { Facts, Value } from '../x509/describe.ts';
import { asText } from './facts.ts';
import { span } from '../status/validity.ts';

/** One table of the authorities and one of the services; below them what is wrong, a line each. */
export async function pkiDirectoryText(target: string, objects: readonly Facts[], system: System): Promise<string> {
  const authorities = objects.filter(({ kind }) => kind === 'authority');
  const services = objects.filter(({ kind }) => kind === 'service');
  const tables = [
    authorities.length === 0 ? 'no authorities' : await system.table(authorityHead, authorities.map(authorityRow)),
    services.length === 0 ? 'no services' : await system.table(serviceHead, services.map(serviceRow)),
  ];
  const problems = objects.flatMap(problemLine).join('');
  return `${printable(target)}: PKI directory\n\n${tables.join('\n\n')}\n${problems === '' ? '' : `\n${problems}`}`;
}

const authorityHead = ['AUTHORITY', 'SUBJECT', 'SERIAL', 'EXPIRES', 'STATE', 'KEY'];

function authorityRow(facts: Facts): readonly string[] {
  return [facts['authority'], facts['subject'], facts['serial'], expiry(facts), facts['state'], facts['key']].map(cell);
}

const serviceHead = ['SERVICE', 'NAMES', 'AUTHORITY', 'SERIAL', 'EXPIRES', 'RENEWS', 'STATE', 'GENERATIONS'];

function serviceRow(facts: Facts): readonly string[] {
  return [
    facts['service'],
    nameCell(facts['names']),
    facts['authority'],
    facts['serial'],
    expiry(facts),
    day(facts['renewAt']),
    facts['state'],
    facts['generations'],
  ].map(cell);
}

function cell(value: Value | undefined): string {
  return value === undefined ? '-' : printable(asText(value));
}

/** The first of them, which is the service's own; `inspect <service>` has all. */
function nameCell(names: Value | undefined): string | undefined {
  if (!Array.isArray(names) || names.length === 0) return undefined;
  const [first, ...others] = names as readonly string[];
  return `${String(first).replace(/^DNS:/, '')}${others.length === 0 ? '' : ` +${others.length}`}`;
}

function expiry(facts: Facts): string | undefined {
  const { notAfter, remainingSeconds } = facts;
  if (typeof notAfter !== 'string' || typeof remainingSeconds !== 'number') return undefined;
  return `${day(notAfter)} (${remainingSeconds < 0 ? '-' : ''}${span(remainingSeconds)})`;
}

function day(instant: Value | undefined): string | undefined {
  return typeof instant === 'string' ? instant.slice(0, 10) : undefined;
}

function problemLine(facts: Facts): readonly string[] {
  const { problem } = facts;
  if (problem === undefined) return [];
  return [`${printable(`${asText(facts['service'] ?? facts['authority'])}: ${asText(problem)}`)}\n`];
}

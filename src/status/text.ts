import { printable } from '../printable.ts';
import type { Colour, Paint, System } from '../system.ts';
import type { AuthorityRow } from './authority-row.ts';
import type { CrlRow } from './crl-row.ts';
import { hookOutcome } from './hook-problem.ts';
import type { Problem } from './problem.ts';
import { isCrlNearEnd, isServiceNearEnd, type Limit } from './report.ts';
import type { ServiceRow } from './service-row.ts';
import type { Severity } from './severity.ts';
import type { Survey } from './survey.ts';
import { span } from './validity.ts';

/** Three tables: services, authorities and CRLs; below them what is wrong and what to do, and a last line that sums it up. */
export async function textOf(survey: Survey, limit: Limit, { paint, system }: { paint: Paint; system: System }) {
  const { services, authorities, crls } = survey;
  const look = { now: survey.now, limit, paint };
  const tables = [
    services.length === 0
      ? 'no services'
      : await system.table(
          serviceHead,
          services.map(row => serviceCells(row, look)),
        ),
    authorities.length === 0
      ? 'no authorities'
      : await system.table(
          authorityHead,
          authorities.map(row => authorityCells(row, look)),
        ),
    crls.length === 0
      ? 'no CRLs'
      : await system.table(
          crlHead,
          crls.map(row => crlCells(row, look)),
        ),
  ];
  const problems = problemLines(survey);
  return `${tables.join('\n\n')}\n\n${problems.join('')}${problems.length === 0 ? '' : '\n'}${summary(survey, limit)}\n`;
}

interface Look {
  readonly now: number;
  readonly limit: Limit;
  readonly paint: Paint;
}

const serviceHead = ['SERVICE', 'AUTHORITY', 'EXPIRES', 'LEFT', 'RENEWS', 'STATE', 'ALARM', 'HOOK'];

function serviceCells(row: ServiceRow, { now, limit, paint }: Look): readonly string[] {
  const { certificate, files, journal } = row;
  return [
    ...[row.service, files.authority ?? '-', dayOf(certificate?.notAfter), leftCell(certificate?.notAfter, now)].map(
      printable,
    ),
    row.certificate === undefined ? '-' : dayOf(files.renewAt),
    stateCell(row.state, row, paint),
    alarmCell(row.severity, isServiceNearEnd(row, limit), paint),
    printable((journal.hook && hookOutcome(journal.hook)) ?? '-'),
  ];
}

const authorityHead = [
  'AUTHORITY',
  'EXPIRES',
  'LEFT',
  'FULL LIVES UNTIL',
  'KEY',
  'ISSUED',
  'REVOKED',
  'STATE',
  'ALARM',
];

function authorityCells(row: AuthorityRow, { now, limit, paint }: Look): readonly string[] {
  const isNear = row.end !== undefined && limit.expiresIn !== undefined && row.end - now < limit.expiresIn;
  const total = (name: 'issued' | 'revoked'): string =>
    row.counts === undefined ? '-' : String(row.counts[name] ?? 0);
  return [
    ...[printable(row.authority), dayOf(row.end), leftCell(row.end, now), dayOf(row.fullUntil), row.key ?? '-'],
    ...[total('issued'), total('revoked')],
    ...[stateCell(row.state, row, paint), alarmCell(row.severity, isNear, paint)],
  ];
}

const crlHead = ['CRL OF', 'NUMBER', 'ENTRIES', 'NEXT UPDATE', 'LEFT', 'STATE', 'ALARM'];

function crlCells(row: CrlRow, { now, limit, paint }: Look): readonly string[] {
  const { crl, number } = row;
  return [
    `${printable(row.authority ?? row.issuer)}${row.isDelta ? ' (delta)' : ''}`,
    ...[number === undefined ? '-' : String(number), crl === undefined ? '-' : String(crl.revokedCount)],
    ...[crl?.nextUpdate === undefined ? '-' : minuteOf(crl.nextUpdate), leftCell(crl?.nextUpdate, now)],
    ...[stateCell(row.state, row, paint), alarmCell(row.severity, isCrlNearEnd(row, limit), paint)],
  ];
}

function dayOf(ms: number | undefined): string {
  return ms === undefined ? '-' : new Date(ms).toISOString().slice(0, 10);
}

function minuteOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}

function leftCell(until: number | undefined, now: number): string {
  if (until === undefined) return '-';
  const seconds = Math.floor((until - now) / 1000);
  return `${seconds < 0 ? '-' : ''}${span(seconds)}`;
}

function stateCell(state: string, { isHealthy }: { readonly isHealthy: boolean }, paint: Paint): string {
  return isHealthy ? state : paint(state, 'red');
}

const colours: Readonly<Record<Severity, Colour>> = {
  ok: 'green',
  notice: 'cyan',
  warning: 'yellow',
  error: 'red',
  critical: 'red',
};

function alarmCell(severity: Severity, isNearEnd: boolean, paint: Paint): string {
  const alarm = severity === 'ok' ? '-' : paint(severity, colours[severity]);
  return isNearEnd ? `${severity === 'ok' ? '' : `${alarm}, `}${paint('near its end', 'yellow')}` : alarm;
}

function problemLines({ services, authorities, crls, problems }: Survey): readonly string[] {
  return [
    ...problems.flatMap(each => linesOf('', each)),
    ...services.flatMap(row => row.problems.flatMap(each => linesOf(row.service, each))),
    ...authorities.flatMap(row => row.problems.flatMap(each => linesOf(row.authority, each))),
    ...crls.flatMap(row => row.problems.flatMap(each => linesOf(`CRL of ${row.authority ?? row.issuer}`, each))),
  ];
}

function linesOf(name: string, { severity, message, hints }: Problem): readonly string[] {
  const head = severity === 'ok' ? '' : `${severity}: `;
  return [
    printable(`${head}${name === '' ? '' : `${name}: `}${message}`),
    ...hints.map(hint => `  ${printable(hint)}`),
  ].map(line => `${line}\n`);
}

/** One line. */
function summary({ services, run, now }: Survey, limit: Limit): string {
  const counts = new Map<string, number>();
  for (const { state } of services) counts.set(state, (counts.get(state) ?? 0) + 1);
  const states = [...counts].map(([state, count]) => `${count} ${state}`).join(', ');
  const next = services
    .filter(({ files, state }) => state === 'valid' && (files.renewAt ?? 0) > now)
    .sort((a, b) => (a.files.renewAt ?? 0) - (b.files.renewAt ?? 0))[0];
  const near = services.filter(row => isServiceNearEnd(row, limit)).length;
  return [
    `${services.length} ${services.length === 1 ? 'service' : 'services'}${states === '' ? '' : `: ${states}`}`,
    ...(near === 0 ? [] : [`${near} near the end`]),
    ...(next?.files.renewAt === undefined ? [] : [`next renewal: ${next.service}, ${minuteOf(next.files.renewAt)}`]),
    ...(run === undefined ? [] : [`last unattended run: ${minuteOf(run.finishedAt)}`]),
    ...(run?.clock === undefined ? [] : [`the clock: ${printable(run.clock)}`]),
  ].join('; ');
}

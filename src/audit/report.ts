import { formatInstant } from '../options.ts';
import { printable } from '../printable.ts';
import type { Paint } from '../system.ts';
import { crlNumber } from '../x509/extensions.ts';
import { explainFinding, type Finding, isWarning, lineOf } from './findings.ts';
import type { Audit } from './run.ts';

/** Facts that are instants (milliseconds) within, RFC 3339 without. */
const instants: ReadonlySet<string> = new Set(['at', 'before', 'nextUpdate', 'now']);

/** One entry of `authorities` in the JSON of an audit. */
export function auditDocument(audit: Audit): object {
  const { authority, ledger, lines, head, issued, revoked, crl, findings } = audit;
  const told = findings.sorted().map(finding => [isWarning(finding), findingDocument(finding, audit)] as const);
  return {
    ...{ authority, sound: findings.count === 0, ledger, lines, head, issued, revoked },
    crl:
      crl === undefined
        ? null
        : {
            number: Number(crlNumber(crl) ?? 0n),
            thisUpdate: formatInstant(crl.thisUpdate),
            nextUpdate: crl.nextUpdate === undefined ? null : formatInstant(crl.nextUpdate),
            entries: crl.revokedCount,
          },
    ...{ findingCount: findings.count, warningCount: findings.warningCount },
    findings: told.filter(([warning]) => !warning).map(([, document]) => document),
    warnings: told.filter(([warning]) => warning).map(([, document]) => document),
  };
}

function findingDocument(finding: Finding, place: Audit): object {
  const { code, ...facts } = finding;
  const shown = Object.entries(facts).map(([key, value]): [string, unknown] => [key, factValue(key, value)]);
  return { code, ...Object.fromEntries(shown), ...explainFinding(finding, place) };
}

/** `before` is an instant in one code only, and numbers elsewhere are what they are. */
function factValue(key: string, value: unknown): unknown {
  return instants.has(key) && typeof value === 'number' ? formatInstant(value) : value;
}

/** How many findings a person is told. */
const told = 20;

export function auditText(audit: Audit, paint: Paint): string {
  const { authority, lines, issued, revoked, findings } = audit;
  const verdict = findings.count === 0 ? paint('sound', 'green') : paint(counted(findings.count, 'finding'), 'red');
  const warnings = findings.warningCount === 0 ? '' : `, ${counted(findings.warningCount, 'warning')}`;
  const what = `${counted(lines, 'line')}, ${counted(issued, 'certificate')}, ${revoked} revoked, ${crlText(audit)}`;
  const sorted = findings.sorted();
  const shown = sorted.slice(0, told);
  const more = findings.count + findings.warningCount - shown.length;
  const advice = [...new Set(shown.map(finding => explainFinding(finding, audit).advice))];
  return [
    `${authority}: ${verdict}${warnings} (${what})`,
    ...shown.map(finding => `  ${findingText(finding, audit, paint)}`),
    ...(more > 0 ? [`  and ${more} more: add --json`] : []),
    ...advice.map(each => `  ${paint('to do', 'cyan')}  ${printable(each)}`),
    '',
  ].join('\n');
}

function crlText({ crl }: Audit): string {
  if (crl === undefined) return 'no CRL';
  return `CRL ${String(crlNumber(crl) ?? 'without number')}`;
}

function findingText(finding: Finding, place: Audit, paint: Paint): string {
  const line = lineOf(finding);
  const label = isWarning(finding) ? paint('warning', 'yellow') : paint('finding', 'red');
  const where = line === undefined ? '' : `line ${line}: `;
  return `${label}  ${where}${printable(explainFinding(finding, place).message)} [${finding.code}]`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

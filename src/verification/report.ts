import { formatDuration, formatInstant } from '../options.ts';
import { explain } from '../path/explain.ts';
import type { Reason } from '../path/reasons.ts';
import type { Verdict } from '../path/verify.ts';
import { printable } from '../printable.ts';
import type { Paint } from '../system.ts';
import { adviceFor } from './advice.ts';
import { type Certificate, fingerprint, serialHex } from '../x509/certificate.ts';
import { formatName } from '../x509/name.ts';

/** One target's outcome: judged, or not read. */
export type Result =
  | { readonly target: string; readonly verdict: Verdict }
  | {
      readonly target: string;
      readonly error: { readonly code: string; readonly message: string; readonly hints: readonly string[] };
    };

/** Facts that are instants (milliseconds) within, RFC 3339 without. */
const instants: ReadonlySet<string> = new Set([
  'at',
  'nextUpdate',
  'notAfter',
  'notBefore',
  'revocationDate',
  'thisUpdate',
]);
const durations: ReadonlySet<string> = new Set(['minRemaining']);

/** One entry of `results` (CLI.md, `verify-chain`). */
export function resultDocument(result: Result): object {
  if ('error' in result) {
    return { target: result.target, valid: false, chain: [], reasons: [], warnings: [], error: result.error };
  }
  const { verdict } = result;
  return {
    target: result.target,
    valid: verdict.valid,
    chain: verdict.chain.map(chainEntry),
    reasons: verdict.reasons.map(reason => ({ ...reasonDocument(reason), advice: adviceFor(reason) })),
    warnings: verdict.warnings.map(reasonDocument),
    tried: verdict.tried.map(path => ({
      chain: path.chain.map(certificate => formatName(certificate.subject)),
      reasons: path.reasons.map(reasonDocument),
    })),
  };
}

function chainEntry(certificate: Certificate): object {
  return {
    subject: formatName(certificate.subject),
    issuer: formatName(certificate.issuer),
    serial: serialHex(certificate.serialNumber),
    notBefore: formatInstant(certificate.notBefore),
    notAfter: formatInstant(certificate.notAfter),
    sha256: fingerprint(certificate.der),
  };
}

function reasonDocument(reason: Reason): object {
  const { code, ...facts } = reason;
  const { message, source } = explain(reason);
  const shown = Object.entries(facts).map(([key, value]): [string, unknown] => [key, factValue(key, value)]);
  return { code, message, ...Object.fromEntries(shown), source };
}

function factValue(key: string, value: unknown): unknown {
  if (typeof value !== 'number') return value;
  if (instants.has(key)) return formatInstant(value);
  return durations.has(key) ? formatDuration(value) : value;
}

/** Reads like an explanation to a colleague: the verdict, the chain, each thing that is wrong with its clause, then what to do. */
export function resultText(result: Result, paint: Paint): string {
  const name = printable(result.target);
  if ('error' in result) {
    const { code, hints, message } = result.error;
    const advice = hints.map(hint => `  ${paint('to do', 'cyan')}    ${printable(hint)}\n`);
    return `${name}: ${paint('not read', 'red')}\n  ${printable(message)} [${code}]\n${advice.join('')}`;
  }
  const { verdict } = result;
  const head = `${name}: ${verdict.valid ? paint('valid', 'green') : paint('refused', 'red')}`;
  const chain = verdict.chain.map((certificate, index) => `  ${chainLine(certificate, index, verdict)}`);
  const reasons = verdict.reasons.map(reason => `  ${paint('refused', 'red')}  ${reasonText(reason)}`);
  const advice = [...new Set(verdict.reasons.map(adviceFor))].map(each => `  ${paint('to do', 'cyan')}    ${each}`);
  const warnings = verdict.warnings.map(reason => `  ${paint('warning', 'yellow')}  ${reasonText(reason)}`);
  return `${[head, ...chain, ...reasons, ...advice, ...warnings, ...otherPaths(verdict)].join('\n')}\n`;
}

function chainLine(certificate: Certificate, index: number, verdict: Verdict): string {
  const anchor = verdict.valid && index === verdict.chain.length - 1 ? ', trust anchor' : '';
  const arrow = index === 0 ? '' : `${' '.repeat(2 * (index - 1))}└ `;
  return `${arrow}${formatName(certificate.subject)}  (until ${formatInstant(certificate.notAfter)}${anchor})`;
}

function reasonText(reason: Reason): string {
  const { message, source } = explain(reason);
  return `${printable(message)} [${reason.code}; ${source}]`;
}

/** The paths besides the one reported, each with the first reason for which it was dropped. */
function otherPaths(verdict: Verdict): readonly string[] {
  const others = verdict.valid ? [] : verdict.tried.filter(path => path.reasons !== verdict.reasons);
  if (others.length < 2) return [];
  return [
    `  ${others.length} paths were tried:`,
    ...others.map(path => {
      const [first] = path.reasons;
      const names = path.chain.map(certificate => formatName(certificate.subject)).join(' ← ');
      return `    ${names}: ${first === undefined ? 'no path' : printable(explain(first).message)}`;
    }),
  ];
}

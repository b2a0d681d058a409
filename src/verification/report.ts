import type { ErrorCode } from '../errors.ts';
import { formatDuration, formatInstant } from '../options.ts';
import { explain } from '../path/explain.ts';
import type { Reason, ReasonCode } from '../path/reasons.ts';
import type { Verdict } from '../path/verify.ts';
import { printable } from '../printable.ts';
import type { Paint } from '../system.ts';
import { type Certificate, fingerprint, serialHex } from '../x509/certificate.ts';
import { formatName } from '../x509/name.ts';
import { adviceFor } from './advice.ts';

/** One entry of `results` (CLI.md, `verify-chain`): judged, or with the error for which it could not be. Plain data: it crosses threads and becomes JSON. */
export interface Result {
  readonly target: string;
  readonly valid: boolean;
  /** Leaf first. */
  readonly chain: readonly ChainEntry[];
  readonly reasons: readonly AdvisedReason[];
  readonly warnings: readonly ToldReason[];
  readonly tried?: readonly { readonly chain: readonly string[]; readonly reasons: readonly ToldReason[] }[];
  readonly error?: { readonly code: ErrorCode; readonly message: string; readonly hints: readonly string[] };
}

interface ChainEntry {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly sha256: string;
}

/** A reason with its facts beside what is said of it. */
export interface ToldReason {
  readonly code: ReasonCode;
  readonly message: string;
  readonly source: string;
}

type AdvisedReason = ToldReason & { readonly advice: string };

export function judged(target: string, { valid, chain, reasons, warnings, tried }: Verdict): Result {
  return {
    target,
    valid,
    chain: chain.map(chainEntry),
    reasons: reasons.map(reason => ({ ...told(reason), advice: adviceFor(reason) })),
    warnings: warnings.map(told),
    tried: tried.map(path => ({
      chain: path.chain.map(certificate => formatName(certificate.subject)),
      reasons: path.reasons.map(told),
    })),
  };
}

export function unread(target: string, { code, message, hints }: NonNullable<Result['error']>): Result {
  return { target, valid: false, chain: [], reasons: [], warnings: [], error: { code, message, hints } };
}

function chainEntry(certificate: Certificate): ChainEntry {
  return {
    subject: formatName(certificate.subject),
    issuer: formatName(certificate.issuer),
    serial: serialHex(certificate.serialNumber),
    notBefore: formatInstant(certificate.notBefore),
    notAfter: formatInstant(certificate.notAfter),
    sha256: fingerprint(certificate.der),
  };
}

function told(reason: Reason): ToldReason {
  const { code, ...facts } = reason;
  const { message, source } = explain(reason);
  const shown = Object.entries(facts).map(([key, value]): [string, unknown] => [key, factValue(key, value)]);
  return { code, message, ...Object.fromEntries(shown), source };
}

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

function factValue(key: string, value: unknown): unknown {
  if (typeof value !== 'number') return value;
  if (instants.has(key)) return formatInstant(value);
  return durations.has(key) ? formatDuration(value) : value;
}

/** Reads like an explanation to a colleague: the verdict, the chain, each thing that is wrong with its clause, then what to do. */
export function resultText(result: Result, paint: Paint): string {
  const name = printable(result.target);
  if (result.error !== undefined) {
    const { code, hints, message } = result.error;
    const advice = hints.map(hint => `  ${paint('to do', 'cyan')}    ${printable(hint)}\n`);
    return `${name}: ${paint('not read', 'red')}\n  ${printable(message)} [${code}]\n${advice.join('')}`;
  }
  const head = `${name}: ${result.valid ? paint('valid', 'green') : paint('refused', 'red')}`;
  const chain = result.chain.map((_, index) => `  ${chainLine(result, index)}`);
  const reasons = result.reasons.map(reason => `  ${paint('refused', 'red')}  ${reasonText(reason)}`);
  const advices = new Set(result.reasons.map(({ advice }) => advice));
  const advice = [...advices].map(each => `  ${paint('to do', 'cyan')}    ${each}`);
  const warnings = result.warnings.map(reason => `  ${paint('warning', 'yellow')}  ${reasonText(reason)}`);
  return `${[head, ...chain, ...reasons, ...advice, ...warnings, ...triedPaths(result)].join('\n')}\n`;
}

function chainLine({ chain, valid }: Result, index: number): string {
  const { subject = '', notAfter = '' } = chain[index] ?? {};
  const anchor = valid && index === chain.length - 1 ? ', trust anchor' : '';
  const arrow = index === 0 ? '' : `${' '.repeat(2 * (index - 1))}└ `;
  return `${arrow}${subject}  (until ${notAfter}${anchor})`;
}

function reasonText({ code, message, source }: ToldReason): string {
  return `${printable(message)} [${code}; ${source}]`;
}

/** Where there were several paths, each with the first reason for which it was dropped. */
function triedPaths({ valid, tried = [] }: Result): readonly string[] {
  if (valid || tried.length < 2) return [];
  return [
    `  ${tried.length} paths were tried:`,
    ...tried.map(({ chain, reasons: [first] }) => {
      return `    ${chain.join(' ← ')}: ${first === undefined ? 'no path' : printable(first.message)}`;
    }),
  ];
}

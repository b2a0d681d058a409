import type { RenewedService } from '../deployment/renew.ts';
import { firstSecond, renewalTime } from '../deployment/decision.ts';
import { explainDue } from '../deployment/explain-due.ts';
import type { HookRun } from '../deployment/journal.ts';
import { type ErrorCode, exitStatusOfCode } from '../errors.ts';
import type { RolledBackService } from '../deployment/rollback.ts';
import type { Remembered } from './remembered.ts';
import { formatInstant } from '../options.ts';
import { type Certificate, serialHex } from '../x509/certificate.ts';

export const renewSchema = 'mtlsctl/renew/v1';

/** One entry of `services` (CLI.md, `renew`); `due` is what --check and --dry-run find. */
export interface RenewalEntry {
  readonly service: string;
  readonly status: 'due' | 'failed' | 'hook-failed' | 'not-due' | 'renewed' | 'rolled-back';
  readonly reasons: readonly string[];
  /** Of each reason, for a person. */
  readonly explanations?: readonly string[];
  readonly serial?: string;
  readonly previousSerial?: string;
  /** RFC 3339, as all instants here. */
  readonly notAfter?: string;
  readonly renewAt?: string;
  readonly hook?: HookReport;
  readonly error?: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly hints: readonly string[];
    readonly exitStatus: number;
  };
  readonly warnings: readonly string[];
  /** When an unattended run tries again, in milliseconds; for its schedule. */
  readonly retryAt?: number;
}

/** How a hook ended. */
export interface HookReport {
  readonly at: string;
  /** Seconds. */
  readonly seconds: number;
  readonly exitStatus?: number;
  readonly signal?: string;
  readonly timedOut?: boolean;
  readonly output: readonly string[];
}

export function renewedEntry(result: RenewedService | RolledBackService): RenewalEntry {
  const { service, status, reasons, examination, certificate, previousSerial, hook, error, warnings } = result;
  const heldUntil =
    'heldUntil' in result ? result.heldUntil : status === 'renewed' ? undefined : examination?.heldUntil;
  const plan = 'plan' in result ? result.plan : examination?.plan;
  const explained = examination === undefined ? [] : [...examination.reasons, ...examination.repairs].map(explainDue);
  return {
    ...{ service, status, reasons },
    ...(explained.length > 0 && { explanations: explained }),
    ...(certificate !== undefined && certificateFacts(certificate, plan?.wanted.renewAt, heldUntil)),
    ...(previousSerial !== undefined && { previousSerial }),
    ...(hook !== undefined && { hook: hookReport(hook) }),
    ...(error !== undefined && { error: errorReport(error) }),
    ...(result.retryAt !== undefined && { retryAt: result.retryAt }),
    warnings,
  };
}

/** Of a service that need not be looked at. */
export function rememberedEntry(service: string, { serial, notAfter, renewAt }: Remembered): RenewalEntry {
  return {
    ...{ service, status: 'not-due', reasons: [], serial, notAfter: formatInstant(notAfter) },
    ...{ renewAt: formatInstant(firstSecond(renewAt)), warnings: [] },
  };
}

function errorReport(error: NonNullable<RenewedService['error']>): NonNullable<RenewalEntry['error']> {
  const { code, message, hints } = error;
  return { code, message, hints, exitStatus: exitStatusOfCode(code) };
}

export function certificateFacts(
  certificate: Certificate,
  renewAt: number | undefined,
  heldUntil = 0,
): Pick<RenewalEntry, 'notAfter' | 'renewAt' | 'serial'> {
  const from = renewAt === undefined ? undefined : Math.max(renewalTime(certificate, renewAt), heldUntil);
  return {
    serial: serialHex(certificate.serialNumber),
    notAfter: formatInstant(certificate.notAfter),
    ...(from !== undefined && { renewAt: formatInstant(firstSecond(from)) }),
  };
}

function hookReport(run: HookRun): HookReport {
  const { startedAt, duration = 0, exitStatus, signal, timedOut, output } = run;
  return {
    at: formatInstant(startedAt),
    seconds: duration / 1000,
    ...(exitStatus !== undefined && { exitStatus }),
    ...(signal !== undefined && { signal }),
    ...(timedOut === true && { timedOut }),
    output,
  };
}

/** As CLI.md has it. */
export function entryAsJson({ error, retryAt, ...entry }: RenewalEntry): object {
  if (error === undefined) return entry;
  const { code, message, hints } = error;
  return { ...entry, error: { code, message, hints } };
}

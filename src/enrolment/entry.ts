import { firstSecond, renewalTime } from '../deployment/decision.ts';
import type { EnrolledService } from '../deployment/enroll.ts';
import type { ServicePlan } from '../deployment/plan.ts';
import { servicePaths } from '../deployment/service.ts';
import type { ErrorCode, MtlsctlError } from '../errors.ts';
import { formatInstant } from '../options.ts';
import { type Certificate, serialHex } from '../x509/certificate.ts';

export const enrollSchema = 'mtlsctl/enroll/v1';

/** One entry of `services` (CLI.md, `enroll`). Plain data: it crosses threads and becomes JSON. */
export interface ServiceEntry {
  readonly service: string;
  readonly status: 'failed' | 'installed' | 'issued' | 'requested' | 'signed' | 'unchanged';
  readonly serial?: string;
  /** RFC 3339, as all instants here. */
  readonly notBefore?: string;
  readonly notAfter?: string;
  readonly renewAt?: string;
  readonly authority?: string | null;
  readonly certificate?: string;
  readonly key?: string;
  readonly request?: string;
  readonly reasons?: readonly string[];
  readonly warnings?: readonly string[];
  readonly error?: { readonly code: ErrorCode; readonly message: string; readonly hints: readonly string[] };
}

export function enrolledEntry(directory: string, result: EnrolledService): ServiceEntry {
  return {
    ...certificateEntry(directory, result.plan, result.status, result.certificate),
    reasons: result.reasons.map(reason => reason.code),
    warnings: result.warnings,
  };
}

export function certificateEntry(
  directory: string,
  plan: ServicePlan,
  status: ServiceEntry['status'],
  certificate: Certificate,
): ServiceEntry {
  const paths = servicePaths(directory, plan.service);
  return {
    service: plan.service,
    status,
    serial: serialHex(certificate.serialNumber),
    notBefore: formatInstant(certificate.notBefore),
    notAfter: formatInstant(certificate.notAfter),
    renewAt: formatInstant(firstSecond(renewalTime(certificate, plan.wanted.renewAt))),
    authority: plan.settings.authority ?? null,
    certificate: paths.certificate,
    key: paths.key,
  };
}

export function failedEntry(service: string, error: MtlsctlError): ServiceEntry {
  return { service, status: 'failed', error: { code: error.code, message: error.message, hints: error.hints } };
}

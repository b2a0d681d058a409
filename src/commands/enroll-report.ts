import { renewalTime } from '../deployment/decision.ts';
import type { EnrolledService } from '../deployment/enroll.ts';
import type { ServicePlan } from '../deployment/plan.ts';
import { servicePaths } from '../deployment/service.ts';
import type { MtlsctlError } from '../errors.ts';
import { formatInstant } from '../options.ts';
import { printable } from '../printable.ts';
import type { Paint } from '../system.ts';
import { type Certificate, serialHex } from '../x509/certificate.ts';

export const enrollSchema = 'mtlsctl/enroll/v1';

/** One entry of `services` (CLI.md, `enroll`). */
export interface ServiceEntry {
  readonly service: string;
  readonly status: string;
  readonly serial?: string;
  readonly notBefore?: string;
  readonly notAfter?: string;
  readonly renewAt?: string;
  readonly authority?: string | null;
  readonly certificate?: string;
  readonly key?: string;
  readonly reasons?: readonly string[];
  readonly warnings?: readonly string[];
  readonly error?: { readonly code: string; readonly message: string; readonly hints: readonly string[] };
}

export function enrolledEntry(directory: string, result: EnrolledService): ServiceEntry {
  return {
    ...certificateEntry(directory, result.service, result.status, result.certificate, result.plan),
    reasons: result.reasons.map(reason => reason.code),
    warnings: result.warnings,
  };
}

export function certificateEntry(
  directory: string,
  service: string,
  status: string,
  certificate: Certificate,
  plan: ServicePlan,
): ServiceEntry {
  const paths = servicePaths(directory, service);
  return {
    service,
    status,
    serial: serialHex(certificate.serialNumber),
    notBefore: formatInstant(certificate.notBefore),
    notAfter: formatInstant(certificate.notAfter),
    renewAt: formatInstant(renewalTime(certificate, plan.profile.renewAt)),
    authority: plan.settings.authority ?? null,
    certificate: paths.certificate,
    key: paths.key,
  };
}

export function failedEntry(service: string, error: MtlsctlError): ServiceEntry {
  return { service, status: 'failed', error: { code: error.code, message: error.message, hints: error.hints } };
}

const colours: Readonly<Record<string, 'green' | 'dim' | 'red'>> = {
  failed: 'red',
  issued: 'green',
  installed: 'green',
  unchanged: 'dim',
};

/** One line a service. */
export function entryText(entry: ServiceEntry, paint: Paint): string {
  const status = paint(entry.status, colours[entry.status] ?? 'green');
  if (entry.error !== undefined) {
    return `${entry.service}: ${status}: ${printable(entry.error.message)} [${entry.error.code}]\n`;
  }
  return `${entry.service}: ${status}, serial ${entry.serial ?? ''}, expires ${entry.notAfter ?? ''}, renewal from ${entry.renewAt ?? ''}\n`;
}

export function summaryText(entries: readonly ServiceEntry[]): string {
  const count = (status: string): number => entries.filter(entry => entry.status === status).length;
  return `${count('issued')} issued, ${count('unchanged')} unchanged, ${count('failed')} failed\n`;
}

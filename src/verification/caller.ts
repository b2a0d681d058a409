import { label, type Reason } from '../path/reasons.ts';
import type { Verdict } from '../path/verify.ts';
import type { Certificate } from '../x509/certificate.ts';
import { subjectAltName } from '../x509/extensions.ts';
import { commonName } from '../x509/name.ts';

/** Who may call a service, as mtlsctl.yaml says. */
export interface AllowList {
  readonly service: string;
  readonly trustDomain: string;
  /** Undefined where mtlsctl.yaml leaves it open. */
  readonly callers: readonly string[] | undefined;
}

/**
 * The verdict on a certificate whose holder calls that service. Servers go by the common name or by the SPIFFE ID, so both have to be those of one
 * caller on the list; a certificate need not have a SPIFFE ID.
 */
export function withCallerCheck(verdict: Verdict, leaf: Certificate, list: AllowList, strict: boolean): Verdict {
  const reason = callerReason(leaf, list);
  if (reason === undefined) return verdict;
  const { chain, reasons, tried, warnings } = verdict;
  // A service that nobody has named may be a slip of the pen: it never goes unsaid.
  if (reason.code === 'callers-not-listed' && !strict)
    return { ...verdict, chain, tried, warnings: [...warnings, reason] };
  return { ...verdict, valid: false, chain, tried, warnings, reasons: [...reasons, reason] };
}

function callerReason(leaf: Certificate, { callers, service, trustDomain }: AllowList): Reason | undefined {
  if (callers === undefined) return { code: 'callers-not-listed', service };
  const name = commonName(leaf.subject);
  const ids = (subjectAltName(leaf) ?? []).flatMap(each => (each.kind === 'uri' ? [each.value] : []));
  const isCaller = (caller: string): boolean =>
    // One common name and nothing beside it, as servers compare it.
    leaf.subject.rdns.length === 1 &&
    name === `${caller}.${trustDomain}` &&
    ids.every(id => id === `spiffe://${trustDomain}/service/${caller}`);
  return callers.some(isCaller)
    ? undefined
    : { code: 'caller-not-allowed', subject: label(leaf), service, allowed: callers.join(', ') };
}

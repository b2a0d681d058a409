import { type RevocationOutcome, type RevocationResult } from '../authority/revoke.ts';
import type { ServiceEntry } from '../enrolment/entry.ts';
import { formatInstant } from '../options.ts';
import { printable } from '../printable.ts';
import type { Paint } from '../system.ts';
import { crlReasonName } from '../x509/extensions.ts';
import { crlDocument } from './crl-report.ts';
import type { AuthorityFailure } from './revoke-authorities.ts';

export interface RevocationRun {
  readonly results: readonly RevocationResult[];
  readonly replacements: readonly ServiceEntry[];
  readonly failures: readonly AuthorityFailure[];
  readonly isDryRun: boolean;
}

/** What `revoke` did, or would do. */
export function revokeDocument({ results, replacements, failures, isDryRun }: RevocationRun) {
  return {
    schema: 'mtlsctl/revoke/v1',
    dryRun: isDryRun,
    certificates: results.flatMap(({ authority, outcomes }) =>
      outcomes.map(outcome => certificateDocument(authority.name, outcome)),
    ),
    replacements,
    crls: results.flatMap(({ authority, publication }) =>
      publication === undefined ? [] : [crlDocument(authority.name, publication)],
    ),
    failures: failures.map(({ authority, error: { code, message, hints } }) => ({
      authority,
      error: { code, message, hints },
    })),
  };
}

function certificateDocument(authority: string, { certificate, status, revocation }: RevocationOutcome) {
  const { serial, subject, service, notAfter } = certificate.issued;
  return {
    ...{ status, authority, serial, subject, service: service ?? null, notAfter },
    reason: revocation === undefined ? null : (crlReasonName(revocation.reason) ?? String(revocation.reason)),
    date: revocation === undefined ? null : formatInstant(revocation.date),
    invalidityDate: revocation?.invalidityDate === undefined ? null : formatInstant(revocation.invalidityDate),
  };
}

/** One line a certificate, then one a CRL. */
export function revokeText(document: ReturnType<typeof revokeDocument>, paint: Paint): string {
  const { certificates, replacements, crls, failures, dryRun } = document;
  if (certificates.length === 0 && failures.length === 0) return 'nothing to revoke: all of it has expired\n';
  return [
    ...replacements.map(
      each =>
        `${each.service}: ${paint('replaced', 'green')}, serial ${each.serial ?? ''}, expires ${each.notAfter ?? ''}`,
    ),
    ...certificates.map(each => certificateLine(each, dryRun, paint)),
    ...crls.map(each => `${each.authority}: CRL ${each.number}, ${each.entries} revoked, next due ${each.nextUpdate}`),
    ...failures.map(({ authority }) => `${authority}: ${paint('failed', 'red')}`),
  ]
    .map(line => `${line}\n`)
    .join('');
}

function certificateLine(
  each: ReturnType<typeof revokeDocument>['certificates'][number],
  isDryRun: boolean,
  paint: Paint,
): string {
  const name = printable(each.service ?? each.subject);
  const would = isDryRun && each.status !== 'unchanged' ? 'would be ' : '';
  const status = paint(`${would}${each.status}`, each.status === 'unchanged' ? 'dim' : 'green');
  const facts = each.reason === null ? 'not revoked' : `${each.reason} since ${each.date ?? ''}`;
  return `${name}: ${status}, serial ${each.serial}, ${facts}`;
}

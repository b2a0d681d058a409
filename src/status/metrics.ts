/**
 * The metrics in their order. Their names, types and labels are part of the interface: alerts are written on them (`template prometheus-rules`).
 * Names end in the base unit that Prometheus asks for, so days are told in seconds, 86,400 each. Instants are Unix times.
 *
 * | metric | type | labels |
 * | --- | --- | --- |
 * | `mtlsctl_certificate_not_after_timestamp_seconds` | gauge | service, authority |
 * | `mtlsctl_certificate_renewal_timestamp_seconds` | gauge | service, authority |
 * | `mtlsctl_certificate_remaining_seconds` | gauge | service, authority |
 * | `mtlsctl_service_healthy` | gauge, 0 or 1 | service |
 * | `mtlsctl_service_state` | gauge, 1 | service, state: `valid`, `due`, `expired`, `mismatch`, `missing`, `not-yet-valid`, `refused`, `revoked`, `unreadable` |
 * | `mtlsctl_renewals_total` | counter | service |
 * | `mtlsctl_renewal_failures_total` | counter | service |
 * | `mtlsctl_renewal_failed_attempts` | gauge, those in a row | service |
 * | `mtlsctl_renewal_last_success_timestamp_seconds` | gauge | service |
 * | `mtlsctl_hook_failures_total` | counter | service |
 * | `mtlsctl_hook_pending` | gauge, 0 or 1 | service |
 * | `mtlsctl_authority_not_after_timestamp_seconds` | gauge | authority |
 * | `mtlsctl_authority_remaining_seconds` | gauge | authority |
 * | `mtlsctl_authority_full_leaf_until_timestamp_seconds` | gauge | authority |
 * | `mtlsctl_authority_healthy` | gauge, 0 or 1 | authority |
 * | `mtlsctl_certificates_issued_total` | counter | authority |
 * | `mtlsctl_certificates_revoked_total` | counter | authority |
 * | `mtlsctl_crl_this_update_timestamp_seconds` | gauge | authority, issuer |
 * | `mtlsctl_crl_next_update_timestamp_seconds` | gauge | authority, issuer |
 * | `mtlsctl_crl_remaining_seconds` | gauge | authority, issuer |
 * | `mtlsctl_crl_number` | gauge | authority, issuer |
 * | `mtlsctl_crl_entries` | gauge | authority, issuer |
 * | `mtlsctl_runs_total` | counter | - |
 * | `mtlsctl_last_run_timestamp_seconds` | gauge | - |
 * | `mtlsctl_last_success_timestamp_seconds` | gauge | - |
 * | `mtlsctl_last_run_services` | gauge | result: `renewed`, `not-due`, `failed`, `hook-failed` |
 * | `mtlsctl_clock_wrong` | gauge, 0 or 1 | - |
 * | `mtlsctl_configuration_valid` | gauge, 0 or 1 | - |
 * | `mtlsctl_written_timestamp_seconds` | gauge | - |
 *
 * `authority` is the name of an authority of this PKI directory, empty for one of another location; `issuer` its distinguished name. A service
 * without a readable certificate has no gauges of the certificate, only `mtlsctl_service_healthy` 0. Counters begin at 0 for every service, and
 * those of an authority are there only where its ledger is.
 */
export const metrics = {
  mtlsctl_certificate_not_after_timestamp_seconds: gauge("The end of a service's certificate (notAfter)."),
  mtlsctl_certificate_renewal_timestamp_seconds: gauge("When a service's certificate becomes due for renewal."),
  mtlsctl_certificate_remaining_seconds: gauge(
    "Until a service's certificate expires, negative after that; a day has 86400.",
  ),
  mtlsctl_service_healthy: gauge(
    'Whether a service has a matching, valid pair and its settings can be read. One that is due is healthy.',
  ),
  mtlsctl_service_state: gauge('The state that a service is in, by its label; always 1.'),
  mtlsctl_renewals_total: counter('Renewals put in force.'),
  mtlsctl_renewal_failures_total: counter('Attempts at a renewal that came to nothing.'),
  mtlsctl_renewal_failed_attempts: gauge(
    'Attempts that failed one after the other, until now; 0 after one that succeeds.',
  ),
  mtlsctl_renewal_last_success_timestamp_seconds: gauge('When a renewal was last in force, its hook done.'),
  mtlsctl_hook_failures_total: counter('Runs of the hook that failed.'),
  mtlsctl_hook_pending: gauge('Whether a certificate is in force whose hook has not succeeded yet.'),
  mtlsctl_authority_not_after_timestamp_seconds: gauge(
    "The end of an authority's chain: its own certificate or one above it.",
  ),
  mtlsctl_authority_remaining_seconds: gauge(
    "Until an authority's chain expires, negative after that; a day has 86400.",
  ),
  mtlsctl_authority_full_leaf_until_timestamp_seconds: gauge(
    'From then on an authority ends before a leaf of full life would, and its leaves are shortened.',
  ),
  mtlsctl_authority_healthy: gauge('Whether an authority can be read and is valid.'),
  mtlsctl_certificates_issued_total: counter('Certificates that an authority has issued, by its ledger.'),
  mtlsctl_certificates_revoked_total: counter('Revocations, those taken back from hold included, by the ledger.'),
  mtlsctl_crl_this_update_timestamp_seconds: gauge('When a CRL in crl.pem was issued (thisUpdate).'),
  mtlsctl_crl_next_update_timestamp_seconds: gauge('Until when a CRL in crl.pem counts (nextUpdate).'),
  mtlsctl_crl_remaining_seconds: gauge('Until a CRL in crl.pem is stale, negative after that.'),
  mtlsctl_crl_number: gauge('The number of a CRL in crl.pem.'),
  mtlsctl_crl_entries: gauge('How many certificates a CRL in crl.pem lists.'),
  mtlsctl_runs_total: counter('Unattended looks at all services.'),
  mtlsctl_last_run_timestamp_seconds: gauge('When the last unattended look ended.'),
  mtlsctl_last_success_timestamp_seconds: gauge('When an unattended look last ended without a failure.'),
  mtlsctl_last_run_services: gauge('How many services the last unattended look found so.'),
  mtlsctl_clock_wrong: gauge('Whether the last unattended look found the clock of this machine wrong.'),
  mtlsctl_configuration_valid: gauge('Whether mtlsctl.yaml can be read.'),
  mtlsctl_written_timestamp_seconds: gauge('When this was written.'),
} as const satisfies Record<string, Metric>;

export interface Metric {
  readonly type: 'counter' | 'gauge';
  readonly help: string;
}

export type MetricName = keyof typeof metrics;

function gauge(help: string): Metric {
  return { type: 'gauge', help };
}

function counter(help: string): Metric {
  return { type: 'counter', help };
}

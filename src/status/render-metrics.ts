import type { AuthorityRow } from './authority-row.ts';
import type { CrlRow } from './crl-row.ts';
import { type MetricName, metrics } from './metrics.ts';
import { dashed } from './report.ts';
import type { ServiceRow } from './service-row.ts';
import type { Survey } from './survey.ts';

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly metric: MetricName;
  readonly labels: Labels;
  readonly value: number;
}

/** A survey in Prometheus's text exposition format, version 0.0.4. */
export function renderMetrics(survey: Survey): string {
  const { services, authorities, crls, now } = survey;
  const samples = [
    ...services.flatMap(row => serviceSamples(row, now)),
    ...authorities.flatMap(row => authoritySamples(row, now)),
    ...crls.filter(({ isDelta }) => !isDelta).flatMap(row => crlSamples(row, now)),
    ...runSamples(survey),
  ];
  const lines = new Map<MetricName, Map<string, string>>();
  for (const { metric, labels, value } of samples) {
    const family = lines.get(metric) ?? new Map<string, string>();
    lines.set(metric, family);
    const series = labelText(labels);
    // Two CRLs of one issuer: a series must not be there twice.
    if (!family.has(series)) family.set(series, `${metric}${series} ${value}\n`);
  }
  return Object.entries(metrics)
    .map(([metric, { type, help }]) => {
      const family = lines.get(metric as MetricName);
      if (family === undefined) return '';
      return `# HELP ${metric} ${help}\n# TYPE ${metric} ${type}\n${[...family.values()].join('')}`;
    })
    .join('');
}

/** A backslash, a quote and a line feed are escaped; all other text stands as it is. */
function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${value.replace(/["\\\n]/g, escape)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escape(character: string): string {
  return character === '\n' ? '\\n' : `\\${character}`;
}

type Value = number | undefined;

/** Milliseconds to seconds; a value that is not known makes no sample. */
function gather(labels: Labels, values: Readonly<Partial<Record<MetricName, Value>>>): readonly Sample[] {
  return Object.entries(values).flatMap(([metric, value]) =>
    value === undefined ? [] : [{ metric: metric as MetricName, labels, value }],
  );
}

function seconds(ms: Value): Value {
  return ms === undefined ? undefined : ms / 1000;
}

/** Whole seconds, rounded down: what has begun to be over is over. */
function left(until: Value, now: number): Value {
  return until === undefined ? undefined : Math.floor((until - now) / 1000);
}

function serviceSamples(row: ServiceRow, now: number): readonly Sample[] {
  const { service, certificate, files, journal, state } = row;
  const { renewals, failures, hookFailures } = journal.counters;
  return [
    ...gather(
      { service, authority: files.authority ?? '' },
      {
        mtlsctl_certificate_not_after_timestamp_seconds: seconds(certificate?.notAfter),
        mtlsctl_certificate_renewal_timestamp_seconds: seconds(certificate && files.renewAt),
        mtlsctl_certificate_remaining_seconds: left(certificate?.notAfter, now),
      },
    ),
    ...gather({ service, state: dashed(state) }, { mtlsctl_service_state: 1 }),
    ...gather(
      { service },
      {
        mtlsctl_service_healthy: Number(row.isHealthy),
        mtlsctl_renewals_total: renewals,
        mtlsctl_renewal_failures_total: failures,
        mtlsctl_renewal_failed_attempts: journal.attempts,
        mtlsctl_renewal_last_success_timestamp_seconds: seconds(journal.lastSuccess),
        mtlsctl_hook_failures_total: hookFailures,
        mtlsctl_hook_pending: Number(journal.state === 'live'),
      },
    ),
  ];
}

function authoritySamples(row: AuthorityRow, now: number): readonly Sample[] {
  const { authority, counts } = row;
  return gather(
    { authority },
    {
      mtlsctl_authority_not_after_timestamp_seconds: seconds(row.end),
      mtlsctl_authority_remaining_seconds: left(row.end, now),
      mtlsctl_authority_full_leaf_until_timestamp_seconds: row.isRoot ? undefined : seconds(row.fullUntil),
      mtlsctl_authority_healthy: Number(row.isHealthy),
      mtlsctl_certificates_issued_total: counts && (counts.issued ?? 0),
      mtlsctl_certificates_revoked_total: counts && (counts.revoked ?? 0),
    },
  );
}

function crlSamples({ authority, issuer, crl, number }: CrlRow, now: number): readonly Sample[] {
  return gather(
    { authority: authority ?? '', issuer },
    {
      mtlsctl_crl_this_update_timestamp_seconds: seconds(crl?.thisUpdate),
      mtlsctl_crl_next_update_timestamp_seconds: seconds(crl?.nextUpdate),
      mtlsctl_crl_remaining_seconds: left(crl?.nextUpdate, now),
      mtlsctl_crl_number: number === undefined ? undefined : Number(number),
      mtlsctl_crl_entries: crl?.revokedCount,
    },
  );
}

function runSamples({ run, now, isConfigured }: Survey): readonly Sample[] {
  const results = Object.entries(run?.services ?? {});
  return [
    ...results.flatMap(([result, value]) => gather({ result }, { mtlsctl_last_run_services: value })),
    ...gather(
      {},
      {
        mtlsctl_runs_total: run?.runs,
        mtlsctl_last_run_timestamp_seconds: seconds(run?.finishedAt),
        mtlsctl_last_success_timestamp_seconds: seconds(run?.lastSuccess),
        mtlsctl_clock_wrong: run && Number(run.clock !== undefined),
        mtlsctl_configuration_valid: Number(isConfigured),
        mtlsctl_written_timestamp_seconds: seconds(now),
      },
    ),
  ];
}

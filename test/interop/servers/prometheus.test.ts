import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../../src/main.ts';
import { metrics } from '../../../src/status/metrics.ts';
import { fakeSystem } from '../../fake-system.ts';
import { sharedTemporaryDirectory } from '../../temporary.ts';
import { lacksTool, requireTool } from '../requirements.ts';

const base = sharedTemporaryDirectory();
const day = 86_400;
const hour = 3600;

describe('the printed rules', () => {
  let path = '';

  beforeAll(async () => {
    const system = fakeSystem({ args: ['template', 'prometheus-rules'] });
    expect(await main(system)).toBe(0);
    path = join(base(), 'rules.yml');
    writeFileSync(path, system.output());
  });

  it('speak of metrics that there are', () => {
    const named = new Set(readFileSync(path, 'utf8').match(/\bmtlsctl_\w+/g));
    expect(named.size).toBeGreaterThan(10);
    expect([...named].filter(name => !(name in metrics))).toEqual([]);
  });

  describe.skipIf(lacksTool('promtool'))('in Prometheus', () => {
    it('are accepted by promtool', () => {
      const { status, stdout, stderr } = promtool('check', 'rules', '--lint-fatal', path);
      expect(status, stderr).toBe(0);
      expect(stdout).toContain('SUCCESS');
    });

    it('say nothing of a service that is renewed in time', () => {
      const series = [...certificate(90 * day, 60 * day), ...healthy];
      expect(firing(series, 59 * day)).toEqual([]);
    });

    it.each([
      [60 * day + 12 * hour, ['MtlsctlRenewalOverdue warning']],
      [76 * day, ['MtlsctlCertificateExpiresSoon warning', 'MtlsctlRenewalOverdue warning']],
      [
        84 * day,
        [
          'MtlsctlCertificateExpiresSoon error',
          'MtlsctlCertificateExpiresSoon warning',
          'MtlsctlRenewalOverdue warning',
        ],
      ],
    ])('grow more pressing for a certificate that nobody renews, %i s after its beginning', (at, expected) => {
      expect(firing([...certificate(90 * day, 60 * day), ...healthy], at)).toEqual(expected);
    });

    it('take a short life for what it is', () => {
      // Of two days, a third is left when it is renewed.
      const series = [...certificate(48 * hour, 32 * hour), ...healthy];
      expect(firing(series, 31 * hour)).toEqual([]);
      expect(firing(series, 42 * hour)).toContain('MtlsctlCertificateExpiresSoon warning');
      expect(firing(series, 48 * hour)).toContain('MtlsctlCertificateExpiresSoon critical');
    });

    it('warn of a CRL of a day in its last hours only', () => {
      const series = crl(24 * hour);
      expect(firing(series, 19 * hour)).toEqual([]);
      expect(firing(series, 21 * hour)).toEqual(['MtlsctlCrlExpiresSoon warning']);
      expect(firing(series, 23 * hour)).toEqual(['MtlsctlCrlExpiresSoon critical', 'MtlsctlCrlExpiresSoon warning']);
    });

    it.each([
      [{ mtlsctl_service_healthy: 0 }, ['MtlsctlServiceUnhealthy critical']],
      [{ mtlsctl_renewal_failed_attempts: 3 }, ['MtlsctlRenewalFailing warning']],
      [{ mtlsctl_hook_pending: 1 }, ['MtlsctlHookPending error']],
      [{ mtlsctl_authority_healthy: 0 }, ['MtlsctlAuthorityUnhealthy critical']],
      [{ mtlsctl_authority_remaining_seconds: 29 * day }, ['MtlsctlAuthorityExpiresSoon critical']],
      [{ mtlsctl_authority_full_leaf_until_timestamp_seconds: 29 * day }, ['MtlsctlAuthorityTooShortLived warning']],
      [{ mtlsctl_last_run_timestamp_seconds: -3 * hour }, ['MtlsctlNotRunning error']],
      [{ mtlsctl_last_success_timestamp_seconds: -12 * hour }, ['MtlsctlRunsFailing warning']],
      [{ mtlsctl_clock_wrong: 1 }, ['MtlsctlClockWrong error']],
      [{ mtlsctl_configuration_valid: 0 }, ['MtlsctlConfigurationInvalid error']],
    ])('tell of %j', (values, expected) => {
      const series = Object.entries(values).map(([name, value]) =>
        constant(`${name}{service="a",authority="b"}`, value),
      );
      expect(firing(series, hour)).toEqual(expected);
    });
  });

  /** The alerts that fire at a time, in seconds, each with its severity. promtool is asked to expect none, and says which there are. */
  function firing(series: readonly Series[], at: number): readonly string[] {
    const test = join(base(), 'test.yml');
    const names = new Set([...readFileSync(path, 'utf8').matchAll(/- alert: (\w+)/g)].map(match => match[1] ?? ''));
    const step = at > 10 * day ? 4 * hour : hour / 4;
    const count = Math.ceil(at / step) + 1;
    const inputs = series.map(
      ({ change, first, name }) => `{ series: '${name}', values: '${first}-${-change * step}x${count}' }`,
    );
    const expectations = [...names].map(name => `{ eval_time: ${at}s, alertname: ${name}, exp_alerts: [] }`);
    writeFileSync(
      test,
      `rule_files: [${path}]
evaluation_interval: ${step}s
tests:
  - interval: ${step}s
    input_series: [${inputs.join(', ')}]
    alert_rule_test: [${expectations.join(', ')}]
`,
    );
    const { status, stdout, stderr } = promtool('test', 'rules', test);
    const found = [...(stdout + stderr).matchAll(/Labels:\{alertname="(\w+)"[^}]*severity="(\w+)"/g)];
    if (status !== 0 && found.length === 0) throw new Error(`promtool did not run: ${stdout}${stderr}`);
    return found.map(match => `${match[1] ?? ''} ${match[2] ?? ''}`).sort();
  }
});

interface Series {
  readonly name: string;
  readonly first: number;
  /** In each second. */
  readonly change: 0 | -1;
}

function promtool(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(requireTool('promtool'), args, { encoding: 'utf8' });
}

function constant(name: string, value: number): Series {
  return { name, first: value, change: 0 };
}

function remaining(name: string, from: number): Series {
  return { name, first: from, change: -1 };
}

/** Made at 0, to end and to be renewed at these times. */
function certificate(notAfter: number, renewal: number): readonly Series[] {
  const labels = '{service="user-svc",authority="site-a"}';
  return [
    constant(`mtlsctl_certificate_not_after_timestamp_seconds${labels}`, notAfter),
    constant(`mtlsctl_certificate_renewal_timestamp_seconds${labels}`, renewal),
    remaining(`mtlsctl_certificate_remaining_seconds${labels}`, notAfter),
  ];
}

const healthy: readonly Series[] = [
  constant('mtlsctl_service_healthy{service="user-svc"}', 1),
  constant('mtlsctl_renewal_failed_attempts{service="user-svc"}', 0),
  constant('mtlsctl_hook_pending{service="user-svc"}', 0),
];

function crl(nextUpdate: number): readonly Series[] {
  const labels = '{authority="site-a",issuer="CN=site-a CA"}';
  return [
    constant(`mtlsctl_crl_this_update_timestamp_seconds${labels}`, 0),
    constant(`mtlsctl_crl_next_update_timestamp_seconds${labels}`, nextUpdate),
    remaining(`mtlsctl_crl_remaining_seconds${labels}`, nextUpdate),
  ];
}

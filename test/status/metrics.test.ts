import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { emptyJournal, writeJournal, writeRunState } from '../../src/deployment/journal.ts';
import { main } from '../../src/main.ts';
import { metrics } from '../../src/status/metrics.ts';
import { writeMetricsFile } from '../../src/status/metrics-file.ts';
import { renderMetrics } from '../../src/status/render-metrics.ts';
import { surveyPkiDirectory, type Survey } from '../../src/status/survey.ts';
import { fakeSystem } from '../fake-system.ts';
import { lacksTool, requireTool } from '../interop/requirements.ts';
import { sharedTemporaryDirectory } from '../temporary.ts';

const directory = sharedTemporaryDirectory();
const pki = (): string => join(directory(), 'pki');
const now = Date.UTC(2026, 10, 22, 14, 5, 1);
const survey = (): Promise<Survey> => surveyPkiDirectory({ directory: pki(), now, host: undefined });

async function run(...args: readonly string[]): Promise<string> {
  const system = fakeSystem({ args: [...args, '--dir', pki()], now });
  expect(await main(system), system.errors()).toBe(0);
  return system.output();
}

beforeAll(async () => {
  await run('init-root', '--no-passphrase');
  await run('issue-intermediate', 'site-a', '--no-passphrase');
  await run('enroll', 'api', 'db', '--quiet');
  await run('revoke', 'db', '--yes');
  await run('enroll', 'db', '--quiet');
  await writeJournal(pki(), 'api', {
    ...emptyJournal,
    ...{ state: 'live', since: now, attempts: 2, lastSuccess: now - 5000 },
    counters: { renewals: 7, failures: 3, hookFailures: 2 },
  });
  const services = { renewed: 1, 'not-due': 1, failed: 0, 'hook-failed': 1 };
  await writeRunState(pki(), { startedAt: now, finishedAt: now, lastSuccess: now, runs: 9, services, clock: 'wrong' });
});

/** The samples by series. */
async function samples(): Promise<ReadonlyMap<string, string>> {
  const lines = renderMetrics(await survey()).split('\n');
  return new Map(lines.filter(line => /^[a-z]/.test(line)).map(line => line.split(/ (?=[^ ]*$)/) as [string, string]));
}

describe('the metrics', () => {
  it.skipIf(lacksTool('promtool'))('are taken by promtool check metrics', async () => {
    const input = renderMetrics(await survey());
    const { status, stdout, stderr } = spawnSync(requireTool('promtool'), ['check', 'metrics'], { input });
    expect([status, String(stdout), String(stderr)]).toEqual([0, '', '']);
  });

  it('are all of the table, each with its type and help before its samples', async () => {
    const text = renderMetrics(await survey());
    for (const [name, { type }] of Object.entries(metrics))
      expect(text).toMatch(new RegExp(`^# HELP ${name} .+\\n# TYPE ${name} ${type}\\n${name}[ {]`, 'm'));
    expect(text.endsWith('\n')).toBe(true);
  });

  it('tell the ends, the totals of the ledger and those of the journals', async () => {
    const found = await samples();
    const at = (series: string): string | undefined => found.get(series);
    const end = Date.UTC(2027, 1, 20, 14, 5, 1);
    expect(at('mtlsctl_certificate_not_after_timestamp_seconds{service="api",authority="site-a"}')).toBe(
      `${end / 1000}`,
    );
    expect(at('mtlsctl_certificate_remaining_seconds{service="api",authority="site-a"}')).toBe(`${90 * 86_400}`);
    expect(at('mtlsctl_certificates_issued_total{authority="site-a"}')).toBe('3');
    expect(at('mtlsctl_certificates_revoked_total{authority="site-a"}')).toBe('1');
    expect(at('mtlsctl_renewals_total{service="api"}')).toBe('7');
    expect(at('mtlsctl_renewal_failures_total{service="api"}')).toBe('3');
    expect(at('mtlsctl_hook_failures_total{service="api"}')).toBe('2');
    expect(at('mtlsctl_hook_pending{service="api"}')).toBe('1');
    expect(at('mtlsctl_renewals_total{service="db"}')).toBe('0');
    expect(at('mtlsctl_crl_number{authority="site-a",issuer="CN=site-a CA,O=link.internal"}')).toBe('2');
    expect(at('mtlsctl_crl_entries{authority="site-a",issuer="CN=site-a CA,O=link.internal"}')).toBe('1');
    expect(at('mtlsctl_last_run_services{result="hook-failed"}')).toBe('1');
    expect(at('mtlsctl_clock_wrong')).toBe('1');
  });

  it('escape what a label may not hold', async () => {
    const real = await survey();
    const [row] = real.crls;
    if (row === undefined) throw new Error('there is no CRL');
    const text = renderMetrics({ ...real, crls: [{ ...row, issuer: 'O=a\\"b\nc' }] });
    expect(text).toContain('issuer="O=a\\\\\\"b\\nc"}');
  });

  it('have each series once, also where two CRLs are of one issuer', async () => {
    const real = await survey();
    const text = renderMetrics({ ...real, crls: [...real.crls, ...real.crls] });
    const series = text.split('\n').filter(line => line.startsWith('mtlsctl_crl_number{'));
    expect(series).toHaveLength(2);
  });

  it('are what status --format prometheus prints', async () => {
    expect(await run('status', '--format', 'prometheus')).toBe(renderMetrics(await survey()));
  });

  it('are written for all to read, in the place of what was there', async () => {
    const path = join(directory(), 'mtlsctl.prom');
    writeFileSync(path, 'old', { mode: 0o600 });
    await writeMetricsFile(path, { directory: pki(), now, host: undefined });
    expect(readFileSync(path, 'utf8')).toBe(renderMetrics(await survey()));
    expect(statSync(path).mode & 0o777).toBe(0o644);
  });
});

import { formatInstant } from '../options.ts';
import { fingerprint, serialHex } from '../x509/certificate.ts';
import { formatName } from '../x509/name.ts';
import type { HookRun, Journal } from '../deployment/journal.ts';
import type { AuthorityRow } from './authority-row.ts';
import type { CrlRow } from './crl-row.ts';
import { hookOutcome } from './hook-problem.ts';
import type { Problem } from './problem.ts';
import type { ServiceRow } from './service-row.ts';
import { worst } from './severity.ts';
import type { Survey } from './survey.ts';

/** What is asked of a survey besides its rows. */
export interface Limit {
  /** How much life has to be left, in milliseconds; undefined where that is not asked. */
  readonly expiresIn: number | undefined;
  readonly now: number;
}

/** Whether it is in order and does not end too soon. */
export function isInOrder(survey: Survey, limit: Limit): boolean {
  const { services, authorities, crls } = survey;
  const rows = [
    ...services.map(row => row.isHealthy && !isServiceNearEnd(row, limit)),
    ...authorities.map(row => row.isHealthy && !isNear(row.end, limit)),
    ...crls.map(row => row.isHealthy && !isCrlNearEnd(row, limit)),
  ];
  return survey.problems.length === 0 && rows.every(isRight => isRight);
}

export function isServiceNearEnd({ certificate }: ServiceRow, limit: Limit): boolean {
  return isNear(certificate?.notAfter, limit);
}

/** A CRL lives for a day or three and is made anew all the time: it is near its end in the last third of its life at the earliest. */
export function isCrlNearEnd({ crl }: CrlRow, { now, expiresIn }: Limit): boolean {
  if (crl?.nextUpdate === undefined || expiresIn === undefined) return false;
  return isNear(crl.nextUpdate, { now, expiresIn: Math.min(expiresIn, (crl.nextUpdate - crl.thisUpdate) / 3) });
}

function isNear(until: number | undefined, { now, expiresIn }: Limit): boolean {
  return until !== undefined && expiresIn !== undefined && until - now < expiresIn;
}

export function reportOf(survey: Survey, limit: Limit): object {
  const { now, services, authorities, crls, problems, run } = survey;
  const rows = [...services, ...authorities, ...crls, ...problems];
  return {
    schema: 'mtlsctl/status/v1',
    at: formatInstant(now),
    directory: survey.directory,
    ok: isInOrder(survey, limit),
    severity: worst(rows.map(({ severity }) => severity)),
    services: services.map(row => serviceObject(row, limit)),
    authorities: authorities.map(row => authorityObject(row, limit)),
    crls: crls.map(row => crlObject(row, limit)),
    problems: problems.map(problemObject),
    ...(run !== undefined && {
      run: {
        ...{ startedAt: formatInstant(run.startedAt), finishedAt: formatInstant(run.finishedAt) },
        ...{ lastSuccess: maybeInstant(run.lastSuccess), runs: run.runs, services: run.services, clock: run.clock },
      },
    }),
  };
}

const day = 86_400_000;

function remaining(until: number | undefined, limit: Limit): object {
  if (until === undefined) return {};
  const ms = until - limit.now;
  return {
    daysLeft: Math.floor(ms / day),
    remainingSeconds: Math.floor(ms / 1000),
    ...(limit.expiresIn !== undefined && { nearEnd: isNear(until, limit) }),
  };
}

function problemObject({ severity, message, hints }: Problem): object {
  return { severity, message, hints };
}

function certificateFields(certificate: ServiceRow['certificate']): object {
  if (certificate === undefined) return {};
  return {
    subject: formatName(certificate.subject),
    serial: serialHex(certificate.serialNumber),
    notBefore: formatInstant(certificate.notBefore),
    notAfter: formatInstant(certificate.notAfter),
    sha256: fingerprint(certificate.der),
  };
}

function serviceObject(row: ServiceRow, limit: Limit): object {
  const { certificate, files, journal, problems } = row;
  return {
    ...{ service: row.service, authority: files.authority },
    ...certificateFields(certificate),
    ...remaining(certificate?.notAfter, limit),
    ...{ renewAt: maybeInstant(files.renewAt), state: dashed(row.state), reasons: row.reasons.map(({ code }) => code) },
    ...{ ok: row.isHealthy, severity: row.severity, problems: problems.map(problemObject) },
    ...{ generation: files.generation, generations: files.generations },
    renewals: journalObject(journal),
  };
}

/** As JSON and labels have it: one word. */
export function dashed(state: string): string {
  return state.replaceAll(' ', '-');
}

function journalObject({
  counters,
  lastSuccess,
  attempts,
  retryAt,
  failure,
  hook,
  heldUntil,
  ...rest
}: Journal): object {
  return {
    ...{ state: rest.state, ...counters, failedAttempts: attempts },
    ...{ lastSuccess: maybeInstant(lastSuccess), retryAt: maybeInstant(retryAt), heldUntil: maybeInstant(heldUntil) },
    ...(failure !== undefined && { lastError: { ...failure, at: formatInstant(failure.at) } }),
    ...(hook !== undefined && { hook: hookObject(hook) }),
  };
}

function hookObject(hook: HookRun): object {
  const { startedAt, duration, output, ...end } = hook;
  return {
    startedAt: formatInstant(startedAt),
    ...(duration !== undefined && { seconds: duration / 1000 }),
    ...end,
    outcome: hookOutcome(hook),
    output,
  };
}

function maybeInstant(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : formatInstant(ms);
}

function authorityObject(row: AuthorityRow, limit: Limit): object {
  const { certificate, counts, problems } = row;
  return {
    ...{ authority: row.authority, root: row.isRoot },
    ...certificateFields(certificate),
    ...{ chainNotAfter: maybeInstant(row.end), ...remaining(row.end, limit) },
    [row.isRoot ? 'fullIntermediateUntil' : 'fullLeafUntil']: maybeInstant(row.fullUntil),
    ...{ key: row.key, state: dashed(row.state) },
    ...(counts !== undefined && { issued: counts.issued ?? 0, revoked: counts.revoked ?? 0 }),
    ...{ ok: row.isHealthy, severity: row.severity, problems: problems.map(problemObject) },
  };
}

function crlObject(row: CrlRow, limit: Limit): object {
  const { crl, problems } = row;
  return {
    ...{ authority: row.authority, issuer: row.issuer },
    ...(crl !== undefined && {
      ...{ number: row.number === undefined ? undefined : Number(row.number), delta: row.isDelta },
      ...{ thisUpdate: formatInstant(crl.thisUpdate), nextUpdate: maybeInstant(crl.nextUpdate) },
      entries: crl.revokedCount,
    }),
    ...remaining(crl?.nextUpdate, { ...limit, expiresIn: undefined }),
    ...(limit.expiresIn !== undefined && { nearEnd: isCrlNearEnd(row, limit) }),
    ...{ state: dashed(row.state), ok: row.isHealthy, severity: row.severity, problems: problems.map(problemObject) },
  };
}

import { issuersOf } from '../authority/issue.ts';
import { type DueReason, isOnHold, type Revocation } from '../deployment/decision.ts';
import { keyWarnings, whyDue } from '../deployment/enroll.ts';
import { explainDue } from '../deployment/explain-due.ts';
import { publicLinksMissing } from '../deployment/generation.ts';
import { emptyJournal, type Journal, readJournal } from '../deployment/journal.ts';
import { planService, type ServicePlan } from '../deployment/plan.ts';
import type { RevocationCheck } from '../deployment/revocation.ts';
import { MtlsctlError } from '../errors.ts';
import { readLink } from '../file-operations.ts';
import { formatInstant } from '../options.ts';
import type { Certificate } from '../x509/certificate.ts';
import { hookProblems } from './hook-problem.ts';
import { type Problem, problem, problemOf } from './problem.ts';
import { attempted, readServiceFiles, type ServiceFiles, type Surroundings } from './service-files.ts';
import { serviceState, type ServiceState } from './service-state.ts';
import { alarmOf, type Severity, worst } from './severity.ts';
import { span } from './validity.ts';

/** `refused`: relying parties would not take it, for another reason than those that have a name of their own. */
export type RowState = ServiceState | 'refused' | 'revoked';

/** All that is told of one service. Instants in milliseconds. */
export interface ServiceRow {
  readonly service: string;
  readonly files: ServiceFiles;
  readonly certificate: Certificate | undefined;
  readonly state: RowState;
  /** Nothing is wrong with what is in force, nor with what it is renewed by. */
  readonly isHealthy: boolean;
  /** Why a new certificate is due. */
  readonly reasons: readonly DueReason[];
  readonly severity: Severity;
  readonly problems: readonly Problem[];
  readonly journal: Journal;
  /** How long its certificates live; undefined where that is not known. */
  readonly validity: number | undefined;
}

export interface ServiceView extends Surroundings {
  readonly directory: string;
  readonly now: number;
  readonly trustAnchors: readonly Certificate[];
  readonly revocation: RevocationCheck;
}

/** Throws nothing that is the service's own fault: what is broken is a row with its problem. */
export async function serviceRow(service: string, view: ServiceView): Promise<ServiceRow> {
  const files = await readServiceFiles(view.directory, service, view);
  const read = await attempted(() => readJournal(view.directory, service));
  const journal = read.value ?? emptyJournal;
  const planned = await attempted(() => planOf(files, view));
  const { state, reasons } = judge(files, planned.value, view);
  const isHeld = journal.heldUntil !== undefined && view.now < journal.heldUntil;
  const broken = (await linkError(files)) ?? files.error ?? planned.error;
  const problems = [
    ...stateProblems({ files, state, reasons, isHeld }, view),
    ...(broken === undefined ? [] : [problemOf(broken, 'error')]),
    ...settingsProblems(files),
    ...(state === 'missing' ? [] : await surroundingProblems(files)),
    ...failureProblems(service, journal),
    ...hookProblems(service, journal),
    ...(read.error === undefined ? [] : [problemOf(read.error, 'warning')]),
  ];
  return {
    ...{ service, files, state, reasons, problems, journal },
    certificate: files.installed.state === 'readable' ? files.installed.certificate : undefined,
    isHealthy: (state === 'valid' || state === 'due') && broken === undefined,
    severity: worst(problems.map(({ severity }) => severity)),
    validity: planned.value?.validity,
  };
}

/** Renewal leaves alone what lies elsewhere. */
async function linkError({ paths: { directory } }: ServiceFiles): Promise<MtlsctlError | undefined> {
  const { value, error } = await attempted(() => readLink(directory));
  if (value === undefined) return error;
  return new MtlsctlError('malformed', `${directory} is a symbolic link, and is not renewed here`, {
    hints: [`ls -ld ${directory}`],
    details: { path: directory },
  });
}

/** Undefined where the settings could not be read, which is told already. */
function planOf(
  files: ServiceFiles,
  { config, authorities, host, trustAnchors }: ServiceView,
): ServicePlan | undefined {
  const { settings, service, installed } = files;
  if (settings === undefined || config === undefined || files.error !== undefined) return undefined;
  const name = settings.authority ?? files.authority;
  const authority = authorities.find(each => each.name === name);
  const installedIssuers = installed.state === 'readable' ? [...installed.chain.slice(1), ...trustAnchors] : [];
  const issuers = authority === undefined ? installedIssuers : issuersOf(authority, trustAnchors);
  return planService(service, settings, config, issuers, host);
}

interface Judgement {
  readonly state: RowState;
  readonly reasons: readonly DueReason[];
}

/** As `renew` decides, where the plan is known; else by the files alone. */
function judge(files: ServiceFiles, plan: ServicePlan | undefined, view: ServiceView): Judgement {
  const { installed } = files;
  const state = serviceState(installed, files.renewalShare, view.now);
  if (installed.state !== 'readable') return { state, reasons: [] };
  const trustAnchors = view.trustAnchors.length > 0 ? view.trustAnchors : installed.anchors;
  const revocation = view.revocation([...installed.chain, ...trustAnchors]);
  const around = { force: false, trustAnchors, revocation: () => revocation };
  const reasons = plan === undefined ? [] : whyDue(installed, plan, around, view.now);
  return { state: stateOf(state, reasons, revocation), reasons };
}

function stateOf(state: ServiceState, reasons: readonly DueReason[], revocation: Revocation | undefined): RowState {
  if (state !== 'valid' && state !== 'due') return state;
  if (revocation !== undefined) return 'revoked';
  if (reasons.some(({ code }) => code === 'unreadable')) return 'refused';
  return reasons.length > 0 ? 'due' : state;
}

interface Judged extends Judgement {
  readonly files: ServiceFiles;
  readonly isHeld: boolean;
}

/** What is wrong with a state, and what to do about it. */
function stateProblems({ files, state, reasons, isHeld }: Judged, view: ServiceView): readonly Problem[] {
  const { installed, service } = files;
  const renew = files.hasSettings ? `mtlsctl renew ${service}` : `mtlsctl enroll ${service}`;
  if (installed.state === 'missing') return [problem('critical', `missing: ${installed.missing.join(', ')}`, renew)];
  if (installed.state === 'unreadable') {
    // Whoever may not read the key can't renew it either.
    const hint = installed.problem.endsWith('permission denied') ? 'sudo mtlsctl status' : renew;
    return [problem('critical', installed.problem, hint)];
  }
  const { notBefore, notAfter } = installed.certificate;
  switch (state) {
    case 'mismatch':
      return [problem('critical', 'key.pem is not the key of cert.pem', renew)];
    case 'expired':
      return [problem('critical', `it expired at ${formatInstant(notAfter)}`, renew)];
    case 'not yet valid':
      return [problem('critical', `it is not valid before ${formatInstant(notBefore)}`, 'date -u')];
    case 'refused':
      return [problem('critical', reasons.map(explainDue).join('; '), `mtlsctl verify-chain ${service}`, renew)];
    case 'revoked':
      return [revokedProblem(files, reasons, view, renew)];
    case 'due':
    case 'missing':
    case 'unreadable':
    case 'valid':
      return isHeld ? [] : timeProblems({ files, reasons, renew }, installed.certificate, view.now);
  }
}

function revokedProblem(
  { installed, service }: ServiceFiles,
  reasons: readonly DueReason[],
  view: ServiceView,
  renew: string,
): Problem {
  const chain = installed.state === 'readable' ? [...installed.chain, ...view.trustAnchors] : [];
  if (isOnHold(view.revocation(chain)))
    return problem('critical', 'its certificate is on hold', `mtlsctl revoke ${service} --release`);
  const why = reasons.filter(({ code }) => code === 'revoked' || code === 'issuer-revoked').map(explainDue);
  // No renewal under that authority can mend it.
  const isIssuers = reasons.some(({ code }) => code === 'issuer-revoked');
  const hint = isIssuers ? `mtlsctl enroll ${service} --issuer <name>` : renew;
  return problem('critical', why.length === 0 ? 'it is revoked' : why.join('; '), hint);
}

/** One that is due says so once it should have been renewed long ago. */
function timeProblems(
  { files, reasons, renew }: { files: ServiceFiles; reasons: readonly DueReason[]; renew: string },
  { notBefore, notAfter }: Certificate,
  now: number,
): readonly Problem[] {
  const severity = alarmOf(notBefore, notAfter, now);
  if (severity === 'ok' || (files.renewAt ?? 0) > now) return [];
  const left = span(Math.floor((notAfter - now) / 1000));
  const others = reasons.filter(({ code }) => code !== 'renewal-time-reached').map(({ code }) => code);
  const also = others.length === 0 ? '' : ` (${others.join(', ')})`;
  const since = files.renewAt === undefined ? '' : ` since ${formatInstant(files.renewAt)}`;
  return [
    problem(severity, `${left} left, and due${since}${also}`, renew, 'systemctl list-timers mtlsctl-renew.timer'),
  ];
}

function settingsProblems({ hasSettings, service, installed }: ServiceFiles): readonly Problem[] {
  if (hasSettings || installed.state === 'missing') return [];
  return [problem('error', 'service.yaml is missing, so it can not be renewed', `mtlsctl enroll ${service}`)];
}

async function surroundingProblems({ paths, service }: ServiceFiles): Promise<readonly Problem[]> {
  const missing = await attempted(() => publicLinksMissing(paths.directory));
  const warnings = await attempted(() => keyWarnings(paths));
  return [
    ...(missing.value ?? []).map(name => problem('error', `${name} is missing`, `mtlsctl renew ${service}`)),
    ...(missing.error?.code === 'already-exists' ? [problemOf(missing.error, 'error')] : []),
    ...(warnings.value ?? []).map(warning => problem('warning', warning)),
  ];
}

/** A failure of the hook is told by what the hook did. */
function failureProblems(service: string, { failure, attempts, retryAt }: Journal): readonly Problem[] {
  if (failure === undefined || failure.code === 'hook-failed') return [];
  const again = retryAt === undefined ? '' : `, next try at ${formatInstant(retryAt)}`;
  const count = attempts === 1 ? '' : `, ${attempts} attempts in a row`;
  const hints = failure.hints.length > 0 ? failure.hints : [`mtlsctl renew ${service}`];
  return [
    problem(
      'warning',
      `renewal failed at ${formatInstant(failure.at)}: ${failure.message} [${failure.code}]${count}${again}`,
      ...hints,
    ),
  ];
}

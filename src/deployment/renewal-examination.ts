import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { ClockTrouble } from './clock.ts';
import { type DueReason, type Installed, isOnHold } from './decision.ts';
import { type Enrolment, keyWarnings, sameCertificates, whyDue } from './enroll.ts';
import { publicLinksMissing } from './generation.ts';
import { emptyJournal, type Journal, readJournal } from './journal.ts';
import { lostJournal } from './journal-steps.ts';
import { checkOutputs, hasOtherOutputs } from './outputs.ts';
import { planService, type ServicePlan } from './plan.ts';
import { readInstalled, readServiceSettings, type ServicePaths } from './service.ts';

/** That of a service, empty where there is none; one that can't be understood is begun anew. */
export async function knownJournal(directory: string, service: string): Promise<Journal> {
  try {
    return (await readJournal(directory, service)) ?? emptyJournal;
  } catch (error) {
    if (isMtlsctlError(error, 'malformed')) return lostJournal;
    throw error;
  }
}

/** What is found out about a service before anything is done. */
export interface Examination {
  readonly now: number;
  readonly plan: ServicePlan;
  readonly installed: Installed;
  /** Why a new certificate is due. */
  readonly reasons: readonly DueReason[];
  /** What is wrong around a certificate that can stay; empty where it can't. */
  readonly repairs: readonly DueReason[];
  /** Until when what a person put back stays, in milliseconds. */
  readonly heldUntil: number | undefined;
  /** For a person. */
  readonly warnings: readonly string[];
}

/**
 * Looks at one service as service.yaml, its profile, its authority and the CRLs would have it now. Where the authority is not known here, what
 * it is like is told from the chain that is installed. Throws `not-found` without a service.yaml, `config-invalid`, `malformed`,
 * `already-exists` where a public path is something else than our link.
 */
export async function examineForRenewal(
  enrolment: Omit<Enrolment, 'issue'> & { readonly clock?: ClockTrouble | undefined },
  service: string,
  { paths, journal }: { readonly paths: ServicePaths; readonly journal: Journal },
): Promise<Examination> {
  const now = enrolment.now();
  const stored = await readServiceSettings(paths);
  if (stored === undefined) throw notAsked(service, paths);
  const missingLinks = publicLinksMissing(paths.directory);
  const settings = await enrolment.settings(service, stored);
  const known = await enrolment.issuers(settings);
  const { trustAnchors } = enrolment;
  const installed = await readInstalled(paths, [...known, ...trustAnchors]);
  const issuers = known.length > 0 ? known : issuersInstalled(installed, trustAnchors);
  const plan = planService(service, settings, enrolment.config, issuers, enrolment.host);
  await checkOutputs(plan);
  const due = whyDue(installed, plan, enrolment, timeToJudgeBy(enrolment, now));
  const reasons = isHeld(journal, now) ? due.filter(reason => cannotWait.has(reason.code)) : due;
  const revocation =
    installed.state === 'readable' ? enrolment.revocation([...installed.chain, ...trustAnchors]) : undefined;
  const isOther = installed.state === 'readable' && (await hasOtherOutputs(paths.directory, plan));
  const otherOutputs = isOther ? ([{ code: 'outputs-changed' }] as const) : [];
  const onHold = isOnHold(revocation)
    ? [`its certificate is on hold, and gets no successor: 'mtlsctl revoke ${service} --release' ends that`]
    : [];
  return {
    ...{ now, plan, installed, reasons, heldUntil: journal.heldUntil },
    repairs: reasons.length > 0 ? [] : [...repairsOf(installed, missingLinks, trustAnchors), ...otherOutputs],
    warnings: [...keyWarnings(paths), ...onHold],
  };
}

/** By a clock that is behind, what is good would not be valid yet. The truth is no earlier than the newest thing here. */
function timeToJudgeBy({ clock, force }: Parameters<typeof examineForRenewal>[0], now: number): number {
  return clock?.kind === 'behind' && !force ? clock.newest : now;
}

function notAsked(service: string, paths: ServicePaths): MtlsctlError {
  return new MtlsctlError(
    'not-found',
    `${paths.settings} is missing: what service '${service}' is to have is not known`,
    {
      hints: [`say it once more: mtlsctl enroll ${service}`],
      details: { path: paths.settings },
    },
  );
}

/** The names of a service depend on what its authority's constraints allow. */
function issuersInstalled(installed: Installed, trustAnchors: readonly Certificate[]): readonly Certificate[] {
  return installed.state === 'readable' ? [...installed.chain.slice(1), ...trustAnchors] : [];
}

/** What is due even where a person has put an earlier certificate back. */
const cannotWait: ReadonlySet<DueReason['code']> = new Set<DueReason['code']>([
  'expired',
  'forced',
  'issuer-revoked',
  'missing',
  'pair-mismatch',
  'revoked',
  'unreadable',
]);

function isHeld({ heldUntil }: Journal, now: number): boolean {
  return heldUntil !== undefined && now < heldUntil;
}

function repairsOf(
  installed: Installed,
  missingLinks: readonly string[],
  trustAnchors: readonly Certificate[],
): readonly DueReason[] {
  const hasOtherAnchors = installed.state === 'readable' && !sameCertificates(installed.anchors, trustAnchors);
  return [
    ...(missingLinks.length === 0 ? [] : [{ code: 'missing', files: missingLinks } as const]),
    ...(hasOtherAnchors ? [{ code: 'anchors-changed' } as const] : []),
  ];
}

/** Whether a chain that waits to be put in force is still what would be asked for now. */
export function isStillWanted(
  chain: readonly Certificate[],
  { plan, now }: Examination,
  enrolment: Pick<Enrolment, 'revocation' | 'trustAnchors'>,
): boolean {
  const [certificate] = chain;
  if (certificate === undefined) return false;
  const installed = { state: 'readable', certificate, chain, anchors: [], keyMatches: true } as const;
  return whyDue(installed, plan, { ...enrolment, force: false }, now).length === 0;
}

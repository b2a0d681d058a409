import { type Authority, authorityNames, keyState, type KeyState, loadAuthority } from '../authority/authority.ts';
import { issuersOf } from '../authority/issue.ts';
import { countEvents, type EventCounts } from '../authority/ledger-counts.ts';
import { isMtlsctlError } from '../errors.ts';
import { formatInstant } from '../options.ts';
import type { Certificate } from '../x509/certificate.ts';
import { type Problem, problem, problemOf } from './problem.ts';
import { attempted } from './service-files.ts';
import { alarmOf, type Severity, worst } from './severity.ts';
import { span, stateAt, type ValidityState } from './validity.ts';

/** `waiting` for its certificate; `revoked` by a CRL here. */
export type AuthorityState = ValidityState | 'revoked' | 'unreadable' | 'waiting';

/** All that is told of one authority. Instants in milliseconds. */
export interface AuthorityRow {
  readonly authority: string;
  readonly isRoot: boolean;
  readonly certificate: Certificate | undefined;
  readonly state: AuthorityState;
  readonly isHealthy: boolean;
  readonly severity: Severity;
  readonly problems: readonly Problem[];
  readonly key: KeyState | undefined;
  /** When the first certificate from it up to its root ends. */
  readonly end: number | undefined;
  /** From then on what it issues ends before its time: `fullLife` before the end. */
  readonly fullUntil: number | undefined;
  /** Of its ledger; undefined where there is none to be read. */
  readonly counts: EventCounts | undefined;
}

export interface FoundAuthorities {
  readonly loaded: readonly Authority[];
  /** By name. */
  readonly errors: ReadonlyMap<string, Problem & { readonly isWaiting: boolean }>;
}

/** Throws `unreadable`. */
export async function findAuthorities(directory: string): Promise<FoundAuthorities> {
  const loaded: Authority[] = [];
  const errors = new Map<string, Problem & { isWaiting: boolean }>();
  for (const name of await authorityNames(directory)) {
    const { value, error } = await attempted(() => loadAuthority(directory, name));
    if (value !== undefined) loaded.push(value);
    if (error === undefined) continue;
    const isWaiting = error.code === 'authority-missing';
    errors.set(name, { ...problemOf(error, isWaiting ? 'ok' : 'critical'), isWaiting });
  }
  return { loaded, errors };
}

export function brokenAuthority(name: string, { isWaiting, ...what }: Problem & { isWaiting: boolean }): AuthorityRow {
  return {
    ...{ authority: name, isRoot: false, certificate: undefined, key: undefined },
    ...{ end: undefined, fullUntil: undefined, counts: undefined },
    ...{ state: isWaiting ? 'waiting' : 'unreadable', isHealthy: isWaiting },
    ...{ severity: what.severity, problems: [what] },
  };
}

export interface AuthorityView {
  readonly now: number;
  readonly trustAnchors: readonly Certificate[];
  isRevoked(chain: readonly Certificate[]): boolean;
  /** How long what it issues lives, in milliseconds. */
  readonly fullLife: number;
  /** Whether services here have their certificates from it. */
  readonly isUsed: boolean;
}

export async function authorityRow(authority: Authority, view: AuthorityView): Promise<AuthorityRow> {
  const { certificate, isRoot, name, paths } = authority;
  const chain = issuersOf(authority, view.trustAnchors);
  const end = Math.min(...chain.map(({ notAfter }) => notAfter));
  const from = Math.max(...chain.map(({ notBefore }) => notBefore));
  const state = view.isRevoked(chain) ? 'revoked' : stateAt(from, end, view.now);
  const key = await attempted(() => keyState(paths));
  const counts = await attempted(() => countEvents(paths));
  const fullUntil = end - view.fullLife;
  const canSign = key.value !== 'absent';
  const problems = [
    ...stateProblems(authority, { state, from, end, now: view.now, isUsed: view.isUsed }),
    ...(state === 'valid' && canSign && fullUntil <= view.now ? [shortened(authority, fullUntil)] : []),
    ...(key.error === undefined ? [] : [problemOf(key.error, 'error')]),
    // An authority whose key is elsewhere may have its ledger there too.
    ...(counts.error === undefined || (isMtlsctlError(counts.error, 'not-found') && !canSign)
      ? []
      : [problemOf(counts.error, 'error')]),
  ];
  return {
    ...{ authority: name, isRoot, certificate, state, problems, end, fullUntil },
    isHealthy: state === 'valid',
    severity: worst(problems.map(({ severity }) => severity)),
    key: key.value,
    counts: counts.value,
  };
}

interface Ends {
  readonly state: AuthorityState;
  readonly from: number;
  readonly end: number;
  readonly now: number;
  readonly isUsed: boolean;
}

function stateProblems(authority: Authority, { state, from, end, now, isUsed }: Ends): readonly Problem[] {
  const hint = replacement(authority);
  if (state === 'revoked') return [problem('critical', 'it, or one above it, is revoked', hint)];
  if (state === 'expired') {
    // One that has been replaced has nothing left to do: its ledger and CRLs are of interest to nobody but those who look back.
    const retire = `mv ${authority.paths.directory} <where old things are kept>`;
    const isReplaced = !isUsed && !authority.isRoot;
    return [problem('critical', `its chain expired at ${formatInstant(end)}`, isReplaced ? retire : hint)];
  }
  if (state === 'not yet valid')
    return [problem('critical', `it is not valid before ${formatInstant(from)}`, 'date -u')];
  const severity = alarmOf(from, end, now);
  const left = span(Math.floor((end - now) / 1000));
  return severity === 'ok' ? [] : [problem(severity, `its chain ends in ${left}`, hint)];
}

function shortened(authority: Authority, fullUntil: number): Problem {
  const what = authority.isRoot ? 'intermediate' : 'leaf';
  return problem(
    'warning',
    `too short-lived for a full ${what} since ${formatInstant(fullUntil)}: what it issues ends with it`,
    replacement(authority),
  );
}

/** Another name: the old authority signs CRLs until the last that it issued has ended. */
function replacement({ isRoot }: Authority): string {
  return isRoot ? 'mtlsctl init-root --dir <another directory>' : 'mtlsctl issue-intermediate <another name>';
}

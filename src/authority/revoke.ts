import type { Config } from '../config.ts';
import { MtlsctlError } from '../errors.ts';
import { readOptional } from '../files.ts';
import type { Signer } from '../keys/signer.ts';
import { withLock } from '../lock.ts';
import { lockDirectory } from '../lock-directory.ts';
import { formatInstant } from '../options.ts';
import { serialFromHex } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import { CrlReason, crlReasonName, reasonCode } from '../x509/extensions.ts';
import type { Authority } from './authority.ts';
import { configuredValidity, crlPointsOf } from './crl-settings.ts';
import { type CrlPublication, instantOf, publishCrl, withCrlLock } from './crl.ts';
import { openLedger } from './issue.ts';
import type { IssuedCertificate } from './issued.ts';
import type { Ledger, LedgerEvent } from './ledger.ts';
import { crlOf, mergePublishedCrl } from './published-crls.ts';
import { type AuthorityTargets, isIntermediate } from './revocation-targets.ts';
import { readRevocations, type Revocation, type Revocations, withEvents } from './revocations.ts';
import { crlLimit, crlsPath } from './trust.ts';

/** What is to become of the certificates. */
export type RevocationChange =
  | { readonly kind: 'release' }
  | {
      readonly kind: 'revoke';
      /** CRLReason, RFC 5280, 5.3.1. */
      readonly reason: number;
      /** Whether somebody asked for this reason. */
      readonly isGiven: boolean;
      /** Since when the key is not to be trusted, where that is known; milliseconds (RFC 5280, 5.3.2). */
      readonly invalidityDate: number | undefined;
    };

export interface RevocationOrder {
  readonly directory: string;
  readonly config: Config;
  readonly targets: AuthorityTargets;
  readonly change: RevocationChange;
  /** Undefined to change nothing and only say what would be. */
  readonly signer: Signer | undefined;
  readonly now: number;
  /** See CrlOrder. */
  readonly acceptClock: boolean;
}

export interface RevocationOutcome {
  readonly certificate: IssuedCertificate;
  readonly status: 'released' | 'revoked' | 'unchanged';
  /** As it is afterwards; undefined where it is not revoked. */
  readonly revocation: Pick<Revocation, 'date' | 'invalidityDate' | 'reason'> | undefined;
}

export interface RevocationResult {
  readonly authority: Authority;
  readonly outcomes: readonly RevocationOutcome[];
  /** Undefined where the CRL in force says it all already. */
  readonly publication: CrlPublication | undefined;
}

/**
 * Revokes certificates of one authority, or takes them back from hold: records it, publishes the CRL, and looks for them in what was published.
 * Where all that was done before, nothing is changed; where a crash came in between, the CRL follows now.
 * Throws `policy-refused` for the release of what is not on hold, `clock-wrong`, `ledger-corrupt`.
 */
export function changeRevocations(order: RevocationOrder): Promise<RevocationResult> {
  const { directory, targets } = order;
  return order.signer === undefined
    ? planned(order)
    : withCrlLock(directory, targets.authority.name, () => changeLocked(order, order.signer as Signer));
}

async function planned(order: RevocationOrder): Promise<RevocationResult> {
  const { authority } = order.targets;
  const outcomes = decideAll(order, await readRevocations(authority.paths.ledger));
  return { authority, outcomes, publication: undefined };
}

/** All who revoke hold the lock of the CRL, so that nothing comes between reading, recording and publishing. */
async function changeLocked(order: RevocationOrder, signer: Signer): Promise<RevocationResult> {
  const { directory, config, targets, now, acceptClock } = order;
  const { authority } = targets;
  const { certificate, paths, name } = authority;
  const ledger = openLedger(directory, authority);
  const before = await readRevocations(ledger.path);
  const outcomes = decideAll(order, before);
  const events = outcomes.flatMap(outcome => eventOf(outcome, order));
  if (events.length === 0 && (await isSeen(directory, authority, outcomes, before))) {
    return { authority, outcomes, publication: undefined };
  }
  instantOf(before, order);
  await appendInParts(ledger, events, now);
  const publication = await publishCrl({
    ...{ directory, certificate, paths, ledger, signer, now, acceptClock },
    validity: configuredValidity(config, authority),
    points: crlPointsOf(config, name),
    revocations: withEvents(before, events),
  });
  await withLock(lockDirectory(directory, 'pki'), () => mergePublishedCrl(directory, publication.crl, certificate));
  if (await isSeen(directory, authority, outcomes, before)) return { authority, outcomes, publication };
  throw new MtlsctlError(
    'unwritable',
    `the CRL of '${name}' was published, but is not what ${crlsPath(directory)} holds`,
    {
      hints: [`run 'mtlsctl crl ${name}'`, `mtlsctl inspect ${crlsPath(directory)}`],
    },
  );
}

function decideAll({ targets, change, now }: RevocationOrder, { revoked }: Revocations): readonly RevocationOutcome[] {
  const present = targets.certificates.map(({ issued }) => revoked.get(issued.serial));
  // A service may have certificates on hold and others that were revoked for good before.
  const isAnyOnHold = present.some(each => each?.reason === CrlReason.certificateHold);
  return targets.certificates.map((certificate, index) =>
    change.kind === 'release'
      ? release(certificate, present[index], isAnyOnHold)
      : decide(certificate, present[index], change, now),
  );
}

/** Whether a change makes a difference to what is revoked for this reason, or not at all. */
export function isChanged(present: Pick<Revocation, 'reason'> | undefined, change: RevocationChange): boolean {
  const isOnHold = present?.reason === CrlReason.certificateHold;
  if (change.kind === 'release') return isOnHold;
  return present === undefined || (isOnHold && change.reason !== CrlReason.certificateHold);
}

/** The first date stands, and the first reason too, but for a hold that becomes final (RFC 5280, 5.3.1). */
function decide(
  certificate: IssuedCertificate,
  present: Revocation | undefined,
  change: Extract<RevocationChange, { kind: 'revoke' }>,
  now: number,
): RevocationOutcome {
  if (!isChanged(present, change)) return { certificate, status: 'unchanged', revocation: present };
  const date = present?.date ?? Math.floor(now / 1000) * 1000;
  return {
    certificate,
    status: 'revoked',
    revocation: { date, reason: change.reason, invalidityDate: change.invalidityDate },
  };
}

function release(
  certificate: IssuedCertificate,
  present: Revocation | undefined,
  isAnyOnHold: boolean,
): RevocationOutcome {
  if (present === undefined) return { certificate, status: 'unchanged', revocation: undefined };
  if (present.reason === CrlReason.certificateHold) return { certificate, status: 'released', revocation: undefined };
  if (isAnyOnHold) return { certificate, status: 'unchanged', revocation: present };
  const { serial } = certificate.issued;
  throw new MtlsctlError(
    'policy-refused',
    `${serial} is revoked for ${crlReasonName(present.reason) ?? String(present.reason)}, which is not taken back: only certificateHold is`,
    {
      hints: [
        isIntermediate(certificate)
          ? "make another authority: 'mtlsctl issue-intermediate <name>'"
          : "issue a new certificate: 'mtlsctl enroll <service> --force'",
      ],
      details: { serial, reason: present.reason },
    },
  );
}

function eventOf(
  { certificate, status, revocation }: RevocationOutcome,
  order: RevocationOrder,
): readonly LedgerEvent[] {
  const { serial, notAfter } = certificate.issued;
  if (status === 'released') return [{ event: 'released', serial }];
  if (status === 'unchanged' || revocation === undefined || order.change.kind === 'release') return [];
  const { date, reason, invalidityDate } = revocation;
  return [
    {
      ...{ event: 'revoked', serial, reason, notAfter },
      date: formatInstant(date),
      ...(invalidityDate !== undefined && { invalidityDate: formatInstant(invalidityDate) }),
    },
  ];
}

/** A line has some 200 octets; a part has to stay well below what the ledger reads back at once. */
const linesInPart = 5000;

/** A crash between two parts leaves some revoked and some not: the next run does the rest. */
async function appendInParts(ledger: Ledger, events: readonly LedgerEvent[], now: number): Promise<void> {
  for (let start = 0; start < events.length; start += linesInPart)
    await ledger.append(events.slice(start, start + linesInPart), now);
}

/**
 * Whether relying parties can see all of it: in both files of the authority and in `crl.pem`. A certificate that had expired when it was
 * revoked is on one CRL only, and then counts as seen.
 */
async function isSeen(
  directory: string,
  authority: Authority,
  outcomes: readonly RevocationOutcome[],
  before: Revocations,
): Promise<boolean> {
  const { paths, certificate } = authority;
  for (const path of [paths.crlDer, paths.crlPem, crlsPath(directory)]) {
    const file = await readOptional(path, crlLimit);
    const crl = file === undefined ? undefined : crlOf(file, certificate);
    if (crl === undefined || !outcomes.every(outcome => isSeenIn(crl, outcome, before))) return false;
  }
  return true;
}

function isSeenIn(
  crl: Crl,
  { certificate: { issued, notAfter }, revocation }: RevocationOutcome,
  before: Revocations,
): boolean {
  const entry = crl.find(serialFromHex(issued.serial));
  if (revocation === undefined) return entry === undefined;
  if (entry !== undefined) return (reasonCode(entry) ?? CrlReason.unspecified) === revocation.reason;
  const known = before.revoked.get(issued.serial);
  return known !== undefined && before.publications.some(each => each.seq > known.seq && each.thisUpdate > notAfter);
}

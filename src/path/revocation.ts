import type { Certificate } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import { basicConstraints, crlDistributionPoints, crlNumber, type DistributionPoint } from '../x509/extensions.ts';
import { formatName, namesMatch } from '../x509/name.ts';
import { deltaFor, entryFor, isDelta, type RevocationEntry } from './crl-entries.ts';
import { crlProblem, unreadableProblem } from './crl-conditions.ts';
import { crlFacts, type Question } from './crl-question.ts';
import { allReasons, reasonsCovered } from './crl-scope.ts';
import { label, type Reason } from './reasons.ts';
import type { Run } from './run.ts';

/** Every certificate of the chain but the anchor, wherever the caller brings CRLs or demands them. RFC 5280, 6.3. */
export function revocationReasons(run: Run, chain: readonly Certificate[]): readonly Reason[] {
  const { crls = [], requireCrl } = run.input;
  if (crls.length === 0 && requireCrl !== true) return [];
  const newest = newestFirst(crls);
  return chain.slice(0, -1).flatMap((_certificate, place) => statusReasons(run, chain, place, newest));
}

const sorted = new WeakMap<readonly Crl[], readonly Crl[]>();

/** A newer CRL supersedes an older one of its scope, even one that is still in time: RFC 5280, 5.2.3. The order of the files is to mean nothing. */
function newestFirst(crls: readonly Crl[]): readonly Crl[] {
  let known = sorted.get(crls);
  if (known === undefined) sorted.set(crls, (known = crls.toSorted(byAge)));
  return known;
}

function byAge(a: Crl, b: Crl): number {
  return b.thisUpdate - a.thisUpdate || Number(numberOf(b) - numberOf(a));
}

/** A number that does not parse is a problem for later. */
function numberOf(crl: Crl): bigint {
  return unreadableProblem(crl) === undefined ? (crlNumber(crl) ?? -1n) : -1n;
}

/** What is known after some of the CRLs: RFC 5280, 6.3.2 (c), (d). */
interface Status {
  /** ReasonFlags that some acceptable CRL has answered for. */
  covered: number;
  revoked: RevocationEntry | undefined;
  /** Why CRLs that were of the right issuer gave no answer. */
  readonly problems: Reason[];
}

/** The implied distribution point: the issuer itself, for all reasons. RFC 5280, 6.3.3. */
const impliedPoint: DistributionPoint = { distributionPoint: undefined, reasons: undefined, crlIssuer: undefined };

function statusReasons(
  run: Run,
  chain: readonly Certificate[],
  place: number,
  crls: readonly Crl[],
): readonly Reason[] {
  const certificate = chain[place];
  if (certificate === undefined) return [];
  const status: Status = { covered: 0, revoked: undefined, problems: [] };
  for (const point of [...(crlDistributionPoints(certificate) ?? []), impliedPoint]) {
    for (const crl of crls) {
      if (status.revoked === undefined && status.covered !== allReasons && !isDelta(crl)) {
        consult(run, { chain, place, certificate, point, crl, crls }, status);
      }
    }
  }
  return conclusion(certificate, status);
}

function consult(run: Run, question: Question, status: Status): void {
  const unreadable = unreadableProblem(question.crl);
  if (unreadable !== undefined) {
    if (namesMatch(question.crl.issuer, question.certificate.issuer))
      status.problems.push(refusal(question, unreadable));
    return;
  }
  const isCa = basicConstraints(question.certificate)?.ca === true;
  const covers = reasonsCovered(question.crl, question.point, question.certificate, isCa);
  if (covers === 'other-issuer') return;
  const problem =
    covers === 'out-of-scope' ? refusal(question, 'does not hold this kind of certificate') : crlProblem(run, question);
  if (problem !== undefined) {
    status.problems.push(problem);
    return;
  }
  if (typeof covers !== 'number' || (covers & allReasons & ~status.covered) === 0) return;
  const delta = deltaFor(question.crl, question.crls, candidate => crlProblem(run, { ...question, crl: candidate }));
  const entry = entryFor(question.crl, delta, question.certificate);
  if (entry !== undefined && 'problem' in entry) {
    status.problems.push(refusal(question, entry.problem));
    return;
  }
  status.revoked ??= entry;
  status.covered |= covers & allReasons; // bit 0 is not used, and set by some
}

function refusal(question: Question, problem: string): Reason {
  return { code: 'crl-not-acceptable', ...crlFacts(question), problem };
}

/** A known revocation is told alone. Otherwise all reasons must be covered, or the status is unknown and that refuses. */
function conclusion(certificate: Certificate, { covered, revoked, problems }: Status): readonly Reason[] {
  const subject = label(certificate);
  if (revoked !== undefined) return [{ code: 'revoked', subject, ...revoked }];
  if (covered === allReasons) return [];
  if (problems.length === 0) return [{ code: 'crl-missing', subject, issuer: formatName(certificate.issuer) }];
  return withoutRepeats(problems);
}

function withoutRepeats(reasons: readonly Reason[]): readonly Reason[] {
  return [...new Map(reasons.map(reason => [JSON.stringify(reason), reason])).values()];
}

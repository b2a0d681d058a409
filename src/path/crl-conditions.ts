import { oidName, oids } from '../der/object-identifiers.ts';
import { signatureAlgorithm } from '../x509/algorithms.ts';
import type { Crl } from '../x509/crl.ts';
import {
  authorityKeyIdentifier,
  crlNumber,
  deltaCrlIndicator,
  findExtension,
  issuingDistributionPoint,
} from '../x509/extensions.ts';
import { sameOctets } from '../der/octets.ts';
import { crlFacts, type Question } from './crl-question.ts';
import { findCrlSigner, type SignerOutcome } from './crl-signer.ts';
import { problemOf } from './readable.ts';
import type { Reason } from './reasons.ts';
import type { Run } from './run.ts';

/** Critical extensions that a CRL may have. Their readers are tried on every CRL. */
const readers: ReadonlyMap<string, (crl: Crl) => unknown> = new Map<string, (crl: Crl) => unknown>([
  [oids.authorityKeyIdentifier, authorityKeyIdentifier],
  [oids.cRLNumber, crlNumber],
  [oids.deltaCRLIndicator, deltaCrlIndicator],
  [oids.issuingDistributionPoint, issuingDistributionPoint],
]);

/** What a CRL must be to be believed, whatever it says. Each gives what is wrong in words that follow "the CRL". */
const conditions: readonly ((crl: Crl, strict: boolean) => string | undefined)[] = [
  unreadableProblem,
  unknownCritical, // RFC 5280, 5.2
  unknownCriticalEntry, // RFC 5280, 5.3
  crl =>
    sameOctets(crl.signatureAlgorithm.der, crl.tbsSignatureAlgorithm.der)
      ? undefined
      : 'names two signature algorithms', // RFC 5280, 5.1.1.2
  crl =>
    signatureAlgorithm(crl.signatureAlgorithm.oid)?.acceptable === false
      ? 'is signed with a weak algorithm'
      : undefined,
  crl => (crl.nextUpdate === undefined ? 'has no nextUpdate' : undefined), // RFC 5280, 5.1.2.5
  (crl, strict) => (strict && crlNumber(crl) === undefined ? 'has no cRLNumber' : undefined), // RFC 5280, 5.2.3
  (crl, strict) =>
    strict && findExtension(crl, oids.cRLNumber)?.critical === true ? 'marks cRLNumber critical' : undefined, // RFC 5280, 5.2.3
  (crl, strict) =>
    strict && authorityKeyIdentifier(crl)?.keyIdentifier === undefined ? "does not name its issuer's key" : undefined, // RFC 5280, 5.2.1
];

const problems = new WeakMap<Crl, Map<boolean, string | undefined>>();

function ownProblem(crl: Crl, strict: boolean): string | undefined {
  const known = problems.get(crl) ?? new Map<boolean, string | undefined>();
  problems.set(crl, known);
  if (!known.has(strict)) known.set(strict, firstProblem(crl, strict));
  return known.get(strict);
}

function firstProblem(crl: Crl, strict: boolean): string | undefined {
  for (const condition of conditions) {
    const problem = condition(crl, strict);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** What does not parse in the extensions of a CRL; until then its scope is not asked for. */
export function unreadableProblem(crl: Crl): string | undefined {
  for (const { oid } of crl.extensions) {
    const problem = problemOf(() => readers.get(oid)?.(crl));
    if (problem !== undefined) return `has an extension that does not parse (${problem})`;
  }
  return undefined;
}

function unknownCritical(crl: Crl): string | undefined {
  const unknown = crl.extensions.find(({ critical, oid }) => critical && !readers.has(oid));
  return unknown && `has an unknown critical extension ${oidName(unknown.oid) ?? unknown.oid}`;
}

/** Such an entry makes the whole CRL useless, for every certificate: RFC 5280, 5.3. */
function unknownCriticalEntry(crl: Crl): string | undefined {
  const indirect = issuingDistributionPoint(crl)?.indirectCRL === true;
  const unknown = [...crl.criticalEntryExtensions].find(oid => !isKnownEntryExtension(oid, indirect));
  return unknown && `has an entry with an unknown critical extension ${oidName(unknown) ?? unknown}`;
}

function isKnownEntryExtension(oid: string, indirect: boolean): boolean {
  if (oid === oids.certificateIssuer) return indirect;
  return oid === oids.reasonCode || oid === oids.invalidityDate || oid === oids.holdInstructionCode;
}

/** Why a CRL of the right issuer and scope is not believed: RFC 5280, 6.3.3 (a), (f), (g). Undefined where it is. */
export function crlProblem(run: Run, question: Question): Reason | undefined {
  const { crl } = question;
  const facts = crlFacts(question);
  const refuse = (problem: string): Reason => ({ code: 'crl-not-acceptable', ...facts, problem });
  const own = ownProblem(crl, run.input.strict);
  if (own !== undefined) return refuse(own);
  const signer = findCrlSigner(run, question);
  if (signer !== 'signed') return refuse(signerProblems[signer]);
  return timeProblem(run, question);
}

const signerProblems: Readonly<Record<Exclude<SignerOutcome, 'signed'>, string>> = {
  'bad-signature': 'is not signed by the key of its issuer',
  'may-not-sign': 'is signed by a key that may not sign CRLs (keyUsage without cRLSign)',
  'no-signer': 'is signed by nobody whose certificate is here and valid under the same trust anchor',
};

function timeProblem({ at, input: { minRemaining } }: Run, question: Question): Reason | undefined {
  const { thisUpdate, nextUpdate = Infinity } = question.crl;
  const facts = crlFacts(question);
  if (thisUpdate > at) return { code: 'crl-not-acceptable', ...facts, problem: 'was issued in the future' };
  if (nextUpdate < at) return { code: 'crl-stale', ...facts, nextUpdate, at };
  if (minRemaining === undefined || nextUpdate - at >= minRemaining) return undefined;
  return { code: 'crl-expires-soon', ...facts, nextUpdate, minRemaining };
}

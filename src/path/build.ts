import { signatureAlgorithm } from '../x509/algorithms.ts';
import type { Certificate } from '../x509/certificate.ts';
import { formatName, namesMatch } from '../x509/name.ts';
import { sameOctets } from '../der/octets.ts';
import { issuerCandidates, isTrustAnchor, type Candidate } from './pool.ts';
import { label, type Reason } from './reasons.ts';
import { keptPaths, type Run } from './run.ts';
import { isSelfIssued } from './self-issued.ts';
import { paidSignature } from './signatures.ts';
import { chainReasons } from './validate.ts';

type Chain = readonly Certificate[];

/**
 * Looks for a chain without reasons against it, from the leaf upwards and depth first: RFC 4158. Whatever fails on one path (a signature, a
 * constraint, a CRL) only makes the search go on with the next candidate. Dropped paths are left in `run.tried`.
 */
export function findChain(run: Run): Chain | undefined {
  const { leaf } = run.input;
  if (isTrustAnchor(run.pool, leaf)) return finished(run, [leaf]);
  return extended(run, [leaf], leaf);
}

/** The chain that grows out of `path`, whose last certificate is `last`. */
function extended(run: Run, path: Chain, last: Certificate): Chain | undefined {
  let linked = false;
  let looped = false;
  let refusedLink: Reason | undefined;
  for (const candidate of issuerCandidates(run.pool, last, run.at)) {
    if (repeats(path, candidate.certificate)) {
      looped = true;
      continue;
    }
    const outcome = run.budget.spend('paths')
      ? paidSignature(run, last, candidate.certificate.subjectPublicKeyInfo)
      : undefined;
    if (outcome === undefined) break;
    if (outcome !== 'valid') {
      refusedLink = linkReason(last, candidate.certificate, outcome);
      dropped(run, [...path, candidate.certificate], [refusedLink]);
      continue;
    }
    linked = true;
    const chain = continued(run, [...path, candidate.certificate], candidate);
    if (chain !== undefined) return chain;
    if (run.budget.exhausted !== undefined) break;
  }
  if (!linked && refusedLink === undefined) dropped(run, path, [deadEnd(last, looped)]);
  return undefined;
}

function continued(run: Run, path: Chain, candidate: Candidate): Chain | undefined {
  return candidate.isAnchor ? finished(run, path) : extended(run, path, candidate.certificate);
}

function finished(run: Run, chain: Chain): Chain | undefined {
  const reasons = chainReasons(run, chain, 'to-anchor');
  if (reasons.length === 0) return chain;
  keep(run, chain, reasons);
  return undefined;
}

function dropped(run: Run, path: Chain, reasons: readonly Reason[]): void {
  if (run.tried.length >= keptPaths) return;
  const others = chainReasons(run, path, 'dead-end');
  const told = new Set(others.map(reason => reason.code));
  const link = reasons.filter(reason => !explainedBy(reason, told));
  keep(run, path, [...link, ...others]);
}

/** An algorithm or key under the floor is why the signature was not checked; one sentence is enough. */
function explainedBy(reason: Reason, told: ReadonlySet<string>): boolean {
  return reason.code === 'signature-unsupported' && (told.has('algorithm-refused') || told.has('key-refused'));
}

function keep(run: Run, chain: Chain, reasons: readonly Reason[]): void {
  if (run.tried.length < keptPaths) run.tried.push({ chain, reasons });
}

/** A name with a key stands in a chain once: that alone makes cycles impossible. RFC 5280, 6.1: no certificate appears twice. */
function repeats(path: Chain, candidate: Certificate): boolean {
  return path.some(
    certificate =>
      certificate === candidate ||
      (sameOctets(certificate.subjectPublicKeyInfo.der, candidate.subjectPublicKeyInfo.der) &&
        namesMatch(certificate.subject, candidate.subject)),
  );
}

function linkReason(certificate: Certificate, issuer: Certificate, outcome: 'invalid' | 'unsupported'): Reason {
  const facts = { subject: label(certificate), issuer: label(issuer) };
  if (outcome === 'invalid') return { code: 'signature-invalid', ...facts };
  const { oid } = certificate.signatureAlgorithm;
  return { code: 'signature-unsupported', ...facts, algorithm: signatureAlgorithm(oid)?.name ?? oid };
}

function deadEnd(last: Certificate, looped: boolean): Reason {
  if (isSelfIssued(last)) return { code: 'root-not-trusted', subject: label(last) };
  if (looped) return { code: 'issuer-cycle', subject: label(last) };
  return { code: 'issuer-not-found', subject: label(last), issuer: formatName(last.issuer) };
}

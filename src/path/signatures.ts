import type { Certificate } from '../x509/certificate.ts';
import type { SubjectPublicKeyInfo } from '../x509/public-key.ts';
import { verifySignature, type SignatureOutcome } from '../x509/signature.ts';
import type { Run } from './run.ts';

const keyTexts = new WeakMap<SubjectPublicKeyInfo, string>();

/** A key as text, for maps: cross-signed certificates of one CA share it. */
function keyText(publicKey: SubjectPublicKeyInfo): string {
  let text = keyTexts.get(publicKey);
  if (text === undefined) keyTexts.set(publicKey, (text = Buffer.from(publicKey.der).toString('latin1')));
  return text;
}

/** Outcomes outlive a verification: thousands of leaves share their intermediates. Weak, so that memory stays flat over a long batch. */
const outcomes = new WeakMap<Certificate, Map<string, SignatureOutcome>>();

/**
 * Whether the issuer's key signed the certificate. Each pair is paid for once in a verification, whether or not an earlier one has found out, so
 * that a verdict does not depend on what was verified before. Undefined when the budget is gone. RFC 5280, 6.1.3 (a) (1).
 */
export function issuerSignature(run: Run, certificate: Certificate, issuer: Certificate): SignatureOutcome | undefined {
  const key = keyText(issuer.subjectPublicKeyInfo);
  const paid = run.seen.signatures.get(certificate) ?? new Map<string, SignatureOutcome>();
  run.seen.signatures.set(certificate, paid);
  const known = paid.get(key);
  if (known !== undefined) return known;
  if (!run.budget.spend('signatures')) return undefined;
  const outcome = remembered(certificate, key, issuer.subjectPublicKeyInfo);
  paid.set(key, outcome);
  return outcome;
}

function remembered(certificate: Certificate, key: string, publicKey: SubjectPublicKeyInfo): SignatureOutcome {
  const known = outcomes.get(certificate) ?? new Map<string, SignatureOutcome>();
  outcomes.set(certificate, known);
  let outcome = known.get(key);
  if (outcome === undefined) {
    const { signatureAlgorithm, tbs, signature } = certificate;
    outcome = verifySignature(signatureAlgorithm, publicKey, tbs, signature);
    known.set(key, outcome);
  }
  return outcome;
}
